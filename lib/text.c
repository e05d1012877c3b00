/* text.c - builds text in a buffer of fixed size; what does not fit is counted and dropped.
 * Floor 1. */
#include "text.h"

#include "bytes.h"

void tcptale_text_init(struct tcptale_text *text, char *at, size_t size) {
  text->at = at;
  text->size = size;
  text->len = 0;
}

void tcptale_text_char(struct tcptale_text *text, char c) {
  if (text->size > 0 && text->len < text->size - 1) text->at[text->len] = c;
  text->len++;
}

void tcptale_text_put(struct tcptale_text *text, const char *words) {
  while (*words) tcptale_text_char(text, *words++);
}

static void put_digits(struct tcptale_text *text, uint64_t value, unsigned radix, unsigned digits) {
  char reversed[20];
  unsigned n = 0;
  while (n < sizeof reversed && (n < digits || value != 0)) {
    reversed[n++] = "0123456789abcdef"[value % radix];
    value /= radix;
  }
  while (n > 0) tcptale_text_char(text, reversed[--n]);
}

void tcptale_text_number(struct tcptale_text *text, uint64_t value) {
  put_digits(text, value, 10, 1);
}

void tcptale_text_hex(struct tcptale_text *text, uint64_t value, unsigned digits) {
  put_digits(text, value, 16, digits);
}

void tcptale_text_bytes(struct tcptale_text *text, const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) tcptale_text_hex(text, data[i], 2);
}

void tcptale_text_ipv4(struct tcptale_text *text, const uint8_t address[4]) {
  for (int i = 0; i < 4; i++) {
    if (i > 0) tcptale_text_char(text, '.');
    tcptale_text_number(text, address[i]);
  }
}

/* The longest run of at least two zero words, the first of equals; returns its length. */
static int longest_zeros(const uint8_t address[16], int words, int *start) {
  int best = 0, run = 0;
  *start = -1;
  for (int i = 0; i < words; i++) {
    run = tcptale_be16(address + 2 * i) == 0 ? run + 1 : 0;
    if (run > best && run >= 2) {
      best = run;
      *start = i - run + 1;
    }
  }
  return best;
}

/* ::ffff:a.b.c.d, and ::a.b.c.d of old; :: and ::1 are none of them. */
static int ends_in_ipv4(int zeros_start, int zeros, const uint8_t address[16]) {
  if (zeros_start != 0) return 0;
  return zeros == 6 || (zeros == 5 && tcptale_be16(address + 10) == 0xffff);
}

void tcptale_text_ipv6(struct tcptale_text *text, const uint8_t address[16]) {
  int start, zeros = longest_zeros(address, 8, &start);
  int words = ends_in_ipv4(start, zeros, address) ? 6 : 8;
  for (int i = 0; i < words; i++) {
    if (start >= 0 && i >= start && i < start + zeros) {
      if (i == start) tcptale_text_char(text, ':');
      continue;
    }
    if (i > 0) tcptale_text_char(text, ':');
    tcptale_text_hex(text, tcptale_be16(address + 2 * i), 1);
  }
  if (start >= 0 && start + zeros == 8) tcptale_text_char(text, ':');
  if (words == 8) return;
  tcptale_text_char(text, ':');
  tcptale_text_ipv4(text, address + 12);
}

int tcptale_text_close(struct tcptale_text *text) {
  size_t last = text->len;
  if (text->size == 0) return 0;
  if (last > text->size - 1) last = text->size - 1;
  text->at[last] = 0;
  return text->len < text->size;
}

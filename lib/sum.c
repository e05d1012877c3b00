/* sum.c - see sum.h. Floor 0. */
#include "sum.h"

enum { WORD = 8, TURN = 4 * WORD };

static int is_little_endian(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first;
}

/* The last `len` bytes, 1 to 7, before `end`, as if they were the first of a word of zeros. At
 * least a whole word lies before `end`. */
static uint64_t last_bytes(const uint8_t *end, size_t len) {
  uint64_t word = tcptale_sum_word64(end - WORD);
  unsigned others = (unsigned)(WORD - len) * 8;
  return is_little_endian() ? word >> others : word << others;
}

static uint64_t few_bytes(const uint8_t *data, size_t len) {
  uint64_t word = 0;
  if (len > 0) memcpy(&word, data, len);
  return word;
}

/* Adds the bytes from `data` to `end`, with a whole word at least before `end`. Four sums, so that
 * no addition waits for the one before. */
static uint64_t add_words(uint64_t sum, const uint8_t *data, const uint8_t *end) {
  uint64_t s1 = 0, s2 = 0, s3 = 0;
  for (; end - data >= TURN; data += TURN) {
    sum = tcptale_sum_add(sum, tcptale_sum_word64(data));
    s1 = tcptale_sum_add(s1, tcptale_sum_word64(data + WORD));
    s2 = tcptale_sum_add(s2, tcptale_sum_word64(data + 2 * WORD));
    s3 = tcptale_sum_add(s3, tcptale_sum_word64(data + 3 * WORD));
  }
  sum = tcptale_sum_add(tcptale_sum_add(sum, s1), tcptale_sum_add(s2, s3));
  for (; end - data >= WORD; data += WORD) sum = tcptale_sum_add(sum, tcptale_sum_word64(data));
  return data < end ? tcptale_sum_add(sum, last_bytes(end, (size_t)(end - data))) : sum;
}

uint64_t tcptale_sum_portable(const uint8_t *data, size_t len) {
  return len < WORD ? few_bytes(data, len) : add_words(0, data, data + len);
}

#if defined(__GNUC__) && (defined(__SSE2__) || defined(__aarch64__))

/* Registers of two 64-bit words, which every x86-64 (SSE2) and AArch64 (NEON) has. Wider ones
 * (AVX2), for which one would have to ask, save nothing of what the bytes take to arrive. */
typedef uint64_t pair __attribute__((vector_size(16)));
typedef uint64_t pair_anywhere __attribute__((vector_size(16), aligned(1), may_alias));

/* Fewer bytes are not worth the registers, more could make the sum of a register overflow. */
enum { BLOCK = 4 * sizeof(pair), LEAST = 2 * BLOCK, MOST = 1 << 30 };

/* A register has no carry: beside the sum of the words, which wraps, that of their upper halves is
 * kept, and what the lower halves add up to follows from both. */
static uint64_t sum_blocks(const uint8_t *data, const uint8_t *end) {
  pair whole0 = {0}, whole1 = {0}, upper0 = {0}, upper1 = {0};
  for (; data < end; data += BLOCK) {
    const pair_anywhere *in = (const pair_anywhere *)data;
    pair a = in[0], b = in[1], c = in[2], d = in[3];
    whole0 += a;
    upper0 += a >> 32;
    whole1 += b;
    upper1 += b >> 32;
    whole0 += c;
    upper0 += c >> 32;
    whole1 += d;
    upper1 += d >> 32;
  }
  pair upper = upper0 + upper1;
  pair lower = whole0 + whole1 - (upper << 32);
  pair sum = upper + lower;
  return sum[0] + sum[1];
}

uint64_t tcptale_sum_bytes(const uint8_t *data, size_t len) {
  if (len < LEAST || len > MOST) return tcptale_sum_portable(data, len);
  const uint8_t *rest = data + (len - len % BLOCK);
  return add_words(sum_blocks(data, rest), rest, data + len);
}

#else

uint64_t tcptale_sum_bytes(const uint8_t *data, size_t len) {
  return tcptale_sum_portable(data, len);
}

#endif

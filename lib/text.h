/* text.h - builds text in a buffer of fixed size, without the C library's formatting. Invariant:
 * `len` counts what was asked for, of which the first min(len, size - 1) characters are in the
 * buffer. Floor 1. */
#ifndef TCPTALE_LIB_TEXT_H
#define TCPTALE_LIB_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct tcptale_text {
  char *at;
  size_t size;
  size_t len;
};

void tcptale_text_init(struct tcptale_text *text, char *at, size_t size);

void tcptale_text_char(struct tcptale_text *text, char c);
void tcptale_text_put(struct tcptale_text *text, const char *words);

/* In decimal. */
void tcptale_text_number(struct tcptale_text *text, uint64_t value);

/* In hexadecimal, lower case, without 0x: at least `digits` of them. */
void tcptale_text_hex(struct tcptale_text *text, uint64_t value, unsigned digits);

/* Each byte as two hexadecimal digits. */
void tcptale_text_bytes(struct tcptale_text *text, const uint8_t *data, size_t len);

/* Addresses: dotted, and as RFC 5952 writes IPv6, IPv4-mapped ones with dots. */
void tcptale_text_ipv4(struct tcptale_text *text, const uint8_t address[4]);
void tcptale_text_ipv6(struct tcptale_text *text, const uint8_t address[16]);

/* Closes the text with 0. Returns whether all of it is in the buffer. */
int tcptale_text_close(struct tcptale_text *text);

#endif

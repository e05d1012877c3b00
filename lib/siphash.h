/* siphash.h - keyed 64-bit hash (Aumasson and Bernstein, SipHash-1-3): without the key nobody
 * can choose packets that fall into one bucket. Words of a message are little-endian numbers, so
 * a hash of numbers is the same on every machine. Invariant: pure. Floor 1. */
#ifndef TCPTALE_LIB_SIPHASH_H
#define TCPTALE_LIB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct tcptale_siphash {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t tcptale_siphash_rotate(uint64_t x, unsigned bits) {
  return (x << bits) | (x >> (64 - bits));
}

static inline void tcptale_siphash_round(struct tcptale_siphash *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = tcptale_siphash_rotate(s->v1, 13) ^ s->v0;
  s->v3 = tcptale_siphash_rotate(s->v3, 16) ^ s->v2;
  s->v0 = tcptale_siphash_rotate(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = tcptale_siphash_rotate(s->v1, 17) ^ s->v2;
  s->v3 = tcptale_siphash_rotate(s->v3, 21) ^ s->v0;
  s->v2 = tcptale_siphash_rotate(s->v2, 32);
}

static inline struct tcptale_siphash tcptale_siphash_begin(const uint8_t key[16]) {
  uint64_t k0 = tcptale_le64(key);
  uint64_t k1 = tcptale_le64(key + 8);
  struct tcptale_siphash s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                              k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
  return s;
}

/* Takes one word of the message, with one compression round. */
static inline void tcptale_siphash_word(struct tcptale_siphash *s, uint64_t word) {
  s->v3 ^= word;
  tcptale_siphash_round(s);
  s->v0 ^= word;
}

/* Ends a message of whole words, `count` of them, with three finalization rounds. The last word
 * of any message holds its length in bytes mod 256 in the top byte. */
static inline uint64_t tcptale_siphash_end(struct tcptale_siphash *s, uint64_t count) {
  tcptale_siphash_word(s, (count * 8) << 56);
  s->v2 ^= 0xff;
  tcptale_siphash_round(s);
  tcptale_siphash_round(s);
  tcptale_siphash_round(s);
  return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* SipHash-1-3 of `len` bytes. */
uint64_t tcptale_siphash13(const uint8_t key[16], const void *data, size_t len);

/* SipHash with any number of rounds per word and at the end. */
uint64_t tcptale_siphash_any(const uint8_t key[16], const void *data, size_t len,
                             unsigned word_rounds, unsigned end_rounds);

#endif

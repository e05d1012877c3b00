/* siphash.c - the hash of a run of bytes; the rounds are in the header, for callers that hash
 * numbers. Floor 1. */
#include "siphash.h"

static void rounds(struct tcptale_siphash *s, unsigned count) {
  for (unsigned i = 0; i < count; i++) tcptale_siphash_round(s);
}

/* The bytes behind the last whole word, and the length in the top byte. */
static uint64_t last_word(const uint8_t *rest, size_t len) {
  uint64_t word = (uint64_t)len << 56;
  for (size_t i = 0; i < len % 8; i++) word |= (uint64_t)rest[i] << (8 * i);
  return word;
}

uint64_t tcptale_siphash_any(const uint8_t key[16], const void *data, size_t len,
                             unsigned word_rounds, unsigned end_rounds) {
  const uint8_t *p = data;
  struct tcptale_siphash s = tcptale_siphash_begin(key);
  for (size_t at = 0; at <= len; at += 8) {
    uint64_t word = len - at < 8 ? last_word(p + at, len) : tcptale_le64(p + at);
    s.v3 ^= word;
    rounds(&s, word_rounds);
    s.v0 ^= word;
  }
  s.v2 ^= 0xff;
  rounds(&s, end_rounds);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t tcptale_siphash13(const uint8_t key[16], const void *data, size_t len) {
  return tcptale_siphash_any(key, data, len, 1, 3);
}

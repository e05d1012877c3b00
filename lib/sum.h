/* sum.h - one's complement addition of bytes as they lie in memory: the arithmetic below RFC 1071's
 * checksum, for whoever only asks whether a sum is all ones.
 *
 * Invariant: words are read in the machine's own order, whatever their alignment. That gives the
 * same sum as network order, byte-swapped (RFC 1071 2 B), and a word of any width may be added,
 * because 2^64 - 1 and 2^32 - 1 are multiples of 2^16 - 1. A sum is 0 only where every byte is.
 * Floor 0. */
#ifndef TCPTALE_LIB_SUM_H
#define TCPTALE_LIB_SUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* With end-around carry. */
static inline uint64_t tcptale_sum_add(uint64_t sum, uint64_t word) {
  sum += word;
  return sum + (sum < word);
}

static inline uint64_t tcptale_sum_word64(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static inline uint32_t tcptale_sum_word32(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* The word that `number` is in network order. */
static inline uint32_t tcptale_sum_number(uint32_t number) {
  const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                            (uint8_t)(number >> 8), (uint8_t)number};
  return tcptale_sum_word32(bytes);
}

/* To 16 bits. Adding a number to itself with its halves exchanged leaves the end-around sum of the
 * halves in the upper one. */
static inline uint16_t tcptale_sum_fold(uint64_t sum) {
  sum += sum << 32 | sum >> 32;
  uint32_t half = (uint32_t)(sum >> 32);
  half += half << 16 | half >> 16;
  return (uint16_t)(half >> 16);
}

/* Whether it is the sum of data with a right checksum in it: all ones, in any byte order. */
static inline int tcptale_sum_is_right(uint64_t sum) {
  return tcptale_sum_fold(sum) == 0xffff;
}

/* The sum of `len` bytes; where it is odd, a byte of 0 follows. */
uint64_t tcptale_sum_bytes(const uint8_t *data, size_t len);

/* The same without vector registers, for the machines that have none and to compare with. */
uint64_t tcptale_sum_portable(const uint8_t *data, size_t len);

#endif

/* seq.c - sequence numbers modulo 2^32 and their 64-bit positions; nothing else in the library
 * compares sequence numbers. Floor 0. */
#include "tcptale/seq.h"

#include "seq.h"

int32_t tcptale_seq_diff(uint32_t a, uint32_t b) {
  return tcptale_seq_distance(a, b);
}

int tcptale_seq_lt(uint32_t a, uint32_t b) {
  return tcptale_seq_distance(a, b) < 0;
}

int tcptale_seq_le(uint32_t a, uint32_t b) {
  return tcptale_seq_distance(a, b) <= 0;
}

int tcptale_seq_gt(uint32_t a, uint32_t b) {
  return tcptale_seq_distance(a, b) > 0;
}

int tcptale_seq_ge(uint32_t a, uint32_t b) {
  return tcptale_seq_distance(a, b) >= 0;
}

int64_t tcptale_seq_unwrap(uint32_t seq, uint32_t known_seq, int64_t known_pos) {
  return known_pos + tcptale_seq_distance(seq, known_seq);
}

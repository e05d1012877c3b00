/* seq.h - the distance between sequence numbers, for whoever asks on every packet. Floor 0. */
#ifndef TCPTALE_LIB_SEQ_H
#define TCPTALE_LIB_SEQ_H

#include <stdint.h>

/* As tcptale_seq_diff. */
static inline int32_t tcptale_seq_distance(uint32_t a, uint32_t b) {
  uint32_t d = a - b;
  return d < 0x80000000u ? (int32_t)d : -(int32_t)(~d) - 1;
}

#endif

/* floor_sum.h - the Internet checksum as fast as plain C for any 64-bit machine has it: 16 bytes at
 * a time. */
#ifndef TCPTALE_BENCH_FLOOR_SUM_H
#define TCPTALE_BENCH_FLOOR_SUM_H

#include <string.h>

#include "floor_decode.h"

typedef uint32_t floor_lanes __attribute__((vector_size(16)));

/* Each lane takes two 16-bit words of a step, so 64 KiB cannot overflow it. */
static inline uint64_t floor_sum(const uint8_t *data, uint32_t len) {
  floor_lanes sum = {0}, more = {0}, a, b;
  uint32_t at = 0;
  for (; at + 32 <= len; at += 32) {
    memcpy(&a, data + at, 16);
    memcpy(&b, data + at + 16, 16);
    sum += (a & 0xffff) + (a >> 16);
    more += (b & 0xffff) + (b >> 16);
  }
  sum += more;
  uint64_t total = (uint64_t)sum[0] + sum[1] + sum[2] + sum[3];
  for (uint16_t word; at + 2 <= len; at += 2) {
    memcpy(&word, data + at, 2);
    total += word;
  }
  uint16_t last = 0;
  memcpy(&last, data + at, len - at);
  return total + last;
}

static inline uint16_t floor_swap(uint32_t value) {
  return (uint16_t)(value << 8 | (value >> 8 & 0xff));
}

/* 1: the segment's checksum is right. */
static inline int floor_sum_good(const struct floor_layers *layers) {
  uint64_t sum = floor_sum(layers->addresses, layers->addresses_len) +
                 floor_sum(layers->tcp, layers->tcp_len) + floor_swap(layers->tcp_len) +
                 floor_swap(6);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

#endif

/* random.h - numbers that look random and are the same every time. */
#ifndef TCPTALE_BENCH_RANDOM_H
#define TCPTALE_BENCH_RANDOM_H

#include <stdint.h>

/* A bijection of 64 bits that leaves no pattern (the finalizer of MurmurHash3). */
static inline uint64_t random_mix(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

/* The next number of a sequence (its state is a counter). */
static inline uint64_t random_next(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  return random_mix(*state);
}

static inline uint64_t random_below(uint64_t *state, uint64_t bound) {
  return (random_next(state) >> 32) * bound >> 32;
}

/* A number that belongs to (seed, what, id), whenever it is asked for. */
static inline uint64_t random_of(uint64_t seed, uint64_t what, uint64_t id) {
  return random_mix(random_mix(seed * 0x9e3779b97f4a7c15u + what) ^ id);
}

/* A bijection of 32 bits: different ids give different numbers. */
static inline uint32_t random_scatter(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x9e3779b1u;
  x = (x ^ (x >> 13)) * 0x85ebca77u;
  return x ^ (x >> 16);
}

#endif

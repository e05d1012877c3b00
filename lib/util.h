/* util.h - small pure helpers that every floor may use. Floor 0. */
#ifndef TCPTALE_LIB_UTIL_H
#define TCPTALE_LIB_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of a function that is always put into its caller: a call would cost as much as its work, or its
 * constant arguments decide what is left of it. */
#if defined(__GNUC__)
#define TCPTALE_INLINE inline __attribute__((always_inline))
#else
#define TCPTALE_INLINE inline
#endif

/* Of a function that stays out of its caller, whose way would be longer with it. */
#if defined(__GNUC__)
#define TCPTALE_APART __attribute__((noinline))
#else
#define TCPTALE_APART
#endif

static inline uint64_t tcptale_min_u64(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static inline uint64_t tcptale_max_u64(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static inline int64_t tcptale_max_i64(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static inline uint32_t tcptale_min_u32(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* Copies a caller's struct of `struct_size` bytes into ours of `known`; 0 if it cannot be served:
 * it is shorter, or a newer caller sets what this library does not know. */
static inline int tcptale_copy_in(void *out, size_t known, const void *in, uint32_t struct_size) {
  if (struct_size < known) return 0;
  const uint8_t *bytes = (const uint8_t *)in;
  for (size_t i = known; i < struct_size; i++)
    if (bytes[i] != 0) return 0;
  memcpy(out, in, known);
  return 1;
}

/* A sum of times that does not run over. */
static inline uint64_t tcptale_after_u64(uint64_t start, uint64_t span) {
  return start > UINT64_MAX - span ? UINT64_MAX : start + span;
}

/* Hints that the line at `p` is needed soon; changes nothing. */
static inline void tcptale_prefetch(const void *p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  (void)p;
#endif
}

/* gcc takes a function that does no more than hint for one without effect, and leaves calls of it
 * out, and with them the hints: of those that are not TCPTALE_INLINE each has to say this. */
static TCPTALE_INLINE void tcptale_keep_hints(void) {
#if defined(__GNUC__)
  __asm__ volatile("");
#endif
}

/* The number of the lowest set bit; `bits` is not 0. */
static inline uint32_t tcptale_lowest_bit(uint64_t bits) {
#if defined(__GNUC__)
  return (uint32_t)__builtin_ctzll(bits);
#else
  uint32_t n = 0;
  while (!(bits >> n & 1)) n++;
  return n;
#endif
}

#endif

/* truth.h - what a perfect reassembler reports of a trace. */
#ifndef TCPTALE_BENCH_TRUTH_H
#define TCPTALE_BENCH_TRUTH_H

#include <stddef.h>
#include <stdint.h>

struct truth {
  uint64_t packets;
  uint64_t connections;
  uint64_t strangers; /* SYNs that nothing follows */
  uint64_t bytes;     /* of all streams, each once */
  uint64_t missed;    /* sent and acknowledged, never captured */
  uint64_t fin;       /* connections that ended so */
  uint64_t rst;
  uint64_t digest; /* of all streams, byte * (offset + 1): that factor mod 2^32, the sum mod 2^64 */
};

/* The digest of bytes that stand at `offset` of their stream. */
static inline uint64_t truth_digest(const uint8_t *data, size_t len, uint64_t offset) {
  uint64_t sum = 0;
  for (size_t i = 0; i < len; i++) sum += (uint64_t)data[i] * (uint32_t)(offset + i + 1);
  return sum;
}

#endif

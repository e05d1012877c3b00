/* tally.h - what a program reports of a trace: time, memory, and what it heard. One JSON object on
 * one line. */
#ifndef TCPTALE_BENCH_TALLY_H
#define TCPTALE_BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "trace.h"
#include "truth.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tally {
  uint64_t packets;
  uint64_t wire; /* bytes of their frames */
  uint64_t opened;
  uint64_t closed;
  uint64_t open_now;
  uint64_t peak; /* the most open at once */
  uint64_t bytes;
  uint64_t gap_bytes;
  uint64_t digest; /* with verify=on; takes time */
  int verify;
  double seconds;
  uint64_t memory_kib; /* anonymous memory at the beginning ... */
  uint64_t most_kib;   /* ... and at most since, looked at now and then */
};

static inline void tally_opened(struct tally *tally) {
  tally->opened++;
  if (++tally->open_now > tally->peak) tally->peak = tally->open_now;
}

static inline void tally_closed(struct tally *tally) {
  tally->closed++;
  tally->open_now--;
}

void tally_digest(struct tally *tally, const uint8_t *data, size_t len, uint64_t offset);

/* Bytes of a stream in order, from `offset` on. */
static inline void tally_bytes(struct tally *tally, const uint8_t *data, size_t len,
                               uint64_t offset) {
  tally->bytes += len;
  if (tally->verify) tally_digest(tally, data, len, offset);
}

/* Before the program makes what it tracks with: memory counts from here on. */
void tally_begin(struct tally *tally);

/* Feeds a trace in pieces to `work` by the clock; between them memory is looked at. */
void tally_run(struct tally *tally, const struct trace *trace,
               void (*work)(void *user, const tcptale_frame *frames, size_t count), void *user);

/* Prints the object; `more` is "" or further members, each with a comma before it. */
void tally_print(const struct tally *tally, const char *name, const char *more);

#ifdef __cplusplus
}
#endif
#endif

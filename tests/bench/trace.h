/* trace.h - a trace in memory, as the array of frames that a capture gives: made before any clock
 * starts. */
#ifndef TCPTALE_BENCH_TRACE_H
#define TCPTALE_BENCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "tcptale/tracker.h"

enum {
  TRACE_AHEAD = 8
}; /* frames between the one that is fed and the one whose headers are asked for */
enum { TRACE_MORE = 128 }; /* frames behind the last that may be looked at, not fed */

struct trace {
  tcptale_frame *frames;
  size_t count;
};

/* Asks for the headers of a frame that is fed soon: cold input is not the fault of who takes one at
 * a time. */
static inline void trace_fetch(const tcptale_frame *frame) {
  __builtin_prefetch(frame[TRACE_AHEAD].data);
  __builtin_prefetch(frame[TRACE_AHEAD].data + 64);
}

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of the kernel's own: zero, not touched yet, of 2 MiB pages where the kernel has them. Ends
 * the program where there is none. */
void *trace_memory(size_t len);

/* Maps a classic pcap file of this machine's byte order, and writes the array. `limit`: frames to
 * be fed at most, 0: all; the array has all of them, so that what comes before the clock does not
 * depend on it. Ends the program where it cannot. */
struct trace trace_open(const char *path, uint64_t limit);

#ifdef __cplusplus
}
#endif
#endif

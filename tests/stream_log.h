/* What a stream tells, as text: a script of segments goes in, a log of events comes out. Tests
 * compare logs, so the order of events is part of what they hold. */
#ifndef STREAM_LOG_H
#define STREAM_LOG_H

#include <stdint.h>

#include "tcptale/stream.h"

struct stream_log {
  char text[8192];
  uint8_t bytes[8192]; /* what was delivered, at its offset; '-' where a gap was told */
  uint64_t told;       /* data and gaps end here */
  int tiled;           /* 0 once an event did not touch the one before */
  int closes;
  tcptale_stream *stream; /* set where a callback is to stop it after `stop_after` events */
  int stop_after;
};

/* Callbacks that write into the log that is `user`. */
void stream_log_callbacks(tcptale_stream_callbacks *callbacks);

/* Runs a script on a stream whose first byte has sequence number `first_seq`. Each word is one
 * packet:
 *   1"abc"   segment at relative number 1 (offset 0); then F: FIN, V: a probe, U2: urgent
 *            pointer 2, /8: 8 bytes on the wire of which the text is captured
 *   a5       the receiver acknowledges 5
 *   .        a packet that says nothing
 *   t20      20 ms pass (no packet)      T20  the same, and the stream is told of it
 *   end      the stream is over
 * Options are words too: a policy's name, acked, one_sided, oob, drop, gap, history, hold=N and
 * hold_ms=N, segments=N, bytes=N, async=N. The log holds `D0 abc`, `G4+4 acked`, `E8`, `A code
 * off+len`, divided by `; `. */
void stream_log_run(struct stream_log *log, const char *options, const char *script,
                    uint32_t first_seq);

#endif

/* run.h - feeds a capture to a tracker, from the first record to the last connection's close. */
#ifndef TCPTALE_EXAMPLES_RUN_H
#define TCPTALE_EXAMPLES_RUN_H

#include "options.h"
#include "tcptale/tracker.h"

/* What is to be run. */
typedef struct run_job {
  const options *opt;
  unsigned capture_flags; /* of capture_open: whether tcpdump's text is a capture too */
  const tcptale_callbacks *callbacks;
  void *user;              /* goes to every callback, and to `fed` */
  void (*fed)(void *user); /* NULL, or called after each call of the tracker */
} run_job;

/* Opens the capture, feeds all of it, flushes. `stats` (or NULL) gets the counters after the end.
 * What went wrong is told in one line on standard error. Returns the exit status: 0 all read; 1 the
 * input was damaged (all before it was processed) or the output could not be written; 2 it could
 * not be started. */
int run_capture(const run_job *job, tcptale_tracker_stats *stats);

#endif

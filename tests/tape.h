/* tape.h - every event of a tracker written down in a small fixed shape, so that two runs can be
 * compared and picked apart: what was told, of which connection, where, how much, and a digest of
 * the bytes. The laws are asserted on the way. */
#ifndef TCPTALE_TESTS_TAPE_H
#define TCPTALE_TESTS_TAPE_H

#include "laws.h"
#include "script.h"

enum tape_kind {
  TAPE_OPEN,
  TAPE_ESTABLISHED,
  TAPE_DATA,
  TAPE_GAP,
  TAPE_HALF_CLOSE,
  TAPE_RESET,
  TAPE_CLOSE,
  TAPE_ANOMALY,
  TAPE_SEGMENT
};

struct tape_event {
  uint32_t kind;
  uint32_t direction;
  uint64_t conn;
  uint64_t code; /* how, why, verdict, anomaly; established: the round-trip time */
  uint64_t offset;
  uint64_t len;
  uint64_t digest; /* of the bytes; open: of the endpoints */
  uint64_t index;
  uint64_t ts_ns;
  uint64_t from_index;
  uint64_t from_ts_ns;
};

/* What is written down besides open, established, data, gap, half_close, reset and close. */
enum tape_flag {
  TAPE_PLACES = 1, /* packet numbers, times, what a connection counted; else 0 */
  TAPE_ANOMALIES = 2,
  TAPE_SEGMENTS = 4, /* without it nobody asks for verdicts, and usual segments go the short way */
  TAPE_JOINED = 8,   /* touching data of one direction is one event */
  TAPE_NO_RTT = 16   /* established without its times */
};

struct tape {
  struct laws laws;
  unsigned flags;
  struct tape_event *events;
  size_t count;
  size_t room;
  uint32_t anomalies[256]; /* how often each code was told */
  tcptale_tracker *tracker;
  int kept_block; /* the tracker lies in the block that is kept for the next */
  /* Called for each event after it was written down; NULL: nothing. */
  void (*hook)(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
               const uint8_t *data);
  void *hook_user;
};

void tape_begin(struct tape *tape, unsigned flags);

/* Callbacks that write on the tape that is their user pointer. */
void tape_callbacks(tcptale_callbacks *callbacks);

/* Starts a tracker that writes on `tape`, in a block of `len` bytes of the tape's own (freed by
 * tape_end). */
tcptale_tracker *tape_tracker(struct tape *tape, const tcptale_config *config);

/* Frees the tracker; returns the first broken law or NULL. The events stay until tape_wipe. */
const char *tape_end(struct tape *tape);
void tape_wipe(struct tape *tape);

/* Takes the verdicts on segments out again. */
void tape_drop_segments(struct tape *tape);

/* How many events of a kind; with a code, TAPE_ANY for any. */
#define TAPE_ANY UINT64_MAX
size_t tape_count(const struct tape *tape, uint32_t kind, uint64_t code);

/* The n-th event of a kind, NULL where there are fewer. */
const struct tape_event *tape_find(const struct tape *tape, uint32_t kind, size_t n);

/* Whether the first `count` events are the same; else the first difference is printed with
 * `what`. */
int tape_same(const struct tape *a, const struct tape *b, size_t count, const char *what);
int tape_equal(const struct tape *a, const struct tape *b, const char *what);

/* Prints all events, for a failure's report. */
void tape_print(const struct tape *tape);

/* The frames of a conversation in the notation of the scripts (tests/scripts/README.md), parted by
 * `;`. Fails the test where it is not understood. Free with script_steps_free. */
void tape_render(struct script_steps *steps, const char *text);

/* Feeds the steps one by one; returns the first result that was not good. */
int tape_feed(tcptale_tracker *tracker, const struct script_steps *steps);

/* All of the above: a conversation in a fresh tracker, flushed and freed. The laws must hold. */
void tape_run(struct tape *tape, const tcptale_config *config, const char *text);

#endif

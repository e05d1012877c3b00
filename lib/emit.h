/* emit.h - the only door to user code. Every callback of the tracker is called from this room,
 * nowhere else, with the packet's index and time filled in; here is decided that nothing but
 * close is told after a stop, and how often an anomaly is. One event comes with both done:
 * _whole_data. Invariant: `busy` is 1 exactly while user code runs. Floor 4. */
#ifndef TCPTALE_LIB_EMIT_H
#define TCPTALE_LIB_EMIT_H

#include "tcptale/tracker.h"

#include "arena.h"

enum { TCPTALE_EMIT_CODES = 256 }; /* an anomaly code is a byte */

struct tcptale_emit {
  tcptale_callbacks callbacks;
  void *user;
  struct tcptale_arena *arena; /* holds the counters of anomalies */
  uint64_t index;              /* of the packet being fed; 0: none */
  uint64_t ts_ns;              /* its time, or the time that was told */
  uint64_t anomalies;          /* raised so far, told or not */
  uint32_t busy;
  uint32_t stopped;
  uint32_t spare[TCPTALE_EMIT_CODES]; /* shared by all that found no memory for a counter */
};

/* Runs one callback if it is set. */
#define TCPTALE_EMIT(member)                                                                       \
  do {                                                                                             \
    event->index = emit->index;                                                                    \
    event->ts_ns = emit->ts_ns;                                                                    \
    if (emit->callbacks.member) {                                                                  \
      emit->busy = 1;                                                                              \
      emit->callbacks.member(conn, event, emit->user);                                             \
      emit->busy = 0;                                                                              \
    }                                                                                              \
  } while (0)

/* Each tells one event; the caller has filled in what is not index or time. They return 1 if the
 * event was let through (also where no callback is set), 0 after a stop. */
static inline int tcptale_emit_open(struct tcptale_emit *emit, tcptale_conn *conn,
                                    tcptale_open_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_open);
  return 1;
}
int tcptale_emit_established(struct tcptale_emit *emit, tcptale_conn *conn,
                             tcptale_established_event *event);
int tcptale_emit_gap(struct tcptale_emit *emit, tcptale_conn *conn, tcptale_gap_event *event);
int tcptale_emit_half_close(struct tcptale_emit *emit, tcptale_conn *conn,
                            tcptale_half_close_event *event);
int tcptale_emit_reset(struct tcptale_emit *emit, tcptale_conn *conn, tcptale_reset_event *event);
int tcptale_emit_segment(struct tcptale_emit *emit, tcptale_conn *conn,
                         tcptale_segment_event *event);

/* Bytes are what nearly every packet tells: in line. Tells an event whose index and time are
 * written; whoever calls knows that there was no stop. */
static inline void tcptale_emit_whole_data(struct tcptale_emit *emit, tcptale_conn *conn,
                                           const tcptale_data_event *event) {
  if (!emit->callbacks.on_data) return;
  emit->busy = 1;
  emit->callbacks.on_data(conn, event, emit->user);
  emit->busy = 0;
}

static inline int tcptale_emit_data(struct tcptale_emit *emit, tcptale_conn *conn,
                                    tcptale_data_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_data);
  return 1;
}

/* Told also after a stop: every connection gets its close. */
static inline void tcptale_emit_close(struct tcptale_emit *emit, tcptale_conn *conn,
                                      tcptale_close_event *event) {
  TCPTALE_EMIT(on_close);
}

/* Counts the anomaly in the list that begins at *counts (blocks of the arena; release them with
 * tcptale_emit_forget) and tells it if it is the 1st, 10th, 100th ... of its code there.
 * When there is no memory for a counter, one that all such connections share limits it. */
int tcptale_emit_anomaly(struct tcptale_emit *emit, tcptale_conn *conn, uint32_t *counts,
                         tcptale_anomaly_event *event);

/* Tells that a connection is evicted; for _evicted. */
void tcptale_emit_eviction(struct tcptale_emit *emit, tcptale_conn *conn, uint64_t conn_id);

/* The anomaly EVICTED: it comes once in a connection's life, so it needs no counter. Of a flood's
 * calls each has it, so it costs next to nothing where nobody asked for anomalies. */
static inline void tcptale_emit_evicted(struct tcptale_emit *emit, tcptale_conn *conn,
                                        uint64_t conn_id) {
  emit->anomalies++;
  if (emit->callbacks.on_anomaly && !emit->stopped) tcptale_emit_eviction(emit, conn, conn_id);
}

/* Gives a connection's anomaly counters back. */
void tcptale_emit_forget(struct tcptale_emit *emit, uint32_t *counts);

#endif

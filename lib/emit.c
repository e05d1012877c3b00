/* emit.c - see emit.h. Floor 4. */
#include "emit.h"

#include <string.h>

#define COUNTERS_A_BLOCK 15
#define COUNT_MOST       0xffffffu

/* Counters of one connection: code << 24 | count; 0: unused. Blocks are chained, four dozen
 * bytes serve the common case of a few codes. */
struct counters {
  uint32_t entry[COUNTERS_A_BLOCK];
  uint32_t next;
};

int tcptale_emit_established(struct tcptale_emit *emit, tcptale_conn *conn,
                             tcptale_established_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_established);
  return 1;
}

int tcptale_emit_gap(struct tcptale_emit *emit, tcptale_conn *conn, tcptale_gap_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_gap);
  return 1;
}

int tcptale_emit_half_close(struct tcptale_emit *emit, tcptale_conn *conn,
                            tcptale_half_close_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_half_close);
  return 1;
}

int tcptale_emit_reset(struct tcptale_emit *emit, tcptale_conn *conn, tcptale_reset_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_reset);
  return 1;
}

int tcptale_emit_segment(struct tcptale_emit *emit, tcptale_conn *conn,
                         tcptale_segment_event *event) {
  if (emit->stopped) return 0;
  TCPTALE_EMIT(on_segment);
  return 1;
}

/* The counter of a code, made if there is none; NULL when there is no memory. */
static uint32_t *counter_of(struct tcptale_emit *emit, uint32_t *counts, uint32_t code) {
  uint32_t *link = counts;
  for (;;) {
    if (*link == TCPTALE_ARENA_NONE) {
      uint32_t ref = tcptale_arena_alloc(emit->arena, TCPTALE_ARENA_64);
      if (ref == TCPTALE_ARENA_NONE) return NULL;
      memset(tcptale_arena_at(emit->arena, ref), 0, sizeof(struct counters));
      *link = ref;
    }
    struct counters *block = tcptale_arena_at(emit->arena, *link);
    for (int i = 0; i < COUNTERS_A_BLOCK; i++) {
      if (block->entry[i] == 0) block->entry[i] = code << 24;
      if (block->entry[i] >> 24 == code) return &block->entry[i];
    }
    link = &block->next;
  }
}

/* Whether the n-th time is worth telling. */
static int is_power_of_ten(uint32_t n) {
  while (n >= 10 && n % 10 == 0) n /= 10;
  return n == 1;
}

/* Case X13: who floods with oddities gets the 1st, 10th, 100th ... of each reported. */
int tcptale_emit_anomaly(struct tcptale_emit *emit, tcptale_conn *conn, uint32_t *counts,
                         tcptale_anomaly_event *event) {
  emit->anomalies++;
  if (emit->stopped) return 0;
  uint32_t *counter = counter_of(emit, counts, event->code);
  if (!counter) counter = &emit->spare[event->code];
  if ((*counter & COUNT_MOST) == COUNT_MOST) return 1;
  *counter += 1;
  event->count = *counter & COUNT_MOST;
  if (is_power_of_ten(*counter & COUNT_MOST)) TCPTALE_EMIT(on_anomaly);
  return 1;
}

void tcptale_emit_eviction(struct tcptale_emit *emit, tcptale_conn *conn, uint64_t conn_id) {
  tcptale_anomaly_event anomaly = {
      .conn_id = conn_id, .code = TCPTALE_ANOMALY_EVICTED, .direction = TCPTALE_NO_DIR, .count = 1};
  tcptale_anomaly_event *event = &anomaly;
  TCPTALE_EMIT(on_anomaly);
}

void tcptale_emit_forget(struct tcptale_emit *emit, uint32_t *counts) {
  uint32_t ref = *counts;
  *counts = TCPTALE_ARENA_NONE;
  while (ref != TCPTALE_ARENA_NONE) {
    const struct counters *block = tcptale_arena_at(emit->arena, ref);
    uint32_t next = block->next;
    tcptale_arena_release(emit->arena, ref);
    ref = next;
  }
}

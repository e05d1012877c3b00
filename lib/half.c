/* half.c - see half.h: the ways out of a direction. Every function that calls the sink has
 * finished its own changes before, and looks at the cold part anew after. Floor 3. */
#include "half.h"

#include <assert.h>
#include <string.h>

#include "history.h"
#include "util.h"

#define NONE TCPTALE_ARENA_NONE
#define GONE (TCPTALE_HALF_ENDED | TCPTALE_HALF_DISCARDING)

struct tcptale_cold *tcptale_half_need_cold(const struct tcptale_stream_env *env,
                                            struct tcptale_half *half) {
  struct tcptale_cold *cold;

  if (half->cold != NONE) return tcptale_half_cold(env, half);
  half->cold = tcptale_arena_alloc(env->arena, tcptale_arena_class_for(sizeof *cold));
  cold = tcptale_half_cold(env, half);
  if (cold == NULL) return NULL;
  memset(cold, 0, sizeof *cold);
  cold->reach = half->next;
  cold->other_fin = TCPTALE_NO_FIN;
  cold->hole_at = TCPTALE_NO_POSITION;
  return cold;
}

void tcptale_half_drop_cold(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);

  if (cold == NULL) return;
  tcptale_segments_clear(env->arena, &cold->queue);
  tcptale_arena_release(env->arena, half->cold);
  half->cold = NONE;
  half->flags &= (uint8_t)~TCPTALE_HALF_WAITING;
}

/* With delivery on ACK the receiver's next byte runs ahead of what was told: brings cold->reach
 * up to date. */
static void move_reach(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                       struct tcptale_cold *cold) {
  cold->reach = tcptale_max_u64(cold->reach, half->next);
  while (half->delivery == TCPTALE_DELIVER_ACKED) {
    uint32_t ref = tcptale_segments_reaching(env->arena, &cold->queue, cold->reach);
    const struct tcptale_segment *range = ref == NONE ? NULL : tcptale_segment_at(env->arena, ref);
    if (range == NULL || range->start > cold->reach || range->flags & TCPTALE_SEG_PROVISIONAL)
      return;
    cold->reach = range->end;
  }
}

/* The end of the hole that begins at `next`, where `lowest` is the lowest queued position. */
static uint64_t hole_top(const struct tcptale_half *half, uint64_t lowest) {
  if (half->flags & GONE) return TCPTALE_NO_POSITION;
  if (lowest <= half->next || half->fin <= half->next) return TCPTALE_NO_POSITION;
  return tcptale_min_u64(lowest, half->fin);
}

uint64_t tcptale_half_hole_top(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half) {
  return hole_top(half, tcptale_half_lowest(env, half));
}

void tcptale_half_report(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                         uint32_t code, uint64_t pos, uint64_t len, const uint8_t *data) {
  env->sink->anomaly(env->ctx, code, tcptale_half_told(half, pos), len, data);
}

/* The history, made when it is first needed; NONE where none is kept or there is no memory. */
static uint32_t history(const struct tcptale_stream_env *env, struct tcptale_half *half,
                        int needed) {
  if (half->history == NONE && needed)
    half->history = tcptale_history_open(env->arena, env->config.history_bytes, half->next);
  return half->history;
}

void tcptale_half_give_gap(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           uint64_t to, uint32_t why) {
  uint64_t start = half->next;
  uint64_t offset = tcptale_half_told(half, start);

  assert(to > start);
  if (history(env, half, 1) != NONE) tcptale_history_put_gap(env->arena, half->history, start, to);
  tcptale_half_move_next(half, to);
  if (why != TCPTALE_GAP_SNAPLEN) half->flags |= TCPTALE_HALF_LOSSY;
  env->sink->gap(env->ctx, offset, to - start, why);
}

/* The urgent byte at `next`, as the direction's rule says (RFC 6093). */
static void give_urgent(const struct tcptale_stream_env *env, struct tcptale_half *half,
                        const uint8_t *byte) {
  uint64_t offset = tcptale_half_told(half, half->next);

  tcptale_half_move_next(half, half->next + 1);
  half->urgents++;
  if (half->urgent == TCPTALE_URGENT_GAP) env->sink->gap(env->ctx, offset, 1, TCPTALE_GAP_ACKED);
  if (half->urgent == TCPTALE_URGENT_OOB)
    env->sink->anomaly(env->ctx, TCPTALE_ANOMALY_URGENT, offset, 1, byte);
}

void tcptale_half_give(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_fresh *fresh, uint64_t to) {
  uint64_t offset = tcptale_half_told(half, half->next);
  uint32_t len = (uint32_t)(to - half->next);

  if (fresh->flags & TCPTALE_SEG_ABSENT) {
    tcptale_half_give_gap(env, half, to, TCPTALE_GAP_SNAPLEN);
    return;
  }
  if (history(env, half, env->config.history_bytes > 0) != NONE)
    tcptale_history_put(env->arena, half->history, half->next, fresh->data, len);
  if (fresh->flags & TCPTALE_SEG_URGENT) {
    if (half->urgents < TCPTALE_URGENTS_MAX) {
      give_urgent(env, half, fresh->data);
      return;
    }
    tcptale_half_report(env, half, TCPTALE_ANOMALY_URGENT_LIMIT, half->next, 1, fresh->data);
  }
  tcptale_half_move_next(half, to);
  env->sink->data(env->ctx, offset, fresh->data, len, fresh->from_index, fresh->from_ts_ns);
}

/* How far a range that begins at `next` may go out (rule R4). A probe goes when it is acknowledged
 * as a whole. */
static uint64_t due(const struct tcptale_half *half, const struct tcptale_segment *range,
                    enum tcptale_half_force force) {
  uint64_t end = tcptale_min_u64(range->end, half->fin);

  if (force != TCPTALE_FORCE_NONE) return end;
  if (range->flags & TCPTALE_SEG_PROVISIONAL) return half->acked >= range->end ? end : half->next;
  return half->delivery == TCPTALE_DELIVER_ACKED ? tcptale_min_u64(end, half->acked) : end;
}

/* Hands over a queued range that begins at `next`, up to `to`. It is out of the queue meanwhile:
 * user code may discard the queue, and its bytes must outlive that. */
static void give_range(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       uint32_t ref, uint64_t to) {
  struct tcptale_segment *range = tcptale_segment_at(env->arena, ref);
  struct tcptale_fresh fresh = {.start = range->start,
                                .end = range->end,
                                .data = tcptale_segment_bytes(range),
                                .from_index = range->from_index,
                                .from_ts_ns = range->from_ts_ns,
                                .flags = range->flags};
  struct tcptale_cold *cold = tcptale_half_cold(env, half);

  tcptale_segments_detach(env->arena, &cold->queue, ref);
  tcptale_half_give(env, half, &fresh, to);
  cold = tcptale_half_cold(env, half);
  if (cold != NULL && to < range->end) tcptale_segments_put_back(env->arena, &cold->queue, ref, to);
  else tcptale_arena_release(env->arena, ref);
}

/* Drops what is queued at or above the FIN and adds up what of it was not reported yet. */
static uint64_t drop_above_fin(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t untold = 0;
  uint32_t ref;

  if (cold == NULL) return 0;
  for (ref = cold->queue.first; ref != NONE;
       ref = tcptale_segments_next(env->arena, &cold->queue, ref)) {
    const struct tcptale_segment *range = tcptale_segment_at(env->arena, ref);
    if (!(range->flags & TCPTALE_SEG_AFTER_FIN)) untold += range->end - range->start;
  }
  tcptale_half_drop_cold(env, half);
  return untold;
}

/* Everything below the FIN was told. */
static void end(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  uint64_t untold = drop_above_fin(env, half);

  half->flags |= TCPTALE_HALF_ENDED | TCPTALE_HALF_FIN_FIXED;
  half->flags &= (uint8_t)~TCPTALE_HALF_WAITING;
  if (untold > 0)
    tcptale_half_report(env, half, TCPTALE_ANOMALY_DATA_AFTER_FIN, half->fin, untold, NULL);
  env->sink->half_close(env->ctx, tcptale_half_told(half, half->fin));
}

/* Whether the FIN counts: with delivery on ACK its own acknowledgement decides. */
static int fin_due(const struct tcptale_half *half, enum tcptale_half_force force) {
  if (half->next != half->fin) return 0;
  return half->delivery == TCPTALE_DELIVER_ARRIVAL || half->acked > half->fin ||
         force == TCPTALE_FORCE_FIN;
}

void tcptale_half_advance(const struct tcptale_stream_env *env, struct tcptale_half *half,
                          enum tcptale_half_force force) {
  while (!(half->flags & TCPTALE_HALF_ENDED)) {
    const struct tcptale_cold *cold = tcptale_half_cold(env, half);
    const struct tcptale_segment *range;
    uint32_t ref;
    uint64_t to;
    if (fin_due(half, force)) {
      end(env, half);
      return;
    }
    if (cold == NULL || cold->queue.first == NONE) return;
    ref = cold->queue.first;
    range = tcptale_segment_at(env->arena, ref);
    if (range->start > half->next) return;
    to = due(half, range, force);
    if (to <= half->next) return;
    give_range(env, half, ref, to);
  }
}

/* What waits at `next` is no hole: it lacks an acknowledgement only, or lies above the FIN. */
int tcptale_half_give_up(const struct tcptale_stream_env *env, struct tcptale_half *half,
                         uint64_t bound, uint32_t why) {
  uint64_t lowest = tcptale_half_lowest(env, half);
  uint64_t top;

  if (half->flags & GONE) return 0;
  if (lowest <= half->next || half->next == half->fin) {
    tcptale_half_advance(env, half,
                         half->next == half->fin ? TCPTALE_FORCE_FIN : TCPTALE_FORCE_BYTES);
    return 1;
  }
  top = tcptale_min_u64(tcptale_min_u64(lowest, bound), half->fin);
  if (top == TCPTALE_NO_POSITION || top <= half->next) return 0;
  tcptale_half_give_gap(env, half, top, why);
  tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
  return 1;
}

/* Waiting. */

/* Brings the marks of what waits up to date; `ts_ns` is when a new wait begins. A hold begins
 * when a hole's end is both acknowledged and seen, and covers all holes that this ACK covers
 * (rule R7). */
static void watch(const struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t ts_ns) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t lowest = tcptale_half_lowest(env, half);
  uint64_t top = hole_top(half, lowest);

  half->flags &= (uint8_t)~TCPTALE_HALF_WAITING;
  if (cold != NULL) move_reach(env, half, cold);
  if (top == TCPTALE_NO_POSITION && lowest == TCPTALE_NO_POSITION) {
    if (cold != NULL && cold->other_fin == TCPTALE_NO_FIN) tcptale_half_drop_cold(env, half);
    return;
  }
  if (cold == NULL) cold = tcptale_half_need_cold(env, half);
  if (cold == NULL) return;
  /* Rule R6: a hole is as old as what lies above it. */
  if (tcptale_half_unacked(env, half)) {
    if (cold->hole_at != half->next) {
      uint32_t ref = cold->queue.first;
      cold->hole_at = half->next;
      cold->hole_ts = ref == NONE ? ts_ns : tcptale_segment_at(env->arena, ref)->from_ts_ns;
    }
    cold->hold_to = 0;
    half->flags |= TCPTALE_HALF_WAITING;
    return;
  }
  /* Rule R5: only an ACK of all of a hole says that it is one; SACK and the other side's data do
   * not. */
  if (top > half->acked) {
    cold->hold_to = 0;
    return;
  }
  if (cold->hold_to == 0) {
    cold->hold_to = half->acked;
    cold->hold_ts = ts_ns;
    cold->hold_packets = 0;
  }
  half->flags |= TCPTALE_HALF_WAITING;
}

static int passed(uint64_t now_ns, uint64_t since_ns, uint64_t span_ns) {
  return now_ns >= since_ns && now_ns - since_ns >= span_ns;
}

/* Every hole that ends at `to` or below is lost: the receiver has what the capture has not. */
static void give_up_acked(const struct tcptale_stream_env *env, struct tcptale_half *half,
                          uint64_t to) {
  for (;;) {
    uint64_t top;
    tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
    top = tcptale_half_hole_top(env, half);
    if (top == TCPTALE_NO_POSITION || top > to) return;
    tcptale_half_give_gap(env, half, top, TCPTALE_GAP_ACKED);
  }
}

/* Acknowledged holes whose hold is over. A hold that time ended was over at its deadline,
 * whenever it is looked at: the next one begins there. */
static void end_holds(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t now_ns) {
  uint64_t span = env->config.reorder_hold_ns;
  struct tcptale_cold *cold = tcptale_half_cold(env, half);

  while (cold != NULL && half->flags & TCPTALE_HALF_WAITING) {
    int timed_out = passed(now_ns, cold->hold_ts, span);
    uint64_t over_ns = timed_out ? cold->hold_ts + span : now_ns;
    if (!timed_out && cold->hold_packets <= env->config.reorder_hold_count) return;
    give_up_acked(env, half, cold->hold_to);
    cold = tcptale_half_cold(env, half);
    if (cold != NULL) cold->hold_to = 0;
    watch(env, half, over_ns);
    cold = tcptale_half_cold(env, half);
  }
}

void tcptale_half_tick(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t now_ns,
                       uint32_t packets) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t span = env->config.async_hole_ns;

  if (!(half->flags & TCPTALE_HALF_WAITING) || cold == NULL) return;
  if (!tcptale_half_unacked(env, half)) {
    cold->hold_packets =
        packets > UINT32_MAX - cold->hold_packets ? UINT32_MAX : cold->hold_packets + packets;
    end_holds(env, half, now_ns);
    return;
  }
  while (cold != NULL && half->flags & TCPTALE_HALF_WAITING &&
         passed(now_ns, cold->hole_ts, span)) {
    uint64_t over_ns = cold->hole_ts + span;
    tcptale_half_give_up(env, half, TCPTALE_NO_POSITION, TCPTALE_GAP_TIMEOUT);
    watch(env, half, over_ns);
    cold = tcptale_half_cold(env, half);
  }
}

uint64_t tcptale_half_deadline(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t since, span;

  if (!(half->flags & TCPTALE_HALF_WAITING) || cold == NULL) return UINT64_MAX;
  since = tcptale_half_unacked(env, half) ? cold->hole_ts : cold->hold_ts;
  span = tcptale_half_unacked(env, half) ? env->config.async_hole_ns : env->config.reorder_hold_ns;
  return since > UINT64_MAX - span ? UINT64_MAX : since + span;
}

/* The end of every call that took something in: what waits, and what waits no longer at once. */
void tcptale_half_rest(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t ts_ns) {
  if (half->cold == NONE && half->fin == TCPTALE_NO_FIN) return;
  watch(env, half, ts_ns);
  if (half->flags & TCPTALE_HALF_WAITING) tcptale_half_tick(env, half, ts_ns, 0);
}

/* The FIN. */

/* Lets an acknowledgement decide where the FIN stands: one past a position fixes it there, one
 * beyond refutes it (rule R18). */
void tcptale_half_decide_fin(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t other = cold == NULL ? TCPTALE_NO_FIN : cold->other_fin;

  if (half->fin == TCPTALE_NO_FIN || half->flags & (TCPTALE_HALF_FIN_FIXED | TCPTALE_HALF_ENDED))
    return;
  if (half->acked <= half->fin) return;
  if (half->acked > half->fin + 1) {
    int fits = other >= half->next && (other == TCPTALE_NO_FIN || half->acked <= other + 1);
    half->fin = fits ? other : TCPTALE_NO_FIN;
  }
  if (half->fin != TCPTALE_NO_FIN && half->acked == half->fin + 1)
    half->flags |= TCPTALE_HALF_FIN_FIXED;
  if (cold != NULL) cold->other_fin = TCPTALE_NO_FIN;
}

/* A FIN below what was told or acknowledged is none: its sender went on. A second one waits
 * beside the first, which stays until an ACK tells which of them the receiver took (rule R18). */
void tcptale_half_note_fin(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           uint64_t pos) {
  struct tcptale_cold *cold;
  uint64_t floor = tcptale_max_u64(half->next, half->acked);

  if (half->fin == pos) return;
  if (half->fin == TCPTALE_NO_FIN) {
    if (pos + 1 < floor || pos < half->next) {
      tcptale_half_report(env, half, TCPTALE_ANOMALY_DATA_AFTER_FIN, pos, floor - pos, NULL);
      return;
    }
    half->fin = pos;
    tcptale_half_decide_fin(env, half);
    return;
  }
  if (!(half->flags & (TCPTALE_HALF_FIN_FIXED | TCPTALE_HALF_ENDED)) && pos >= half->next) {
    cold = tcptale_half_need_cold(env, half);
    if (cold != NULL) cold->other_fin = pos;
  }
  tcptale_half_report(env, half, TCPTALE_ANOMALY_FIN_MOVED, pos, 0, NULL);
  tcptale_half_decide_fin(env, half);
}

/* No bytes are wanted: the position follows what was seen. */
void tcptale_half_skip(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  uint64_t to = tcptale_min_u64(half->highest, half->fin);

  if (to > half->next) tcptale_half_move_next(half, to);
  tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
}

/* The end. */

/* What an ACK covers is missing though nothing lies above it. */
static void settle_tail(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  uint64_t to =
      tcptale_min_u64(tcptale_min_u64(half->acked, half->fin), tcptale_half_lowest(env, half));

  if (to > half->next && !(half->flags & GONE))
    tcptale_half_give_gap(env, half, to, TCPTALE_GAP_ACKED);
  tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
}

/* Acknowledged holes are gaps, whatever lies above. Then rule R20: where acknowledgements were
 * seen, bytes above a hole never reached anybody; where none were, they count as received. */
void tcptale_half_settle(struct tcptale_stream_env *env, struct tcptale_half *half) {
  struct tcptale_cold *cold;
  uint64_t lowest, bytes;

  if ((half->flags & TCPTALE_HALF_ENDED) && half->cold == NONE) return;
  if (half->flags & TCPTALE_HALF_DISCARDING) {
    tcptale_half_skip(env, half);
    return;
  }
  give_up_acked(env, half, half->acked);
  settle_tail(env, half);
  if (tcptale_half_unacked(env, half)) {
    while (tcptale_half_give_up(env, half, TCPTALE_NO_POSITION, TCPTALE_GAP_END)) {
    }
    tcptale_half_advance(env, half, TCPTALE_FORCE_FIN);
  }
  if (half->flags & TCPTALE_HALF_DISCARDING) tcptale_half_skip(env, half); /* asked for just now */
  cold = tcptale_half_cold(env, half);
  if (cold == NULL) return;
  lowest = tcptale_half_lowest(env, half);
  bytes = cold->queue.bytes;
  tcptale_half_drop_cold(env, half);
  if (bytes > 0) tcptale_half_report(env, half, TCPTALE_ANOMALY_DISCARDED, lowest, bytes, NULL);
}

void tcptale_half_discard(struct tcptale_stream_env *env, struct tcptale_half *half) {
  tcptale_half_release(env, half);
  half->flags |= TCPTALE_HALF_DISCARDING;
}

void tcptale_half_release(struct tcptale_stream_env *env, struct tcptale_half *half) {
  tcptale_half_drop_cold(env, half);
  if (half->history != NONE) tcptale_history_release(env->arena, half->history);
  half->history = NONE;
}

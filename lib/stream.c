/* stream.c - see stream.h: what goes into a direction, and when a hole is given up. A segment is
 * cut into parts (told before, new, present, cut off by the capture, urgent), each of which is
 * handed over where it lies or stored. Floor 4. */
#include "stream.h"

#include <string.h>

#include "history.h"
#include "util.h"

#define NONE        TCPTALE_ARENA_NONE
#define TINY_BYTES  8u    /* a segment of so few is tiny */
#define TINY_IN_ROW 1024u /* a sender that coalesces (RFC 9293 3.7.4) has no reason for more */
#define GONE        (TCPTALE_HALF_ENDED | TCPTALE_HALF_DISCARDING)

void tcptale_half_init(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       uint32_t first_seq) {
  memset(half, 0, sizeof *half);
  half->fin = TCPTALE_NO_FIN;
  half->next_seq = first_seq;
  half->cold = NONE;
  half->history = NONE;
  half->policy = (uint8_t)env->config.policy;
  /* Where no acknowledgement comes, none can be waited for. */
  half->delivery =
      (uint8_t)(env->config.one_sided ? TCPTALE_DELIVER_ARRIVAL : env->config.delivery);
  half->urgent = (uint8_t)env->config.urgent;
}

uint32_t tcptale_half_classify(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half, int64_t offset, uint32_t len,
                               uint32_t flags) {
  uint64_t expected = tcptale_half_expected(env, half);
  uint64_t start = offset < 0 ? 0 : (uint64_t)offset;
  int64_t past = offset + (int64_t)len;
  uint64_t end = past < 0 ? 0 : (uint64_t)past;
  int fin = (flags & TCPTALE_PUSH_FIN) != 0;
  struct tcptale_cold *cold = tcptale_half_cold(env, half);

  if (len == 0 && !fin) return TCPTALE_SEGMENT_IN_ORDER;
  /* Above all that was seen. */
  if (len > 0 && offset >= 0 && start >= half->highest && start >= expected)
    return start == expected ? TCPTALE_SEGMENT_IN_ORDER : TCPTALE_SEGMENT_OUT_OF_ORDER;
  if (!fin || half->fin == end) {
    uint64_t known = tcptale_max_u64(start, expected);
    if (cold != NULL && known < end)
      known = tcptale_segments_covered(env->arena, &cold->queue, known, end);
    if (known >= end)
      return half->acked >= end + (uint64_t)fin ? TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION
                                                : TCPTALE_SEGMENT_RETRANSMISSION;
  }
  if (start > expected || (expected < half->highest && expected < end))
    return TCPTALE_SEGMENT_OUT_OF_ORDER;
  return TCPTALE_SEGMENT_IN_ORDER;
}

uint64_t tcptale_half_seen(const struct tcptale_stream_env *env, const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  int fin = half->fin == half->highest || (cold != NULL && cold->other_fin == half->highest);

  return half->highest + (uint64_t)fin;
}

int tcptale_half_is_keepalive(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                              int64_t offset, uint32_t len, uint32_t flags) {
  if (len > 1 || flags & TCPTALE_PUSH_FIN) return 0;
  uint64_t next = tcptale_half_expected(env, half);
  int resends = len == 1 && half->flags & TCPTALE_HALF_ACKS_SEEN && half->acked < next;
  if (offset + 1 == (int64_t)next) return !resends;
  return half->flags & TCPTALE_HALF_ACKS_SEEN && offset + 1 == (int64_t)half->acked;
}

/* Cuts a part so that it begins at `start`. */
static void begin_at(struct tcptale_fresh *part, uint64_t start) {
  if (start <= part->start) return;
  if (start > part->end) start = part->end;
  if (part->data != NULL) part->data += start - part->start;
  part->start = start;
}

/* Takes from the queue what `part`, in order, wins of it. Returns where the part's own bytes
 * end. */
static uint64_t contest(const struct tcptale_stream_env *env, struct tcptale_half *half,
                        const struct tcptale_fresh *part) {
  uint64_t end = tcptale_min_u64(part->end, half->fin);
  struct tcptale_cold *cold = tcptale_half_cold(env, half);

  while (cold != NULL && cold->queue.count > 0) {
    uint32_t ref = cold->queue.first;
    const struct tcptale_segment *old = tcptale_segment_at(env->arena, ref);
    /* All queued starts lie above `next`, so BSD and Linux give the segment in order everything;
     * a policy that keeps first copies does not. */
    if (old->start >= end) return end;
    if (!tcptale_segments_new_wins(TCPTALE_OVERLAP_SEGMENT, half->policy, old, part))
      return old->start;
    if (tcptale_segments_cut_front(env->arena, &cold->queue, ref, end)) return end;
  }
  return end;
}

/* A part that begins at `next` and may go out at once: it and the queue take turns. */
static void pass_through(const struct tcptale_stream_env *env, struct tcptale_half *half,
                         struct tcptale_fresh *part) {
  while (part->start < part->end && !(half->flags & GONE)) {
    uint64_t before = half->next;
    uint64_t to = contest(env, half, part);
    if (to > half->next) tcptale_half_give(env, half, part, to);
    tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
    if (half->next == before) return;
    begin_at(part, half->next);
  }
}

static uint64_t add(const struct tcptale_stream_env *env, struct tcptale_cold *cold,
                    uint32_t policy, const struct tcptale_fresh *part) {
  return tcptale_segments_add(env->arena, &cold->queue, TCPTALE_OVERLAP_SEGMENT, policy, part);
}

/* Stores a part; returns the position up to which it is stored. What was in order when it came
 * is the receiver's: below `reach` the first copy stays, whatever the policy. */
static uint64_t store(const struct tcptale_stream_env *env, struct tcptale_half *half,
                      struct tcptale_cold *cold, const struct tcptale_fresh *part) {
  uint64_t reach = tcptale_max_u64(cold->reach, half->next);

  if (part->start < reach) {
    struct tcptale_fresh low = *part, high = *part;
    uint64_t done;
    low.end = tcptale_min_u64(low.end, reach);
    done = add(env, cold, TCPTALE_POLICY_FIRST, &low);
    if (done < low.end) return done;
    begin_at(&high, reach);
    return high.start == high.end ? high.end : add(env, cold, half->policy, &high);
  }
  return add(env, cold, half->policy, part);
}

/* The anomaly of the limit that a part would break; NONE where it breaks none, or is all there
 * already. */
static uint32_t broken_limit(const struct tcptale_stream_env *env, struct tcptale_cold *cold,
                             const struct tcptale_fresh *part) {
  const struct tcptale_segments *queue = &cold->queue;
  uint64_t bytes = part->flags & TCPTALE_SEG_ABSENT ? 0 : part->end - part->start;
  uint64_t ranges = queue->count + 1 + bytes / TCPTALE_SEGMENT_BYTES;
  uint64_t charge = queue->bytes + bytes + ranges * TCPTALE_SEGMENT_COST;
  uint32_t code = TCPTALE_ANOMALY_NONE;

  if (charge > env->config.queue_bytes) code = TCPTALE_ANOMALY_BYTE_LIMIT;
  if (ranges > env->config.queue_segments) code = TCPTALE_ANOMALY_SEG_LIMIT;
  if (code == TCPTALE_ANOMALY_NONE) return code;
  return tcptale_segments_covered(env->arena, &cold->queue, part->start, part->end) == part->end
             ? TCPTALE_ANOMALY_NONE
             : code;
}

/* Gives the lowest hole up because of a limit, or what only waits for its acknowledgement, and
 * says so. */
static int give_up_limit(const struct tcptale_stream_env *env, struct tcptale_half *half,
                         uint32_t code, uint64_t bound) {
  uint64_t top = tcptale_min_u64(tcptale_half_hole_top(env, half), bound);
  int hole =
      tcptale_half_lowest(env, half) > half->next && top != TCPTALE_NO_POSITION && top > half->next;

  if (hole || code != TCPTALE_ANOMALY_HOLE_LIMIT)
    tcptale_half_report(env, half, code, half->next, hole ? top - half->next : 0, NULL);
  return tcptale_half_give_up(env, half, bound, TCPTALE_GAP_BUDGET);
}

/* A part that lay between, or inside, stored ranges made more of them than it is long. */
static void hold_to_limit(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  while (cold != NULL && cold->queue.count > env->config.queue_segments &&
         give_up_limit(env, half, TCPTALE_ANOMALY_SEG_LIMIT, TCPTALE_NO_POSITION))
    cold = tcptale_half_cold(env, half);
}

/* Queues a part. Returns 1 where room had to be made, so that the part must be looked at again. */
static int enqueue(const struct tcptale_stream_env *env, struct tcptale_half *half,
                   struct tcptale_fresh *part) {
  struct tcptale_cold *cold = tcptale_half_cold(env, half);
  uint64_t done = part->start;

  if (cold == NULL) cold = tcptale_half_need_cold(env, half);
  if (cold != NULL) {
    uint32_t code = broken_limit(env, cold, part);
    if (code != TCPTALE_ANOMALY_NONE) return give_up_limit(env, half, code, part->start);
  }
  if (cold != NULL) {
    done = store(env, half, cold, part);
    if (cold->queue.count > env->config.queue_segments) hold_to_limit(env, half);
    if (half->flags & GONE) return 1;
    cold = tcptale_half_cold(env, half);
  }
  if (done == part->end) {
    part->start = done;
    return 0;
  }
  begin_at(part, done);
  /* The memory is used up: the bytes that this direction holds go first. */
  if (cold != NULL && cold->queue.count > 0)
    return tcptale_half_give_up(env, half, tcptale_max_u64(part->start, half->next),
                                TCPTALE_GAP_BUDGET);
  return 0;
}

/* Hands over or stores one part: all of it present, or all of it absent. */
static void take(const struct tcptale_stream_env *env, struct tcptale_half *half,
                 struct tcptale_fresh *part) {
  int again = 1;

  while (again && !(half->flags & GONE)) {
    /* A probe is the receiver's only when it is acknowledged (RFC 9293 3.8.6.1). */
    int waits = half->delivery == TCPTALE_DELIVER_ACKED || part->flags & TCPTALE_SEG_PROVISIONAL;
    begin_at(part, half->next);
    if (part->start == part->end) return;
    if (part->start == half->next && !waits) {
      pass_through(env, half, part);
      return;
    }
    again = enqueue(env, half, part);
  }
  if (part->start == part->end || half->flags & GONE) return;
  /* There is no room. Bytes in order need none. */
  if (part->start == half->next && !(part->flags & TCPTALE_SEG_PROVISIONAL))
    pass_through(env, half, part);
  else
    tcptale_half_report(env, half, TCPTALE_ANOMALY_NOMEM, part->start, part->end - part->start,
                        NULL);
}

/* A segment that is being pushed. */
struct arrival {
  struct tcptale_fresh all; /* the segment from position 0 on, as if all of it were there */
  uint64_t cap_end;         /* the capture holds what lies below */
  uint64_t urgent;          /* position of its urgent byte; TCPTALE_NO_POSITION */
};

static void place(struct arrival *a, const struct tcptale_piece *piece) {
  uint64_t below = piece->offset < 0 ? tcptale_min_u64((uint64_t)-piece->offset, piece->len) : 0;
  uint64_t start = piece->offset < 0 ? 0 : (uint64_t)piece->offset;

  a->all.start = start;
  a->all.end = start + (piece->len - below);
  a->all.origin.start = start;
  a->all.origin.end = a->all.end;
  a->all.data = piece->data;
  a->all.from_index = piece->index;
  a->all.from_ts_ns = piece->ts_ns;
  a->all.flags = piece->flags & TCPTALE_PUSH_PROVISIONAL ? TCPTALE_SEG_PROVISIONAL : 0;
  a->cap_end = start;
  if (piece->cap_len > below) {
    a->all.data += below;
    a->cap_end += piece->cap_len - below;
  }
  a->urgent = TCPTALE_NO_POSITION;
}

static void report_runs(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                        const struct tcptale_runs *runs) {
  for (uint32_t i = 0; i < runs->count; i++)
    tcptale_half_report(env, half, TCPTALE_ANOMALY_OVERLAP_CONFLICT, runs->run[i].start,
                        runs->run[i].end - runs->run[i].start, NULL);
}

/* Compares what was told before, and reports bytes of a gap that come late where `late` is set. */
static void compare_told(const struct tcptale_stream_env *env, struct tcptale_half *half,
                         const struct arrival *a, int late) {
  uint64_t pos = a->all.start;
  uint64_t end = tcptale_min_u64(a->cap_end, half->next);
  struct tcptale_runs runs;

  runs.count = 0;
  while (pos < end && half->history != NONE) {
    struct tcptale_extent gap = {end, end};
    const uint8_t *data = a->all.data + (pos - a->all.start);
    tcptale_history_gap(env->arena, half->history, pos, end, &gap);
    if (gap.start > gap.end) gap.start = gap.end = end;
    tcptale_history_compare(env->arena, half->history, pos, data, (size_t)(gap.start - pos), &runs);
    if (late && gap.end > gap.start)
      tcptale_half_report(env, half, TCPTALE_ANOMALY_LATE_AFTER_GAP, gap.start, gap.end - gap.start,
                          data + (gap.start - pos));
    pos = gap.end;
  }
  report_runs(env, half, &runs);
}

static void report_differences(const struct tcptale_stream_env *env, struct tcptale_half *half,
                               uint64_t start, uint64_t end, const uint8_t *data) {
  struct tcptale_runs runs;

  runs.count = 0;
  tcptale_segments_compare(env->arena, &tcptale_half_cold(env, half)->queue, start, data,
                           (size_t)(end - start), &runs);
  report_runs(env, half, &runs);
}

/* Compares bytes that stand at start .. end - 1 with what is queued there. */
static inline void compare_queued(const struct tcptale_stream_env *env, struct tcptale_half *half,
                                  uint64_t start, uint64_t end, const uint8_t *data) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  if (cold != NULL && tcptale_segments_may_meet(env->arena, &cold->queue, start, end))
    report_differences(env, half, start, end, data);
}

static void compare_untold(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           const struct arrival *a) {
  uint64_t start = tcptale_max_u64(a->all.start, half->next);

  if (start >= a->cap_end || a->all.flags & TCPTALE_SEG_PROVISIONAL) return;
  compare_queued(env, half, start, a->cap_end, a->all.data + (start - a->all.start));
}

/* Reads the urgent pointer: the byte before it is the urgent one (RFC 6093). Returns 0 where it
 * points at no byte of this segment. What was told before is not looked at again. */
static int find_urgent(const struct tcptale_half *half, struct arrival *a,
                       const struct tcptale_piece *piece) {
  int64_t pos = piece->offset + (int64_t)piece->urgent - 1;

  if (!(piece->flags & TCPTALE_PUSH_URGENT)) return 1;
  if (piece->urgent == 0 || piece->urgent > piece->len) return 0;
  if (pos >= (int64_t)half->next && (uint64_t)pos < a->cap_end) a->urgent = (uint64_t)pos;
  return 1;
}

/* An urgent byte that stays in the stream is only reported. */
static void report_urgent(const struct tcptale_stream_env *env, struct tcptale_half *half,
                          const struct arrival *a) {
  if (half->urgents >= TCPTALE_URGENTS_MAX) {
    tcptale_half_report(env, half, TCPTALE_ANOMALY_URGENT_LIMIT, a->urgent, 1, NULL);
    return;
  }
  half->urgents++;
  tcptale_half_report(env, half, TCPTALE_ANOMALY_URGENT, a->urgent, 1,
                      a->all.data + (a->urgent - a->all.start));
}

/* Bytes at or above the FIN are reported; where it cannot move any more they are dropped too
 * (R18). */
static void note_after_fin(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           struct arrival *a) {
  uint64_t from = tcptale_max_u64(a->all.start, half->fin);
  const uint8_t *data;

  if (half->fin == TCPTALE_NO_FIN || a->all.end <= from) return;
  data = a->cap_end >= a->all.end ? a->all.data + (from - a->all.start) : NULL;
  tcptale_half_report(env, half, TCPTALE_ANOMALY_DATA_AFTER_FIN, from, a->all.end - from, data);
  if (half->flags & (TCPTALE_HALF_ENDED | TCPTALE_HALF_FIN_FIXED)) a->all.end = from;
}

/* The lowest of the marks that lies above `pos`; `end` if none does. */
static uint64_t next_mark(const struct arrival *a, uint64_t urgent, uint64_t fin, uint64_t pos) {
  const uint64_t mark[4] = {a->cap_end, urgent, urgent + 1, fin};
  uint64_t best = a->all.end;

  for (int i = 0; i < 4; i++)
    if (mark[i] > pos && mark[i] < best) best = mark[i];
  return best;
}

/* Takes the new bytes of a segment part by part. */
static void take_parts(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       struct arrival *a) {
  uint64_t fin = half->fin;
  uint64_t urgent = half->urgent == TCPTALE_URGENT_INLINE ? TCPTALE_NO_POSITION : a->urgent;
  uint64_t pos = tcptale_max_u64(a->all.start, half->next);

  /* What the receiver had already is no part of what its policy compares (rule B1). */
  a->all.origin.start = pos;
  while (pos < a->all.end && !(half->flags & GONE)) {
    struct tcptale_fresh part = a->all;
    part.end = next_mark(a, urgent, fin, pos);
    if (pos >= a->cap_end) {
      part.flags |= TCPTALE_SEG_ABSENT;
      part.data = NULL;
    }
    if (pos == urgent) part.flags |= TCPTALE_SEG_URGENT;
    if (pos >= fin) part.flags |= TCPTALE_SEG_AFTER_FIN;
    begin_at(&part, pos);
    pos = part.end;
    take(env, half, &part);
  }
}

/* Without acknowledgements a hole lasts until this much lies above it (rule R6). */
static void hold_async_limit(const struct tcptale_stream_env *env, struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);

  if (cold == NULL || !tcptale_half_unacked(env, half)) return;
  while (cold != NULL && cold->queue.bytes > env->config.async_hole_bytes) {
    if (!give_up_limit(env, half, TCPTALE_ANOMALY_HOLE_LIMIT, TCPTALE_NO_POSITION)) return;
    cold = tcptale_half_cold(env, half);
  }
}

static void push_any(struct tcptale_stream_env *env, struct tcptale_half *half,
                     const struct tcptale_piece *piece) {
  struct arrival a;

  place(&a, piece);
  if (piece->flags & TCPTALE_PUSH_FIN && piece->offset + (int64_t)piece->len >= 0)
    tcptale_half_note_fin(env, half, a.all.end);
  half->highest = tcptale_max_u64(half->highest, a.all.end);
  if (!(half->flags & TCPTALE_HALF_DISCARDING)) {
    if (a.all.start < half->next) compare_told(env, half, &a, 1);
    compare_untold(env, half, &a);
    if (!find_urgent(half, &a, piece))
      tcptale_half_report(env, half, TCPTALE_ANOMALY_URGENT, a.all.start, 0, NULL);
    note_after_fin(env, half, &a);
    take_parts(env, half, &a);
    if (a.urgent != TCPTALE_NO_POSITION && half->urgent == TCPTALE_URGENT_INLINE)
      report_urgent(env, half, &a);
    tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
    hold_async_limit(env, half);
  }
  if (half->flags & TCPTALE_HALF_DISCARDING) tcptale_half_skip(env, half);
  tcptale_half_rest(env, half, piece->ts_ns);
}

/* Bytes that are all there, with nothing odd about them, while no FIN is known and nothing of what
 * was told is remembered: one part. */
static int is_plain(const struct tcptale_half *half, const struct tcptale_piece *piece) {
  return (piece->flags | half->history | (half->flags & GONE)) == 0 && piece->offset >= 0 &&
         piece->cap_len == piece->len && piece->len > 0 && half->fin == TCPTALE_NO_FIN;
}

/* Whether the same hole as before keeps back what is queued: it ends where it ended, and so what
 * waits, and since when, is marked already. Without acknowledgements the bytes above it count
 * too. */
static int waits_as_before(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                           uint64_t next, uint64_t lowest) {
  return half->next == next && lowest != TCPTALE_NO_POSITION &&
         tcptale_half_lowest(env, half) == lowest && half->delivery == TCPTALE_DELIVER_ARRIVAL &&
         !tcptale_half_unacked(env, half);
}

/* As push_any, for a piece that is plain. */
static void push_plain(struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_piece *piece) {
  uint64_t start = (uint64_t)piece->offset;
  uint64_t next = half->next, lowest = tcptale_half_lowest(env, half);
  struct tcptale_fresh part;

  part.start = part.origin.start = tcptale_max_u64(start, half->next);
  part.end = part.origin.end = start + piece->len;
  half->highest = tcptale_max_u64(half->highest, part.end);
  if (part.start < part.end) {
    part.data = piece->data + (part.start - start);
    part.from_index = piece->index;
    part.from_ts_ns = piece->ts_ns;
    part.flags = 0;
    compare_queued(env, half, part.start, part.end, part.data);
    take(env, half, &part);
  }
  if (waits_as_before(env, half, next, lowest)) return;
  tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
  hold_async_limit(env, half);
  if (half->flags & TCPTALE_HALF_DISCARDING) tcptale_half_skip(env, half);
  tcptale_half_rest(env, half, piece->ts_ns);
}

/* Counts tiny segments of new bytes, and tells of a run. */
static void count_tiny(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_piece *piece) {
  if (piece->len == 0 || piece->offset + (int64_t)piece->len <= (int64_t)half->highest) return;
  if (half->tiny < TINY_IN_ROW && ++half->tiny == TINY_IN_ROW)
    tcptale_half_report(env, half, TCPTALE_ANOMALY_SMALL_SEGMENTS, half->highest, 0, NULL);
}

void tcptale_half_push(struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_piece *piece) {
  if (piece->len > TINY_BYTES) half->tiny = 0;
  else count_tiny(env, half, piece);
  const uint8_t busy = TCPTALE_HALF_DISCARDING | TCPTALE_HALF_ENDED;

  /* In order, nothing waits, nothing to remember: handed over where it lies. */
  if (piece->offset == (int64_t)half->next && piece->cap_len == piece->len && piece->len > 0 &&
      (piece->flags | half->cold | half->history | (half->flags & busy)) == 0 &&
      half->fin == TCPTALE_NO_FIN && half->delivery == TCPTALE_DELIVER_ARRIVAL &&
      env->config.history_bytes == 0) {
    uint64_t offset = tcptale_half_told(half, half->next);
    half->next += piece->len;
    half->next_seq += piece->len;
    if (half->highest < half->next) half->highest = half->next;
    env->sink->data(env->ctx, offset, piece->data, piece->len, piece->index, piece->ts_ns);
    return;
  }
  if (half->flags & TCPTALE_HALF_WAITING) tcptale_half_tick(env, half, piece->ts_ns, 0);
  if (is_plain(half, piece)) push_plain(env, half, piece);
  else push_any(env, half, piece);
}

void tcptale_half_compare(struct tcptale_stream_env *env, struct tcptale_half *half,
                          const struct tcptale_piece *piece) {
  struct arrival a;

  if (half->flags & TCPTALE_HALF_DISCARDING) return;
  place(&a, piece);
  if (a.all.start < half->next) compare_told(env, half, &a, 0);
  compare_untold(env, half, &a);
}

void tcptale_half_ack_waiting(struct tcptale_stream_env *env, struct tcptale_half *half,
                              uint64_t pos, uint64_t ts_ns) {
  if (half->flags & TCPTALE_HALF_WAITING) tcptale_half_tick(env, half, ts_ns, 0);
  int is_old = half->flags & TCPTALE_HALF_ACKS_SEEN && pos <= half->acked;
  tcptale_half_note_ack(half, pos);
  /* What waits was marked when this number came first. */
  if (is_old && half->cold != NONE && !(half->flags & TCPTALE_HALF_DISCARDING)) return;
  tcptale_half_decide_fin(env, half);
  if (half->flags & TCPTALE_HALF_DISCARDING) tcptale_half_skip(env, half);
  else tcptale_half_advance(env, half, TCPTALE_FORCE_NONE);
  tcptale_half_rest(env, half, ts_ns);
}

uint64_t tcptale_half_queued_bytes(const struct tcptale_stream_env *env,
                                   const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);

  return cold == NULL ? 0 : cold->queue.bytes;
}

uint32_t tcptale_half_queued_segments(const struct tcptale_stream_env *env,
                                      const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);

  return cold == NULL ? 0 : cold->queue.count;
}

/* feed.c - the calls that frames come by. Frames are read ahead (ahead.h), what their connections
 * lie in is prefetched, then they are taken one by one, so that a batch leads to the same events as
 * single calls: by a shortcut, or the long way (detour.h). And time: what is due comes before the
 * frame that shows it. Floor 21. */
#include "ahead.h"
#include "connection.h"
#include "later.h"
#include "limits.h"
#include "route.h"
#include "shape.h"
#include "shortcut.h"

enum {
  LONG_FRAME = 512, /* bytes: more than headers */
  LOT = 12,         /* frames that are read ahead where connections are few */
  LOT_OF_MANY = TCPTALE_AHEAD / 2,
  NEAR = 4 /* frames from prefetching what a connection is linked to until it is taken */
};
_Static_assert((int)LOT <= (int)TCPTALE_AHEAD, "there are lookups for a lot");

/* ---- time ---- */

static uint32_t expire(struct tcptale_tracker *t, uint32_t budget) {
  struct tcptale_conn_env *env = &t->env;
  uint64_t index = env->emit.index;
  uint32_t n = 0;
  env->emit.index = 0;
  for (struct tcptale_conn *conn;
       n < budget && !env->emit.stopped && (conn = tcptale_shape_due(&t->roster, env)) != NULL; n++)
    tcptale_route_finish(&t->roster, env, conn, tcptale_connection_expire(env, conn));
  tcptale_shortcut_note_rebased(t);
  if (n < budget) n += tcptale_detour_expire(t, budget - n);
  if (env->emit.stopped) t->later.puts_off = 0; /* _take_early asks for no stop */
  env->emit.index = index;
  return n;
}

/* ---- frames ---- */

/* Rule R24: time is the highest seen. What is due comes before the packet that shows it. */
static inline void begin_frame(struct tcptale_tracker *t, const tcptale_frame *frame) {
  t->stats.frames++;
  t->env.emit.index = frame->index;
  t->env.emit.ts_ns = frame->ts_ns;
  if (frame->ts_ns > t->env.now_ns) t->env.now_ns = frame->ts_ns;
  uint32_t waits = tcptale_roster_has_due(&t->roster) | t->defrag.oldest; /* NONE is 0 */
  if (waits || tcptale_wheel_is_behind(&t->roster.wheel, t->env.now_ns))
    expire(t, t->env.config.timer_budget);
}

/* The long way of a frame that no shortcut took; it is decoded unless it was already. */
static TCPTALE_APART void take_the_long_way(struct tcptale_tracker *t, const tcptale_frame *frame,
                                            const struct tcptale_lookup *look) {
  tcptale_packet *packet = tcptale_ahead_packet(t, look);
  if (!look->has_packet) tcptale_ahead_decode(frame, packet, t->decode_flags);
  tcptale_detour(t, packet, frame, look);
}

/* Takes a frame that was read. */
static TCPTALE_INLINE void take_frame(struct tcptale_tracker *t, const tcptale_frame *frame,
                                      const struct tcptale_lookup *look, int is_alone) {
  begin_frame(t, frame);
  t->stats.segments += look->has_key;
  if (!tcptale_shortcut(t, look, is_alone)) take_the_long_way(t, frame, look);
}

/* The same, for a loop that has much else to do. */
static TCPTALE_APART void take_frame_apart(struct tcptale_tracker *t, const tcptale_frame *frame,
                                           const struct tcptale_lookup *look) {
  take_frame(t, frame, look, 0);
}

/* The longest frame whose headers are prefetched. Where checksums are verified every byte is read
 * in order, which the hardware prefetcher serves by itself; hints in long frames get in its way. */
static uint32_t longest_fetched(const struct tcptale_tracker *t) {
  return tcptale_ahead_verifies(t) ? LONG_FRAME : UINT32_MAX;
}

static int are_few(const struct tcptale_tracker *t) {
  return tcptale_roster_open(&t->roster) <= TCPTALE_FEW;
}

/* ---- frames of few connections, which stay in the cache ---- */

/* How many of `left` frames are read ahead: no more than are prefetched while the lot before is
 * taken. Where checksums are verified, no further than to a long one: while that is taken the
 * hardware prefetcher goes on to the next. */
static uint32_t lot_of(const struct tcptale_tracker *t, const tcptale_frame *f, size_t stride,
                       size_t left) {
  uint32_t n = left < LOT ? (uint32_t)left : LOT;
  if (!tcptale_ahead_verifies(t)) return n;
  for (uint32_t i = 0; i < n; i++)
    if (tcptale_ahead_at(f, stride, i)->cap_len > LONG_FRAME) return i + 1;
  return n;
}

/* Reads a lot of the `left` frames and takes it, and prefetches as many of those behind; where
 * these are fewer, it begins with some of its own, which are at hand. Returns how many were taken:
 * the lot, unless the user stops. */
static size_t take_few(struct tcptale_tracker *t, const tcptale_frame *f, size_t stride,
                       size_t left) {
  const uint32_t n = lot_of(t, f, stride, left), longest = longest_fetched(t);
  const struct tcptale_lookup *look = t->look, *end = look + n;
  const tcptale_frame *next = tcptale_ahead_at(f, stride, left - n < n ? left - n : n);
  tcptale_ahead_read_all(t, t->look, f, stride, n);
  for (; look < end && !t->env.emit.stopped; look++) {
    if (next->cap_len <= longest) tcptale_ahead_fetch(next);
    take_frame(t, f, look, 0);
    f = tcptale_ahead_at(f, stride, 1);
    next = tcptale_ahead_at(next, stride, 1);
  }
  return (size_t)(look - t->look);
}

/* ---- frames of many connections ---- */

/* Frames that were read ahead, and what their connections lie in. */
struct lot {
  struct tcptale_lookup *look;
  uint32_t count;
  uint32_t ref[LOT_OF_MANY]; /* as fetch_connection found it; 0: none */
};

static void read_lot(struct tcptale_tracker *t, struct lot *lot, const tcptale_frame *f,
                     size_t stride, size_t left) {
  lot->count = left < LOT_OF_MANY ? (uint32_t)left : LOT_OF_MANY;
  tcptale_ahead_read_all(t, lot->look, f, stride, lot->count);
}

/* What the connection of a lot's i-th frame lies in, its slot being at hand. */
static TCPTALE_INLINE void fetch_connection(const struct tcptale_tracker *t, struct lot *lot,
                                            uint32_t i) {
  if (i >= lot->count) return;
  const struct tcptale_lookup *look = &lot->look[i];
  lot->ref[i] =
      look->has_key ? tcptale_roster_prefetch(&t->roster, &t->env, look->key.hash, look->home) : 0;
}

/* What that is linked to, itself being at hand. */
static TCPTALE_INLINE void fetch_neighbours(const struct tcptale_tracker *t, const struct lot *lot,
                                            uint32_t i) {
  if (i < lot->count && lot->ref[i] != 0)
    tcptale_roster_prefetch_near(&t->roster, &t->env, lot->ref[i]);
}

/* Takes a lot; with each frame it prefetches the neighbours of one in it, the connection of one in
 * the next lot, and the headers of one of the `more` frames behind both. Returns how many were
 * taken: all, unless the user stops. */
static uint32_t take_lot(struct tcptale_tracker *t, const struct lot *lot, struct lot *next_lot,
                         const tcptale_frame *f, size_t stride, size_t more) {
  size_t behind = next_lot->count + (more < lot->count ? more : lot->count);
  const tcptale_frame *next = tcptale_ahead_at(f, stride, behind);
  const uint32_t longest = longest_fetched(t);
  for (uint32_t i = 0; i < NEAR; i++) fetch_neighbours(t, lot, i);
  for (uint32_t i = 0; i < lot->count; i++) {
    if (t->env.emit.stopped) return i;
    if (next->cap_len <= longest) tcptale_ahead_fetch(next);
    fetch_connection(t, next_lot, i);
    fetch_neighbours(t, lot, i + NEAR);
    take_frame_apart(t, f, &lot->look[i]);
    f = tcptale_ahead_at(f, stride, 1);
    next = tcptale_ahead_at(next, stride, 1);
  }
  return lot->count;
}

/* Takes `count` frames: while one lot is taken, the next one has been read. Returns how many were
 * taken: all, unless the user stops. */
static size_t take_many(struct tcptale_tracker *t, const tcptale_frame *f, size_t stride,
                        size_t count) {
  struct lot lots[2];
  size_t taken = 0, read = 0;
  lots[0].look = t->look;
  lots[1].look = t->look + LOT_OF_MANY;
  read_lot(t, &lots[0], f, stride, count);
  for (uint32_t i = 0; i < lots[0].count; i++) fetch_connection(t, &lots[0], i);
  for (uint32_t k = 0; taken < count && !t->env.emit.stopped; k ^= 1) {
    struct lot *lot = &lots[k], *next_lot = &lots[k ^ 1];
    read += lot->count;
    read_lot(t, next_lot, tcptale_ahead_at(f, stride, read), stride, count - read);
    taken += take_lot(t, lot, next_lot, tcptale_ahead_at(f, stride, taken), stride,
                      count - read - next_lot->count);
  }
  return taken;
}

/* ---- the public calls ---- */

static inline int may_enter(const struct tcptale_tracker *t) {
  const struct tcptale_emit *emit = &t->env.emit;
  if (!(emit->busy | emit->stopped)) return TCPTALE_OK;
  return emit->busy ? TCPTALE_ERR_REENTRANT : TCPTALE_ERR_STOPPED;
}

static inline int frame_is_valid(const tcptale_frame *f) {
  return f->data || f->cap_len == 0;
}

static inline int size_is_valid(uint32_t size) {
  if (size == sizeof(tcptale_frame)) return 1; /* nearly always */
  return size > sizeof(tcptale_frame) && size % _Alignof(tcptale_frame) == 0;
}

/* The first of `count` says how long each is. */
static inline int frames_are_valid(const tcptale_frame *frames, size_t count) {
  if (count == 0) return 1;
  if (!frames || !size_is_valid(frames->struct_size)) return 0;
  if (count == 1) return frame_is_valid(frames);
  const size_t stride = frames->struct_size;
  const tcptale_frame *end = tcptale_ahead_at(frames, stride, count);
  for (const tcptale_frame *f = frames; f != end; f = tcptale_ahead_at(f, stride, 1))
    if (!frame_is_valid(f)) return 0;
  return 1;
}

/* The headers of the frames that are read first, which nothing before them could prefetch. */
static void fetch_first(const struct tcptale_tracker *t, const tcptale_frame *frames,
                        size_t count) {
  tcptale_keep_hints();
  const size_t most = are_few(t) ? LOT : TCPTALE_AHEAD, stride = frames->struct_size;
  const uint32_t longest = longest_fetched(t);
  const tcptale_frame *end = tcptale_ahead_at(frames, stride, count < most ? count : most);
  for (const tcptale_frame *f = frames; f != end; f = tcptale_ahead_at(f, stride, 1))
    if (f->cap_len <= longest) tcptale_ahead_fetch(f);
}

/* Takes `count` frames. Returns how many were taken: all, unless the user stops. */
static TCPTALE_APART size_t take_frames(struct tcptale_tracker *t, const tcptale_frame *frames,
                                        size_t count) {
  const size_t stride = frames->struct_size;
  const tcptale_frame *f = frames;
  size_t taken = 0;
  fetch_first(t, frames, count);
  while (taken < count && !t->env.emit.stopped) {
    size_t left = count - taken;
    size_t n = are_few(t) ? take_few(t, f, stride, left) : take_many(t, f, stride, left);
    taken += n;
    f = tcptale_ahead_at(f, stride, n);
  }
  return taken;
}

static int refuse(size_t *consumed, int result) {
  if (consumed) *consumed = 0;
  return result;
}

/* A packet a call. Nothing but the next call can overlap with its cache misses, so the order is the
 * one that lets that begin soonest: what stands between the first look at a connection and the
 * hints of the next call is all that counts (ahead.h, later.h, shortcut.h). */
static TCPTALE_INLINE int feed_one(struct tcptale_tracker *t, const tcptale_frame *frame,
                                   size_t *consumed) {
  if (!t || !frames_are_valid(frame, 1)) return refuse(consumed, TCPTALE_ERR_ARG);
  struct tcptale_ahead_alone alone;
  int is_read = t->reads_alone && tcptale_ahead_approach(t, frame, &alone);
  int result = may_enter(t);
  if (result != TCPTALE_OK) return refuse(consumed, result);
  struct tcptale_lookup *look = t->later.next;
  is_read = is_read && tcptale_ahead_read_alone(frame, &alone, look);
  /* So far nothing that settling changes was looked at; _read_all may decode. */
  tcptale_later_settle(t);
  t->later.puts_off = tcptale_roster_open(&t->roster) > t->later.over;
  if (!is_read) {
    look->guess = NULL;
    tcptale_ahead_read_all(t, look, frame, 0, 1);
  }
  if (consumed) *consumed = 1;
  take_frame(t, frame, look, 1);
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

static TCPTALE_APART int feed_batch(struct tcptale_tracker *t, const tcptale_frame *frames,
                                    size_t count, size_t *consumed) {
  if (!t || !frames_are_valid(frames, count)) return refuse(consumed, TCPTALE_ERR_ARG);
  int result = may_enter(t);
  if (result != TCPTALE_OK) return refuse(consumed, result);
  tcptale_later_settle_apart(t);
  t->later.puts_off = 0;
  size_t taken = count > 0 ? take_frames(t, frames, count) : 0;
  if (consumed) *consumed = taken;
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

int tcptale_tracker_feed(tcptale_tracker *t, const tcptale_frame *frames, size_t count,
                         size_t *consumed) {
  return count == 1 ? feed_one(t, frames, consumed) : feed_batch(t, frames, count, consumed);
}

int tcptale_tracker_prefetch(tcptale_tracker *t, const tcptale_frame *frame) {
  if (!t || !frames_are_valid(frame, 1)) return TCPTALE_ERR_ARG;
  if (!are_few(t)) tcptale_ahead_announce(t, frame);
  return TCPTALE_OK;
}

int tcptale_tracker_feed_packet(tcptale_tracker *t, const tcptale_packet *packet,
                                const tcptale_frame *frame) {
  if (!t || !packet || packet->struct_size < sizeof *packet || !frame ||
      !frames_are_valid(frame, 1))
    return TCPTALE_ERR_ARG;
  uint64_t end =
      packet->payload_cap > 0 ? (uint64_t)packet->payload_offset + packet->payload_cap : 0;
  if (end > frame->cap_len || packet->cap_len > frame->cap_len) return TCPTALE_ERR_ARG;
  int result = may_enter(t);
  if (result != TCPTALE_OK) return result;
  struct tcptale_lookup look;
  tcptale_later_settle_apart(t);
  t->later.puts_off = 0;
  begin_frame(t, frame);
  tcptale_detour_look_up(t, packet, frame->data, frame->scope, &look);
  t->stats.segments += look.has_key;
  if (!tcptale_shortcut_apart(t, &look)) tcptale_detour(t, packet, frame, &look);
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

int tcptale_tracker_expire(tcptale_tracker *t, uint64_t now_ns) {
  if (!t) return TCPTALE_ERR_ARG;
  int result = may_enter(t);
  if (result != TCPTALE_OK) return result;
  tcptale_later_settle_apart(t);
  if (now_ns > t->env.now_ns) t->env.now_ns = now_ns;
  t->env.emit.index = 0;
  t->env.emit.ts_ns = t->env.now_ns;
  uint32_t n = expire(t, t->env.config.timer_budget);
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : (int)n;
}

int tcptale_tracker_flush(tcptale_tracker *t) {
  if (!t) return TCPTALE_ERR_ARG;
  if (t->env.emit.busy) return TCPTALE_ERR_REENTRANT;
  struct tcptale_conn_env *env = &t->env;
  tcptale_later_settle_apart(t);
  env->emit.index = 0;
  env->emit.ts_ns = env->now_ns;
  uint64_t first = tcptale_roster_first_id(&t->roster, env), last = env->last_id;
  for (uint64_t id = first; first != 0 && id <= last; id++) {
    uint32_t ref = tcptale_roster_look_id(&t->roster, env, id);
    uint32_t why = env->emit.stopped ? TCPTALE_CLOSE_STOPPED : TCPTALE_CLOSE_END;
    if (ref) tcptale_limits_end(&t->roster, env, ref, why);
  }
  for (uint32_t ref; (ref = t->roster.head[TCPTALE_CLASS_CLOSED]) != 0;)
    tcptale_limits_end(&t->roster, env, ref, TCPTALE_CLOSE_END);
  tcptale_detour_flush(t);
  memset(&t->dup, 0, sizeof t->dup);
  return TCPTALE_OK;
}

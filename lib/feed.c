/* feed.c - frames on their way to connections: reads them, up to TCPTALE_AHEAD at a time, by their gist or
 * decoded; fetches what their connections lie in; then takes them one by one, so that a batch leads to the
 * same events as single calls: by a shortcut, or the long way (detour.h). And time. Floor 19. */
#include "connection.h"
#include "detour.h"
#include "limits.h"
#include "route.h"
#include "shape.h"
#include "shortcut.h"
#include "tell.h"
#include "util.h"

enum {
  LONG_FRAME = 512, /* bytes: more than headers */
  FEW = 4096,       /* connections: their cards fit into half a mebibyte */
  LOT = 12,         /* frames that are read ahead where connections are few */
  LOT_OF_MANY = TCPTALE_AHEAD / 2,
  NEAR = 4, /* frames from fetching what a connection is strung to until it is taken */
  STEP = 3  /* frames from one step of fetching to the next, of what is fed one by one */
};

/* ---- time ---- */

static uint32_t expire(struct tcptale_tracker *t, uint32_t budget) {
  struct tcptale_conn_env *env = &t->env;
  uint64_t index = env->emit.index;
  uint32_t n = 0;
  env->emit.index = 0;
  for (struct tcptale_conn *conn;
       n < budget && !env->emit.stopped && (conn = tcptale_shape_due(&t->roster, env)) != NULL; n++)
    tcptale_route_finish(&t->roster, env, conn, tcptale_connection_expire(env, conn));
  if (n < budget) n += tcptale_detour_expire(t, budget - n);
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

/* The i-th frame behind one, in an array where they are `stride` bytes apart. */
static const tcptale_frame *frame_at(const tcptale_frame *frame, size_t stride, size_t i) {
  return (const tcptale_frame *)(const void *)((const uint8_t *)frame + i * stride);
}

static void decode(struct tcptale_tracker *t, const tcptale_frame *f, tcptale_packet *packet) {
  tcptale_decode(packet, f->link_type, f->data, f->cap_len, f->wire_len, t->decode_flags);
}

/* Where a frame that was read ahead is decoded to. */
static tcptale_packet *packet_of(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  return &t->ahead[look - t->look];
}

/* Reads the gist of a frame, and its key. */
static TCPTALE_INLINE int read_gist(const struct tcptale_tracker *t, const tcptale_frame *f,
                                    struct tcptale_lookup *look, int verify) {
  struct tcptale_gist_ends ends;
  if (tcptale_gist_is_v4(f->data, f->cap_len))
    return tcptale_gist_of_v4(&look->gist, &ends, f->data, f->cap_len, verify) &&
           tcptale_key_read_v4(&look->key, &ends, t->env.secret.word);
  return tcptale_gist_of_other(&look->gist, &ends, f->data, f->cap_len, verify) &&
         tcptale_key_of_ends(&look->key, &ends, &t->env.secret);
}

/* Reads what a frame is about: all that is needed of a usual one, as of most on Ethernet, is its gist
 * (`may_have_gist`). */
static TCPTALE_INLINE void read_frame(struct tcptale_tracker *t, const tcptale_frame *f,
                                      struct tcptale_lookup *look, int may_have_gist, int verify) {
  look->known = may_have_gist && f->link_type == TCPTALE_LINK_ETHERNET && f->scope == 0 &&
                read_gist(t, f, look, verify);
  look->has_packet = !look->known;
  if (look->has_packet) {
    decode(t, f, packet_of(t, look));
    tcptale_detour_look_up(t, packet_of(t, look), f->data, f->scope, look);
    return;
  }
  look->home = tcptale_roster_approach(&t->roster, &look->key);
}

/* The headers of a frame of the next batch: asked for one by one, as requests for lines in one go
 * wait for each other. */
static void fetch_frame(const tcptale_frame *frame) {
  uintptr_t at = (uintptr_t)frame->data; /* which may be 0 */
  tcptale_prefetch((const void *)at);
  tcptale_prefetch((const void *)(at + 64));
}

/* One copy for each `may_have_gist` and `verify`: nearly all that a frame costs here is in line. */
static TCPTALE_INLINE void read_frames(struct tcptale_tracker *t, struct tcptale_lookup *look,
                                       const tcptale_frame *f, size_t stride, uint32_t n,
                                       int may_have_gist, int verify) {
  for (const struct tcptale_lookup *end = look + n; look < end; look++, f = frame_at(f, stride, 1))
    read_frame(t, f, look, may_have_gist, verify);
}

/* Reads `n` frames. */
static void look_ahead(struct tcptale_tracker *t, struct tcptale_lookup *look,
                       const tcptale_frame *frames, size_t stride, uint32_t n) {
  if (!t->wants_gists) read_frames(t, look, frames, stride, n, 0, 0);
  else if (t->decode_flags & TCPTALE_DECODE_CHECKSUM) read_frames(t, look, frames, stride, n, 1, 1);
  else read_frames(t, look, frames, stride, n, 1, 0);
}

/* The same of a frame, which is decoded first if it was not. */
static TCPTALE_APART void take_odd_frame(struct tcptale_tracker *t, const tcptale_frame *frame,
                                         const struct tcptale_lookup *look) {
  tcptale_packet *packet = packet_of(t, look);
  if (!look->has_packet) decode(t, frame, packet);
  tcptale_detour(t, packet, frame, look);
}

/* Takes a frame that was read ahead. */
static TCPTALE_INLINE void take_frame(struct tcptale_tracker *t, const tcptale_frame *frame,
                                      const struct tcptale_lookup *look) {
  begin_frame(t, frame);
  t->stats.segments += look->known;
  if (!tcptale_shortcut(t, look)) take_odd_frame(t, frame, look);
}

/* The same where it is not in the way of anything else. */
static TCPTALE_APART void take_frame_apart(struct tcptale_tracker *t, const tcptale_frame *frame,
                                           const struct tcptale_lookup *look) {
  take_frame(t, frame, look);
}

/* ---- a frame alone ---- */

/* Reads it and takes it: no frame is known whose waits its own could overlap with. */
static TCPTALE_APART void take_one(struct tcptale_tracker *t, const tcptale_frame *frame) {
  int is_read_here = t->wants_gists && !(t->decode_flags & TCPTALE_DECODE_CHECKSUM);
  if (is_read_here) read_frame(t, frame, t->look, 1, 0);
  else look_ahead(t, t->look, frame, 0, 1);
  take_frame(t, frame, t->look);
}

/* Where checksums are verified a frame is read from end to end: in long ones the machine foresees that
 * by itself, and hints get in its way (W1 with checksums: a seventh more time). */
static uint32_t longest_fetched(const struct tcptale_tracker *t) {
  return t->decode_flags & TCPTALE_DECODE_CHECKSUM ? LONG_FRAME : UINT32_MAX;
}

/* ---- frames of few connections, which stay in the cache ---- */

static int are_few(const struct tcptale_tracker *t) {
  return tcptale_roster_open(&t->roster) <= FEW;
}

/* How many of `left` frames are read ahead: no more than can be fetched while as many are taken, as reading
 * waits for headers that nobody fetched. Where checksums are verified, no further than to a long one:
 * while that is taken the machine goes on to bring what it read all of (W1: 0.83 of the time that 32 at
 * once take). */
static uint32_t lot_of(const struct tcptale_tracker *t, const tcptale_frame *f, size_t stride,
                       size_t left) {
  uint32_t n = left < LOT ? (uint32_t)left : LOT;
  if (!(t->decode_flags & TCPTALE_DECODE_CHECKSUM)) return n;
  for (uint32_t i = 0; i < n; i++)
    if (frame_at(f, stride, i)->cap_len > LONG_FRAME) return i + 1;
  return n;
}

/* Reads a lot of the `left` frames and takes it, and fetches as many of those behind; where these are fewer,
 * it begins with some of its own, which are at hand, instead of asking each time. Returns how many were
 * taken: the lot, unless the user stops. */
static size_t take_few(struct tcptale_tracker *t, const tcptale_frame *f, size_t stride,
                       size_t left) {
  const uint32_t n = lot_of(t, f, stride, left), longest = longest_fetched(t);
  const struct tcptale_lookup *look = t->look, *end = look + n;
  const tcptale_frame *next = frame_at(f, stride, left - n < n ? left - n : n);
  look_ahead(t, t->look, f, stride, n);
  for (; look < end && !t->env.emit.stopped; look++) {
    if (next->cap_len <= longest) fetch_frame(next);
    take_frame(t, f, look);
    f = frame_at(f, stride, 1);
    next = frame_at(next, stride, 1);
  }
  return (size_t)(look - t->look);
}

/* ---- frames of many connections ---- */

/* Frames that were read ahead, and what their connections lie in. */
struct lot {
  struct tcptale_lookup *look;
  uint32_t count;
  uint32_t ref[LOT_OF_MANY]; /* 0: it has none, or none was looked for yet */
};

static void read_lot(struct tcptale_tracker *t, struct lot *lot, const tcptale_frame *f,
                     size_t stride, size_t left) {
  lot->count = left < LOT_OF_MANY ? (uint32_t)left : LOT_OF_MANY;
  look_ahead(t, lot->look, f, stride, lot->count);
}

/* What the connection of a lot's i-th frame lies in, its slot being at hand. */
static inline void fetch_connection(const struct tcptale_tracker *t, struct lot *lot, uint32_t i) {
  if (i >= lot->count) return;
  const struct tcptale_lookup *look = &lot->look[i];
  lot->ref[i] =
      look->known ? tcptale_roster_prefetch(&t->roster, &t->env, look->key.hash, look->home) : 0;
}

/* What that is strung to, itself being at hand. */
static inline void fetch_neighbours(const struct tcptale_tracker *t, const struct lot *lot,
                                    uint32_t i) {
  if (i < lot->count && lot->ref[i] != 0)
    tcptale_roster_prefetch_near(&t->roster, &t->env, lot->ref[i]);
}

/* Takes a lot; frame by frame, it fetches its neighbours, the next lot's connections, and as many of the
 * `more` frames behind both: requests for lines in one go wait for each other. Returns how many were
 * taken: all, unless the user stops. */
static uint32_t take_lot(struct tcptale_tracker *t, const struct lot *lot, struct lot *next_lot,
                         const tcptale_frame *f, size_t stride, size_t more) {
  const tcptale_frame *next = frame_at(f, stride, more < lot->count ? more : lot->count);
  const uint32_t longest = longest_fetched(t);
  next = frame_at(next, stride, next_lot->count);
  for (uint32_t i = 0; i < NEAR; i++) fetch_neighbours(t, lot, i);
  for (uint32_t i = 0; i < lot->count; i++) {
    if (t->env.emit.stopped) return i;
    if (next->cap_len <= longest) fetch_frame(next);
    fetch_connection(t, next_lot, i);
    fetch_neighbours(t, lot, i + NEAR);
    take_frame_apart(t, f, &lot->look[i]);
    f = frame_at(f, stride, 1);
    next = frame_at(next, stride, 1);
  }
  return lot->count;
}

/* Takes `count` frames: while one lot is taken, the next one has been read. Returns how many were taken. */
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
    read_lot(t, next_lot, frame_at(f, stride, read), stride, count - read);
    taken += take_lot(t, lot, next_lot, frame_at(f, stride, taken), stride,
                      count - read - next_lot->count);
  }
  return taken;
}

/* ---- frames that will come one by one ---- */

/* The one announced `back` before the latest. */
static struct tcptale_coming *coming_at(struct tcptale_tracker *t, uint32_t back) {
  return &t->coming[(t->announced - 1 - back) % TCPTALE_COMING];
}

/* A step for this frame, and the next ones for two that were announced before it, by what is at hand now:
 * the slot; the connection; what that is strung to. */
static void announce(struct tcptale_tracker *t, const tcptale_frame *frame) {
  struct tcptale_lookup *look = &t->look[TCPTALE_AHEAD];
  read_frame(t, frame, look, (int)t->wants_gists, 0);
  t->announced++;
  struct tcptale_coming *first = coming_at(t, 0), *second = coming_at(t, STEP),
                        *third = coming_at(t, 2 * STEP);
  *first =
      (struct tcptale_coming){.hash = look->key.hash, .home = look->home, .known = look->known};
  if (second->known)
    second->ref = tcptale_roster_prefetch(&t->roster, &t->env, second->hash, second->home);
  if (third->ref) tcptale_roster_prefetch_near(&t->roster, &t->env, third->ref);
}

static int may_enter(const struct tcptale_tracker *t) {
  if (t->env.emit.busy) return TCPTALE_ERR_REENTRANT;
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

static inline int frame_is_valid(const tcptale_frame *f) {
  return f->data || f->cap_len == 0;
}

/* The first of `count` says how long each is. */
static inline int frames_are_valid(const tcptale_frame *frames, size_t count) {
  if (count == 0) return 1;
  if (!frames || frames->struct_size < sizeof *frames ||
      frames->struct_size % _Alignof(tcptale_frame))
    return 0;
  if (count == 1) return frame_is_valid(frames);
  const size_t stride = frames->struct_size;
  const tcptale_frame *end = frame_at(frames, stride, count);
  for (const tcptale_frame *f = frames; f != end; f = frame_at(f, stride, 1))
    if (!frame_is_valid(f)) return 0;
  return 1;
}

/* Takes `count` frames. Returns how many were taken: all, unless the user stops. */
static TCPTALE_APART size_t take_frames(struct tcptale_tracker *t, const tcptale_frame *frames,
                                        size_t count) {
  const size_t stride = frames->struct_size;
  const tcptale_frame *f = frames;
  size_t taken = 0;
  while (taken < count && !t->env.emit.stopped) {
    size_t left = count - taken;
    size_t n = are_few(t) ? take_few(t, f, stride, left) : take_many(t, f, stride, left);
    taken += n;
    f = frame_at(f, stride, n);
  }
  return taken;
}

int tcptale_tracker_feed(tcptale_tracker *t, const tcptale_frame *frames, size_t count,
                         size_t *consumed) {
  size_t taken = count;
  if (consumed) *consumed = 0;
  if (!t || !frames_are_valid(frames, count)) return TCPTALE_ERR_ARG;
  int result = may_enter(t);
  if (result != TCPTALE_OK) return result;
  if (count == 1) take_one(t, frames);
  else if (count > 1) taken = take_frames(t, frames, count);
  if (consumed) *consumed = taken;
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

int tcptale_tracker_prefetch(tcptale_tracker *t, const tcptale_frame *frame) {
  if (!t || !frames_are_valid(frame, 1)) return TCPTALE_ERR_ARG;
  if (!are_few(t)) announce(t, frame);
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
  begin_frame(t, frame);
  tcptale_detour_look_up(t, packet, frame->data, frame->scope, &look);
  t->stats.segments += look.known;
  if (!tcptale_shortcut_apart(t, &look)) tcptale_detour(t, packet, frame, &look);
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

int tcptale_tracker_expire(tcptale_tracker *t, uint64_t now_ns) {
  if (!t) return TCPTALE_ERR_ARG;
  int result = may_enter(t);
  if (result != TCPTALE_OK) return result;
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

/* tracker.c - frames on their way to connections: reads them, up to TCPTALE_AHEAD at a time, by their
 * gist or decoded; fetches what their connections lie in; then takes them one by one, so that a
 * batch leads to the same events as single calls: the short way, or put together and unpacked, the
 * long way (route.h). Floor 16. */
#include "tracker.h"

#include <stddef.h>
#include <string.h>

#include "call.h"
#include "connection.h"
#include "limits.h"
#include "route.h"
#include "shape.h"
#include "tell.h"
#include "usual.h"
#include "util.h"

enum {
  LONG_FRAME = 512, /* bytes: more than headers */
  FEW = 4096,       /* connections: their cards fit into half a mebibyte */
  LOT = 12,         /* frames that are read ahead where connections are few */
  LOT_OF_MANY = TCPTALE_AHEAD / 2,
  NEAR = 4 /* frames from fetching what a connection is strung to until it is taken */
};

/* ---- one packet ---- */

static void stray(struct tcptale_tracker *t, uint32_t code) {
  tcptale_tell_anomaly(&t->env, NULL, code, TCPTALE_NO_DIR, 0, 0);
}

/* What the decoder found odd in a packet that is no TCP segment, or belongs to no connection. */
static void tell_stray_findings(struct tcptale_tracker *t, const tcptale_packet *packet) {
  for (uint32_t code = 1, bits = packet->anomalies; code < 32 && bits >> code != 0; code++)
    if (bits >> code & 1) stray(t, code);
}

/* A checksum that is surely wrong opens nothing. */
static int is_refused_stray(struct tcptale_tracker *t, struct tcptale_arrival *seg,
                            const struct tcptale_key *key) {
  if (t->env.config.checksum != TCPTALE_CHECKSUM_VERIFY) return 0;
  int bad_ip = seg->packet->ip_csum == TCPTALE_CSUM_BAD;
  int bad_tcp = seg->packet->tcp_csum == TCPTALE_CSUM_BAD;
  if ((!bad_ip && !bad_tcp) || tcptale_roster_look(&t->roster, &t->env, key)) return 0;
  t->env.bad_checksums++;
  seg->dir = TCPTALE_NO_DIR;
  seg->verdict = TCPTALE_SEGMENT_OUTSIDE;
  seg->anomaly = bad_ip ? TCPTALE_ANOMALY_BAD_IP_CSUM : TCPTALE_ANOMALY_BAD_TCP_CSUM;
  tcptale_tell_segment(&t->env, NULL, seg);
  return 1;
}

/* Tells connections and directions apart. */
static uint64_t flow_of(const struct tcptale_key *key) {
  uint64_t flow;
  _Static_assert(offsetof(struct tcptale_key, from) == offsetof(struct tcptale_key, hash) + 4,
                 "they are one number");
  memcpy(&flow, (const uint8_t *)key + offsetof(struct tcptale_key, hash), sizeof flow);
  return flow;
}

/* Whether the capture holds this frame twice (rule R23); it is remembered. */
static int is_copy(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  if (t->env.config.flags & TCPTALE_CONFIG_NO_DUP_FRAME) return 0;
  uint64_t flow = flow_of(&look->key), index = t->env.emit.index;
  int seen = tcptale_dup_has(&t->dup, flow, &look->gist, index, t->env.now_ns);
  tcptale_dup_remember(&t->dup, flow, &look->gist, index, t->env.now_ns);
  return seen;
}

/* The long way. A frame that the capture holds twice is marked before anything looks at it. */
static void take_any(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                     const tcptale_packet *packet, const uint8_t *data) {
  int seen = is_copy(t, look);
  struct tcptale_arrival seg = {.packet = packet, .data = data, .payload = data};
  if (packet->payload_cap > 0) seg.payload = data + packet->payload_offset;
  seg.index = t->env.emit.index;
  seg.ts_ns = t->env.now_ns;
  seg.len = packet->payload_len - packet->payload_unsent;
  seg.cap_len = packet->payload_cap;
  if (seen) seg.verdict = TCPTALE_SEGMENT_DUP_FRAME;
  if (!is_refused_stray(t, &seg, &look->key)) tcptale_route(&t->roster, &t->env, &look->key, &seg);
  int may_count_again = seg.verdict == TCPTALE_SEGMENT_OUTSIDE || seg.doubtful || t->env.rebased;
  if (may_count_again) tcptale_dup_refuse(&t->dup);
  t->env.rebased = 0;
}

/* What every usual segment goes through stands in line, in the loop over a batch: calls would cost a fifth
 * of it. What most do not need stays apart. */

static inline void remember(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  tcptale_dup_remember(&t->dup, flow_of(&look->key), &look->gist, t->env.emit.index, t->env.now_ns);
}

/* The short way of the ACK that completes a handshake. */
static TCPTALE_APART int take_completion(struct tcptale_tracker *t, struct tcptale_card *card,
                                         const struct tcptale_lookup *look) {
  if (card->has_record) return 0;
  uint64_t due_ns = tcptale_fold_deadline(&t->env, card);
  if (due_ns <= t->env.now_ns) return 0;
  if (!tcptale_call_is_completed(&t->env, card, &look->key, &look->gist)) return 0;
  if (tcptale_dup_has(&t->dup, flow_of(&look->key), &look->gist, t->env.emit.index, t->env.now_ns))
    return 0;
  remember(t, look);
  tcptale_call_complete(&t->roster, &t->env, card, &look->gist, due_ns);
  return 1;
}

/* Both sides have finished: the ports are remembered. */
static void close_usual(struct tcptale_tracker *t, struct tcptale_card *card) {
  tcptale_usual_close(&t->env, card);
  tcptale_fold_forget(&t->env, card);
  tcptale_roster_move(&t->roster, &t->env, card, TCPTALE_CLASS_CLOSED, UINT64_MAX);
  tcptale_limits_forget(&t->roster, &t->env, card);
}

/* The short way where one end has told its end, or does so. */
static TCPTALE_APART int take_ending(struct tcptale_tracker *t, struct tcptale_card *card,
                                     const struct tcptale_lookup *look) {
  if (!tcptale_usual_may_come(&t->env, card)) return 0;
  uint32_t dir = look->key.from ^ (uint32_t)card->client_at;
  uint32_t usual = tcptale_usual_take_any(&t->env, card, dir, &look->gist);
  if (usual == TCPTALE_USUAL_NOT) return 0;
  remember(t, look);
  if (usual == TCPTALE_USUAL_OVER) close_usual(t, card);
  return 1;
}

static int take_at_an_end(struct tcptale_tracker *t, struct tcptale_card *card,
                          const struct tcptale_lookup *look) {
  return card->cls == TCPTALE_CLASS_HALF_OPEN ? take_completion(t, card, look)
                                              : take_ending(t, card, look);
}

static TCPTALE_APART struct tcptale_card *search_card(const struct tcptale_tracker *t,
                                                      const struct tcptale_lookup *look) {
  uint32_t ref = tcptale_roster_look_from(&t->roster, &t->env, &look->key, look->home);
  return !ref || tcptale_roster_is_packed(ref) ? NULL : tcptale_roster_card(&t->env, ref);
}

/* The short way, for a usual segment: 1. It brings what none before it brought, so it is no copy of
 * one that was believed, and is only remembered. */
static TCPTALE_INLINE int take_usual(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  struct tcptale_card *card = tcptale_roster_glance(&t->roster, &t->env, &look->key, look->home);
  if (!card) card = search_card(t, look);
  if (!card || !tcptale_dup_all_believed(&t->dup)) return 0;
  int is_going = card->is_going && !(look->gist.said.tcp_flags & TCPTALE_TCP_FIN);
  if (!is_going) return take_at_an_end(t, card, look);
  uint32_t dir = look->key.from ^ (uint32_t)card->client_at;
  if (tcptale_usual_take_going(&t->env, card, dir, &look->gist) == TCPTALE_USUAL_NOT) return 0;
  remember(t, look);
  return 1;
}

/* The short way of a handshake's SYN and SYN+ACK. */
static int take_call(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  const struct tcptale_key *key = &look->key;
  uint32_t ref = tcptale_roster_look_from(&t->roster, &t->env, key, look->home);
  int is_answer = look->gist.said.tcp_flags & TCPTALE_TCP_ACK;
  if (is_answer ? !tcptale_roster_is_packed(ref) : ref != 0) return 0;
  if (tcptale_dup_has(&t->dup, flow_of(key), &look->gist, t->env.emit.index, t->env.now_ns))
    return 0;
  if (!is_answer && !t->env.emit.stopped) tcptale_limits_yield(&t->roster, &t->env);
  int is_taken = is_answer ? tcptale_call_answer(&t->roster, &t->env, key, ref, &look->gist)
                           : tcptale_call_open(&t->roster, &t->env, key, &look->gist);
  if (is_taken) remember(t, look);
  return is_taken;
}

static TCPTALE_INLINE int take_short(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  if (look->gist.kind == TCPTALE_GIST_PLAIN) return take_usual(t, look);
  return look->gist.kind == TCPTALE_GIST_CALL && t->wants_gists && take_call(t, look);
}

/* The same for what is not read in lots. */
static TCPTALE_APART int take_short_one(struct tcptale_tracker *t,
                                        const struct tcptale_lookup *look) {
  return take_short(t, look);
}

/* Rule R1: who is connected is said by addresses, ports and the caller's scope; by tags and tunnels
 * where the configuration asks for them. What has no key is odd. */
static void look_up(struct tcptale_tracker *t, const tcptale_packet *packet, const uint8_t *data,
                    uint64_t scope, struct tcptale_lookup *look) {
  look->known = (packet->layers & TCPTALE_LAYER_TCP) &&
                tcptale_key_of(&look->key, packet, scope, t->key_flags, &t->env.secret);
  look->gist.kind = TCPTALE_GIST_ODD;
  if (!look->known) return;
  tcptale_gist_of_packet(&look->gist, packet, data);
  look->home = tcptale_roster_approach(&t->roster, &look->key);
}

static void take_segment(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                         const tcptale_packet *packet, const uint8_t *data) {
  t->stats.segments++;
  if (!take_short_one(t, look)) take_any(t, look, packet, data);
}

/* ---- fragments, and what is compressed ---- */

static void tell_fragment_findings(struct tcptale_tracker *t, uint64_t bits) {
  for (uint32_t i = 0; i <= TCPTALE_ANOMALY_FRAG_TIMEOUT - TCPTALE_ANOMALY_FRAG_OVERLAP; i++)
    if (bits >> i & 1) stray(t, TCPTALE_ANOMALY_FRAG_OVERLAP + i);
}

/* A compressed datagram goes the way of any packet once it is unpacked; one that turns out to be
 * compressed again, or a fragment, is left alone. */
static void take_compressed(struct tcptale_tracker *t, const tcptale_packet *packet,
                            const uint8_t *data, uint64_t scope) {
  tcptale_packet whole = *packet;
  struct tcptale_lookup look;
  if (packet->ip_csum == TCPTALE_CSUM_BAD) t->env.bad_checksums++;
  else if (!(t->env.config.flags & TCPTALE_CONFIG_NO_UNPACK))
    tcptale_decode_unpacked(&whole, data, t->unpacked, TCPTALE_UNPACKED_MOST, t->decode_flags);
  look_up(t, &whole, t->unpacked, scope, &look);
  if (look.known) take_segment(t, &look, &whole, t->unpacked);
  else tell_stray_findings(t, &whole);
}

static int is_compressed(const tcptale_packet *packet) {
  return packet->stop_reason == TCPTALE_STOP_COMPRESSED;
}

/* A fragment may complete its datagram, which then goes the way of any packet; one that turns
 * out to be a fragment again is left alone. */
static void take_fragment(struct tcptale_tracker *t, const tcptale_packet *packet,
                          const uint8_t *data, uint64_t scope) {
  if (packet->anomalies) tell_stray_findings(t, packet);
  if (t->env.config.flags & TCPTALE_CONFIG_NO_DEFRAG) return;
  if (packet->ip_csum == TCPTALE_CSUM_BAD) {
    t->env.bad_checksums++;
    return;
  }
  tcptale_defrag_result *result = &t->datagram;
  int pushed = tcptale_defrag_push(&t->defrag, packet, data, scope, t->env.emit.index,
                                   t->env.now_ns, result);
  if (pushed != TCPTALE_OK) return;
  tell_fragment_findings(t, result->anomalies_frag);
  if (!result->complete) return;
  tcptale_decode_reassembled(&result->first, result->data, result->len, t->decode_flags);
  struct tcptale_lookup look;
  look_up(t, &result->first, result->data, scope, &look);
  if (look.known) take_segment(t, &look, &result->first, result->data);
  else if (is_compressed(&result->first)) take_compressed(t, &result->first, result->data, scope);
  else tell_stray_findings(t, &result->first);
}

/* ---- time ---- */

static uint32_t expire(struct tcptale_tracker *t, uint32_t budget) {
  struct tcptale_conn_env *env = &t->env;
  uint64_t index = env->emit.index;
  uint32_t n = 0;
  env->emit.index = 0;
  for (struct tcptale_conn *conn;
       n < budget && !env->emit.stopped && (conn = tcptale_shape_due(&t->roster, env)) != NULL; n++)
    tcptale_route_finish(&t->roster, env, conn, tcptale_connection_expire(env, conn));
  if (t->defrag.oldest != TCPTALE_ARENA_NONE && n < budget) {
    int gone = tcptale_defrag_expire(&t->defrag, env->now_ns, budget - n);
    for (int i = 0; i < gone; i++) stray(t, TCPTALE_ANOMALY_FRAG_TIMEOUT);
    n += gone > 0 ? (uint32_t)gone : 0;
  }
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

/* What the short way did not take. */
static void take_odd(struct tcptale_tracker *t, const tcptale_packet *packet,
                     const tcptale_frame *frame, const struct tcptale_lookup *look) {
  if (look->known) take_any(t, look, packet, frame->data);
  else if (packet->layers & TCPTALE_LAYER_FRAGMENT && packet->stop_reason == TCPTALE_STOP_FRAGMENT)
    take_fragment(t, packet, frame->data, frame->scope);
  else if (is_compressed(packet)) take_compressed(t, packet, frame->data, frame->scope);
  else if (packet->anomalies) tell_stray_findings(t, packet);
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
    look_up(t, packet_of(t, look), f->data, f->scope, look);
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
  take_odd(t, packet, frame, look);
}

/* Takes a frame that was read ahead. */
static TCPTALE_INLINE void take_frame(struct tcptale_tracker *t, const tcptale_frame *frame,
                                      const struct tcptale_lookup *look) {
  begin_frame(t, frame);
  t->stats.segments += look->known;
  if (!take_short(t, look)) take_odd_frame(t, frame, look);
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

static TCPTALE_APART void take_frame_of_many(struct tcptale_tracker *t, const tcptale_frame *frame,
                                             const struct tcptale_lookup *look) {
  take_frame(t, frame, look);
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
    take_frame_of_many(t, f, &lot->look[i]);
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

static int may_enter(const struct tcptale_tracker *t) {
  if (t->env.emit.busy) return TCPTALE_ERR_REENTRANT;
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

static int frames_are_valid(const tcptale_frame *frames, size_t count) {
  if (count == 0) return 1;
  if (!frames || frames->struct_size < sizeof *frames ||
      frames->struct_size % _Alignof(tcptale_frame))
    return 0;
  const size_t stride = frames->struct_size;
  const tcptale_frame *end = frame_at(frames, stride, count);
  for (const tcptale_frame *f = frames; f != end; f = frame_at(f, stride, 1))
    if (!f->data && f->cap_len > 0) return 0;
  return 1;
}

int tcptale_tracker_feed(tcptale_tracker *t, const tcptale_frame *frames, size_t count,
                         size_t *consumed) {
  if (consumed) *consumed = 0;
  if (!t || !frames_are_valid(frames, count)) return TCPTALE_ERR_ARG;
  int result = may_enter(t);
  if (result != TCPTALE_OK) return result;
  const tcptale_frame *f = frames;
  size_t stride = count > 0 ? frames->struct_size : 0;
  for (size_t left = count; left > 0 && !t->env.emit.stopped;) {
    int is_alone = left == 1; /* what would a wait overlap with? */
    size_t taken =
        is_alone || are_few(t) ? take_few(t, f, stride, left) : take_many(t, f, stride, left);
    f = frame_at(f, stride, taken);
    left -= taken;
    if (consumed) *consumed = count - left;
  }
  return t->env.emit.stopped ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
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
  look_up(t, packet, frame->data, frame->scope, &look);
  t->stats.segments += look.known;
  if (!take_short_one(t, &look)) take_odd(t, packet, frame, &look);
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
  for (uint32_t i = tcptale_defrag_pending(&t->defrag); i > 0; i--)
    stray(t, TCPTALE_ANOMALY_FRAG_TIMEOUT);
  tcptale_defrag_clear(&t->defrag);
  memset(&t->dup, 0, sizeof t->dup);
  return TCPTALE_OK;
}

/* ahead.h - frames are read before they are taken: what each says, and where its connection is
 * looked for, so that what it needs is prefetched while others are taken. Reading has no effect but
 * hints. What every frame goes through stands in line. Floor 20. */
#ifndef TCPTALE_LIB_AHEAD_H
#define TCPTALE_LIB_AHEAD_H

#include "detour.h"
#include "tracker.h"
#include "util.h"

/* The i-th frame behind one, in an array where they are `stride` bytes apart. */
static inline const tcptale_frame *tcptale_ahead_at(const tcptale_frame *frame, size_t stride,
                                                    size_t i) {
  return (const tcptale_frame *)(const void *)((const uint8_t *)frame + i * stride);
}

/* Whether the bytes of each frame are summed up. */
static inline int tcptale_ahead_verifies(const struct tcptale_tracker *t) {
  return (t->decode_flags & TCPTALE_DECODE_CHECKSUM) != 0;
}

/* Where the frame of a lookup is decoded to, should it be. */
static inline tcptale_packet *tcptale_ahead_packet(struct tcptale_tracker *t,
                                                   const struct tcptale_lookup *look) {
  return &t->ahead[look - t->look];
}

static inline void tcptale_ahead_decode(const tcptale_frame *f, tcptale_packet *packet,
                                        uint32_t decode_flags) {
  tcptale_decode(packet, f->link_type, f->data, f->cap_len, f->wire_len, decode_flags);
}

/* Reads the gist of a frame, and its key; 0: it has none. */
static TCPTALE_INLINE int tcptale_ahead_read_gist(const struct tcptale_tracker *t,
                                                  const tcptale_frame *f,
                                                  struct tcptale_lookup *look, int verify) {
  struct tcptale_gist_ends any;
  if (tcptale_gist_is_v4(f->data, f->cap_len)) {
    struct tcptale_gist_ends v4 = tcptale_gist_ends_of_v4(f->data); /* stays in registers */
    return tcptale_gist_of_v4(&look->gist, f->data, f->cap_len, verify) &&
           tcptale_key_read_v4(&look->key, &v4, t->env.secret.word);
  }
  return tcptale_gist_of_other(&look->gist, &any, f->data, f->cap_len, verify) &&
         tcptale_key_of_ends(&look->key, &any, &t->env.secret);
}

/* Reads what a frame is about. Its gist is all that is needed of a usual one, as of most on
 * Ethernet (`may_have_gist`); any other is decoded. `verify`: 1 where checksums are. */
static TCPTALE_INLINE void tcptale_ahead_read(struct tcptale_tracker *t, const tcptale_frame *f,
                                              struct tcptale_lookup *look, int may_have_gist,
                                              int verify) {
  look->has_key = may_have_gist && f->link_type == TCPTALE_LINK_ETHERNET && f->scope == 0 &&
                  tcptale_ahead_read_gist(t, f, look, verify);
  look->has_packet = !look->has_key;
  if (look->has_packet) {
    tcptale_packet *packet = tcptale_ahead_packet(t, look);
    tcptale_ahead_decode(f, packet, verify ? (uint32_t)TCPTALE_DECODE_CHECKSUM : 0);
    tcptale_detour_look_up(t, packet, f->data, f->scope, look);
    return;
  }
  look->home = tcptale_roster_approach(&t->roster, &look->key);
}

/* What is known first of a frame that is fed alone; not in a lookup, as the call may yet be
 * refused, and the tracker's lookups be in use. */
struct tcptale_ahead_alone {
  struct tcptale_key key;
  struct tcptale_card *guess;
  uint32_t home;
};

/* Reads that, in a tracker that wants gists and verifies no checksums: the key of what looks like
 * TCP over IPv4, though the bytes may turn out to mean something else. Nothing of this call can
 * overlap with the misses of the one before but what is asked for here, and the sooner the better.
 * 0: the frame is to be read as any other. */
static TCPTALE_INLINE int tcptale_ahead_approach(const struct tcptale_tracker *t,
                                                 const tcptale_frame *f,
                                                 struct tcptale_ahead_alone *alone) {
  if (!tcptale_gist_is_v4(f->data, f->cap_len)) return 0;
  if (f->data[TCPTALE_ETHERNET_LEN + TCPTALE_V4_PROTOCOL] != TCPTALE_PROTO_TCP) return 0;
  struct tcptale_gist_ends ends = tcptale_gist_ends_of_v4(f->data);
  if (!tcptale_key_try_v4(&alone->key, &ends, t->env.secret.word)) return 0;
  alone->guess = tcptale_roster_guess(&t->roster, alone->key.hash);
  alone->home = tcptale_roster_approach(&t->roster, &alone->key);
  return 1;
}

/* Reads the rest of such a frame. */
static TCPTALE_INLINE int tcptale_ahead_read_alone(const tcptale_frame *f,
                                                   const struct tcptale_ahead_alone *alone,
                                                   struct tcptale_lookup *look) {
  tcptale_key_copy_v4(&look->key, &alone->key);
  look->guess = alone->guess;
  look->home = alone->home;
  look->has_key = 1;
  look->has_packet = 0;
  if (f->link_type != TCPTALE_LINK_ETHERNET || f->scope != 0) return 0;
  return tcptale_gist_of_v4(&look->gist, f->data, f->cap_len, 0);
}

/* Reads `count` frames into as many lookups. */
void tcptale_ahead_read_all(struct tcptale_tracker *t, struct tcptale_lookup *look,
                            const tcptale_frame *frames, size_t stride, uint32_t count);

/* Prefetches the headers of a frame further on. One frame at a time: a core waits for a few lines
 * at once only. */
static TCPTALE_INLINE void tcptale_ahead_fetch(const tcptale_frame *frame) {
  uintptr_t at = (uintptr_t)frame->data; /* which may be 0 */
  tcptale_prefetch((const void *)at);
  tcptale_prefetch((const void *)(at + 64));
}

/* A frame will be fed alone some calls from now: prefetches its slot; and what can be prefetched by
 * now of two that were announced before, the connection of one, and what that of the other is
 * linked to. */
void tcptale_ahead_announce(struct tcptale_tracker *t, const tcptale_frame *frame);

#endif

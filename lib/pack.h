/* pack.h - a call that nobody has answered yet, in one cache line, and the tail of its key where
 * that has one. A connection of which one plain SYN, or SYN+ACK, was seen is a few numbers:
 * everything else in its record follows from them. Packed it says just these, so that a flood of
 * SYNs stays small; `shape` unpacks it before anything happens to it, and a getter looks at it
 * through a view.
 *
 * Invariant: unpacking gives the record and the candidates that were packed, byte for byte. Floor
 * 9. */
#ifndef TCPTALE_LIB_PACK_H
#define TCPTALE_LIB_PACK_H

#include "card.h"
#include "handshake.h"
#include "record.h"
#include "util.h"

/* A packed connection; the tail of its key follows. */
struct tcptale_packed {
  struct tcptale_brief_key key; /* first, as in a card */
  struct tcptale_links links;
  uint64_t user;
  uint64_t at_ns; /* of its one segment */
  uint32_t id_low;
  uint32_t isn;
  uint32_t ack; /* of a SYN+ACK */
  uint32_t ts_val;
  uint16_t id_high;
  uint16_t window;
  uint16_t traits;  /* TCPTALE_PACKED_: how it began, and what the user asked for */
  uint8_t policies; /* four bits a direction */
  uint8_t reserved0;
  uint8_t key_tail[];
};

/* Bits of `traits`; the lowest four are the window scale, all set: none. */
enum {
  TCPTALE_PACKED_SCALE_MASK = 0x000f,
  TCPTALE_PACKED_IS_ANSWER = 0x0010, /* a SYN+ACK */
  TCPTALE_PACKED_CLIENT_AT = 0x0020, /* the key's second endpoint is the client */
  TCPTALE_PACKED_IS_ROOMY = 0x0040,  /* its block has room for the card that it may become */
  TCPTALE_PACKED_IS_IGNORED = 0x0080,
  TCPTALE_PACKED_HAS_TIMESTAMPS = 0x0100,
  TCPTALE_PACKED_IS_SIGNED = 0x0200,
  TCPTALE_PACKED_GOOD_CSUM = 0x0400,
  TCPTALE_PACKED_DISCARDS = 0x0800, /* what the client sends; the next bit: the server */
  TCPTALE_PACKED_KEY_KIND = 0x2000  /* two bits: enum tcptale_key_kind */
};

/* The bytes of a packed connection whose key is of that kind: 64, 88 or 128. */
static inline size_t tcptale_packed_bytes(uint32_t key_kind) {
  return sizeof(struct tcptale_packed) + tcptale_key_tail_bytes(key_kind);
}

/* Room for a record, and a card with any key, outside of the arena. */
struct tcptale_view {
  struct tcptale_conn conn;
  _Alignas(struct tcptale_card) uint8_t card[sizeof(struct tcptale_card) + TCPTALE_KEY_WIDE_BYTES];
};

/* Packs a connection after its first step, but for its links, into `packed`; 0: there is more to
 * it. */
int tcptale_pack(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                 struct tcptale_packed *packed);

/* The opposite: writes the card, the record and its candidates anew, but for links, class, timer
 * and the references of the last two. */
void tcptale_unpack(struct tcptale_conn_env *env, const struct tcptale_packed *packed,
                    struct tcptale_card *card, struct tcptale_conn *conn,
                    struct tcptale_handshake *hs);

static inline uint64_t tcptale_packed_id(const struct tcptale_packed *packed) {
  return (uint64_t)packed->id_high << 32 | packed->id_low;
}

static inline uint32_t tcptale_packed_key_kind(const struct tcptale_packed *packed) {
  return packed->traits / TCPTALE_PACKED_KEY_KIND & 3u;
}

/* The client's place in the key. */
static inline uint32_t tcptale_packed_client_at(const struct tcptale_packed *packed) {
  return (packed->traits & TCPTALE_PACKED_CLIENT_AT) != 0;
}

static inline int tcptale_packed_is_roomy(const struct tcptale_packed *packed) {
  return (packed->traits & TCPTALE_PACKED_IS_ROOMY) != 0;
}

static inline int tcptale_packed_is_ignored(const struct tcptale_packed *packed) {
  return (packed->traits & TCPTALE_PACKED_IS_IGNORED) != 0;
}

/* It may go on as a card once it is answered: it was no SYN+ACK itself, and not signed. */
static inline int tcptale_packed_may_fold(const struct tcptale_packed *packed) {
  const uint32_t other =
      TCPTALE_PACKED_IS_ANSWER | TCPTALE_PACKED_IS_SIGNED | TCPTALE_PACKED_IS_IGNORED;
  return !(packed->traits & other) && tcptale_packed_id(packed) < TCPTALE_CARD_ID_LIMIT;
}

/* Packs a plain SYN that was never a record, all that is known of it before it has its block: but
 * for id, whether it is roomy, and the tail of its key. It is linked to nothing. In line, as is
 * _call: a flood has nothing else. */
static TCPTALE_INLINE void tcptale_pack_draft(const struct tcptale_conn_env *env,
                                              struct tcptale_packed *packed,
                                              const struct tcptale_key *key,
                                              const struct tcptale_gist *gist) {
  uint32_t traits =
      gist->wscale == TCPTALE_WSCALE_NONE ? (uint32_t)TCPTALE_PACKED_SCALE_MASK : gist->wscale;
  traits |= key->kind * TCPTALE_PACKED_KEY_KIND;
  if (key->from) traits |= TCPTALE_PACKED_CLIENT_AT;
  if (gist->has_timestamps) traits |= TCPTALE_PACKED_HAS_TIMESTAMPS;
  if (gist->good_sum) traits |= TCPTALE_PACKED_GOOD_CSUM;
  packed->key = key->brief;
  packed->links = (struct tcptale_links){0, 0, 0};
  packed->user = 0;
  packed->at_ns = env->now_ns;
  packed->isn = gist->said.seq;
  packed->ack = 0;
  packed->ts_val = gist->said.ts_val;
  packed->window = gist->said.window;
  packed->traits = (uint16_t)traits;
  packed->policies = (uint8_t)env->config.policy[TCPTALE_C2S];
  packed->reserved0 = 0;
}

/* The rest, into its block: gives it the next id. `traits`: IS_ROOMY, or 0. */
static TCPTALE_INLINE void tcptale_pack_call(struct tcptale_conn_env *env,
                                             struct tcptale_packed *packed,
                                             const struct tcptale_packed *draft,
                                             const struct tcptale_key *key, uint32_t traits) {
  uint64_t id = ++env->last_id;
  *packed = *draft;
  packed->id_low = (uint32_t)id;
  packed->id_high = (uint16_t)(id >> 32);
  packed->traits |= (uint16_t)traits;
  tcptale_key_copy_tail(packed->key_tail, tcptale_key_tail(key), key->kind);
}

/* The plain SYN+ACK of `gist`, which endpoint `from` sent, answers a packed SYN, which may fold,
 * and is roomy: writes the card of the connection in its place, of class HALF_OPEN, with its links,
 * and a timer that is not set. */
void tcptale_pack_answer(const struct tcptale_conn_env *env, struct tcptale_packed *packed,
                         uint32_t from, const struct tcptale_gist *gist);

/* A handle of a packed connection is its address plus one, which no record has. */
static inline struct tcptale_conn *tcptale_packed_handle(struct tcptale_packed *packed) {
  return (struct tcptale_conn *)(void *)((uint8_t *)packed + 1);
}

static inline struct tcptale_packed *tcptale_packed_of(const struct tcptale_conn *handle) {
  if (!((uintptr_t)handle & 1)) return NULL;
  return (struct tcptale_packed *)((uintptr_t)handle - 1);
}

/* What getters see of it: a record in `view` without streams, candidates and tracker. */
struct tcptale_conn *tcptale_packed_view(const struct tcptale_packed *packed,
                                         struct tcptale_view *view);

/* The user's wishes. */
void tcptale_packed_ignore(struct tcptale_packed *packed);
void tcptale_packed_stop_data(struct tcptale_packed *packed, uint32_t direction);

#endif

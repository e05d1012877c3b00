/* card.h - what is kept of every connection from its SYN+ACK on: two cache lines, and the tail
 * of its key where that has one (key.h). While all of it is usual, that is all there is of it, and
 * a usual segment touches nothing else (usual.h). As soon as something is not, it gets a record
 * (record.h) as well, which then speaks for it but for its places in the indexes, lists and timers;
 * when all is usual again the record goes (fold.h).
 *
 * A usual connection has queued nothing, lacks nothing, and has told each byte below `next`; so
 * most of what a record says follows from a few numbers. What does not, because something odd
 * happened once, is in its tally. Floor 5. */
#ifndef TCPTALE_LIB_CARD_H
#define TCPTALE_LIB_CARD_H

#include <stdbool.h>

#include "arena.h"
#include "key.h"
#include "timers.h"

/* Eviction classes: whom to take first when room is short. A card without record stands for a
 * connection that is closed, half-open and answered, or established: CLOSED, HALF_OPEN, FULL. */
enum tcptale_class {
  TCPTALE_CLASS_CLOSED = 0,    /* or not opened: an embryo */
  TCPTALE_CLASS_HALF_OPEN = 1, /* and answered, or odd */
  TCPTALE_CLASS_ONE_WAY = 2,   /* midstream, one side seen; or a RST is about to end it */
  TCPTALE_CLASS_FULL = 3,
  TCPTALE_CLASS_CALL = 4, /* half-open, and packed (pack.h): goes before what is idle less long */
  TCPTALE_CLASSES = 5
};

/* How `roster` strings connections together, by reference; 0: none. */
struct tcptale_links {
  uint32_t next; /* neighbours in the eviction class */
  uint32_t prev;
  uint32_t id_next; /* in its chain of the index of ids; and a bit: roster.h */
};

/* Flags of an end: its TCPTALE_END_ (record.h), but that every end was seen and has begun; so these
 * two bits say something else. */
enum tcptale_card_end_flag {
  TCPTALE_CARD_ENDED = 0x01, /* its FIN stands at `next`, and half_close was told */
  TCPTALE_CARD_SYN = 0x02,
  TCPTALE_CARD_ACKS_SEEN = 0x04, /* the peer has acknowledged something */
  TCPTALE_CARD_SOFT_BASE = 0x08,
  TCPTALE_CARD_SYN_ACKED = 0x10,
  TCPTALE_CARD_GOOD_CSUM = 0x20,
  TCPTALE_CARD_OFFLOADS = 0x40,
  TCPTALE_CARD_FIN_ACKED = 0x80
};

#define TCPTALE_CARD_NO_SCALE 15u

/* One end, and the direction that it sends. Sequence numbers stand for positions near `next`.
 * Invariant: `edge` is at most 2^30, the widest window there is, above `acked`. */
struct tcptale_card_end {
  uint32_t next_seq;  /* of the next byte: all below was told */
  uint32_t first_seq; /* of offset 0 */
  uint32_t acked;     /* highest number that the peer acknowledged */
  uint32_t edge;      /* right edge of the widest window offered to it */
  uint32_t packets;
  uint32_t ts_recent; /* TS.Recent of its peer about it (RFC 7323 4.3) */
  uint16_t mac;       /* a digest of its link address; 0: none seen */
  uint8_t ttl;        /* right behind it: step.h */
  uint8_t next_high;  /* the offset of `next` has 40 bits: the highest eight */
  uint16_t window;    /* as it last offered it, unscaled */
  uint8_t flags;      /* TCPTALE_CARD_ */
  unsigned state : 4; /* TCPTALE_STATE_ */
  unsigned scale : 4; /* the shift of its windows; HALF_OPEN: as its SYN offered it */
};

/* What is odd about a usual connection: where its counters are not what its positions say. */
struct tcptale_tally {
  uint64_t first_ns;
  uint64_t more_payload[2]; /* bytes on the wire less the offset of `next`, modulo 2^64 */
  uint64_t untold[2];       /* positions below `next` that were not delivered */
  uint64_t missing[2];      /* of them told as missing */
  uint32_t anomalies;       /* arena reference of the counters */
  uint32_t flags;           /* TCPTALE_CONN_ that a card has no bit for */
  uint32_t history[2];      /* arena references of the gaps that were told */
  uint8_t is_lossy[2];
};

/* Limits of what a card can say. */
#define TCPTALE_CARD_ID_LIMIT     ((uint64_t)1 << 44)
#define TCPTALE_CARD_SINCE_LIMIT  ((uint64_t)1 << 52)
#define TCPTALE_CARD_OFFSET_LIMIT ((uint64_t)1 << 40)
#define TCPTALE_CARD_SINCE_GOING  (TCPTALE_CARD_SINCE_LIMIT / 2) /* 26 days */

struct tcptale_card {
  struct tcptale_brief_key key; /* first, as in what is packed */
  struct tcptale_links links;
  struct tcptale_timer timer;
  uint64_t cls : 2;
  uint64_t how : 2;      /* TCPTALE_OPEN_; CLOSED: TCPTALE_CLOSE_ FIN, RST or REFUSED */
  bool client_at : 1;    /* which endpoint of the key is the client */
  uint64_t key_kind : 2; /* enum tcptale_key_kind */
  bool is_ignored : 1;
  bool is_role_known : 1;
  bool is_agreed : 1; /* both SYNs were seen: what is not agreed is not in use */
  bool has_timestamps : 1;
  bool is_scaled : 1;
  bool est_told : 1;
  bool data_told : 1;        /* or an end, or a reset */
  uint64_t offload_told : 2; /* of the client; the next bit: of the server */
  uint64_t stamps : 2; /* HALF_OPEN: the client's SYN had timestamps; the next bit: the answer */
  bool has_record : 1;
  bool has_tally : 1;
  uint64_t id : 44;       /* 0: not opened */
  uint64_t policies : 8;  /* four bits a direction */
  uint64_t discards : 2;  /* the user wants no bytes of the client; the next bit: of the server */
  bool is_going : 1;      /* usual: it goes on (tcptale_card_goes_on), and that is wanted */
  bool touched : 1;       /* a packet came since it was last passed over for eviction */
  uint64_t since_ns : 52; /* last packet less first; CLOSED: the close less the first */
  uint64_t user;
  union {
    uint64_t first_ns; /* without tally and record */
    struct {
      uint32_t record; /* arena references */
      uint32_t tally;
    } at;
  } more;
  struct tcptale_card_end ends[2]; /* by endpoint of the key, so that where the sender's stands is
                                      known before the card is at hand */
  uint8_t key_tail[];              /* as its kind says: 0, 24 or 64 bytes */
};

struct tcptale_conn;

/* A card as the handle of its connection, while there is no record: its address plus two. */
static inline struct tcptale_conn *tcptale_card_handle(struct tcptale_card *card) {
  return (struct tcptale_conn *)(void *)((uint8_t *)card + 2);
}

static inline struct tcptale_card *tcptale_card_of(const struct tcptale_conn *handle) {
  if (!((uintptr_t)handle & 2)) return NULL;
  return (struct tcptale_card *)((uintptr_t)handle - 2);
}

/* The bytes of a card whose key is of that kind: 128, 152 or 192. */
static inline size_t tcptale_card_bytes(uint32_t key_kind) {
  return sizeof(struct tcptale_card) + tcptale_key_tail_bytes(key_kind);
}

static inline struct tcptale_tally *tcptale_card_tally(const struct tcptale_arena *arena,
                                                       const struct tcptale_card *card) {
  return card->has_tally ? tcptale_arena_at(arena, card->more.at.tally) : NULL;
}

/* The end that sends direction `dir`. */
static inline const struct tcptale_card_end *tcptale_card_end(const struct tcptale_card *card,
                                                              uint32_t dir) {
  return &card->ends[dir ^ (uint32_t)card->client_at];
}

/* The end that is not endpoint `from`: in bytes, which takes three instructions less than
 * `1 - from` as an index. */
static inline struct tcptale_card_end *tcptale_card_peer(struct tcptale_card *card, uint32_t from) {
  const size_t at = (from * sizeof *card->ends) ^ sizeof *card->ends;
  return (struct tcptale_card_end *)(void *)((uint8_t *)card->ends + at);
}

/* When its first packet came; not of one with a record. */
static inline uint64_t tcptale_card_first_ns(const struct tcptale_arena *arena,
                                             const struct tcptale_card *card) {
  const struct tcptale_tally *tally = tcptale_card_tally(arena, card);
  return tally ? tally->first_ns : card->more.first_ns;
}

/* The offset of the next byte. */
static inline uint64_t tcptale_card_next(const struct tcptale_card_end *end) {
  return (uint64_t)end->next_high << 32 | (uint32_t)(end->next_seq - end->first_seq);
}

/* How far a number lies ahead of the next byte's. */
static inline int32_t tcptale_card_ahead(const struct tcptale_card_end *end, uint32_t seq) {
  return (int32_t)(seq - end->next_seq);
}

/* 1: it has told all, and its FIN stands right behind. */
static inline uint32_t tcptale_card_has_ended(const struct tcptale_card_end *end) {
  return end->flags & TCPTALE_CARD_ENDED;
}

/* 1: one of its numbers may run out before long, so it is no longer `is_going`, and each segment is
 * asked whether it would (step.h). One that comes within 24 days of the last needs no more than the
 * 26 that `since_ns` has beyond its bound; a later one is asked by _step_was_silent. */
static inline uint32_t tcptale_card_is_at_limit(const struct tcptale_card *card) {
  const struct tcptale_card_end *a = &card->ends[0], *b = &card->ends[1];
  return a->next_high == UINT8_MAX || b->next_high == UINT8_MAX || a->packets == UINT32_MAX ||
         b->packets == UINT32_MAX || card->since_ns > TCPTALE_CARD_SINCE_GOING;
}

/* Not 0: one of both has. */
static inline uint32_t tcptale_card_is_ending(const struct tcptale_card *card) {
  return tcptale_card_has_ended(&card->ends[0]) | tcptale_card_has_ended(&card->ends[1]);
}

/* Not 0: where that end begins may move yet, or more was acknowledged than it was seen to send. */
static inline uint32_t tcptale_card_is_unsure(const struct tcptale_card_end *end) {
  return (end->flags & TCPTALE_CARD_SOFT_BASE) | (tcptale_card_ahead(end, end->acked) > 0);
}

/* 1: neither end has ended or is unsure, and none of its numbers is near its limit. */
static inline uint32_t tcptale_card_goes_on(const struct tcptale_card *card) {
  uint32_t unsure = tcptale_card_is_unsure(&card->ends[0]) | tcptale_card_is_unsure(&card->ends[1]);
  return !(tcptale_card_is_ending(card) | tcptale_card_is_at_limit(card) | unsure);
}

/* The shift of an end's window field: 14 where it is not known (RFC 7323 2.3). `offered`: in its
 * SYN. */
static inline uint32_t tcptale_card_scale(const struct tcptale_card *card, uint32_t offered) {
  if (!card->is_agreed) return 14;
  return card->is_scaled ? offered : 0;
}

#endif

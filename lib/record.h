/* record.h - all that the tracker knows of a connection about which something is not usual, and the
 * segment on its way through it. No code lives here but one-line views; `connection` and its
 * helpers act. Floor 5.
 *
 * Direction is an index everywhere: ends[TCPTALE_C2S] is the client and what it sends. */
#ifndef TCPTALE_LIB_RECORD_H
#define TCPTALE_LIB_RECORD_H

#include "tcptale/tracker.h"

#include "arena.h"
#include "emit.h"
#include "key.h"
#include "stream.h"

/* Where a connection stands. */
enum tcptale_phase {
  TCPTALE_PHASE_EMBRYO = 0,    /* known, not opened: its first segments came with bad checksums */
  TCPTALE_PHASE_HANDSHAKE = 1, /* opened by SYN or SYN+ACK, not yet established */
  TCPTALE_PHASE_OPEN = 2,      /* established, or picked up in midstream */
  TCPTALE_PHASE_RESET = 3, /* a RST that counts was told; close waits for what follows (rule R17) */
  TCPTALE_PHASE_CLOSED = 4 /* close was told; the ports are remembered */
};

enum tcptale_conn_flag {
  TCPTALE_CONN_EST_TOLD = 0x0001,
  TCPTALE_CONN_ROLE_KNOWN = 0x0002,
  TCPTALE_CONN_TIMESTAMPS = 0x0004, /* both SYNs carried them */
  TCPTALE_CONN_SCALED = 0x0008,     /* both SYNs carried window scale */
  TCPTALE_CONN_AGREED = 0x0800,     /* both SYNs were seen: what is not agreed is not in use */
  TCPTALE_CONN_IGNORED = 0x0010,    /* the user wants nothing but close */
  TCPTALE_CONN_DATA_TOLD =
      0x0020, /* bytes, an end or a reset were told: roles do not flip any more */
  TCPTALE_CONN_TENTATIVE = 0x0040,     /* an in-window RST waits for its verdict */
  TCPTALE_CONN_SPLIT = 0x0080,         /* the server answered SYN with SYN */
  TCPTALE_CONN_CLIENT_SYNACK = 0x0100, /* and the client answered with SYN+ACK */
  TCPTALE_CONN_SIGNED = 0x0400,        /* the handshake carried MD5 or AO signatures */
  TCPTALE_CONN_OFFLOAD_TOLD =
      0x1000 /* csum_offload was told of the client; the next bit: of the server */
};

enum tcptale_end_flag {
  TCPTALE_END_SEEN = 0x01,  /* it sent something that was believed */
  TCPTALE_END_SYN = 0x02,   /* its SYN, or SYN+ACK, was seen */
  TCPTALE_END_BASED = 0x04, /* `half` has begun: offset 0 is known */
  TCPTALE_END_SOFT_BASE =
      0x08, /* only by an empty segment or the peer's ACK: earlier data may move it */
  TCPTALE_END_SYN_ACKED = 0x10, /* the peer acknowledged its SYN */
  TCPTALE_END_GOOD_CSUM = 0x20, /* it sent a right checksum: a wrong one counts against it */
  TCPTALE_END_OFFLOADS = 0x40,  /* its hardware computes checksums after the tap: none counts */
  TCPTALE_END_FIN_ACKED = 0x80
};

/* A TS.Recent that old says nothing (RFC 7323 5.5). */
#define TCPTALE_PAWS_IDLE_S (24u * 86400u)

#define TCPTALE_WSCALE_NONE TCPTALE_GIST_NO_SCALE /* not told; midstream: unknown */

/* One end, and the direction that it sends. */
struct tcptale_end {
  struct tcptale_half half;
  uint64_t edge; /* right edge of the widest window offered to it: an offset; 0: none seen */
  uint64_t payload_bytes; /* on the wire, retransmissions again */
  uint64_t delivered;
  uint64_t missing;
  uint64_t packets;
  uint32_t ts_recent;   /* TS.Recent of its peer about it (RFC 7323 4.3) */
  uint32_t ts_recent_s; /* when that was, in seconds */
  uint16_t window;      /* as it last offered it, unscaled */
  uint8_t wscale;
  uint8_t state; /* TCPTALE_STATE_ */
  uint8_t flags; /* TCPTALE_END_ */
  uint8_t ttl;
  uint16_t mac; /* a digest of its link address; 0: none seen */
};

struct tcptale_card; /* card.h */

/* The record of a connection about which something is not usual; its card (card.h) is the rest. */
struct tcptale_conn {
  struct tcptale_card *card; /* its key, its user's value, its places in indexes, lists, timers */
  struct tcptale_tracker *tracker; /* whose it is: getters start from the handle alone */
  uint64_t id;                     /* 0: not opened */
  uint64_t first_ns;
  uint64_t last_ns;
  uint64_t reset_ns; /* of the RST that is believed; phase CLOSED: of the close */
  uint64_t due_ns;   /* when it was due at the end of its last step */
  uint32_t flags;    /* TCPTALE_CONN_ */
  uint8_t client_at; /* which endpoint of the key is the client */
  uint8_t phase;     /* TCPTALE_PHASE_ */
  uint8_t how;       /* TCPTALE_OPEN_ */
  uint8_t reset_dir; /* who sent the RST that is believed, or tentative */
  uint8_t close_why; /* phase CLOSED: what was told; RESET: what will be */
  uint8_t reserved0[3];
  uint32_t tally;     /* arena references: what its card had; NONE */
  uint32_t handshake; /* the candidates; NONE once established */
  uint32_t anomalies; /* the counters */
  uint32_t parked;    /* segments that wait for a decision, oldest first */
  uint32_t parked_last;
  uint32_t parked_count;
  uint32_t renew; /* parked SYN that may begin a new connection here (rule R9); NONE */
  struct tcptale_end ends[2];
};

/* A segment on its way. `offset` and `ack_offset` are positions in the sender's and the peer's
 * direction. */
struct tcptale_arrival {
  const tcptale_packet *packet;
  const uint8_t *data;    /* what the packet's offsets point into */
  const uint8_t *payload; /* the captured part of it */
  uint64_t index;
  uint64_t ts_ns;
  int64_t offset;
  int64_t ack_offset;
  uint32_t dir;
  uint32_t len;      /* payload on the wire */
  uint32_t cap_len;  /* and captured */
  uint32_t verdict;  /* TCPTALE_SEGMENT_ */
  uint32_t anomaly;  /* what made it OUTSIDE; 0 */
  uint32_t notes;    /* TCPTALE_NOTE_: odd, but believed */
  uint32_t doubtful; /* 1: its checksum is wrong, its sender not judged: it decides nothing alone */
  uint32_t catches_up; /* 1: it acknowledges what is parked as beyond the window */
  uint32_t from_queue; /* 1: it was parked and comes back */
};

enum tcptale_note {
  TCPTALE_NOTE_ACK_UNSEEN = 0x01,
  TCPTALE_NOTE_TS_MISSING = 0x02,
  TCPTALE_NOTE_SIGNED = 0x04,
  TCPTALE_NOTE_STRADDLES = 0x08 /* runs past the window's edge */
};

/* What the tracker has to do with the record after a step. */
enum tcptale_action {
  TCPTALE_ACTION_KEEP = 0,
  TCPTALE_ACTION_FORGET = 1, /* closed, and nothing of it is needed: the record goes */
  TCPTALE_ACTION_REOPEN =
      2 /* closed, and a new connection begins with the SYN that `renew` holds, if any, what is
                                parked, and the segment at hand */
};

/* What every connection of a tracker shares. */
struct tcptale_conn_env {
  tcptale_config config;
  struct tcptale_arena arena;
  struct tcptale_emit emit;
  struct tcptale_stream_env stream;
  struct tcptale_tracker *tracker;
  struct tcptale_key_secret secret;
  int (*relieve)(
      struct tcptale_conn_env *env); /* gives up what is no connection; 0: nothing left */
  void (*admit)(struct tcptale_conn_env *env, int half_open); /* an embryo is about to open */
  void (*enlist)(struct tcptale_conn_env *env, struct tcptale_conn *conn); /* it has an id now */
  struct tcptale_conn *conn; /* whose stream calls the sink right now ... */
  uint32_t dir;              /* ... and which */
  uint32_t pressure;         /* 1: more than nine tenths are full */
  uint32_t rebased;          /* 1: a direction began anew; what was believed of it may be again */
  uint32_t stray;            /* counters of anomalies that belong to no connection */
  uint64_t now_ns;           /* the highest time seen */
  uint64_t usual_idle_ns;    /* tcptale_usual_idle_ns */
  uint32_t usual_is_wanted;  /* tcptale_fold_is_wanted */
  uint64_t last_id;
  uint64_t closed; /* connections told closed */
  uint64_t bad_checksums;
  uint64_t dup_frames;
};

static inline uint32_t tcptale_other(uint32_t dir) {
  return dir ^ 1u;
}

static inline int tcptale_end_has(const struct tcptale_end *end, uint32_t flag) {
  return (end->flags & flag) != 0;
}

/* The sequence number of its SYN: the one before offset 0. Meaningful once it is based. */
static inline uint32_t tcptale_end_isn(const struct tcptale_end *end) {
  return end->half.next_seq - (uint32_t)end->half.next - 1;
}

static inline int tcptale_conn_has(const struct tcptale_conn *conn, uint32_t flag) {
  return (conn->flags & flag) != 0;
}

#endif

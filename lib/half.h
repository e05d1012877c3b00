/* half.h - what one direction of a connection is, and how its bytes leave: in order, each once,
 * with gaps where they are missing and a half-close at the FIN. stream.h decides what is taken
 * in and when a hole is given up. The hot part fits a cache line; the cold part exists while
 * something waits; both live in the owner's memory.
 *
 * Invariant whenever a sink function runs: every byte below `next` was handed over as data or
 * gap, this event's included; nothing queued lies below `next`. So user code may stop the
 * direction from inside. Floor 3. */
#ifndef TCPTALE_LIB_HALF_H
#define TCPTALE_LIB_HALF_H

#include "tcptale/stream.h"
#include "arena.h"
#include "segments.h"

/* Where a stream's findings go. `ctx` is env->ctx of the call. Bytes in `data` live for the call
 * only. Offsets count what is told: where urgent bytes are taken out (OOB, DROP), later ones
 * have closed up. */
struct tcptale_stream_sink {
  void (*data)(void *ctx, uint64_t offset, const uint8_t *data, uint32_t len, uint64_t from_index,
               uint64_t from_ts_ns);
  void (*gap)(void *ctx, uint64_t offset, uint64_t len, uint32_t why);
  void (*half_close)(void *ctx, uint64_t offset);
  void (*anomaly)(void *ctx, uint32_t code, uint64_t offset, uint64_t len, const uint8_t *data);
};

/* What all streams of one owner share. */
struct tcptale_stream_env {
  struct tcptale_arena *arena;
  const struct tcptale_stream_sink *sink;
  void *ctx; /* handed to the sink; the owner sets it before each call */
  tcptale_stream_config
      config; /* limits and defaults; policy, delivery are copied into each stream */
};

/* The hot part. Positions count from the first byte, urgent ones included. */
struct tcptale_half {
  uint64_t next;     /* next expected position: all below was told */
  uint64_t acked;    /* highest position that the receiver acknowledged */
  uint64_t highest;  /* highest position seen: end of the furthest believed segment */
  uint64_t fin;      /* position of the FIN; TCPTALE_NO_FIN while there is none */
  uint32_t next_seq; /* the sequence number of position `next` */
  uint32_t cold;     /* arena reference of what waits; TCPTALE_ARENA_NONE */
  uint32_t history;  /* arena reference of what was told; TCPTALE_ARENA_NONE */
  uint16_t urgents;  /* urgent bytes so far, up to TCPTALE_URGENTS_MAX */
  uint16_t tiny;     /* tiny segments in a row, none of them acknowledged */
  uint8_t policy;    /* TCPTALE_POLICY_ */
  uint8_t delivery;  /* TCPTALE_DELIVER_ */
  uint8_t urgent;    /* TCPTALE_URGENT_ */
  uint8_t flags;     /* TCPTALE_HALF_ */
  uint32_t reserved0;
};

#define TCPTALE_NO_FIN      UINT64_MAX
#define TCPTALE_NO_POSITION UINT64_MAX

/* Beyond so many urgent bytes of a direction they are left in the stream. */
#define TCPTALE_URGENTS_MAX 65535u

enum tcptale_half_flag {
  TCPTALE_HALF_ACKS_SEEN = 0x01,  /* the receiver has acknowledged something */
  TCPTALE_HALF_FIN_FIXED = 0x02,  /* the FIN's position was acknowledged or told: it cannot move */
  TCPTALE_HALF_ENDED = 0x04,      /* half_close was told */
  TCPTALE_HALF_DISCARDING = 0x08, /* the user wants no bytes: positions only, nothing is stored */
  TCPTALE_HALF_LOSSY = 0x10,      /* there was a gap, by more than the snaplen */
  TCPTALE_HALF_WAITING = 0x20     /* something waits for time or packets: call _tick */
};

/* What waits. A hole is [next, top) where top is the lowest queued byte or the FIN. */
struct tcptale_cold {
  struct tcptale_segments queue;
  uint64_t reach;     /* delivery on ACK: the receiver's next byte, all below is queued or told */
  uint64_t other_fin; /* where a second FIN stood; TCPTALE_NO_FIN */
  uint64_t hole_at;   /* `next` of the hole that hole_ts belongs to */
  uint64_t hole_ts;   /* unseen ACKs: since when something waits */
  uint64_t hold_to;   /* holes that end here or below are acknowledged; 0: no hold runs */
  uint64_t hold_ts;   /* since when */
  uint32_t hold_packets;
  uint32_t reserved0;
};

/* The cold part, NULL where there is none; _need makes one, NULL: no memory. */
static inline struct tcptale_cold *tcptale_half_cold(const struct tcptale_stream_env *env,
                                                     const struct tcptale_half *half) {
  return half->cold == TCPTALE_ARENA_NONE ? NULL : tcptale_arena_at(env->arena, half->cold);
}
struct tcptale_cold *tcptale_half_need_cold(const struct tcptale_stream_env *env,
                                            struct tcptale_half *half);

/* Releases the cold part with all that waits. */
void tcptale_half_drop_cold(const struct tcptale_stream_env *env, struct tcptale_half *half);

/* The offset under which a position is told. */
static inline uint64_t tcptale_half_told(const struct tcptale_half *half, uint64_t pos) {
  uint64_t taken =
      half->urgent == TCPTALE_URGENT_OOB || half->urgent == TCPTALE_URGENT_DROP ? half->urgents : 0;
  return pos > taken ? pos - taken : 0;
}

/* Whether no acknowledgements can be relied on (rule R6). */
static inline int tcptale_half_unacked(const struct tcptale_stream_env *env,
                                       const struct tcptale_half *half) {
  return env->config.one_sided || !(half->flags & TCPTALE_HALF_ACKS_SEEN);
}

/* The receiver's next expected position, as far as it is known. */
static inline uint64_t tcptale_half_expected(const struct tcptale_stream_env *env,
                                             const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  return cold != NULL && cold->reach > half->next ? cold->reach : half->next;
}

/* The lowest queued position, TCPTALE_NO_POSITION if nothing is queued. */
static inline uint64_t tcptale_half_lowest(const struct tcptale_stream_env *env,
                                           const struct tcptale_half *half) {
  const struct tcptale_cold *cold = tcptale_half_cold(env, half);
  if (cold == NULL || cold->queue.first == TCPTALE_ARENA_NONE) return TCPTALE_NO_POSITION;
  return tcptale_segment_at(env->arena, cold->queue.first)->start;
}

/* The end of the hole that begins at `next`; TCPTALE_NO_POSITION while there is none. */
uint64_t tcptale_half_hole_top(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half);

/* Sets `next`, and its sequence number with it. */
static inline void tcptale_half_move_next(struct tcptale_half *half, uint64_t to) {
  half->next_seq += (uint32_t)(to - half->next);
  half->next = to;
}

/* Reports an anomaly about `len` bytes at a position. */
void tcptale_half_report(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                         uint32_t code, uint64_t pos, uint64_t len, const uint8_t *data);

/* Hands over the first bytes of `fresh`, which stands at `next`, up to `to`: as data, gap or
 * urgent byte. */
void tcptale_half_give(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_fresh *fresh, uint64_t to);

/* Tells that everything from `next` to `to` is missing. */
void tcptale_half_give_gap(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           uint64_t to, uint32_t why);

/* What holds bytes and FIN back no longer: nothing; a missing acknowledgement of bytes; of the
 * FIN too. */
enum tcptale_half_force { TCPTALE_FORCE_NONE = 0, TCPTALE_FORCE_BYTES = 1, TCPTALE_FORCE_FIN = 2 };

/* Hands over what can be: queued bytes at `next`, then the FIN. */
void tcptale_half_advance(const struct tcptale_stream_env *env, struct tcptale_half *half,
                          enum tcptale_half_force force);

/* Gives up the lowest hole, or hands over bytes that only wait for their acknowledgement. A hole
 * ends at `bound` at the latest. Returns 0 when there was nothing to give up. */
int tcptale_half_give_up(const struct tcptale_stream_env *env, struct tcptale_half *half,
                         uint64_t bound, uint32_t why);

/* A FIN stands at `pos`; the highest ACK may decide between two (rule R18). */
void tcptale_half_note_fin(const struct tcptale_stream_env *env, struct tcptale_half *half,
                           uint64_t pos);
void tcptale_half_decide_fin(const struct tcptale_stream_env *env, struct tcptale_half *half);

/* No bytes are wanted: the position follows what was seen, and the FIN is told when it is
 * reached. */
void tcptale_half_skip(const struct tcptale_stream_env *env, struct tcptale_half *half);

/* The end of every call that took something in: marks what waits now, gives up what need not
 * wait at all. */
void tcptale_half_rest(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t ts_ns);

/* Time is `now_ns`; `packets` packets of the connection came since the last call (rules R6, R7).
 * Needed while TCPTALE_HALF_WAITING: once for each packet of the connection with 1, when both
 * directions have seen it, or before the next one; whenever a deadline passes with 0. */
void tcptale_half_tick(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t now_ns,
                       uint32_t packets);

/* When a tick is due though no packet comes; UINT64_MAX: never. */
uint64_t tcptale_half_deadline(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half);

/* The connection ends: settles acknowledged holes, then drops or delivers the rest (rules R5,
 * R20) and tells half_close where it is due. */
void tcptale_half_settle(struct tcptale_stream_env *env, struct tcptale_half *half);

/* The user wants no more bytes of this direction: releases what waits; positions are still
 * followed. */
void tcptale_half_discard(struct tcptale_stream_env *env, struct tcptale_half *half);

/* Gives all memory of the direction back. Tells nothing. */
void tcptale_half_release(struct tcptale_stream_env *env, struct tcptale_half *half);

#endif

/* stream.h - one direction of a connection, embedded: the tracker keeps two of these in each connection
 * record, tcptale_stream (the public unit) one in a block of its own. The hot part is one cache line; what
 * only a direction in trouble needs (queue, holes, history) is allocated from the arena on demand and
 * released as soon as it is not needed. Floor 4.
 *
 * Invariant between calls: every byte below `next` was handed to the sink as data or gap; nothing queued
 * lies below `next`; what can be handed over has been. Sink functions run with the stream in this state,
 * so user code may do whatever the public headers allow. */
#ifndef TCPTALE_LIB_STREAM_H
#define TCPTALE_LIB_STREAM_H

#include "tcptale/stream.h"
#include "arena.h"

/* Where a stream's findings go. `ctx` is env->ctx of the call. Bytes in `data` live for the call only. */
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
  tcptale_stream_config config; /* limits and defaults; policy, delivery are copied into each stream */
};

/* The hot part. */
struct tcptale_half {
  uint64_t next;      /* next expected offset */
  uint64_t acked;     /* highest offset that the receiver acknowledged */
  uint64_t highest;   /* highest offset seen: end of the furthest believed segment */
  uint64_t fin;       /* offset of the FIN; TCPTALE_NO_FIN while there is none */
  uint32_t next_seq;  /* the sequence number of offset `next` */
  uint32_t cold;      /* arena reference of the queue part; TCPTALE_ARENA_NONE */
  uint32_t history;   /* arena reference of the history part; TCPTALE_ARENA_NONE */
  uint8_t policy;     /* TCPTALE_POLICY_ */
  uint8_t delivery;   /* TCPTALE_DELIVER_ */
  uint8_t urgent;     /* TCPTALE_URGENT_ */
  uint8_t flags;      /* TCPTALE_HALF_ */
};

#define TCPTALE_NO_FIN UINT64_MAX

enum tcptale_half_flag {
  TCPTALE_HALF_ACKS_SEEN = 0x01,   /* the receiver has acknowledged something */
  TCPTALE_HALF_FIN_FIXED = 0x02,   /* the FIN's position was acknowledged: it cannot move */
  TCPTALE_HALF_ENDED = 0x04,       /* half_close was told */
  TCPTALE_HALF_DISCARDING = 0x08,  /* the user wants no bytes: positions only, nothing is stored */
  TCPTALE_HALF_LOSSY = 0x10,       /* there was a gap */
  TCPTALE_HALF_WAITING = 0x20      /* something waits for time or packets: call _tick */
};

/* One segment of the direction, placed. */
struct tcptale_piece {
  int64_t offset;   /* of its first byte; may be negative */
  const uint8_t *data;
  uint32_t len;     /* on the wire */
  uint32_t cap_len; /* present in `data`; at most len */
  uint32_t flags;   /* TCPTALE_PUSH_ */
  uint32_t urgent;  /* urgent pointer where TCPTALE_PUSH_URGENT is set */
  uint64_t index;
  uint64_t ts_ns;
};

/* Begins a direction whose offset 0 has sequence number `first_seq`; rules from env->config. */
void tcptale_half_init(const struct tcptale_stream_env *env, struct tcptale_half *half, uint32_t first_seq);

/* The position of a sequence number, nearest to `next`; negative before offset 0. */
int64_t tcptale_half_offset(const struct tcptale_half *half, uint32_t seq);

/* What a segment of `len` bytes (and a FIN, where `flags` says) at `offset` will be, before it is pushed:
 * IN_ORDER, OUT_OF_ORDER, RETRANSMISSION or SPURIOUS_RETRANSMISSION. Pure. */
uint32_t tcptale_half_classify(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                               int64_t offset, uint32_t len, uint32_t flags);

/* Takes a segment that the caller believes: stores or delivers it, compares what is there twice, moves or
 * fixes the FIN, gives up holes where a limit says so. */
void tcptale_half_push(struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_piece *piece);

/* Compares a segment that is not to be delivered (a frame seen twice) with what is known; reports conflicts. */
void tcptale_half_compare(struct tcptale_stream_env *env, struct tcptale_half *half,
                          const struct tcptale_piece *piece);

/* The receiver acknowledged everything below `offset` (rule R5; the caller has refused the implausible).
 * A FIN counts as one further position: offset fin + 1 acknowledges it. */
void tcptale_half_ack(struct tcptale_stream_env *env, struct tcptale_half *half, int64_t offset,
                      uint64_t ts_ns);

/* Time is `now_ns`; `packets` packets of the connection came since the last call (rules R6, R7). Needed while
 * TCPTALE_HALF_WAITING. */
void tcptale_half_tick(struct tcptale_stream_env *env, struct tcptale_half *half, uint64_t now_ns,
                       uint32_t packets);

/* When a tick is due though no packet comes; UINT64_MAX: never. */
uint64_t tcptale_half_deadline(const struct tcptale_stream_env *env, const struct tcptale_half *half);

/* The connection ends: settles acknowledged holes, then drops or delivers the rest (rules R5, R20) and tells
 * half_close where it is due. */
void tcptale_half_settle(struct tcptale_stream_env *env, struct tcptale_half *half);

/* Memory is short: gives up the lowest hole (why: budget), so that queued bytes leave. Returns 0 when there
 * was none. */
int tcptale_half_relieve(struct tcptale_stream_env *env, struct tcptale_half *half);

/* The user wants no more bytes of this direction: releases what waits; positions are still followed. */
void tcptale_half_discard(struct tcptale_stream_env *env, struct tcptale_half *half);

/* Gives all memory of the direction back. Tells nothing. */
void tcptale_half_release(struct tcptale_stream_env *env, struct tcptale_half *half);

/* Queued bytes and segments. */
uint64_t tcptale_half_queued_bytes(const struct tcptale_stream_env *env, const struct tcptale_half *half);
uint32_t tcptale_half_queued_segments(const struct tcptale_stream_env *env, const struct tcptale_half *half);

#endif

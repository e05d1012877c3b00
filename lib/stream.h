/* stream.h - one direction of a connection, embedded: the tracker keeps two of these in each
 * connection record, tcptale_stream (the public unit) one in a block of its own. half.h holds
 * what a direction is and how bytes leave it; here is what goes in: segments, acknowledgements,
 * time. Invariant between calls: what can be handed over has been; what only waits for time or
 * packets has TCPTALE_HALF_WAITING set. Floor 4. */
#ifndef TCPTALE_LIB_STREAM_H
#define TCPTALE_LIB_STREAM_H

#include "tcptale/stream.h"
#include "half.h"
#include "seq.h"

/* One segment of the direction, placed. */
struct tcptale_piece {
  int64_t offset; /* of its first byte; may be negative */
  const uint8_t *data;
  uint32_t len;     /* on the wire */
  uint32_t cap_len; /* present in `data`; at most len */
  uint32_t flags;   /* TCPTALE_PUSH_ */
  uint32_t urgent;  /* urgent pointer where TCPTALE_PUSH_URGENT is set */
  uint64_t index;
  uint64_t ts_ns;
};

/* Begins a direction whose offset 0 has sequence number `first_seq`; rules from env->config. */
void tcptale_half_init(const struct tcptale_stream_env *env, struct tcptale_half *half,
                       uint32_t first_seq);

/* The position of a sequence number, nearest to `next`; negative before offset 0. */
static inline int64_t tcptale_half_offset(const struct tcptale_half *half, uint32_t seq) {
  return (int64_t)half->next + tcptale_seq_distance(seq, half->next_seq);
}

/* What a segment of `len` bytes (and a FIN, where `flags` says) at `offset` will be, before it
 * is pushed: IN_ORDER, OUT_OF_ORDER, RETRANSMISSION or SPURIOUS_RETRANSMISSION. Pure. */
uint32_t tcptale_half_classify(const struct tcptale_stream_env *env,
                               const struct tcptale_half *half, int64_t offset, uint32_t len,
                               uint32_t flags);

/* The end of all that was seen, a FIN there counted as one position: an ACK above it is of
 * something unseen. */
uint64_t tcptale_half_seen(const struct tcptale_stream_env *env, const struct tcptale_half *half);

/* Whether a segment is a keep-alive: no FIN, at most one garbage byte, just below the next
 * expected position or the receiver's ACK (RFC 9293 3.8.4); not a byte that still waits for its
 * ACK. Such a one is not pushed: it fills no hole and conflicts with nothing. Pure. */
int tcptale_half_is_keepalive(const struct tcptale_stream_env *env, const struct tcptale_half *half,
                              int64_t offset, uint32_t len, uint32_t flags);

/* Takes a segment that the caller believes: stores or delivers it, compares what is there twice,
 * moves or fixes the FIN, gives up holes where a limit says so. */
void tcptale_half_push(struct tcptale_stream_env *env, struct tcptale_half *half,
                       const struct tcptale_piece *piece);

/* Compares a segment that is not to be delivered (a frame seen twice) with what is known;
 * reports conflicts. */
void tcptale_half_compare(struct tcptale_stream_env *env, struct tcptale_half *half,
                          const struct tcptale_piece *piece);

/* The highest acknowledgement follows one of everything below `pos`. */
static inline void tcptale_half_note_ack(struct tcptale_half *half, uint64_t pos) {
  half->flags |= TCPTALE_HALF_ACKS_SEEN;
  if (pos > half->acked) half->acked = pos;
  if (half->acked >= half->highest) half->tiny = 0;
}

/* What tcptale_half_ack does where something may wait for the acknowledgement. */
void tcptale_half_ack_waiting(struct tcptale_stream_env *env, struct tcptale_half *half,
                              uint64_t pos, uint64_t ts_ns);

/* The receiver acknowledged everything below `offset` (rule R5; the caller has refused the
 * implausible). A FIN counts as one further position: offset fin + 1 acknowledges it. */
static inline void tcptale_half_ack(struct tcptale_stream_env *env, struct tcptale_half *half,
                                    int64_t offset, uint64_t ts_ns) {
  int is_open = half->fin != TCPTALE_NO_FIN && !(half->flags & TCPTALE_HALF_ENDED);
  if (offset < 0) return;
  if (half->cold != TCPTALE_ARENA_NONE || is_open)
    tcptale_half_ack_waiting(env, half, (uint64_t)offset, ts_ns);
  else tcptale_half_note_ack(half, (uint64_t)offset);
}

/* Queued bytes and segments. */
uint64_t tcptale_half_queued_bytes(const struct tcptale_stream_env *env,
                                   const struct tcptale_half *half);
uint32_t tcptale_half_queued_segments(const struct tcptale_stream_env *env,
                                      const struct tcptale_half *half);

#endif

/* intake.h - a believed segment takes effect: its acknowledgement on the peer's direction, its
 * window, its timestamp, its bytes and FIN on its own, its inputs on both states. Floor 7. */
#ifndef TCPTALE_LIB_INTAKE_H
#define TCPTALE_LIB_INTAKE_H

#include "record.h"
#include "seq.h"
#include "state.h"
#include "util.h"

/* Takes a segment without SYN and RST whose verdict is not OUTSIDE. */
void tcptale_intake(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                    struct tcptale_arrival *seg);

/* The window that a placed segment with ACK offers to its peer. */
void tcptale_intake_window(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           const struct tcptale_arrival *seg);

/* A frame seen twice: its bytes are compared with what is known, nothing else happens. */
void tcptale_intake_compare(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            const struct tcptale_arrival *seg);

/* Begins a direction: offset 0 has sequence number `isn` + 1. `soft`: an earlier first byte may
 * still move it. */
void tcptale_intake_base(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint32_t isn, int soft);

/* At the end: a lone first byte that nothing which came later marks as a keep-alive's is told. */
void tcptale_intake_lone_byte(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              uint32_t dir);

/* Lets waiting holes see that a packet has passed (`packets` 1) or that it is `now_ns` (0). */
void tcptale_intake_tick(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint64_t now_ns, uint32_t packets);

/* Gives up the holes of both directions whose time is over, in the order of their deadlines: when
 * somebody looks makes no difference. Returns the last such deadline, 0 where none was over. */
uint64_t tcptale_intake_overdue(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* After a segment took effect: waiting holes see it pass, so that one that it acknowledged is given
 * up after reorder_hold_count more. */
static inline void tcptale_intake_pass(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  for (uint32_t d = 0; d < 2; d++)
    if (conn->ends[d].half.flags & TCPTALE_HALF_WAITING)
      tcptale_intake_tick(env, conn, d, env->now_ns, 1);
}

/* A direction, about to be fed: what its stream tells is of this connection. */
static inline struct tcptale_half *tcptale_intake_half(struct tcptale_conn_env *env,
                                                       struct tcptale_conn *conn, uint32_t dir) {
  env->conn = conn;
  env->dir = dir;
  return &conn->ends[dir].half;
}

/* What lies above a hole will be copied: the lines of its payload behind the header's are asked for
 * before it is taken in, of a large frame the first ones. */
static inline void tcptale_intake_fetch(const struct tcptale_half *half, uint32_t seq,
                                        const uint8_t *payload, uint32_t cap_len) {
  enum { LINE = 64, MOST = 1536 };
  int is_ahead = tcptale_seq_distance(seq, half->next_seq) > 0;
  uint32_t end = is_ahead ? tcptale_min_u32(cap_len, MOST) : 0;
  for (uint32_t at = LINE; at < end; at += LINE) tcptale_prefetch(payload + at);
}

/* Feeds one input to the state of one end. */
static inline void tcptale_intake_state(struct tcptale_conn *conn, uint32_t dir, uint32_t input) {
  struct tcptale_end *end = &conn->ends[dir];
  end->state = tcptale_state_after(end->state, input);
}

/* Whether both sides have finished and all of it was told; acknowledged, too, where `acked` is
 * 1. */
static inline int tcptale_intake_is_over(const struct tcptale_conn *conn, int acked) {
  const struct tcptale_end *c = &conn->ends[0], *s = &conn->ends[1];
  if (!(c->half.flags & s->half.flags & TCPTALE_HALF_ENDED)) return 0;
  return !acked || (c->flags & s->flags & TCPTALE_END_FIN_ACKED);
}

#endif

/* linger.c - see linger.h. Floor 10. */
#include "linger.h"

#include "accept.h"
#include "park.h"
#include "tcptale/seq.h"
#include "tell.h"

/* RFC 6191: a SYN may reuse ports in TIME-WAIT if its timestamp is newer or its number lies
 * above all that was sent; after a RST there is no TIME-WAIT. */
int tcptale_linger_is_new_call(const struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  if (!tcptale_end_has(own, TCPTALE_END_BASED)) return 1;
  if (seg->packet->seq == tcptale_end_isn(own) && tcptale_end_has(own, TCPTALE_END_SYN)) return 0;
  int by_reset = conn->phase == TCPTALE_PHASE_RESET || conn->close_why == TCPTALE_CLOSE_RST ||
                 conn->close_why == TCPTALE_CLOSE_REFUSED;
  if (by_reset) return 1;
  int stamped = tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS) &&
                (seg->packet->options & TCPTALE_HAS_TIMESTAMPS);
  if (stamped && tcptale_seq_gt(seg->packet->ts_val, own->ts_recent)) return 1;
  uint32_t last = own->half.next_seq + (own->half.fin != TCPTALE_NO_FIN);
  return tcptale_seq_gt(seg->packet->seq, last);
}

/* Only the called side's SYN+ACK, acknowledging that very SYN, confirms it. */
int tcptale_linger_answers_renewal(const struct tcptale_conn_env *env,
                                   const struct tcptale_conn *conn,
                                   const struct tcptale_arrival *seg) {
  const struct tcptale_parked *syn = tcptale_park_renewal(env, conn);
  if (!syn || syn->dir == seg->dir || !(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return 0;
  uint32_t beyond = seg->packet->ack - (syn->packet.seq + 1);
  return beyond <= syn->packet.payload_len;
}

static uint32_t tell(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                     struct tcptale_arrival *seg, uint32_t verdict, uint32_t anomaly) {
  seg->verdict = verdict;
  seg->anomaly = anomaly;
  tcptale_tell_segment(env, conn, seg);
  return TCPTALE_ACTION_KEEP;
}

/* Rule R9 on ports that were closed. */
static uint32_t feed_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  if (seg->packet->tcp_flags & TCPTALE_TCP_ACK) {
    if (tcptale_linger_answers_renewal(env, conn, seg)) return TCPTALE_ACTION_REOPEN;
    return tell(env, conn, seg, TCPTALE_SEGMENT_RETRANSMISSION, 0);
  }
  if (!seg->doubtful && tcptale_linger_is_new_call(conn, seg)) return TCPTALE_ACTION_REOPEN;
  if (seg->packet->seq == tcptale_end_isn(own))
    return tell(env, conn, seg, TCPTALE_SEGMENT_RETRANSMISSION, 0);
  tell(env, conn, seg, TCPTALE_SEGMENT_OUTSIDE, TCPTALE_ANOMALY_SYN_AFTER_CLOSE);
  tcptale_park_renew(env, conn, seg);
  return TCPTALE_ACTION_KEEP;
}

/* Whether the segment acknowledges bytes that came after the close: then that close was not real
 * (case C28). */
static int revives(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                   const struct tcptale_arrival *seg) {
  if (!(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return 0;
  const struct tcptale_parked *p = tcptale_park_first(env, conn);
  for (; p; p = p->next ? tcptale_arena_at(&env->arena, p->next) : NULL) {
    uint32_t end = p->packet.seq + p->packet.payload_len;
    if (p->why == TCPTALE_PARK_AFTER && p->dir != seg->dir &&
        tcptale_seq_diff(seg->packet->ack, end) == 0)
      return 1;
  }
  return 0;
}

uint32_t tcptale_linger_feed(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                             struct tcptale_arrival *seg) {
  uint32_t refused = tcptale_accept_flags(seg->packet);
  uint32_t flags = seg->packet->tcp_flags;
  tcptale_accept_place(conn, seg);
  if (flags & TCPTALE_TCP_RST) return tell(env, conn, seg, TCPTALE_SEGMENT_IN_ORDER, 0);
  if (refused) return tell(env, conn, seg, TCPTALE_SEGMENT_OUTSIDE, refused);
  if (flags & TCPTALE_TCP_SYN) return feed_syn(env, conn, seg);
  if (revives(env, conn, seg)) return TCPTALE_ACTION_REOPEN;
  const struct tcptale_half *half = &conn->ends[seg->dir].half;
  int is_beyond = seg->len > 0 && seg->offset + (int64_t)seg->len > (int64_t)half->next;
  if (!is_beyond)
    return tell(env, conn, seg,
                seg->len ? TCPTALE_SEGMENT_RETRANSMISSION : TCPTALE_SEGMENT_IN_ORDER, 0);
  uint32_t code = conn->close_why == TCPTALE_CLOSE_FIN ? TCPTALE_ANOMALY_DATA_AFTER_FIN
                                                       : TCPTALE_ANOMALY_DATA_AFTER_RST;
  tell(env, conn, seg, TCPTALE_SEGMENT_OUTSIDE, code);
  if (!seg->from_queue) tcptale_park_push(env, conn, seg, TCPTALE_PARK_AFTER);
  return TCPTALE_ACTION_KEEP;
}

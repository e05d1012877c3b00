/* accept.c - see accept.h. Floor 6. */
#include "accept.h"

#include "seq.h"
#include "util.h"

#define SEQ_REACH   (((int64_t)1 << 30) + ((int64_t)65535 << 14)) /* rule R3 */
#define ACK_REACH   ((uint64_t)65536) /* rule R5: unseen data that an ACK may cover */
#define NS_A_SECOND ((uint64_t)1000000000)

static const uint32_t opening = TCPTALE_TCP_SYN | TCPTALE_TCP_FIN | TCPTALE_TCP_RST;

static inline void place(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  const struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
  const tcptale_packet *p = seg->packet;
  uint32_t first = p->seq + ((p->tcp_flags & TCPTALE_TCP_SYN) ? 1u : 0u);
  seg->offset =
      tcptale_end_has(own, TCPTALE_END_BASED) ? tcptale_half_offset(&own->half, first) : 0;
  seg->ack_offset = 0;
  if (tcptale_end_has(peer, TCPTALE_END_BASED) && (p->tcp_flags & TCPTALE_TCP_ACK))
    seg->ack_offset = tcptale_half_offset(&peer->half, p->ack);
}

void tcptale_accept_place(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  place(conn, seg);
}

/* Rule R15: nothing, or one garbage byte, right below what comes next. Until that is acknowledged
 * a byte there is sent again, not made up (RFC 9293 3.8.4: keep-alives are for idle connections).
 * Where nothing is known yet, and where the byte was acknowledged but not captured, it is taken
 * for one unless its sender pushes it: then the capture turned data and its acknowledgement
 * around. */
static inline int is_keepalive(const struct tcptale_conn_env *env, const struct tcptale_end *own,
                               const struct tcptale_arrival *seg) {
  if (seg->len > 1 || (seg->packet->tcp_flags & opening)) return 0;
  int garbage = seg->len == 1 && !(seg->packet->tcp_flags & TCPTALE_TCP_PSH);
  if (!tcptale_end_has(own, TCPTALE_END_BASED)) return garbage;
  const struct tcptale_half *half = &own->half;
  uint64_t expected = tcptale_half_expected(&env->stream, half);
  int resends = seg->len == 1 && (half->flags & TCPTALE_HALF_ACKS_SEEN) && half->acked < expected;
  if (seg->offset + 1 == (int64_t)expected && expected == half->highest) return !resends;
  return (half->flags & TCPTALE_HALF_ACKS_SEEN) && garbage &&
         seg->offset + 1 == (int64_t)half->acked;
}

/* One byte into a window that is closed (RFC 9293 3.8.6.1): the receiver said 0, or was never seen
 * to offer more. */
static inline int is_probe(const struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  const struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
  if (seg->len != 1 || (seg->packet->tcp_flags & opening)) return 0;
  int is_closed = peer->window == 0 && own->edge != 0 && tcptale_end_has(peer, TCPTALE_END_SEEN);
  return is_closed || seg->offset == (int64_t)own->edge;
}

/* Rules R3 and R14. */
static uint32_t check_sequence(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  int64_t distance = seg->offset - (int64_t)own->half.next;
  if (distance > SEQ_REACH || distance < -SEQ_REACH) return TCPTALE_ANOMALY_SEQ_IMPLAUSIBLE;
  int is_fin = (seg->packet->tcp_flags & TCPTALE_TCP_FIN) != 0;
  if (own->edge == 0) return 0;
  if (seg->offset > (int64_t)own->edge)
    return seg->len || !is_fin ? TCPTALE_ANOMALY_OUT_OF_WINDOW : TCPTALE_ANOMALY_FIN_OUT_OF_WINDOW;
  if (!is_probe(conn, seg) && seg->offset + (int64_t)seg->len > (int64_t)own->edge)
    seg->notes |= TCPTALE_NOTE_STRADDLES;
  return 0;
}

/* Rules R5 and R12: how the acknowledgement stands to what the peer sent. */
static uint32_t check_ack(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  const struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
  if (!tcptale_end_has(peer, TCPTALE_END_BASED)) return 0;
  int64_t highest = (int64_t)peer->half.highest + (peer->half.fin != TCPTALE_NO_FIN);
  if (seg->ack_offset > highest) {
    if (seg->catches_up) return 0; /* what it acknowledges is parked: the window was not seen */
    uint64_t reach = tcptale_max_u64(
        ACK_REACH, peer->edge > peer->half.acked ? peer->edge - peer->half.acked : 0);
    if (!tcptale_end_has(peer, TCPTALE_END_SEEN))
      reach = (uint64_t)SEQ_REACH; /* one-sided capture */
    if ((uint64_t)(seg->ack_offset - highest) > reach) return TCPTALE_ANOMALY_ACK_IMPLAUSIBLE;
    if (tcptale_end_has(peer, TCPTALE_END_SEEN)) seg->notes |= TCPTALE_NOTE_ACK_UNSEEN;
    return 0;
  }
  if (conn->how == TCPTALE_OPEN_MIDSTREAM || (peer->half.flags & TCPTALE_HALF_LOSSY)) return 0;
  int64_t oldest = (int64_t)peer->half.acked - (int64_t)tcptale_accept_window_most(conn, seg->dir);
  return seg->ack_offset < oldest ? TCPTALE_ANOMALY_ACK_OLD : 0;
}

/* Rule R13 (RFC 7323 5): a timestamp older than the receiver's, one tick of grace. */
static uint32_t check_paws(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return 0;
  if (!(seg->packet->options & TCPTALE_HAS_TIMESTAMPS)) {
    seg->notes |= TCPTALE_NOTE_TS_MISSING;
    return 0;
  }
  const struct tcptale_end *own = &conn->ends[seg->dir];
  if (tcptale_seq_distance(seg->packet->ts_val, own->ts_recent) >= -1) return 0;
  uint32_t idle_s = (uint32_t)(seg->ts_ns / NS_A_SECOND) - own->ts_recent_s;
  return idle_s < TCPTALE_PAWS_IDLE_S ? TCPTALE_ANOMALY_PAWS : 0;
}

/* A signature where the handshake had none: Linux drops the segment, other stacks look past it.
 * A FIN is not believed with one: no stack that signs would have left the handshake unsigned. */
static uint32_t check_signature(const struct tcptale_conn *conn, struct tcptale_arrival *seg) {
  if (!(seg->packet->options & (TCPTALE_HAS_MD5 | TCPTALE_HAS_AO))) return 0;
  if (!tcptale_conn_has(conn, TCPTALE_CONN_AGREED) || tcptale_conn_has(conn, TCPTALE_CONN_SIGNED))
    return 0;
  seg->notes |= TCPTALE_NOTE_SIGNED;
  int is_dropped = conn->ends[seg->dir].half.policy == TCPTALE_POLICY_LINUX ||
                   (seg->packet->tcp_flags & TCPTALE_TCP_FIN);
  return is_dropped ? TCPTALE_ANOMALY_MD5_UNEXPECTED : 0;
}

/* What an empty segment without SYN and FIN says. */
static uint32_t classify_ack(const struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  const struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
  if (seg->packet->window == 0) return TCPTALE_SEGMENT_ZERO_WINDOW;
  if (!tcptale_end_has(peer, TCPTALE_END_BASED) || !(peer->half.flags & TCPTALE_HALF_ACKS_SEEN) ||
      seg->ack_offset != (int64_t)peer->half.acked)
    return TCPTALE_SEGMENT_IN_ORDER;
  if (seg->packet->window != own->window) return TCPTALE_SEGMENT_WINDOW_UPDATE;
  return peer->half.highest > peer->half.acked ? TCPTALE_SEGMENT_DUP_ACK : TCPTALE_SEGMENT_IN_ORDER;
}

/* The checks passed; what is left is what the segment is to the stream. */
static uint32_t classify(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                         const struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  int is_fin = (seg->packet->tcp_flags & TCPTALE_TCP_FIN) != 0;
  if (is_keepalive(env, own, seg)) return TCPTALE_SEGMENT_KEEPALIVE;
  if (!tcptale_end_has(own, TCPTALE_END_BASED)) return TCPTALE_SEGMENT_IN_ORDER;
  if (seg->len == 0 && !is_fin) return classify_ack(conn, seg);
  if (is_probe(conn, seg) && seg->offset == (int64_t)own->half.next) return TCPTALE_SEGMENT_ZWP;
  return tcptale_half_classify(&env->stream, &own->half, seg->offset, seg->len,
                               is_fin ? TCPTALE_PUSH_FIN : 0u);
}

void tcptale_accept(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                    struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  place(conn, seg);
  seg->anomaly = tcptale_accept_flags(seg->packet);
  if (!seg->anomaly && tcptale_end_has(own, TCPTALE_END_BASED))
    seg->anomaly = check_sequence(conn, seg);
  if (!seg->anomaly) seg->anomaly = check_ack(conn, seg);
  if (!seg->anomaly) seg->anomaly = check_paws(conn, seg);
  if (!seg->anomaly) seg->anomaly = check_signature(conn, seg);
  seg->verdict = seg->anomaly ? TCPTALE_SEGMENT_OUTSIDE : classify(env, conn, seg);
}

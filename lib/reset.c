/* reset.c - see reset.h. Floor 7. */
#include "reset.h"

#include "accept.h"

/* Where the receiver's RCV.NXT may stand: at the next byte that was captured; at what it
 * acknowledged, where that is more; behind the FIN. */
static int is_exact(const struct tcptale_half *half, int64_t offset, uint64_t expected) {
  if (offset == (int64_t)expected) return 1;
  if (half->fin != TCPTALE_NO_FIN && half->next >= half->fin && offset == (int64_t)half->fin + 1)
    return 1;
  return (half->flags & TCPTALE_HALF_ACKS_SEEN) && half->acked > half->next &&
         offset == (int64_t)half->acked;
}

/* RFC 9293 3.10.7.4; without a window of the receiver, the widest there can be. */
static int is_in_window(const struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  uint64_t edge = own->edge;
  if (edge == 0) edge = own->half.next + tcptale_accept_window_most(conn, tcptale_other(seg->dir));
  return seg->offset >= (int64_t)own->half.next && seg->offset < (int64_t)edge;
}

uint32_t tcptale_reset_judge(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                             struct tcptale_arrival *seg) {
  const struct tcptale_end *own = &conn->ends[seg->dir];
  int is_signed = (seg->packet->options & (TCPTALE_HAS_MD5 | TCPTALE_HAS_AO)) != 0;
  if (is_signed && tcptale_conn_has(conn, TCPTALE_CONN_AGREED) &&
      !tcptale_conn_has(conn, TCPTALE_CONN_SIGNED)) {
    seg->anomaly = TCPTALE_ANOMALY_MD5_UNEXPECTED; /* a host that signs would have signed its SYN */
    return 0;
  }
  uint64_t expected = tcptale_half_expected(&env->stream, &own->half);
  if (!tcptale_end_has(own, TCPTALE_END_BASED) || is_exact(&own->half, seg->offset, expected))
    return TCPTALE_RESET_EXACT;
  int in_window = is_in_window(conn, seg);
  int counts =
      in_window && (env->config.rst_policy == TCPTALE_RST_RFC793 ||
                    (own->half.flags & TCPTALE_HALF_LOSSY)); /* after a loss nobody knows better */
  if (env->config.rst_policy == TCPTALE_RST_HPUX11) counts = seg->offset >= (int64_t)own->half.next;
  if (counts) {
    seg->anomaly = TCPTALE_ANOMALY_RST_IN_WINDOW;
    return TCPTALE_RESET_EXACT;
  }
  if (in_window) return TCPTALE_RESET_TENTATIVE;
  seg->anomaly = TCPTALE_ANOMALY_RST_OUT_OF_WINDOW;
  return 0;
}

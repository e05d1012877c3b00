/* trust.c - see trust.h. Floor 7. */
#include "trust.h"

#include "park.h"
#include "tell.h"

/* Once a direction: it is a fact about the capture, not about the segments. */
static void tell_offload(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir) {
  uint32_t flag = (uint32_t)TCPTALE_CONN_OFFLOAD_TOLD << dir;
  if (conn->phase == TCPTALE_PHASE_EMBRYO || tcptale_conn_has(conn, flag)) return;
  conn->flags |= flag;
  tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_CSUM_OFFLOAD, dir, 0, 0);
}

void tcptale_trust_clear(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir) {
  conn->ends[dir].flags |= TCPTALE_END_OFFLOADS;
  tell_offload(env, conn, dir);
}

/* The anomaly of a checksum that is wrong without excuse; 0. */
static uint32_t wrong_checksum(const tcptale_packet *p) {
  if (p->ip_csum == TCPTALE_CSUM_BAD) return TCPTALE_ANOMALY_BAD_IP_CSUM;
  return p->tcp_csum == TCPTALE_CSUM_BAD ? TCPTALE_ANOMALY_BAD_TCP_CSUM : 0;
}

uint32_t tcptale_trust_weigh(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                             struct tcptale_arrival *seg) {
  const tcptale_packet *p = seg->packet;
  struct tcptale_end *own = conn ? &conn->ends[seg->dir] : NULL;
  uint32_t wrong = wrong_checksum(p);
  if (!wrong) {
    if (own && p->tcp_csum == TCPTALE_CSUM_GOOD) own->flags |= TCPTALE_END_GOOD_CSUM;
    if (conn && (p->anomalies >> TCPTALE_ANOMALY_CSUM_OFFLOAD & 1))
      tell_offload(env, conn, seg->dir);
    return TCPTALE_TRUST_GOOD;
  }
  if (own && tcptale_end_has(own, TCPTALE_END_OFFLOADS)) {
    tell_offload(env, conn, seg->dir);
    return TCPTALE_TRUST_GOOD;
  }
  int judged = env->config.checksum == TCPTALE_CHECKSUM_VERIFY ||
               (own && tcptale_end_has(own, TCPTALE_END_GOOD_CSUM));
  if (!judged) return TCPTALE_TRUST_UNSURE;
  seg->anomaly = wrong;
  return TCPTALE_TRUST_BAD;
}

/* Nobody acknowledges bytes whose checksum was wrong on arrival. */
int tcptale_trust_is_answer(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                            const struct tcptale_arrival *seg) {
  return (seg->packet->tcp_flags & TCPTALE_TCP_ACK) &&
         tcptale_park_is_answered(env, conn, tcptale_other(seg->dir), TCPTALE_PARK_CHECKSUM,
                                  seg->packet->ack);
}

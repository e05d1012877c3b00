/* doubt.c - see doubt.h. Floor 10. */
#include "doubt.h"

#include "handshake.h"
#include "opening.h"
#include "park.h"
#include "tell.h"
#include "trust.h"

void tcptale_doubt_hold(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        struct tcptale_arrival *seg) {
  if (seg->len > 0 && tcptale_park_push(env, conn, seg, TCPTALE_PARK_CHECKSUM)) {
    seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
    tcptale_tell_segment(env, conn, seg);
    return;
  }
  env->bad_checksums++;
  int is_ip = seg->packet->ip_csum == TCPTALE_CSUM_BAD;
  tcptale_tell_refused(env, conn, seg,
                       is_ip ? TCPTALE_ANOMALY_BAD_IP_CSUM : TCPTALE_ANOMALY_BAD_TCP_CSUM);
}

void tcptale_doubt_clear(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         const struct tcptale_arrival *seg) {
  uint32_t cleared = tcptale_other(seg->dir);
  if (!tcptale_trust_is_answer(env, conn, seg)) return;
  tcptale_opening_wake(env, conn);
  tcptale_trust_clear(env, conn, cleared);
  if (tcptale_handshake_of(env, conn))
    tcptale_park_change(env, conn, cleared, TCPTALE_PARK_CHECKSUM, TCPTALE_PARK_EARLY);
  else tcptale_opening_replay(env, conn, cleared, TCPTALE_PARK_CHECKSUM);
}

/* Whether a segment acknowledges the SYN, or SYN+ACK, whose checksum is in doubt. */
static int answers_embryo(struct tcptale_handshake *hs, const struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg) {
  uint32_t doubted = conn->how == TCPTALE_OPEN_SYN ? TCPTALE_C2S : TCPTALE_S2C;
  uint32_t ack = seg->packet->ack;
  if (seg->dir == doubted || !(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return 0;
  if (doubted == TCPTALE_S2C) return tcptale_handshake_choose_synack(hs, ack) != NULL;
  struct tcptale_candidate *syn = tcptale_handshake_choose_syn(hs, ack);
  if (syn) syn->ack = ack;
  return syn != NULL;
}

int tcptale_doubt_is_contradicted(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                  const struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (conn->phase != TCPTALE_PHASE_EMBRYO) return 0;
  if (!hs) return (seg->packet->tcp_flags & TCPTALE_TCP_SYN) != 0;
  if (seg->packet->tcp_flags & TCPTALE_TCP_RST) return 0;
  if (!answers_embryo(hs, conn, seg) && !tcptale_trust_is_answer(env, conn, seg)) return 1;
  tcptale_opening_wake(env, conn);
  tcptale_trust_clear(env, conn, tcptale_other(seg->dir));
  return 0;
}

void tcptale_doubt_open(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (conn->phase != TCPTALE_PHASE_EMBRYO || tcptale_handshake_of(env, conn)) return;
  tcptale_opening_wake(env, conn);
}

/* trust.h - whose checksums count (rule R21). A wrong checksum, of TCP or of the IPv4 header,
 * makes a segment unbelievable, except that of a host whose hardware computes checksums after
 * the tap; such a host shows itself by being answered all the same. Floor 7. */
#ifndef TCPTALE_LIB_TRUST_H
#define TCPTALE_LIB_TRUST_H

#include "record.h"

enum tcptale_trust {
  TCPTALE_TRUST_GOOD = 0,
  TCPTALE_TRUST_BAD = 1,
  TCPTALE_TRUST_UNSURE = 2 /* wrong, from a sender that was not judged yet */
};

/* What tcptale_trust_judge says where checksums are looked at. */
uint32_t tcptale_trust_weigh(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                             struct tcptale_arrival *seg);

/* Judges a segment's checksums; `conn` NULL: nothing is known of the sender. Writes seg->anomaly
 * where BAD, marks the sender where GOOD, tells csum_offload once a direction. */
static inline uint32_t tcptale_trust_judge(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                           struct tcptale_arrival *seg) {
  if (env->config.checksum == TCPTALE_CHECKSUM_IGNORE) return TCPTALE_TRUST_GOOD;
  return tcptale_trust_weigh(env, conn, seg);
}

/* The peer answered a segment of `dir` whose checksum was wrong: its sender is cleared from here
 * on. */
void tcptale_trust_clear(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir);

/* Whether `seg`, of the other direction, acknowledges a parked segment of doubtful checksum. */
int tcptale_trust_is_answer(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                            const struct tcptale_arrival *seg);

#endif

/* tell.h - a connection's events, filled in from its record and handed to `emit`; and the sink
 * that its two streams report to. What the user asked not to hear of a connection is stopped
 * here. Floor 6. */
#ifndef TCPTALE_LIB_TELL_H
#define TCPTALE_LIB_TELL_H

#include "record.h"

/* The sink of the streams of every connection; its context is the struct tcptale_conn_env. */
extern const struct tcptale_stream_sink tcptale_tell_sink;

/* Gives the connection its id and tells open. */
void tcptale_tell_open(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t how);

/* Tells established; -1 for a time that was not seen. */
void tcptale_tell_established(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              int64_t rtt_ns, int64_t syn_synack_ns);

void tcptale_tell_reset(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                        uint32_t verdict);

/* Tells close and forgets the anomaly counters. */
void tcptale_tell_close(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why);

/* Tells an anomaly. `conn` NULL or closed: one that belongs to no connection. */
void tcptale_tell_anomaly(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t code,
                          uint32_t dir, uint64_t offset, uint64_t len);

/* Tells that one that is open is evicted, an anomaly as well. */
void tcptale_tell_evicted(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* An ACK number without the ACK bit: RFC 9293 gives it no meaning. A RST may carry one all the
 * same. */
static inline int tcptale_tell_is_broken_ack(const tcptale_packet *p) {
  return p->ack != 0 && !(p->tcp_flags & (TCPTALE_TCP_ACK | TCPTALE_TCP_RST));
}

/* Whether there is an anomaly to tell of a segment. */
static inline int tcptale_tell_is_odd(const struct tcptale_arrival *seg) {
  return (seg->packet->anomalies | seg->anomaly | seg->notes) != 0 ||
         tcptale_tell_is_broken_ack(seg->packet);
}

/* What tcptale_tell_segment tells of a segment that is odd, or of any where that is asked for. */
void tcptale_tell_verdict(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg);

/* Tells the verdict on a segment, once, and every anomaly that the decoder and the verdict name.
 * `conn` NULL: it belongs to none. */
static inline void tcptale_tell_segment(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                        const struct tcptale_arrival *seg) {
  if (seg->from_queue) return;
  if (env->emit.callbacks.on_segment || tcptale_tell_is_odd(seg))
    tcptale_tell_verdict(env, conn, seg);
}

/* The same for a segment that is not believed, for the reason `code`. */
void tcptale_tell_refused(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg, uint32_t code);

/* Writes the two ends of a key that is kept, all but the role. `out` must be zeroed. */
void tcptale_tell_ends_of(const struct tcptale_brief_key *key, uint32_t kind, const uint8_t *tail,
                          uint32_t client_at, tcptale_endpoints *out);

/* Writes the two ends of a connection. */
void tcptale_tell_endpoints(const struct tcptale_conn *conn, tcptale_endpoints *out);

#endif

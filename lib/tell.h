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

/* Tells the verdict on a segment, once, and every anomaly that the decoder and the verdict name.
 * `conn` NULL: it belongs to none. */
void tcptale_tell_segment(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg);

/* The same for a segment that is not believed, for the reason `code`. */
void tcptale_tell_refused(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg, uint32_t code);

/* Writes the two ends of a key, all but the role; `whole_key` where it is wide, else NULL. */
void tcptale_tell_ends_of(const struct tcptale_brief_key *key, const uint8_t *whole_key,
                          uint32_t client_at, tcptale_endpoints *out);

/* Writes the two ends of a connection. */
void tcptale_tell_endpoints(const struct tcptale_conn *conn, tcptale_endpoints *out);

#endif

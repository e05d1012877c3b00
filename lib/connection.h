/* connection.h - one segment, one connection: turns it into ordered steps by phase. Floor 11. */
#ifndef TCPTALE_LIB_CONNECTION_H
#define TCPTALE_LIB_CONNECTION_H

#include "record.h"

/* Whether a segment that belongs to no connection opens one. What does not is refused with
 * seg->anomaly, or 0. */
int tcptale_connection_opens(const struct tcptale_conn_env *env, struct tcptale_arrival *seg);

/* The first segment of a fresh record from the roster. */
void tcptale_connection_begin(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              struct tcptale_arrival *seg);

/* Any further segment; returns a TCPTALE_ACTION_. */
uint32_t tcptale_connection_feed(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                 struct tcptale_arrival *seg);

/* Time has come to env->now_ns, the connection may be due; returns a TCPTALE_ACTION_. */
uint32_t tcptale_connection_expire(struct tcptale_conn_env *env, struct tcptale_conn *conn);

#endif

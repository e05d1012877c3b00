/* linger.h - segments on the ports of a connection that was closed: late copies, a new call, or
 * signs that the close was not real. Floor 10. */
#ifndef TCPTALE_LIB_LINGER_H
#define TCPTALE_LIB_LINGER_H

#include "record.h"

/* Takes a segment of a closed connection; returns a TCPTALE_ACTION_. */
uint32_t tcptale_linger_feed(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                             struct tcptale_arrival *seg);

/* Whether a SYN on these ports is surely a new call and no late copy (rule R9, RFC 6191). */
int tcptale_linger_is_new_call(const struct tcptale_conn *conn, const struct tcptale_arrival *seg);

/* Whether a SYN+ACK answers the SYN that is kept as a possible new call. */
int tcptale_linger_answers_renewal(const struct tcptale_conn_env *env,
                                   const struct tcptale_conn *conn,
                                   const struct tcptale_arrival *seg);

#endif

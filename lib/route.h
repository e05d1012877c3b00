/* route.h - the way of a segment to its connection: found, made, or made anew on the ports of one
 * that is over; and what a step of a connection asks for. Floor 15. */
#ifndef TCPTALE_LIB_ROUTE_H
#define TCPTALE_LIB_ROUTE_H

#include "record.h"
#include "roster.h"

/* Finds or makes the connection of a segment, whose key is `key`, and feeds it. */
void tcptale_route(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                   const struct tcptale_key *key, struct tcptale_arrival *seg);

/* Carries out what a step of a connection asks for: `action` is KEEP, or it is taken out. */
void tcptale_route_finish(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_conn *conn, uint32_t action);

#endif

/* doubt.h - segments whose checksum is wrong and whose sender was not judged yet (rule R21), and
 * a connection that began with one: an embryo. What they carry waits; the peer's answer clears
 * the sender, anything else shows that the checksum was right to be wrong. Floor 10. */
#ifndef TCPTALE_LIB_DOUBT_H
#define TCPTALE_LIB_DOUBT_H

#include "record.h"

/* A doubtful segment without SYN: told, and what it carries waits for the peer's answer; or it
 * is refused. */
void tcptale_doubt_hold(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        struct tcptale_arrival *seg);

/* Where the segment answers what was parked for its checksum: its sender is cleared, and that
 * takes effect first, or waits for the handshake. */
void tcptale_doubt_clear(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         const struct tcptale_arrival *seg);

/* A beginning in doubt meets a segment of right checksum. An answer clears the handshake;
 * anything else of the same ports, or a SYN, shows that it never was: 1, and the segment begins
 * anew. */
int tcptale_doubt_is_contradicted(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                  const struct tcptale_arrival *seg);

/* An embryo of midstream meets a segment of right checksum that does not answer it: that one
 * opens the connection. */
void tcptale_doubt_open(struct tcptale_conn_env *env, struct tcptale_conn *conn);

#endif

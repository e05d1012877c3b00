/* opening.h - from the first segment to established: roles, candidates, simultaneous open and
 * split handshake, data that comes with or before the handshake. Floor 8. */
#ifndef TCPTALE_LIB_OPENING_H
#define TCPTALE_LIB_OPENING_H

#include "record.h"

/* What to do with a segment that is neither SYN nor RST while the handshake runs. */
enum tcptale_opening_result {
  TCPTALE_OPENING_GO = 0,        /* take it */
  TCPTALE_OPENING_ESTABLISH = 1, /* it completes the handshake: establish, then take it */
  TCPTALE_OPENING_HOLD = 2,      /* it is too early: park what it carries */
  TCPTALE_OPENING_REFUSE = 3     /* it acknowledges nothing that was sent */
};

/* The first segment of a fresh record (with room for candidates where it is SYN or SYN+ACK): roles
 * and phase are set, open is told unless its checksum is in doubt. SYN and SYN+ACK are complete
 * with this. */
void tcptale_opening_begin(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           struct tcptale_arrival *seg, int doubtful);

/* What the first SYN, or SYN+ACK (as conn->how says), makes of a fresh record: flags and states;
 * and where both directions begin. */
void tcptale_opening_note_first(struct tcptale_conn *conn);
void tcptale_opening_base_first(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                uint32_t isn, uint32_t ack);

/* A connection whose beginning was in doubt is one: it opens; nothing where it is open. */
void tcptale_opening_wake(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* A SYN, or SYN+ACK, while the handshake runs: judged, told, taken. */
void tcptale_opening_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         struct tcptale_arrival *seg);
void tcptale_opening_synack(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            struct tcptale_arrival *seg);

/* Any other segment while the handshake runs: lets its acknowledgement choose among the
 * candidates. Tells nothing. */
uint32_t tcptale_opening_select(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                struct tcptale_arrival *seg);

/* `seg` completes the handshake: agrees on options, tells established, takes what was parked. */
void tcptale_opening_establish(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                               const struct tcptale_arrival *seg);

/* The handshake will not be seen whole: goes on without established, takes what was parked. */
void tcptale_opening_give_up(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* A SYN or SYN+ACK of a connection that was picked up in midstream, captured late: whether it
 * fits, and then the roles are known. */
int tcptale_opening_adopt(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg);

/* Takes what is parked for reason `why` out and lets each take effect. */
void tcptale_opening_replay(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                            uint32_t why);

#endif

/* closing.h - the end of a connection: what waits is settled, close is told, the memory goes
 * back; and when a connection is due if nothing more comes. Floor 9. */
#ifndef TCPTALE_LIB_CLOSING_H
#define TCPTALE_LIB_CLOSING_H

#include "record.h"
#include "util.h"

/* Settles both directions and tells close, unless that was done. FIN and RST win over a `why`
 * that only says that nothing more will come (timeout, end). The record stays, to remember the
 * ports. */
void tcptale_closing_close(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why);

/* Whether a closed connection is remembered for its ports, or nothing of it is needed any more. */
int tcptale_closing_lingers(const struct tcptale_conn *conn);

/* The deadline of one that is not open, or where something waits. */
uint64_t tcptale_closing_deadline_by_phase(const struct tcptale_conn_env *env,
                                           const struct tcptale_conn *conn);

/* When the connection is due though no packet comes: for a close, a verdict, or to be forgotten. */
static inline uint64_t tcptale_closing_deadline(const struct tcptale_conn_env *env,
                                                const struct tcptale_conn *conn) {
  int waits = (conn->ends[0].half.flags | conn->ends[1].half.flags) & TCPTALE_HALF_WAITING;
  if (waits || conn->phase != TCPTALE_PHASE_OPEN)
    return tcptale_closing_deadline_by_phase(env, conn);
  return tcptale_after_u64(conn->last_ns, env->config.established_ns);
}

/* Whether that time has come; a deadline at the end of time never comes. */
static inline int tcptale_closing_is_due(const struct tcptale_conn_env *env,
                                         const struct tcptale_conn *conn) {
  uint64_t due = tcptale_closing_deadline(env, conn);
  return due <= env->now_ns && due != UINT64_MAX;
}

/* Gives all memory back that hangs on the record. Tells nothing. */
void tcptale_closing_release(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* Bytes of one direction that are parked for reason `why` are dropped, and that is told. */
void tcptale_closing_drop_parked(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                 uint32_t why, uint32_t code);

#endif

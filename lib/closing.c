/* closing.c - see closing.h. Floor 9. */
#include "closing.h"

#include "handshake.h"
#include "intake.h"
#include "opening.h"
#include "park.h"
#include "tell.h"
#include "util.h"

void tcptale_closing_drop_parked(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                 uint32_t why, uint32_t code) {
  for (uint32_t d = 0; d < 2; d++) {
    struct tcptale_arrival seg;
    uint64_t bytes = 0;
    int any = 0;
    for (struct tcptale_parked *p; (p = tcptale_park_take(env, conn, d, why, &seg)) != NULL;
         any = 1) {
      bytes += seg.len;
      if (p->why == TCPTALE_PARK_CHECKSUM) env->bad_checksums++;
      if (code == TCPTALE_ANOMALY_BAD_TCP_CSUM && p->packet.ip_csum == TCPTALE_CSUM_BAD)
        code = TCPTALE_ANOMALY_BAD_IP_CSUM;
      tcptale_park_drop(env, p);
    }
    if (any && code) tcptale_tell_anomaly(env, conn, code, d, conn->ends[d].half.next, bytes);
  }
}

/* What was known but not yet told outranks a mere end. */
static uint32_t final_why(const struct tcptale_conn *conn, uint32_t why) {
  if (why != TCPTALE_CLOSE_TIMEOUT && why != TCPTALE_CLOSE_END) return why;
  if (tcptale_intake_is_over(conn, 0)) return TCPTALE_CLOSE_FIN;
  if (conn->phase == TCPTALE_PHASE_RESET) return conn->close_why;
  if (tcptale_conn_has(conn, TCPTALE_CONN_TENTATIVE)) return TCPTALE_CLOSE_RST;
  return why;
}

/* What is parked was not believed yet and is not now (rule R17); the streams tell what they
 * still can (rules R5, R20). */
static void settle(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (tcptale_handshake_of(env, conn)) tcptale_opening_give_up(env, conn);
  if (conn->parked != TCPTALE_ARENA_NONE) {
    tcptale_closing_drop_parked(env, conn, TCPTALE_PARK_RESET, TCPTALE_ANOMALY_DISCARDED);
    tcptale_closing_drop_parked(env, conn, TCPTALE_PARK_SYN_DATA, TCPTALE_ANOMALY_SYN_DATA_IGNORED);
    tcptale_closing_drop_parked(env, conn, TCPTALE_PARK_CHECKSUM, TCPTALE_ANOMALY_BAD_TCP_CSUM);
  }
  for (uint32_t d = 0; d < 2; d++) {
    if (!tcptale_end_has(&conn->ends[d], TCPTALE_END_BASED)) continue;
    if (conn->parked != TCPTALE_ARENA_NONE) tcptale_intake_lone_byte(env, conn, d);
    env->conn = conn;
    env->dir = d;
    tcptale_half_settle(&env->stream, &conn->ends[d].half);
  }
}

/* A SYN that may begin the next connection here outlives this one. */
static void release_all_but_renewal(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  tcptale_handshake_end(env, conn);
  struct tcptale_arrival seg;
  while (conn->parked != TCPTALE_ARENA_NONE)
    tcptale_park_drop(env, tcptale_park_take(env, conn, TCPTALE_NO_DIR, 0, &seg));
  for (uint32_t d = 0; d < 2; d++)
    if (tcptale_end_has(&conn->ends[d], TCPTALE_END_BASED))
      tcptale_half_release(&env->stream, &conn->ends[d].half);
  tcptale_emit_forget(&env->emit, &conn->anomalies);
}

/* The states follow a close that no segment brought about; a RST is one only now that it is
 * sure. */
static void step_states(struct tcptale_conn *conn, uint32_t why) {
  int by_reset = why == TCPTALE_CLOSE_RST || why == TCPTALE_CLOSE_REFUSED;
  if (!by_reset && why != TCPTALE_CLOSE_TIMEOUT) return;
  uint32_t sender = conn->reset_dir;
  tcptale_intake_state(conn, sender, by_reset ? TCPTALE_INPUT_SEND_RST : TCPTALE_INPUT_TIMEOUT);
  tcptale_intake_state(conn, tcptale_other(sender),
                       by_reset ? TCPTALE_INPUT_RECV_RST : TCPTALE_INPUT_TIMEOUT);
}

/* Every connection comes here once, whatever ends it (rule R26). */
void tcptale_closing_close(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why) {
  if (conn->phase == TCPTALE_PHASE_CLOSED) return;
  if (conn->phase == TCPTALE_PHASE_EMBRYO) {
    tcptale_closing_drop_parked(env, conn, 0, 0);
    tcptale_tell_anomaly(env, NULL, TCPTALE_ANOMALY_BAD_TCP_CSUM, TCPTALE_NO_DIR, 0, 0);
    conn->phase = TCPTALE_PHASE_CLOSED;
    conn->close_why = (uint8_t)why;
    env->bad_checksums++;
    return;
  }
  why = final_why(conn, why);
  settle(env, conn);
  why = final_why(conn, why); /* what was settled may have completed both directions */
  int confirmed = tcptale_conn_has(conn, TCPTALE_CONN_TENTATIVE) && why == TCPTALE_CLOSE_RST;
  if (confirmed) tcptale_tell_reset(env, conn, conn->reset_dir, TCPTALE_RESET_CONFIRMED);
  step_states(conn, why);
  tcptale_tell_close(env, conn, why);
  conn->phase = TCPTALE_PHASE_CLOSED;
  conn->close_why = (uint8_t)why;
  conn->reset_ns = env->now_ns;
  release_all_but_renewal(env, conn);
}

/* Only an end that the hosts brought about leaves late segments behind; after a time-out or an
 * eviction what comes is a connection in midstream. */
int tcptale_closing_lingers(const struct tcptale_conn *conn) {
  return conn->id != 0 &&
         (conn->close_why == TCPTALE_CLOSE_FIN || conn->close_why == TCPTALE_CLOSE_RST ||
          conn->close_why == TCPTALE_CLOSE_REFUSED);
}

void tcptale_closing_release(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  tcptale_park_forget_renewal(env, conn);
  release_all_but_renewal(env, conn);
}

static uint64_t open_deadline(const struct tcptale_conn_env *env, const struct tcptale_conn *conn) {
  uint64_t due = tcptale_after_u64(conn->last_ns, env->config.established_ns);
  for (uint32_t d = 0; d < 2; d++)
    if (conn->ends[d].half.flags & TCPTALE_HALF_WAITING)
      due = tcptale_min_u64(due, tcptale_half_deadline(&env->stream, &conn->ends[d].half));
  return due;
}

/* A call that nobody answers, or early bytes that wait for its completion. */
static uint64_t handshake_deadline(const struct tcptale_conn_env *env,
                                   const struct tcptale_conn *conn) {
  const tcptale_config *config = &env->config;
  uint64_t due = tcptale_after_u64(conn->last_ns, config->half_open_ns);
  const struct tcptale_parked *first = tcptale_park_first(env, conn);
  if (first && first->why == TCPTALE_PARK_EARLY)
    due = tcptale_min_u64(due, tcptale_after_u64(first->ts_ns, config->async_hole_ns));
  return due;
}

uint64_t tcptale_closing_deadline_by_phase(const struct tcptale_conn_env *env,
                                           const struct tcptale_conn *conn) {
  switch ((enum tcptale_phase)conn->phase) {
  case TCPTALE_PHASE_EMBRYO:
  case TCPTALE_PHASE_HANDSHAKE: return handshake_deadline(env, conn);
  case TCPTALE_PHASE_OPEN: return open_deadline(env, conn);
  case TCPTALE_PHASE_RESET: return tcptale_after_u64(conn->reset_ns, env->config.reset_ns);
  case TCPTALE_PHASE_CLOSED: break;
  }
  int by_fin = conn->close_why == TCPTALE_CLOSE_FIN;
  return tcptale_after_u64(conn->reset_ns, by_fin ? env->config.closed_ns : env->config.reset_ns);
}

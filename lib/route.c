/* route.c - see route.h. Floor 15. */
#include "route.h"

#include "closing.h"
#include "connection.h"
#include "limits.h"
#include "park.h"
#include "shape.h"
#include "tell.h"

void tcptale_route_finish(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_conn *conn, uint32_t action) {
  struct tcptale_card *card = conn->card;
  if (action != TCPTALE_ACTION_KEEP) {
    tcptale_shape_remove(roster, env, card);
    return;
  }
  tcptale_roster_update(roster, env, conn);
  tcptale_shape_rest(roster, env, conn);
  if (card->cls == TCPTALE_CLASS_CLOSED) tcptale_limits_forget(roster, env, card);
}

/* A segment without a connection: opens one, or is only told. Returns the connection it
 * opened. */
static struct tcptale_conn *begin(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                  const struct tcptale_key *key, struct tcptale_arrival *seg) {
  if (env->emit.stopped) return NULL; /* in a callback of this very step */
  int half_open = (seg->packet->tcp_flags & TCPTALE_TCP_SYN) != 0;
  int refused = !tcptale_connection_opens(env, seg);
  seg->dir = TCPTALE_NO_DIR;
  struct tcptale_conn *conn = NULL;
  if (!refused) {
    conn = tcptale_limits_open(roster, env, key, half_open);
    if (!conn) seg->anomaly = TCPTALE_ANOMALY_NOMEM;
    if (conn && env->emit.stopped) { /* by who was told of an eviction */
      tcptale_shape_remove(roster, env, conn->card);
      return NULL;
    }
  }
  if (!conn) {
    seg->verdict = TCPTALE_SEGMENT_OUTSIDE;
    tcptale_tell_segment(env, NULL, seg);
    return NULL;
  }
  int is_synack = half_open && (seg->packet->tcp_flags & TCPTALE_TCP_ACK);
  conn->client_at = (uint8_t)(is_synack ? key->from ^ 1u : key->from);
  seg->dir = is_synack ? TCPTALE_S2C : TCPTALE_C2S;
  tcptale_connection_begin(env, conn, seg);
  return conn;
}

/* A connection whose time had come before this packet is dealt with first, as if its timer had
 * run. */
static struct tcptale_conn *settle_due(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                       struct tcptale_conn *conn) {
  if (!tcptale_closing_is_due(env, conn)) return conn;
  uint64_t index = env->emit.index;
  env->emit.index = 0;
  uint32_t action;
  do {
    action = tcptale_connection_expire(env, conn);
  } while (action == TCPTALE_ACTION_KEEP && tcptale_closing_is_due(env, conn));
  env->emit.index = index;
  if (action == TCPTALE_ACTION_KEEP) return conn;
  tcptale_shape_remove(roster, env, conn->card);
  return NULL;
}

/* Finds or makes the segment's connection and feeds it; *conn is what it was fed to. Returns what
 * is left to do: REOPEN, or nothing (KEEP). */
static uint32_t step(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                     const struct tcptale_key *key, struct tcptale_arrival *seg,
                     struct tcptale_conn **conn) {
  *conn = tcptale_limits_find(roster, env, key);
  if (*conn) *conn = settle_due(roster, env, *conn);
  if (!*conn) {
    *conn = begin(roster, env, key, seg);
    if (!*conn) return TCPTALE_ACTION_KEEP;
    int is_done = (*conn)->phase == TCPTALE_PHASE_CLOSED && (*conn)->id == 0;
    if (is_done) tcptale_shape_remove(roster, env, (*conn)->card);
    else tcptale_limits_settle(roster, env, *conn);
    return TCPTALE_ACTION_KEEP;
  }
  seg->dir = key->from ^ (*conn)->client_at;
  uint32_t action = tcptale_connection_feed(env, *conn, seg);
  if (action == TCPTALE_ACTION_REOPEN) return action;
  tcptale_route_finish(roster, env, *conn, action);
  return TCPTALE_ACTION_KEEP;
}

/* The same for a segment that begins a connection on ports that were just freed: should an earlier
 * one of the same lot have begun one already, and this one end it, then this one begins the
 * next. */
static void take_anew(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                      const struct tcptale_key *key, struct tcptale_arrival *seg) {
  struct tcptale_conn *conn;
  if (step(roster, env, key, seg, &conn) != TCPTALE_ACTION_REOPEN) return;
  tcptale_shape_remove(roster, env, conn->card);
  step(roster, env, key, seg, &conn);
}

/* What an old connection kept, whose client was endpoint `client_at`, begins the next one, which
 * `seg` goes on with: the SYN if `seg` answers it, else what was parked, unless it is a SYN
 * itself. */
static void replay(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                   const struct tcptale_key *key, struct tcptale_conn *kept,
                   const struct tcptale_arrival *seg) {
  struct tcptale_key kept_key = *key; /* who sends differs from segment to segment */
  struct tcptale_arrival held;
  struct tcptale_parked *syn = tcptale_park_renewal(env, kept);
  if (syn && (seg->packet->tcp_flags & TCPTALE_TCP_ACK)) {
    tcptale_park_show(env, syn, &held);
    kept_key.from = held.dir ^ kept->client_at;
    take_anew(roster, env, &kept_key, &held);
  }
  if (syn) tcptale_park_drop(env, syn);
  for (struct tcptale_parked *p;
       (p = tcptale_park_take(env, kept, TCPTALE_NO_DIR, 0, &held)) != NULL;) {
    kept_key.from = held.dir ^ kept->client_at;
    if (!(seg->packet->tcp_flags & TCPTALE_TCP_SYN)) take_anew(roster, env, &kept_key, &held);
    tcptale_park_drop(env, p);
  }
}

/* The old connection on these ports is closed; what it kept for the next one, and the segment at
 * hand, begin it. */
static void reopen(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                   const struct tcptale_key *key, struct tcptale_conn *old,
                   struct tcptale_arrival *seg) {
  int is_call = (seg->packet->tcp_flags & TCPTALE_TCP_SYN) != 0;
  int is_reuse = is_call && old->close_why != TCPTALE_CLOSE_SUPERSEDED;
  struct tcptale_conn kept = *old; /* only to hold the chain of what was parked */
  old->renew = TCPTALE_ARENA_NONE;
  old->parked = TCPTALE_ARENA_NONE;
  tcptale_shape_remove(roster, env, old->card);
  replay(roster, env, key, &kept, seg);
  take_anew(roster, env, key, seg);
  struct tcptale_conn *conn = tcptale_limits_find(roster, env, key);
  if (is_reuse && conn)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_PORT_REUSE, TCPTALE_NO_DIR, 0, 0);
  if (conn) tcptale_route_finish(roster, env, conn, TCPTALE_ACTION_KEEP);
}

void tcptale_route(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                   const struct tcptale_key *key, struct tcptale_arrival *seg) {
  struct tcptale_conn *conn;
  if (step(roster, env, key, seg, &conn) == TCPTALE_ACTION_REOPEN)
    reopen(roster, env, key, conn, seg);
}

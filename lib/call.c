/* call.c - see call.h. Floor 13. */
#include "call.h"

#include "accept.h"
#include "intake.h"
#include "seq.h"
#include "tell.h"
#include "util.h"

#define NS_A_SECOND ((uint64_t)1000000000)

static int has_room(const struct tcptale_roster *roster, const struct tcptale_conn_env *env) {
  return !env->pressure && !env->emit.stopped && !tcptale_table_is_full(&roster->by_key) &&
         tcptale_roster_open(roster) < roster->max_open &&
         tcptale_roster_half_open(roster) < roster->max_half_open;
}

int tcptale_call_open(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                      const struct tcptale_key *key, const struct tcptale_gist *gist) {
  if (!has_room(roster, env)) return 0;
  struct tcptale_packed *packed = tcptale_roster_add_call(roster, env, key);
  if (!packed) return 0;
  tcptale_pack_call(env, packed, key, gist);
  tcptale_roster_enlist_call(roster, env, packed);
  tcptale_open_event event = {.conn_id = env->last_id, .how = TCPTALE_OPEN_SYN};
  event.role = TCPTALE_ROLE_KNOWN;
  event.endpoints.struct_size = sizeof event.endpoints;
  const uint8_t *whole_key = key->is_wide ? packed->whole_key : NULL;
  tcptale_tell_ends_of(&packed->key, whole_key, key->from, &event.endpoints);
  event.endpoints.role = TCPTALE_ROLE_KNOWN;
  tcptale_emit_open(&env->emit, tcptale_packed_handle(packed), &event);
  return 1;
}

/* The server's side of the record: its SYN+ACK took effect (RFC 9293 3.10.7.3). */
static void note_answer(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_gist *gist) {
  struct tcptale_end *client = &conn->ends[TCPTALE_C2S], *server = &conn->ends[TCPTALE_S2C];
  client->flags |= TCPTALE_END_SYN_ACKED;
  tcptale_intake_base(env, conn, TCPTALE_S2C, gist->said.seq, 0);
  server->flags |= TCPTALE_END_SYN | TCPTALE_END_SEEN;
  if (gist->good_sum) server->flags |= TCPTALE_END_GOOD_CSUM;
  server->packets = 1;
  tcptale_pack_fold(conn, server, gist);
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_SEND_SYN_ACK);
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_RECV_SYN_ACK);
  conn->last_ns = env->now_ns;
  conn->touched = 1;
}

int tcptale_call_answer(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        const struct tcptale_key *key, uint32_t ref,
                        const struct tcptale_gist *gist) {
  const struct tcptale_packed *packed = tcptale_roster_packed(env, ref);
  int in_time = env->now_ns - packed->at_ns < env->config.half_open_ns;
  if (!in_time || env->emit.stopped || !tcptale_packed_may_fold(packed)) return 0;
  int is_answer = (gist->said.tcp_flags & TCPTALE_TCP_ACK) && gist->said.ack == packed->isn + 1 &&
                  key->from != tcptale_packed_client_at(packed);
  if (!is_answer) return 0;
  struct tcptale_conn *conn = tcptale_roster_fold(roster, env, ref);
  if (!conn) return 0;
  note_answer(env, conn, gist);
  return 1;
}

/* The window must not shrink: that is told, the long way. */
int tcptale_call_is_completed(const struct tcptale_conn *conn, const struct tcptale_key *key,
                              const struct tcptale_gist *gist) {
  const struct tcptale_end *client = &conn->ends[TCPTALE_C2S], *server = &conn->ends[TCPTALE_S2C];
  if (key->from != conn->client_at || gist->said.len > 0) return 0;
  if (gist->said.tcp_flags & TCPTALE_TCP_FIN || tcptale_conn_has(conn, TCPTALE_CONN_IGNORED))
    return 0;
  if (gist->said.seq != client->half.next_seq || gist->said.ack != server->half.next_seq) return 0;
  return gist->said.window >= client->window;
}

/* Options count only where both SYNs carried them (RFC 7323 1.3, 2.2). */
static void agree(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  struct tcptale_end *client = &conn->ends[TCPTALE_C2S], *server = &conn->ends[TCPTALE_S2C];
  const uint32_t both = TCPTALE_CONN_FOLDED_STAMP | TCPTALE_CONN_FOLDED_STAMP << 1;
  if ((conn->flags & both) == both) conn->flags |= TCPTALE_CONN_TIMESTAMPS;
  if (client->wscale != TCPTALE_WSCALE_NONE && server->wscale != TCPTALE_WSCALE_NONE)
    conn->flags |= TCPTALE_CONN_SCALED;
  conn->flags &= ~(both | TCPTALE_CONN_FOLDED);
  conn->flags |= TCPTALE_CONN_AGREED | TCPTALE_CONN_EST_TOLD;
  client->ts_recent_s = server->ts_recent_s = (uint32_t)(env->now_ns / NS_A_SECOND);
  server->edge = client->window;
  client->edge = server->window;
  client->half.flags |= TCPTALE_HALF_ACKS_SEEN;
}

void tcptale_call_complete(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           const struct tcptale_gist *gist) {
  struct tcptale_end *client = &conn->ends[TCPTALE_C2S], *server = &conn->ends[TCPTALE_S2C];
  uint64_t answer_ns = conn->last_ns;
  agree(env, conn);
  conn->phase = TCPTALE_PHASE_OPEN;
  client->packets++;
  client->ttl = gist->ttl;
  client->mac = gist->mac;
  if (gist->good_sum) client->flags |= TCPTALE_END_GOOD_CSUM;
  server->flags |= TCPTALE_END_SYN_ACKED;
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_SEND_OTHER);
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_ACK_OF_SYN);
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_ACK_OF_SYN);
  uint64_t window = (uint64_t)gist->said.window << tcptale_accept_scale_of(conn, client);
  server->edge = tcptale_max_u64(server->edge, window);
  client->window = gist->said.window;
  conn->last_ns = env->now_ns;
  conn->touched = 1;
  tcptale_tell_established(env, conn, (int64_t)(env->now_ns - conn->first_ns),
                           (int64_t)(answer_ns - conn->first_ns));
  server->half.flags |= TCPTALE_HALF_ACKS_SEEN;
  int is_stamped = gist->has_timestamps && tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS);
  if (is_stamped && tcptale_seq_distance(gist->said.ts_val, client->ts_recent) >= 0)
    client->ts_recent = gist->said.ts_val;
}

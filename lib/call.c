/* call.c - see call.h. Floor 14. */
#include "call.h"

#include "seq.h"
#include "usual.h"

int tcptale_call_is_answered(const struct tcptale_conn_env *env, const struct tcptale_key *key,
                             uint32_t ref, const struct tcptale_gist *gist) {
  const struct tcptale_packed *packed = tcptale_roster_packed(env, ref);
  uint64_t waited_ns = env->now_ns - packed->at_ns;
  int in_time = waited_ns < env->config.half_open_ns && waited_ns < TCPTALE_CARD_SINCE_LIMIT;
  if (!in_time || env->emit.stopped || !tcptale_packed_may_fold(packed)) return 0;
  return (gist->said.tcp_flags & TCPTALE_TCP_ACK) && gist->said.ack == packed->isn + 1 &&
         key->from != tcptale_packed_client_at(packed);
}

/* The window must not shrink: that is told, the long way. */
int tcptale_call_is_completed(const struct tcptale_conn_env *env, const struct tcptale_card *card,
                              const struct tcptale_key *key, const struct tcptale_gist *gist) {
  const struct tcptale_card_end *client = &card->ends[key->from],
                                *server = &card->ends[1 - key->from];
  if (key->from != card->client_at || gist->said.len > 0 || card->is_ignored) return 0;
  if (gist->said.tcp_flags & TCPTALE_TCP_FIN) return 0;
  if (env->now_ns - card->more.first_ns >= TCPTALE_CARD_SINCE_LIMIT) return 0;
  if (gist->said.seq != client->next_seq || gist->said.ack != server->next_seq) return 0;
  return gist->said.window >= client->window;
}

/* Options count only where both SYNs carried them (RFC 7323 1.3, 2.2). */
static void agree(struct tcptale_card *card, struct tcptale_card_end *client,
                  struct tcptale_card_end *server) {
  card->is_agreed = card->est_told = 1;
  card->has_timestamps = card->stamps == 3;
  card->is_scaled =
      client->scale != TCPTALE_CARD_NO_SCALE && server->scale != TCPTALE_CARD_NO_SCALE;
  if (!card->is_scaled) client->scale = server->scale = 0;
  server->edge = server->next_seq + client->window;
  client->edge = client->next_seq + server->window;
}

/* What the ACK says of its sender, the client. */
static void note_client(const struct tcptale_card *card, struct tcptale_card_end *client,
                        struct tcptale_card_end *server, const struct tcptale_gist *gist) {
  uint32_t window = (uint32_t)gist->said.window << client->scale;
  client->packets++;
  client->ttl = gist->ttl;
  client->mac = gist->mac;
  if (gist->good_sum) client->flags |= TCPTALE_CARD_GOOD_CSUM;
  if (window > client->window) server->edge = server->next_seq + window;
  client->window = gist->said.window;
  int is_stamped = gist->has_timestamps && card->has_timestamps;
  if (is_stamped && tcptale_seq_distance(gist->said.ts_val, client->ts_recent) >= 0)
    client->ts_recent = gist->said.ts_val;
}

void tcptale_call_complete(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card, uint32_t from,
                           const struct tcptale_gist *gist, uint64_t due_ns) {
  struct tcptale_card_end *client = &card->ends[from], *server = tcptale_card_peer(card, from);
  tcptale_established_event event = {.conn_id = card->id, .syn_synack_ns = (int64_t)card->since_ns};
  agree(card, client, server);
  note_client(card, client, server, gist);
  client->flags |= TCPTALE_CARD_ACKS_SEEN;
  server->flags |= TCPTALE_CARD_SYN_ACKED | TCPTALE_CARD_ACKS_SEEN;
  server->state = TCPTALE_STATE_ESTABLISHED;
  card->since_ns = (env->now_ns - card->more.first_ns) & (TCPTALE_CARD_SINCE_LIMIT - 1);
  event.rtt_ns = (int64_t)card->since_ns;
  tcptale_emit_established(&env->emit, tcptale_card_handle(card), &event);
  uint64_t due_now_ns = tcptale_fold_deadline_as(env, card, TCPTALE_CLASS_FULL);
  card->is_going = tcptale_usual_is_wanted(env, card) && tcptale_card_goes_on(card);
  tcptale_roster_move(roster, env, card, TCPTALE_CLASS_FULL, due_now_ns, due_ns);
}

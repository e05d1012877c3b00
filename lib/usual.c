/* usual.c - see usual.h; the step itself is in step.h. Floor 8. */
#include "usual.h"

#include "util.h"

uint64_t tcptale_usual_idle_ns(const tcptale_config *config) {
  return tcptale_min_u64(config->established_ns, TCPTALE_PAWS_IDLE_S * UINT64_C(1000000000));
}

uint32_t tcptale_usual_take_going(struct tcptale_conn_env *env, struct tcptale_card *card,
                                  uint32_t from, const struct tcptale_gist *gist) {
  return tcptale_step_take(env, card, from, gist, 0);
}

uint32_t tcptale_usual_take_any(struct tcptale_conn_env *env, struct tcptale_card *card,
                                uint32_t from, const struct tcptale_gist *gist) {
  return tcptale_step_take(env, card, from, gist, 1);
}

int tcptale_usual_ends_silently(const struct tcptale_conn_env *env, struct tcptale_card *card,
                                uint32_t from, const struct tcptale_gist *gist) {
  struct tcptale_step s = {.card = card, .from = from, .gist = gist};
  if (!(gist->said.tcp_flags & TCPTALE_TCP_FIN) || gist->said.len > 0) return 0;
  return !env->emit.callbacks.on_half_close && tcptale_step_is_usual(env, &s, 1);
}

void tcptale_usual_close(struct tcptale_conn_env *env, struct tcptale_card *card) {
  const struct tcptale_tally *tally = tcptale_card_tally(&env->arena, card);
  tcptale_close_event event = {.conn_id = card->id, .why = TCPTALE_CLOSE_FIN};
  for (uint32_t d = 0; d < 2; d++) {
    event.delivered[d] =
        tcptale_card_next(tcptale_card_end(card, d)) - (tally ? tally->untold[d] : 0);
    event.missing[d] = tally ? tally->missing[d] : 0;
  }
  env->closed++;
  tcptale_emit_close(&env->emit, tcptale_card_handle(card), &event);
  card->how = TCPTALE_CLOSE_FIN;
}

/* step.c - see step.h: what few steps need. Floor 7. */
#include "step.h"

/* What a FIN before which all was told does to both states; that of a peer which has finished too
 * did so when it was told. */
static void finish(struct tcptale_card_end *own, struct tcptale_card_end *peer) {
  if (own->state == TCPTALE_STATE_CLOSED) return;
  tcptale_step_enter(own, TCPTALE_INPUT_SEND_FIN);
  if (peer->state != TCPTALE_STATE_CLOSED) tcptale_step_enter(peer, TCPTALE_INPUT_RECV_FIN);
}

void tcptale_step_tell_end(struct tcptale_conn_env *env, struct tcptale_card *card, uint32_t from) {
  struct tcptale_card_end *own = card->ends + from, *peer = tcptale_card_peer(card, from);
  own->flags |= TCPTALE_CARD_ENDED;
  card->is_going = 0;
  if (!card->is_ignored) { /* which it may be since its last bytes */
    tcptale_half_close_event event = {.conn_id = card->id,
                                      .direction = from ^ (uint32_t)card->client_at,
                                      .offset = tcptale_card_next(own)};
    card->data_told = 1;
    tcptale_emit_half_close(&env->emit, tcptale_card_handle(card), &event);
  }
  finish(own, peer);
}

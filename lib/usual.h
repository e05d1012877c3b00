/* usual.h - the short way of the usual segment: in order, nothing odd about it, in a connection of
 * which there is nothing but its card. It has the very effects of the long way through `accept` and
 * `intake`, at a tenth of the cost; whatever is not plainly usual takes the long way. Floor 8. */
#ifndef TCPTALE_LIB_USUAL_H
#define TCPTALE_LIB_USUAL_H

#include "card.h"
#include "gist.h"
#include "record.h"

/* A card as the handle of its connection, while there is no record: its address plus two. */
static inline struct tcptale_conn *tcptale_card_handle(struct tcptale_card *card) {
  return (struct tcptale_conn *)(void *)((uint8_t *)card + 2);
}

static inline struct tcptale_card *tcptale_card_of(const struct tcptale_conn *handle) {
  if (!((uintptr_t)handle & 2)) return NULL;
  return (struct tcptale_card *)((uintptr_t)handle - 2);
}

#define TCPTALE_USUAL_TINY 8u /* bytes, that stream.c counts */

enum tcptale_usual {
  TCPTALE_USUAL_NOT = 0,   /* nothing has changed */
  TCPTALE_USUAL_TAKEN = 1, /* all is done */
  TCPTALE_USUAL_OVER = 2   /* all but the close: both FINs are acknowledged */
};

/* A connection that was silent for so long may not be usual: what env->usual_idle_ns is to be. */
uint64_t tcptale_usual_idle_ns(const tcptale_config *config);

/* Takes a segment that end `own` sent to `peer`, if it is a usual one (TCPTALE_USUAL_): the one
 * function where a FIN is in it or was before, the other where none is and none was. */
uint32_t tcptale_usual_take_ending(struct tcptale_conn_env *env, struct tcptale_card *card,
                                   struct tcptale_card_end *own, struct tcptale_card_end *peer,
                                   const struct tcptale_gist *gist);
uint32_t tcptale_usual_take_going(struct tcptale_conn_env *env, struct tcptale_card *card,
                                  struct tcptale_card_end *own, struct tcptale_card_end *peer,
                                  const struct tcptale_gist *gist);

/* The same, of end `from` of the key. Asked where card->is_usual is 1 and the gist PLAIN. A segment
 * of very few bytes is a probe, a keep-alive, or tiny, which is counted: not usual. */
static inline uint32_t tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_card *card,
                                          uint32_t from, const struct tcptale_gist *gist) {
  size_t dir = from ^ (uint32_t)card->client_at;
  struct tcptale_card_end *own = card->ends + dir, *peer = card->ends + 1 - dir;
  uint32_t over = (uint32_t)(card->ends[0].flags | card->ends[1].flags) & TCPTALE_CARD_ENDED;
  if (gist->said.len - 1 < TCPTALE_USUAL_TINY) return TCPTALE_USUAL_NOT;
  if (over | (gist->said.tcp_flags & TCPTALE_TCP_FIN))
    return tcptale_usual_take_ending(env, card, own, peer, gist);
  return tcptale_usual_take_going(env, card, own, peer, gist);
}

/* Tells that both sides have finished; what is left is the card of a closed connection, in the class
 * that it was in. */
void tcptale_usual_close(struct tcptale_conn_env *env, struct tcptale_card *card);

#endif

/* usual.h - the short way of the usual segment: in order, nothing odd about it, in a connection of
 * which there is nothing but its card. It has the very effects of the long way through `accept` and
 * `intake`, at a tenth of the cost; whatever is not plainly usual takes the long way. Floor 8. */
#ifndef TCPTALE_LIB_USUAL_H
#define TCPTALE_LIB_USUAL_H

#include "step.h"

/* A connection that was silent for so long may not be usual: what env->usual_idle_ns is to be. */
uint64_t tcptale_usual_idle_ns(const tcptale_config *config);

/* Whether the user wants what a usual segment of a folded connection tells. */
static inline int tcptale_usual_is_wanted(const struct tcptale_conn_env *env,
                                          const struct tcptale_card *card) {
  return !card->is_ignored && card->discards == 0 && env->usual_is_wanted;
}

/* Whether one may come: the connection is folded and established, and they are wanted. */
static inline int tcptale_usual_may_come(const struct tcptale_conn_env *env,
                                         const struct tcptale_card *card) {
  return card->cls == TCPTALE_CLASS_FULL && !card->has_record && tcptale_usual_is_wanted(env, card);
}

/* Takes a plain segment that endpoint `from` of its key sent, if it is a usual one (TCPTALE_STEP_).
 * _going: without FIN, and card->is_going is 1; _any: tcptale_usual_may_come is 1. */
uint32_t tcptale_usual_take_going(struct tcptale_conn_env *env, struct tcptale_card *card,
                                  uint32_t from, const struct tcptale_gist *gist);
uint32_t tcptale_usual_take_any(struct tcptale_conn_env *env, struct tcptale_card *card,
                                uint32_t from, const struct tcptale_gist *gist);

/* Whether it is a usual one whose FIN ends its direction and is told to nobody: without bytes, and
 * where the user does not hear of half-closes. Then _any may as well take it later. Remembers the
 * path where that was not known (step.h). */
int tcptale_usual_ends_silently(const struct tcptale_conn_env *env, struct tcptale_card *card,
                                uint32_t from, const struct tcptale_gist *gist);

/* Tells that both sides have finished; what is left is the card of a closed connection, in the
 * class that it was in. */
void tcptale_usual_close(struct tcptale_conn_env *env, struct tcptale_card *card);

#endif

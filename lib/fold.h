/* fold.h - between a connection's card and its record (card.h, record.h). A folded connection has
 * only its card. Unfolding makes the record that says the same; folding writes the card from a
 * record that says no more than a card can.
 *
 * Invariant: unfolding what was folded gives the record again, but for the time of TS.Recent: that
 * of the connection's last packet stands for it. Floor 9. */
#ifndef TCPTALE_LIB_FOLD_H
#define TCPTALE_LIB_FOLD_H

#include "card.h"
#include "handshake.h"
#include "record.h"
#include "util.h"

/* Writes the record of a folded connection. Of one in a handshake, what its SYN and SYN+ACK offer
 * stands in its ends: tcptale_unfold_candidates is to follow. */
void tcptale_unfold(struct tcptale_conn_env *env, struct tcptale_card *card,
                    struct tcptale_conn *conn);

/* Makes candidates of what stands in the ends. */
void tcptale_unfold_candidates(struct tcptale_conn *conn, struct tcptale_handshake *hs);

/* Writes the card from its record, which is to be released then, and nothing hangs on it any more;
 * 0: there is more to it than a card can say, nothing has happened. */
int tcptale_fold(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* Whether segments may go the short way in a tracker of this configuration: nobody asks for more
 * than that tells. What env->usual_is_wanted is to be. */
uint32_t tcptale_fold_is_wanted(const struct tcptale_conn_env *env);

/* Gives back what hangs on the card of a folded connection. */
void tcptale_fold_forget(struct tcptale_conn_env *env, struct tcptale_card *card);

/* The last packet's time, or that of the close. */
static inline uint64_t tcptale_fold_last_ns(const struct tcptale_arena *arena,
                                            const struct tcptale_card *card) {
  return tcptale_card_first_ns(arena, card) + card->since_ns;
}

/* How long a folded connection of class `cls` may stay silent. */
static inline uint64_t tcptale_fold_patience(const tcptale_config *config,
                                             const struct tcptale_card *card, uint32_t cls) {
  if (cls == TCPTALE_CLASS_FULL) return config->established_ns;
  if (cls == TCPTALE_CLASS_HALF_OPEN) return config->half_open_ns;
  return card->how == TCPTALE_CLOSE_FIN ? config->closed_ns : config->reset_ns;
}

/* When a folded connection is due, were it of class `cls`. */
static inline uint64_t tcptale_fold_deadline_as(const struct tcptale_conn_env *env,
                                                const struct tcptale_card *card, uint32_t cls) {
  return tcptale_after_u64(tcptale_fold_last_ns(&env->arena, card),
                           tcptale_fold_patience(&env->config, card, cls));
}

/* When a folded connection is due: as tcptale_closing_deadline of its record. */
static inline uint64_t tcptale_fold_deadline(const struct tcptale_conn_env *env,
                                             const struct tcptale_card *card) {
  return tcptale_fold_deadline_as(env, card, card->cls);
}

#endif

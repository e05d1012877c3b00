/* shortcut.h - the short ways (fast paths) of a segment whose gist was read: that of the usual one,
 * and those of the usual handshake and end. What most segments go through stands in line, in the
 * loop over a batch: calls would cost a fifth of it. Floor 18. */
#ifndef TCPTALE_LIB_SHORTCUT_H
#define TCPTALE_LIB_SHORTCUT_H

#include "later.h"
#include "step.h"
#include "tracker.h"
#include "usual.h"
#include "util.h"

/* The card of a segment's connection, wherever the index holds it; NULL: there is none, or it is
 * packed. */
struct tcptale_card *tcptale_shortcut_search(const struct tcptale_tracker *t,
                                             const struct tcptale_lookup *look);

/* Each takes a segment of its kind, 1; 0: it goes the long way, and nothing has happened.
 * _not_going: a plain one of a card whose is_going is 0, or with FIN: the ACK that completes a
 * handshake, what is usual while a connection closes, and what is plain while bytes wait.
 * _unusual: what is plain, though not usual, of a folded connection, which is woken for it, taken
 * or not, as the long way would.
 * _call: a SYN, or the SYN+ACK that answers it; `guess`: where its connection may lie, NULL. */
int tcptale_shortcut_not_going(struct tcptale_tracker *t, struct tcptale_card *card,
                               const struct tcptale_lookup *look);
int tcptale_shortcut_unusual(struct tcptale_tracker *t, const struct tcptale_lookup *look);
int tcptale_shortcut_call(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                          struct tcptale_card *guess);

/* The latest frame was not believed, or took back what others did: until it is forgotten no usual
 * segment goes the short way, which would not see that it is a copy of one (dup.h). */
static inline void tcptale_shortcut_refuse(struct tcptale_tracker *t) {
  t->env.rebased = 0;
  if (!(t->env.config.flags & TCPTALE_CONFIG_NO_DUP_FRAME)) tcptale_dup_refuse(&t->dup);
}

/* The same, where a timer or an eviction took back what frames did. */
static inline void tcptale_shortcut_note_rebased(struct tcptale_tracker *t) {
  if (t->env.rebased) tcptale_shortcut_refuse(t);
}

/* What was taken is looked for should it come again (dup.h). */
static inline void tcptale_shortcut_remember(struct tcptale_tracker *t,
                                             const struct tcptale_lookup *look) {
  tcptale_dup_remember(&t->dup, tcptale_key_flow(&look->key), &look->gist,
                       tcptale_dup_sample(&look->gist), t->env.emit.index, t->env.now_ns);
}

/* The step of a segment whose connection goes on (TCPTALE_STEP_). It is in line in the loop over a
 * batch, and where frames come alone and connections are many. What it changes is put off then: the
 * fewer instructions follow upon a miss, the sooner the hint of the next call goes out, while this
 * one still waits. */
static TCPTALE_INLINE uint32_t tcptale_shortcut_step(struct tcptale_tracker *t,
                                                     struct tcptale_card *card,
                                                     const struct tcptale_lookup *look,
                                                     int is_alone, int puts_off) {
  const uint32_t from = look->key.from;
  if (puts_off) return tcptale_step_take_early(&t->env, card, from, &look->gist, &t->later.step);
  if (is_alone) return tcptale_usual_take_going(&t->env, card, from, &look->gist);
  return tcptale_step_take(&t->env, card, from, &look->gist, 0);
}

/* The short way, for a usual segment: 1. It brings what none before it brought, so it is no copy of
 * one that was believed, and is only remembered. `is_alone`: the frame is the only one of its
 * call. */
static TCPTALE_INLINE int tcptale_shortcut_usual(struct tcptale_tracker *t,
                                                 const struct tcptale_lookup *look, int is_alone) {
  const int puts_off = is_alone && t->later.puts_off;
  if (!tcptale_dup_all_believed(&t->dup)) return 0;
  struct tcptale_card *card =
      is_alone ? tcptale_roster_guessed(&look->key, look->guess)
               : tcptale_roster_glance(&t->roster, &t->env, &look->key, look->home);
  if (!card || (is_alone && tcptale_roster_is_guess_packed(card)))
    card = tcptale_shortcut_search(t, look);
  if (!card) return 0;
  int is_going = card->is_going && !(look->gist.said.tcp_flags & TCPTALE_TCP_FIN);
  if (!is_going) return tcptale_shortcut_not_going(t, card, look);
  if (tcptale_shortcut_step(t, card, look, is_alone, puts_off) == TCPTALE_STEP_NOT)
    return tcptale_shortcut_unusual(t, look);
  if (!puts_off) tcptale_shortcut_remember(t, look);
  return 1;
}

/* Any of them. `is_alone`: the frame is the only one of its call. What may be put off is begun
 * before anything is looked up: whatever stands behind that stands in the way of the next call. But
 * not of an odd frame, of whose gist nothing else need have been read. */
static TCPTALE_INLINE int tcptale_shortcut(struct tcptale_tracker *t,
                                           const struct tcptale_lookup *look, int is_alone) {
  if (look->gist.kind == TCPTALE_GIST_ODD) return 0;
  if (is_alone && t->later.puts_off) tcptale_later_begin(t, look);
  if (look->gist.kind == TCPTALE_GIST_PLAIN) return tcptale_shortcut_usual(t, look, is_alone);
  return t->wants_gists && tcptale_shortcut_call(t, look, is_alone ? look->guess : NULL);
}

/* The same, not in line. */
int tcptale_shortcut_apart(struct tcptale_tracker *t, const struct tcptale_lookup *look);

#endif

/* later.h - what a frame that was fed alone leaves to be done when the next call begins. What it
 * changes is not needed to tell it; done at once it would stand between its misses and the hints of
 * the next call. So it is put off until those are out, and settled before anybody can look; what a
 * batch brings is done at once.
 *
 * Every public call settles first, but _prefetch, whose hints may miss what is put off, and those
 * that neither read nor change it: _stop, the user's value, and calls on a handle that is no card
 * (of a packed call nothing is put off while there is a handle of it but that it enters the
 * indexes, of a record nothing at all). Settling tells nothing, and goes by the clock and the index
 * of the frame that left it, so it comes before either moves. Floor 17. */
#ifndef TCPTALE_LIB_LATER_H
#define TCPTALE_LIB_LATER_H

#include <assert.h>

#include "step.h"
#include "tracker.h"
#include "util.h"

/* Keeps what settling needs of a frame whose bytes are gone by then: its lookup, which is
 * `later.next`, and the sample of its payload. */
static inline void tcptale_later_begin(struct tcptale_tracker *t,
                                       const struct tcptale_lookup *look) {
  assert(look == t->later.next);
  t->later.look = look;
  t->later.next = look == t->look ? t->look + 1 : t->look;
  t->later.sample = tcptale_dup_sample(&look->gist);
  tcptale_step_begin_data(&t->env, &look->gist, &t->later.step.event);
}

/* Puts off what the segment at hand, of which _begin was told, does to its connection `ref`, and to
 * remember it. Whatever has to be asked for that was; `due_ns` is when the connection was due, to
 * ESTABLISH it. */
void tcptale_later_put_off(struct tcptale_tracker *t, enum tcptale_later_what what, uint32_t ref,
                           uint64_t due_ns);

/* Does what was put off but for a step. */
void tcptale_later_do(struct tcptale_tracker *t);

/* The frame is looked for should it come again (dup.h). */
static inline void tcptale_later_remember(struct tcptale_tracker *t) {
  const struct tcptale_lookup *look = t->later.look;
  tcptale_dup_remember(&t->dup, tcptale_key_flow(&look->key), &look->gist, t->later.sample,
                       t->env.emit.index, t->env.now_ns);
}

/* Does what was put off; the step of a usual segment in line. */
static TCPTALE_INLINE void tcptale_later_settle(struct tcptale_tracker *t) {
  struct tcptale_later *later = &t->later;
  if (later->what != TCPTALE_LATER_NOTHING) tcptale_later_do(t);
  struct tcptale_card *card = later->step.card;
  if (!card) return;
  later->step.card = NULL;
  tcptale_step_note_late(&t->env, card, later->look->key.from, &later->look->gist);
  tcptale_later_remember(t);
}

/* The same, not in line. */
void tcptale_later_settle_apart(struct tcptale_tracker *t);

#endif

/* later.h - what a frame that was fed alone leaves to be done when the next call begins. What it
 * changes is not needed to tell it; done at once it would stand between its misses and the
 * hints of the next call. So it is put off until those are out, and settled before anybody can
 * look: every call of the public object begins with that, but for hints. What a batch brings is
 * done at once. Floor 17. */
#ifndef TCPTALE_LIB_LATER_H
#define TCPTALE_LIB_LATER_H

#include "tracker.h"
#include "util.h"

/* The lookup that the next frame is read into: what is put off may still need the last one's. */
static inline struct tcptale_lookup *tcptale_later_look(struct tcptale_tracker *t) {
  return t->later.look == t->look ? t->look + 1 : t->look;
}

/* Whose segment it is that is about to be taken, and may leave something. */
static inline void tcptale_later_begin(struct tcptale_tracker *t,
                                       const struct tcptale_lookup *look) {
  t->later.look = look;
  t->later.sample = tcptale_dup_sample(&look->gist);
}

/* What was taken is looked for should it come again (dup.h); `sample` is that of its payload. */
static inline void tcptale_later_remember(struct tcptale_tracker *t,
                                          const struct tcptale_lookup *look, uint64_t sample) {
  tcptale_dup_remember(&t->dup, tcptale_key_flow(&look->key), &look->gist, sample,
                       t->env.emit.index, t->env.now_ns);
}

static inline void tcptale_later_remember_now(struct tcptale_tracker *t,
                                              const struct tcptale_lookup *look) {
  tcptale_later_remember(t, look, tcptale_dup_sample(&look->gist));
}

/* All is done but that: now, or later. */
static TCPTALE_INLINE void tcptale_later_taken(struct tcptale_tracker *t,
                                               const struct tcptale_lookup *look) {
  if (!t->env.puts_off) {
    tcptale_later_remember_now(t, look);
    return;
  }
  tcptale_later_begin(t, look);
  t->later.what = TCPTALE_LATER_REMEMBER;
}

/* Puts off what a segment does to its connection `ref`, and to remember it. Whatever has to be
 * asked for that was; `due_ns` is when the connection was due, to ESTABLISH it. */
void tcptale_later_put_off(struct tcptale_tracker *t, enum tcptale_later_what what,
                           const struct tcptale_lookup *look, uint32_t ref, uint64_t due_ns);

/* Both sides of a connection have finished, which was told: its ports are kept in mind. */
void tcptale_later_linger(struct tcptale_tracker *t, struct tcptale_card *card);

/* Does what was put off but for a step. The clock and the index are still those of its frame. */
void tcptale_later_do(struct tcptale_tracker *t);

/* Does what was put off; the step of a usual segment in line. */
static TCPTALE_INLINE void tcptale_later_settle(struct tcptale_tracker *t) {
  struct tcptale_later *later = &t->later;
  if (later->what != TCPTALE_LATER_NOTHING) tcptale_later_do(t);
  struct tcptale_card *card = later->stepped;
  if (!card) return;
  later->stepped = NULL;
  tcptale_step_note_late(&t->env, card, later->look->key.from ^ (uint32_t)card->client_at,
                         &later->look->gist);
  tcptale_later_remember(t, later->look, later->sample);
}

/* The same, not in line. */
void tcptale_later_settle_apart(struct tcptale_tracker *t);

#endif

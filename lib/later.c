/* later.c - see later.h. Floor 17. */
#include "later.h"

#include <assert.h>

#include "call.h"
#include "limits.h"
#include "shape.h"
#include "usual.h"

void tcptale_later_settle_apart(struct tcptale_tracker *t) {
  tcptale_later_settle(t);
}

static struct tcptale_card *card_of(const struct tcptale_tracker *t) {
  return tcptale_roster_card(&t->env, t->later.ref);
}

/* There was memory for it, and nothing was taken since. */
static void answer(struct tcptale_tracker *t) {
  const struct tcptale_lookup *look = t->later.look;
  int is_made = tcptale_shape_answer(&t->roster, &t->env, t->later.ref, &look->key, &look->gist);
  assert(is_made);
  (void)is_made;
}

/* It was usual. Who sends his FIN now has none acknowledged yet, so this is no close. */
static void end(struct tcptale_tracker *t) {
  struct tcptale_card *card = card_of(t);
  const struct tcptale_lookup *look = t->later.look;
  uint32_t result = tcptale_usual_take_any(&t->env, card, look->key.from, &look->gist);
  assert(result == TCPTALE_STEP_TAKEN);
  (void)result;
}

void tcptale_later_do(struct tcptale_tracker *t) {
  const struct tcptale_later *later = &t->later;
  const struct tcptale_lookup *look = later->look;
  const uint32_t what = later->what;
  t->later.what = TCPTALE_LATER_NOTHING;
  tcptale_later_remember(t);
  switch ((enum tcptale_later_what)what) {
  case TCPTALE_LATER_NOTHING:
  case TCPTALE_LATER_REMEMBER: break;
  case TCPTALE_LATER_ENTER:
    tcptale_roster_enter_call(&t->roster, &t->env, tcptale_roster_packed(&t->env, later->ref),
                              look->key.hash);
    break;
  case TCPTALE_LATER_ANSWER: answer(t); break;
  case TCPTALE_LATER_ESTABLISH:
    tcptale_call_complete(&t->roster, &t->env, card_of(t), look->key.from, &look->gist,
                          later->due_ns);
    break;
  case TCPTALE_LATER_END: end(t); break;
  case TCPTALE_LATER_LINGER: tcptale_limits_linger(&t->roster, &t->env, card_of(t)); break;
  }
}

/* Whether that moves the connection, from one class to another. */
static int moves(enum tcptale_later_what what) {
  return what == TCPTALE_LATER_ANSWER || what == TCPTALE_LATER_ESTABLISH ||
         what == TCPTALE_LATER_LINGER;
}

/* What a step that moves a connection touches beside it is asked for by now; a call has no
 * neighbours yet. */
void tcptale_later_put_off(struct tcptale_tracker *t, enum tcptale_later_what what, uint32_t ref,
                           uint64_t due_ns) {
  t->later.what = what;
  t->later.ref = ref;
  t->later.due_ns = due_ns;
  if (moves(what)) tcptale_roster_prefetch_near(&t->roster, &t->env, ref);
}

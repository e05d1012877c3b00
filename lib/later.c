/* later.c - see later.h. Floor 17. */
#include "later.h"

#include "call.h"
#include "limits.h"
#include "shape.h"
#include "usual.h"

void tcptale_later_settle_apart(struct tcptale_tracker *t) {
  tcptale_later_settle(t);
}

void tcptale_later_linger(struct tcptale_tracker *t, struct tcptale_card *card) {
  tcptale_fold_forget(&t->env, card);
  tcptale_roster_move(&t->roster, &t->env, card, TCPTALE_CLASS_CLOSED, UINT64_MAX);
  tcptale_limits_forget(&t->roster, &t->env, card);
}

void tcptale_later_do(struct tcptale_tracker *t) {
  const struct tcptale_later *later = &t->later;
  const struct tcptale_lookup *look = later->look;
  const uint32_t what = later->what;
  struct tcptale_card *card = tcptale_roster_card(&t->env, later->ref); /* but of an answer */
  t->later.what = TCPTALE_LATER_NOTHING;
  tcptale_later_remember(t, look, later->sample);
  switch ((enum tcptale_later_what)what) {
  case TCPTALE_LATER_NOTHING:
  case TCPTALE_LATER_REMEMBER: break;
  case TCPTALE_LATER_ANSWER:
    tcptale_shape_answer(&t->roster, &t->env, later->ref, look->key.hash, &look->gist);
    break;
  case TCPTALE_LATER_ESTABLISH:
    tcptale_call_complete(&t->roster, &t->env, card, &look->gist, later->due_ns);
    break;
  case TCPTALE_LATER_END:
    tcptale_usual_take_any(&t->env, card, look->key.from ^ (uint32_t)card->client_at, &look->gist);
    break;
  case TCPTALE_LATER_LINGER: tcptale_later_linger(t, card); break;
  }
}

/* What a step that moves a connection touches beside it is asked for by now. */
void tcptale_later_put_off(struct tcptale_tracker *t, enum tcptale_later_what what,
                           const struct tcptale_lookup *look, uint32_t ref, uint64_t due_ns) {
  tcptale_later_begin(t, look);
  t->later.what = what;
  t->later.ref = ref;
  t->later.due_ns = due_ns;
  if (what != TCPTALE_LATER_END) tcptale_roster_prefetch_near(&t->roster, &t->env, ref);
}

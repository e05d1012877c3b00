/* shortcut.c - see shortcut.h. Floor 18. */
#include "shortcut.h"

#include "call.h"
#include "fold.h"
#include "limits.h"
#include "plain.h"
#include "route.h"
#include "shape.h"

struct tcptale_card *tcptale_shortcut_search(const struct tcptale_tracker *t,
                                             const struct tcptale_lookup *look) {
  uint32_t ref = tcptale_roster_look_from(&t->roster, &t->env, &look->key, look->home);
  return !ref || tcptale_roster_is_packed(ref) ? NULL : tcptale_roster_card(&t->env, ref);
}

/* The capture may hold it twice: that is told the long way (rule R23). */
static inline int is_copy(const struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  return tcptale_dup_has(&t->dup, tcptale_key_flow(&look->key), &look->gist, t->env.emit.index,
                         t->env.now_ns);
}

/* A segment has taken effect: it is remembered, now or later. */
static TCPTALE_INLINE void took(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  if (!t->later.puts_off) {
    tcptale_shortcut_remember(t, look);
    return;
  }
  t->later.what = TCPTALE_LATER_REMEMBER;
}

static uint32_t ref_of(const struct tcptale_tracker *t, const struct tcptale_card *card) {
  return tcptale_roster_ref(&t->env, card);
}

/* The short way of the ACK that completes a handshake. */
static int take_completion(struct tcptale_tracker *t, struct tcptale_card *card,
                           const struct tcptale_lookup *look) {
  uint64_t due_ns = tcptale_fold_deadline(&t->env, card);
  if (due_ns <= t->env.now_ns) return 0;
  if (!tcptale_call_is_completed(&t->env, card, &look->key, &look->gist)) return 0;
  if (is_copy(t, look)) return 0;
  if (t->later.puts_off && !t->env.emit.callbacks.on_established) {
    tcptale_later_put_off(t, TCPTALE_LATER_ESTABLISH, ref_of(t, card), due_ns);
    return 1;
  }
  tcptale_shortcut_remember(t, look);
  tcptale_call_complete(&t->roster, &t->env, card, look->key.from, &look->gist, due_ns);
  return 1;
}

/* Both sides have finished: that is told, and the ports kept in mind. */
static void close_usual(struct tcptale_tracker *t, struct tcptale_card *card,
                        const struct tcptale_lookup *look) {
  tcptale_usual_close(&t->env, card);
  if (t->later.puts_off) {
    tcptale_later_put_off(t, TCPTALE_LATER_LINGER, ref_of(t, card), 0);
    return;
  }
  tcptale_shortcut_remember(t, look);
  tcptale_limits_linger(&t->roster, &t->env, card);
}

/* The short way once an end has sent FIN, or of the segment that carries it. */
static int take_ending(struct tcptale_tracker *t, struct tcptale_card *card,
                       const struct tcptale_lookup *look) {
  if (!tcptale_usual_may_come(&t->env, card)) return 0;
  uint32_t from = look->key.from;
  if (t->later.puts_off && tcptale_usual_ends_silently(&t->env, card, from, &look->gist)) {
    tcptale_later_put_off(t, TCPTALE_LATER_END, ref_of(t, card), 0);
    return 1;
  }
  uint32_t usual = tcptale_usual_take_any(&t->env, card, from, &look->gist);
  if (usual == TCPTALE_STEP_NOT) return 0;
  if (usual == TCPTALE_STEP_TAKEN) took(t, look);
  else close_usual(t, card, look);
  return 1;
}

/* The short way of what is not usual but plain; `conn` is its connection. */
static int take_plain(struct tcptale_tracker *t, struct tcptale_conn *conn,
                      const struct tcptale_lookup *look) {
  uint32_t dir = look->key.from ^ conn->client_at;
  if (!t->env.usual_is_wanted) return 0;
  if (is_copy(t, look)) return 0;
  if (!tcptale_plain_take(&t->env, conn, dir, &look->gist)) return 0;
  took(t, look);
  tcptale_route_finish(&t->roster, &t->env, conn, TCPTALE_ACTION_KEEP);
  return 1;
}

int tcptale_shortcut_unusual(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  struct tcptale_conn *conn = tcptale_limits_find(&t->roster, &t->env, &look->key);
  tcptale_shortcut_note_rebased(t); /* somebody may have given way */
  return conn && tcptale_dup_all_believed(&t->dup) && take_plain(t, conn, look);
}

int tcptale_shortcut_not_going(struct tcptale_tracker *t, struct tcptale_card *card,
                               const struct tcptale_lookup *look) {
  struct tcptale_conn *conn = tcptale_roster_record(&t->env, card);
  if (conn) return take_plain(t, conn, look);
  return card->cls == TCPTALE_CLASS_HALF_OPEN ? take_completion(t, card, look)
                                              : take_ending(t, card, look);
}

/* The reference of its connection, where it was guessed to lie or as the index says; 0. */
static uint32_t find(const struct tcptale_tracker *t, const struct tcptale_lookup *look,
                     struct tcptale_card *guess) {
  const struct tcptale_card *card = tcptale_roster_guessed(&look->key, guess);
  if (card) return ref_of(t, card) | (uint32_t)tcptale_roster_is_guess_packed(card);
  return tcptale_roster_look_from(&t->roster, &t->env, &look->key, look->home);
}

static int take_answer(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                       struct tcptale_card *guess) {
  uint32_t ref = find(t, look, guess);
  if (!tcptale_roster_is_packed(ref) || is_copy(t, look)) return 0;
  if (!tcptale_call_is_answered(&t->env, &look->key, ref, &look->gist)) return 0;
  if (t->later.puts_off && tcptale_arena_pages_left(&t->env.arena) > 0) { /* memory for it */
    tcptale_later_put_off(t, TCPTALE_LATER_ANSWER, ref, 0);
    return 1;
  }
  if (!tcptale_shape_answer(&t->roster, &t->env, ref, &look->key, &look->gist)) return 0;
  tcptale_shortcut_remember(t, look);
  return 1;
}

/* A call has become a connection: it is entered and remembered, now or later, and told. */
static void open_call(struct tcptale_tracker *t, struct tcptale_packed *packed,
                      const struct tcptale_lookup *look, tcptale_open_event *event) {
  if (t->later.puts_off) {
    tcptale_later_put_off(t, TCPTALE_LATER_ENTER, tcptale_roster_ref(&t->env, packed) | 1, 0);
  } else {
    tcptale_roster_enter_call(&t->roster, &t->env, packed, look->key.hash);
    tcptale_shortcut_remember(t, look);
  }
  tcptale_call_tell(&t->env, packed, event);
}

/* One that is half-open gives way for a call; 0: that makes no room. */
static int yield_for_call(struct tcptale_tracker *t, uint32_t key_kind) {
  if (t->env.emit.stopped) return 0;
  int has_room = tcptale_limits_yield(&t->roster, &t->env, key_kind);
  tcptale_shortcut_note_rebased(t);
  return has_room;
}

int tcptale_shortcut_call(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                          struct tcptale_card *guess) {
  const struct tcptale_key *key = &look->key;
  struct tcptale_packed draft;
  tcptale_open_event event;
  if (look->gist.said.tcp_flags & TCPTALE_TCP_ACK) return take_answer(t, look, guess);
  if (tcptale_roster_is_due_at_once(&t->roster, &t->env, t->env.now_ns)) return 0;
  tcptale_call_draft(&t->env, key, &look->gist, &draft, &event);
  int has_room = tcptale_call_has_room(&t->roster, &t->env);
  if (is_copy(t, look)) return 0;
  if (tcptale_roster_look_from(&t->roster, &t->env, key, look->home) != 0) return 0;
  if (!has_room && !yield_for_call(t, key->kind)) return 0;
  struct tcptale_packed *packed = tcptale_shape_make_call(&t->roster, &t->env, key, &draft);
  if (!packed) return 0;
  open_call(t, packed, look, &event);
  return 1;
}

int tcptale_shortcut_apart(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  return tcptale_shortcut(t, look, 0);
}

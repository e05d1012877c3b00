/* limits.c - see limits.h. Floor 14. */
#include "limits.h"

#include "closing.h"
#include "shape.h"
#include "tell.h"
#include "util.h"

#define LINGER_MOST 16384u /* closed connections: see tracker.h */
#define TRIES       8      /* records that may be passed over for one eviction */

/* ---- who ---- */

/* The first of a class that had no packet since it was last looked at; the head after a few
 * tries. */
static TCPTALE_APART uint32_t pass_over_busy(struct tcptale_roster *roster,
                                             const struct tcptale_conn_env *env, uint32_t cls) {
  for (int i = 0; i < TRIES; i++) {
    struct tcptale_card *card = tcptale_roster_card(env, roster->head[cls]);
    if (!card->touched) break;
    tcptale_roster_pass_over(roster, env, card);
  }
  return roster->head[cls];
}

/* The same; 0: there is none. */
static uint32_t first_idle(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                           uint32_t cls) {
  uint32_t ref = roster->head[cls];
  return ref && tcptale_roster_card(env, ref)->touched ? pass_over_busy(roster, env, cls) : ref;
}

/* Of a plain call and a half-open connection of which more is known, the one idle longer: neither
 * kind can push the other out. */
static uint32_t half_open_victim(struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env) {
  uint32_t call = roster->head[TCPTALE_CLASS_CALL];
  uint32_t other = first_idle(roster, env, TCPTALE_CLASS_HALF_OPEN);
  if (!call || !other) return call | other;
  uint64_t since_ns = tcptale_roster_packed(env, call)->at_ns;
  return since_ns <= tcptale_roster_last_ns(env, tcptale_roster_card(env, other)) ? call : other;
}

/* Section J of the limits: whose loss hurts least. 0: there is none of class `least` or above. */
static uint32_t victim(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                       uint32_t least) {
  uint32_t ref = 0;
  if (least <= TCPTALE_CLASS_CLOSED) ref = first_idle(roster, env, TCPTALE_CLASS_CLOSED);
  if (!ref) ref = half_open_victim(roster, env);
  if (!ref) ref = first_idle(roster, env, TCPTALE_CLASS_ONE_WAY);
  return ref ? ref : first_idle(roster, env, TCPTALE_CLASS_FULL);
}

/* A call that ends by no packet's doing, nor in its time, has nothing to settle, and its state does
 * not change: it ends as it is, packed, and is to be taken out. */
static void tell_end(struct tcptale_conn_env *env, struct tcptale_packed *packed, uint32_t why) {
  tcptale_close_event event = {.conn_id = tcptale_packed_id(packed), .why = why};
  env->closed++;
  tcptale_emit_close(&env->emit, tcptale_packed_handle(packed), &event);
}

static void tell_eviction(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          uint32_t ref) {
  struct tcptale_packed *packed = tcptale_roster_packed(env, ref);
  if (!tcptale_packed_is_ignored(packed))
    tcptale_emit_evicted(&env->emit, tcptale_packed_handle(packed), tcptale_packed_id(packed));
  roster->evicted++;
  tell_end(env, packed, TCPTALE_CLOSE_EVICTED);
}

static void evict_card(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                       struct tcptale_card *card) {
  struct tcptale_conn *conn = tcptale_shape_part(roster, env, card);
  if (card->cls != TCPTALE_CLASS_CLOSED) {
    tcptale_tell_evicted(env, conn);
    roster->evicted++;
  }
  tcptale_closing_close(env, conn, TCPTALE_CLOSE_EVICTED);
  tcptale_shape_remove(roster, env, card);
}

/* Nobody goes in silence (rule R26). 0: there was nobody. */
static int evict(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t least) {
  uint32_t ref = victim(roster, env, least);
  if (!ref) return 0;
  if (tcptale_roster_is_packed(ref)) {
    tell_eviction(roster, env, ref);
    tcptale_shape_remove_call(roster, env, ref);
  } else {
    evict_card(roster, env, tcptale_roster_card(env, ref));
  }
  return 1;
}

/* ---- when ---- */

/* Makes room in the memory: closed connections first, then fragments, then whoever is next. */
static int make_room(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  if (roster->head[TCPTALE_CLASS_CLOSED] == 0 && env->relieve(env)) return 1;
  return evict(roster, env, TCPTALE_CLASS_CLOSED);
}

/* Pages are kept free for blocks of every size: while few are left a new connection pushes out two,
 * so that none has to push out many until the blocks of a whole page are free. */
static void keep_pages(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  uint32_t kept = 4 + env->arena.page_count / 64;
  for (int i = 0; i < 2 && tcptale_arena_pages_left(&env->arena) < kept; i++)
    if (!make_room(roster, env)) return;
}

/* Before anything may need the spare blocks: nobody's step is under way. */
static void see_to_spare(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  while (!tcptale_shape_refill(roster, env) && make_room(roster, env)) {
  }
}

/* Nine tenths are full: who is idle longer than it may be now ends, as by its timer. */
static void relax(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                  uint64_t idle_ns) {
  if (!ref) return;
  int is_packed = tcptale_roster_is_packed(ref);
  const struct tcptale_card *card = is_packed ? NULL : tcptale_roster_card(env, ref);
  uint64_t since_ns =
      card ? tcptale_roster_last_ns(env, card) : tcptale_roster_packed(env, ref)->at_ns;
  if ((card && card->touched) || env->now_ns - since_ns < idle_ns) return;
  struct tcptale_conn *conn = tcptale_shape_wake(roster, env, ref);
  if (!conn) return;
  tcptale_closing_close(env, conn, TCPTALE_CLOSE_TIMEOUT);
  tcptale_shape_remove(roster, env, conn->card);
}

static void relax_all(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  const tcptale_config *config = &env->config;
  relax(roster, env, half_open_victim(roster, env), config->pressure_half_open_ns);
  relax(roster, env, first_idle(roster, env, TCPTALE_CLASS_ONE_WAY),
        config->pressure_established_ns);
  relax(roster, env, first_idle(roster, env, TCPTALE_CLASS_FULL), config->pressure_established_ns);
}

void tcptale_limits_yield_one(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                              uint32_t key_kind) {
  uint32_t ref = victim(roster, env, TCPTALE_CLASS_HALF_OPEN);
  if (tcptale_roster_is_packed(ref)) {
    tell_eviction(roster, env, ref);
    tcptale_shape_replace_call(roster, env, ref, key_kind);
  } else if (ref) {
    evict_card(roster, env, tcptale_roster_card(env, ref));
  }
  tcptale_roster_prefetch_calls(roster, env);
}

void tcptale_limits_admit(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          int half_open) {
  if (half_open && tcptale_roster_half_open(roster) >= roster->max_half_open)
    evict(roster, env, TCPTALE_CLASS_HALF_OPEN);
  while (tcptale_roster_open(roster) >= roster->max_open)
    if (!evict(roster, env, TCPTALE_CLASS_HALF_OPEN)) break;
}

/* An embryo among them has its end still to be told, and waits for it. So does the one at hand,
 * which may only have had its timer moved: its segment comes next. */
void tcptale_limits_forget(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           const struct tcptale_card *at_hand) {
  uint32_t cls = TCPTALE_CLASS_CLOSED, ref = roster->head[cls];
  if (roster->count[cls] <= LINGER_MOST) return;
  struct tcptale_card *card = tcptale_roster_card(env, ref);
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  if (card == at_hand) return;
  if (conn && conn->phase == TCPTALE_PHASE_EMBRYO) tcptale_roster_pass_over(roster, env, card);
  else tcptale_shape_remove(roster, env, card);
  tcptale_roster_prefetch_closed(roster, env);
}

void tcptale_limits_linger(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card) {
  tcptale_fold_forget(env, card);
  uint64_t due_ns = tcptale_fold_deadline_as(env, card, TCPTALE_CLASS_CLOSED);
  tcptale_roster_move(roster, env, card, TCPTALE_CLASS_CLOSED, due_ns, UINT64_MAX);
  tcptale_limits_forget(roster, env, card);
}

/* ---- what for ---- */

/* It needs more memory to be woken. */
static int is_compact(const struct tcptale_conn_env *env, uint32_t ref) {
  if (ref == 0 || tcptale_roster_is_packed(ref)) return ref != 0;
  return !tcptale_roster_card(env, ref)->has_record;
}

struct tcptale_conn *tcptale_limits_find(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env,
                                         const struct tcptale_key *key) {
  uint32_t ref = tcptale_roster_look(roster, env, key);
  if (is_compact(env, ref)) {
    see_to_spare(roster, env); /* by which this very one may go */
    ref = tcptale_roster_look(roster, env, key);
  }
  return ref ? tcptale_shape_wake(roster, env, ref) : NULL;
}

struct tcptale_conn *tcptale_limits_open(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env,
                                         const struct tcptale_key *key, int half_open) {
  if (env->pressure) relax_all(roster, env);
  tcptale_limits_admit(roster, env, half_open);
  while (tcptale_table_is_full(&roster->by_key))
    if (!evict(roster, env, TCPTALE_CLASS_CLOSED)) return NULL;
  keep_pages(roster, env);
  see_to_spare(roster, env);
  struct tcptale_conn *conn = tcptale_shape_add(roster, env, key, half_open);
  while (!conn && make_room(roster, env)) conn = tcptale_shape_add(roster, env, key, half_open);
  return conn;
}

void tcptale_limits_end(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                        uint32_t why) {
  if (tcptale_roster_is_packed(ref)) {
    tell_end(env, tcptale_roster_packed(env, ref), why);
    tcptale_shape_remove_call(roster, env, ref);
    return;
  }
  struct tcptale_card *card = tcptale_roster_card(env, ref);
  if (card->cls != TCPTALE_CLASS_CLOSED || card->has_record)
    tcptale_closing_close(env, tcptale_shape_part(roster, env, card), why);
  tcptale_shape_remove(roster, env, card);
}

/* A call that is packed takes the place of an older one where no memory is left. */
static uint32_t packed_block(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                             const struct tcptale_conn *conn) {
  size_t len = tcptale_packed_bytes(conn->card->key_kind);
  enum tcptale_arena_class cls = tcptale_arena_class_for(len);
  uint32_t ref = tcptale_arena_alloc(&env->arena, cls);
  if (ref == TCPTALE_ARENA_NONE && roster->head[TCPTALE_CLASS_CALL] &&
      evict(roster, env, TCPTALE_CLASS_HALF_OPEN))
    ref = tcptale_arena_alloc(&env->arena, cls);
  return ref;
}

void tcptale_limits_settle(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  int may_pack = conn->phase == TCPTALE_PHASE_HANDSHAKE && !env->emit.stopped;
  uint32_t block = may_pack ? packed_block(roster, env, conn) : TCPTALE_ARENA_NONE;
  if (block != TCPTALE_ARENA_NONE && tcptale_shape_pack(roster, env, conn, block)) return;
  if (block != TCPTALE_ARENA_NONE) tcptale_arena_release(&env->arena, block);
  tcptale_roster_update(roster, env, conn);
}

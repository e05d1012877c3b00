/* roster.c - see roster.h. Floor 12. */
#include "roster.h"

#include <string.h>

#include "closing.h"
#include "handshake.h"
#include "util.h"

#define RECORDS_MOST   0x40000000u
#define HALF_OPEN_MOST 65536u /* unless the configuration says otherwise: see tracker.h */

static struct tcptale_card *card_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_card(env, ref);
}

static struct tcptale_packed *packed_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_packed(env, ref);
}

static uint32_t ref_of(const struct tcptale_conn_env *env, const void *block) {
  return tcptale_roster_ref(env, block);
}

_Static_assert(offsetof(struct tcptale_card, links) == offsetof(struct tcptale_packed, links),
               "links are found without knowing whose they are");

static struct tcptale_links *links_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return &card_at(env, ref & ~1u)->links;
}

static uint64_t id_of(const struct tcptale_conn_env *env, const struct tcptale_card *card) {
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? conn->id : card->id;
}

static TCPTALE_INLINE uint64_t id_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? tcptale_packed_id(packed_at(env, ref))
                                       : id_of(env, card_at(env, ref));
}

static TCPTALE_INLINE uint32_t hash_at(const struct tcptale_conn_env *env, uint32_t ref) {
  const struct tcptale_packed *packed = packed_at(env, ref);
  const struct tcptale_card *card = card_at(env, ref);
  if (tcptale_roster_is_packed(ref))
    return tcptale_key_hash(&packed->key, tcptale_packed_key_kind(packed), packed->key_tail,
                            &env->secret);
  return tcptale_key_hash(&card->key, card->key_kind, card->key_tail, &env->secret);
}

uint32_t tcptale_roster_hash(const struct tcptale_conn_env *env, uint32_t ref) {
  return hash_at(env, ref);
}

/* ---- sizes ---- */

static size_t block_bytes(size_t len) {
  return tcptale_arena_class_size(tcptale_arena_class_for(len));
}

/* Records that the indexes have room for: as many as seven eighths of the memory hold with their
 * share of the indexes (a slot and a third, and a head); the rest is for what waits, and for
 * candidates. Where the configuration says how many may be open, no more than those and half as
 * many that linger. */
static uint32_t records_most(const tcptale_config *config) {
  uint64_t share = block_bytes(tcptale_card_bytes(TCPTALE_KEY_V4)) +
                   sizeof(struct tcptale_slot) * 4 / 3 + sizeof(uint32_t);
  uint64_t records = config->memory_bytes / 8 * 7 / share;
  uint64_t wanted = (uint64_t)config->max_connections + config->max_connections / 2 + 64;
  if (config->max_connections) records = tcptale_min_u64(records, wanted);
  return (uint32_t)tcptale_min_u64(records, RECORDS_MOST);
}

/* The slots come first; behind them, on a line of their own, the heads. */
static size_t heads_at(uint32_t records) {
  size_t bytes = (size_t)tcptale_table_slots_for(records) * sizeof(struct tcptale_slot);
  return (bytes + 63) & ~(size_t)63;
}

/* A power of two, so that no id is divided: more than half as many heads as records. */
static uint32_t heads_for(uint32_t records) {
  uint32_t heads = 1;
  while (heads <= records / 2) heads *= 2;
  return heads;
}

size_t tcptale_roster_bytes(const tcptale_config *config) {
  uint32_t records = records_most(config);
  return heads_at(records) + (size_t)heads_for(records) * sizeof(uint32_t);
}

static void set_limits(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                       uint32_t records) {
  uint32_t open = env->config.max_connections, half_open = env->config.max_half_open;
  roster->max_open = open ? tcptale_min_u32(open, records) : records;
  roster->max_half_open =
      half_open ? half_open : tcptale_min_u32(roster->max_open / 2 + 1, HALF_OPEN_MOST);
  roster->open_most = roster->max_open - roster->max_open / 10;
  roster->pages_least = env->arena.page_count / 10;
}

uint64_t tcptale_roster_deadline(const struct tcptale_conn_env *env, uint32_t ref) {
  const struct tcptale_card *card = card_at(env, ref);
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? tcptale_closing_deadline(env, conn) : tcptale_fold_deadline(env, card);
}

/* The same, for the wheel. */
static uint64_t deadline_at(const void *ctx, uint32_t ref) {
  return tcptale_roster_deadline(ctx, ref);
}

/* The connections that are to have berths, as the first few never do; 0: none. */
static uint32_t berthed(const tcptale_config *config) {
  int is_wanted = (config->flags & TCPTALE_CONFIG_ONE_A_CALL) != 0;
  return is_wanted && config->max_connections > TCPTALE_FEW ? config->max_connections : 0;
}

void tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint8_t *index) {
  uint32_t records = records_most(&env->config);
  memset(roster, 0, sizeof *roster);
  tcptale_table_init(&roster->by_key, (struct tcptale_slot *)(void *)index,
                     (uint32_t)tcptale_table_slots_for(records));
  roster->unberthed = TCPTALE_FEW;
  roster->by_id = (uint32_t *)(void *)(index + heads_at(records));
  roster->id_mask = heads_for(records) - 1;
  memset(roster->by_id, 0, (size_t)heads_for(records) * sizeof *roster->by_id);
  tcptale_berths_init(&roster->berths, &env->arena, env->config.memory_bytes,
                      berthed(&env->config));
  tcptale_wheel_init(&roster->wheel, &env->arena, offsetof(struct tcptale_card, timer), deadline_at,
                     env);
  set_limits(roster, env, records);
}

/* ---- indexes ---- */

int tcptale_roster_has_key(const struct tcptale_conn_env *env, uint32_t ref,
                           const struct tcptale_key *key) {
  const struct tcptale_card *card = card_at(env, ref);
  const struct tcptale_packed *packed = packed_at(env, ref);
  return tcptale_roster_is_packed(ref)
             ? tcptale_key_has_tail(key, tcptale_packed_key_kind(packed), packed->key_tail)
             : tcptale_key_has_tail(key, card->key_kind, card->key_tail);
}

struct tcptale_card *tcptale_roster_beside(const struct tcptale_key *key,
                                           struct tcptale_card *guess) {
  uint8_t *block = (uint8_t *)guess;
  for (uint32_t i = 1; i < TCPTALE_BERTH_TRIES; i++) {
    struct tcptale_card *card = (struct tcptale_card *)(void *)(block + i * TCPTALE_BERTH);
    tcptale_prefetch(card->ends);
    if (tcptale_key_is_brief(key, &card->key)) return card;
  }
  return NULL;
}

/* The head of the chain that an id belongs to. */
static uint32_t *chain_of(const struct tcptale_roster *roster, uint64_t id) {
  return &roster->by_id[(uint32_t)id & roster->id_mask];
}

/* What was found a few frames ago may stand for something else by now, and what is read in it be no
 * reference. Only hints follow from it, so the address is reckoned as a number. */
static TCPTALE_INLINE void hint_at(const struct tcptale_conn_env *env, uint32_t ref,
                                   size_t offset) {
  uintptr_t base = (uintptr_t)env->arena.base;
  tcptale_prefetch((const void *)(base + (uintptr_t)(ref & ~1u) * TCPTALE_ARENA_UNIT + offset));
}

/* Neighbours in a class are touched at their links, in the wheel at their timers. */
static TCPTALE_INLINE void prefetch_list(const struct tcptale_conn_env *env,
                                         const struct tcptale_links *links) {
  if (links->next) hint_at(env, links->next, 0);
  if (links->prev) hint_at(env, links->prev, 0);
}

static TCPTALE_INLINE void prefetch_timers(const struct tcptale_conn_env *env,
                                           const struct tcptale_timer *timer) {
  uint32_t before = tcptale_timer_before(timer);
  if (timer->next) hint_at(env, timer->next, 0);
  if (before) hint_at(env, before, 0);
}

/* A connection that goes on stays where it is until both ends have ended. */
static int stays(const struct tcptale_card *card) {
  return card->cls == TCPTALE_CLASS_FULL &&
         !(tcptale_card_has_ended(&card->ends[0]) && tcptale_card_has_ended(&card->ends[1]));
}

/* The chain of a packed call, which has another place in it once it is a card elsewhere. */
static TCPTALE_INLINE void prefetch_chain(const struct tcptale_roster *roster,
                                          const struct tcptale_conn_env *env, uint32_t ref) {
  if (!tcptale_packed_is_roomy(packed_at(env, ref)))
    tcptale_prefetch(chain_of(roster, id_at(env, ref)));
}

void tcptale_roster_prefetch_near(const struct tcptale_roster *roster,
                                  const struct tcptale_conn_env *env, uint32_t ref) {
  tcptale_keep_hints();
  const struct tcptale_card *card = card_at(env, ref);
  int is_packed = tcptale_roster_is_packed(ref);
  if (!is_packed && card->has_record) {
    for (size_t line = 0; line < sizeof(struct tcptale_conn); line += 64)
      hint_at(env, card->more.at.record, line);
    return;
  }
  if (!is_packed && stays(card)) return;
  prefetch_list(env, links_at(env, ref));
  if (is_packed) prefetch_chain(roster, env, ref);
  else if (card->cls != TCPTALE_CLASS_HALF_OPEN) prefetch_timers(env, &card->timer);
}

/* What a block of a chain is called; 0 of 0. */
static uint32_t named(const struct tcptale_conn_env *env, uint32_t block) {
  return block == 0 ? 0 : block | (links_at(env, block)->id_next & 1);
}

/* The block behind one in its chain; 0. */
static uint32_t after(const struct tcptale_conn_env *env, uint32_t ref) {
  return links_at(env, ref)->id_next & ~1u;
}

/* Where the indexes hold a connection. */
static TCPTALE_INLINE void prefetch_indexes(const struct tcptale_roster *roster,
                                            const struct tcptale_conn_env *env, uint32_t ref) {
  tcptale_table_prefetch(&roster->by_key, hash_at(env, ref));
  tcptale_prefetch(chain_of(roster, id_at(env, ref)));
}

/* Each step of the way to an entry needs the one before, so the steps are taken for one connection
 * after the other: the second's entries, the third itself. */
void tcptale_roster_prefetch_closed(const struct tcptale_roster *roster,
                                    const struct tcptale_conn_env *env) {
  tcptale_keep_hints();
  uint32_t first = roster->head[TCPTALE_CLASS_CLOSED],
           second = first ? links_at(env, first)->next : 0;
  if (second == 0) return;
  prefetch_list(env, links_at(env, first));
  prefetch_timers(env, &card_at(env, first)->timer);
  prefetch_indexes(roster, env, second);
  uint32_t third = links_at(env, second)->next;
  if (third == 0) return;
  tcptale_prefetch(card_at(env, third)); /* its first line is all that it takes */
}

/* Ids count up, and calls go in the order in which they came, so the next to go are most likely the
 * heads of the chains that follow: as long as there are fewer ids between them and the latest than
 * there are chains; else the hint is wasted. Heads lie side by side, so nobody on the way has to be
 * looked at. A block is asked for some calls before its key is read, of which that of IPv4 is in
 * the first line. */
void tcptale_roster_prefetch_calls(const struct tcptale_roster *roster,
                                   const struct tcptale_conn_env *env) {
  enum { INDEX_AHEAD = 4, BLOCK_AHEAD = 8 };
  tcptale_keep_hints();
  uint32_t first = roster->head[TCPTALE_CLASS_CALL];
  if (first == 0) return;
  uint64_t id = id_at(env, first);
  uint32_t soon = named(env, *chain_of(roster, id + INDEX_AHEAD));
  hint_at(env, *chain_of(roster, id + BLOCK_AHEAD), 0);
  if (soon) tcptale_table_prefetch(&roster->by_key, hash_at(env, soon));
}

uint32_t tcptale_roster_look_id(const struct tcptale_roster *roster,
                                const struct tcptale_conn_env *env, uint64_t id) {
  uint32_t ref = named(env, *chain_of(roster, id));
  while (ref != 0 && id_at(env, ref) != id) ref = named(env, after(env, ref));
  return ref;
}

/* What leads to `ref` in the chain of an id leads to `by` from now on; both name blocks. */
static TCPTALE_INLINE void chain_replace(struct tcptale_roster *roster,
                                         const struct tcptale_conn_env *env, uint64_t id,
                                         uint32_t ref, uint32_t by) {
  uint32_t *link = chain_of(roster, id);
  while ((*link & ~1u) != ref) link = &links_at(env, *link)->id_next;
  *link = by | (*link & 1);
}

/* `ref` says what it is, in its links from now on, too. */
static TCPTALE_INLINE void chain_push(struct tcptale_roster *roster, uint64_t id,
                                      struct tcptale_links *links, uint32_t ref) {
  uint32_t *head = chain_of(roster, id);
  links->id_next = *head | (ref & 1);
  *head = ref & ~1u;
}

void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  conn->card->id = conn->id & (TCPTALE_CARD_ID_LIMIT - 1);
  chain_push(roster, conn->id, &conn->card->links, ref_of(env, conn->card));
}

/* ---- lists by class ---- */

static TCPTALE_INLINE void list_append(struct tcptale_roster *roster,
                                       const struct tcptale_conn_env *env, uint32_t cls,
                                       struct tcptale_links *links, uint32_t ref) {
  uint32_t last = roster->tail[cls];
  links->next = 0;
  links->prev = last;
  if (last) links_at(env, last)->next = ref;
  else roster->head[cls] = ref;
  roster->tail[cls] = ref;
  roster->count[cls]++;
}

static TCPTALE_INLINE void list_take(struct tcptale_roster *roster,
                                     const struct tcptale_conn_env *env, uint32_t cls,
                                     const struct tcptale_links *links) {
  uint32_t next = links->next, prev = links->prev;
  if (prev) links_at(env, prev)->next = next;
  else roster->head[cls] = next;
  if (next) links_at(env, next)->prev = prev;
  else roster->tail[cls] = prev;
  roster->count[cls]--;
}

static TCPTALE_INLINE void join(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                                struct tcptale_card *card, uint32_t cls) {
  card->cls = cls & 3;
  card->touched = 0;
  list_append(roster, env, cls, &card->links, ref_of(env, card));
}

/* To the end of another class, or of its own. */
static TCPTALE_INLINE void rejoin(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                                  struct tcptale_card *card, uint32_t cls) {
  list_take(roster, env, card->cls, &card->links);
  join(roster, env, card, cls);
}

void tcptale_roster_pass_over(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                              struct tcptale_card *card) {
  rejoin(roster, env, card, card->cls);
}

/* A connection that a RST is about to end comes before those that live. */
static uint32_t class_of(const struct tcptale_conn *conn) {
  switch ((enum tcptale_phase)conn->phase) {
  case TCPTALE_PHASE_EMBRYO:
  case TCPTALE_PHASE_CLOSED: return TCPTALE_CLASS_CLOSED;
  case TCPTALE_PHASE_HANDSHAKE: return TCPTALE_CLASS_HALF_OPEN;
  case TCPTALE_PHASE_RESET:
    return conn->handshake != TCPTALE_ARENA_NONE ? TCPTALE_CLASS_HALF_OPEN : TCPTALE_CLASS_ONE_WAY;
  case TCPTALE_PHASE_OPEN: break;
  }
  int both = tcptale_end_has(&conn->ends[0], TCPTALE_END_SEEN) &&
             tcptale_end_has(&conn->ends[1], TCPTALE_END_SEEN);
  return both || conn->how != TCPTALE_OPEN_MIDSTREAM ? TCPTALE_CLASS_FULL : TCPTALE_CLASS_ONE_WAY;
}

/* ---- places ---- */

void tcptale_roster_enter(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_card *card, uint32_t hash, uint32_t cls) {
  tcptale_table_add(&roster->by_key, hash, ref_of(env, card));
  join(roster, env, card, cls);
  tcptale_roster_weigh(roster, env);
}

void tcptale_roster_enter_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                               struct tcptale_packed *packed, uint32_t hash) {
  uint32_t ref = ref_of(env, packed) | 1;
  tcptale_table_add(&roster->by_key, hash, ref);
  list_append(roster, env, TCPTALE_CLASS_CALL, &packed->links, ref);
  chain_push(roster, tcptale_packed_id(packed), &packed->links, ref);
  tcptale_roster_weigh(roster, env);
}

/* Out of its list, and out of the wheel. */
static TCPTALE_INLINE void leave_lists(struct tcptale_roster *roster,
                                       const struct tcptale_conn_env *env, uint32_t ref) {
  int is_packed = tcptale_roster_is_packed(ref);
  uint32_t cls = is_packed ? (uint32_t)TCPTALE_CLASS_CALL : card_at(env, ref)->cls;
  list_take(roster, env, cls, links_at(env, ref));
  if (!is_packed) tcptale_wheel_clear(&roster->wheel, ref);
}

void tcptale_roster_leave(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                          uint32_t ref) {
  uint64_t id = id_at(env, ref);
  leave_lists(roster, env, ref);
  tcptale_table_remove(&roster->by_key, hash_at(env, ref), ref);
  if (id != 0) chain_replace(roster, env, id, ref & ~1u, after(env, ref));
}

void tcptale_roster_replace(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                            uint32_t from, uint32_t to, uint32_t hash, uint32_t cls) {
  tcptale_table_replace(&roster->by_key, hash, from, to);
  chain_replace(roster, env, id_at(env, to), from & ~1u, to & ~1u);
  links_at(env, to)->id_next = after(env, from) | (to & 1);
  leave_lists(roster, env, from);
  if (tcptale_roster_is_packed(to)) list_append(roster, env, cls, links_at(env, to), to);
  else join(roster, env, card_at(env, to), cls);
}

/* ---- timers ---- */

/* A timer is set anew where the deadline has become earlier; else it stays, and is placed anew when
 * it comes up. So a packet of a busy connection touches no neighbour's card. */
static TCPTALE_INLINE void set_timer(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                     const struct tcptale_card *card, uint64_t due_ns,
                                     uint64_t was_ns) {
  uint32_t ref = ref_of(env, card);
  int is_set = tcptale_timer_is_set(&card->timer);
  if (due_ns == UINT64_MAX) tcptale_wheel_clear(&roster->wheel, ref); /* that never comes */
  else if (!is_set || due_ns < was_ns) tcptale_wheel_set(&roster->wheel, ref, due_ns);
}

void tcptale_roster_promote(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                            uint32_t ref, uint32_t to, uint32_t hash, uint64_t id) {
  struct tcptale_card *card = card_at(env, to);
  tcptale_table_replace(&roster->by_key, hash, ref, to);
  card->links.id_next &= ~1u;
  if (to != (ref & ~1u)) chain_replace(roster, env, id, ref & ~1u, to);
  list_take(roster, env, TCPTALE_CLASS_CALL, &card->links);
  list_append(roster, env, TCPTALE_CLASS_HALF_OPEN, &card->links, to);
  uint64_t due_ns = tcptale_after_u64(card->more.first_ns, env->config.half_open_ns);
  if (due_ns != UINT64_MAX) tcptale_wheel_set(&roster->wheel, to, due_ns);
}

void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  struct tcptale_card *card = conn->card;
  uint32_t cls = class_of(conn);
  if (cls != card->cls) rejoin(roster, env, card, cls);
  uint64_t due = tcptale_closing_deadline(env, conn);
  set_timer(roster, env, card, due, conn->due_ns);
  conn->due_ns = due;
}

void tcptale_roster_move(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         struct tcptale_card *card, uint32_t cls, uint64_t due_ns,
                         uint64_t was_ns) {
  rejoin(roster, env, card, cls);
  set_timer(roster, env, card, due_ns, was_ns);
}

/* When a call is due, as a tick of the wheel; the end of time never comes. */
uint64_t tcptale_roster_call_tick(const struct tcptale_conn_env *env, uint64_t at_ns) {
  if (at_ns >= UINT64_MAX - env->config.half_open_ns) return UINT64_MAX;
  return tcptale_wheel_tick(at_ns + env->config.half_open_ns);
}

/* The next reference; up to the tick of the oldest call the wheel comes first. */
uint32_t tcptale_roster_next_due(struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env) {
  uint32_t call = roster->head[TCPTALE_CLASS_CALL];
  uint64_t tick = call ? tcptale_roster_call_tick(env, packed_at(env, call)->at_ns) : UINT64_MAX;
  int call_is_due = tick <= env->now_ns >> TCPTALE_WHEEL_TICK_SHIFT;
  uint64_t until = call_is_due ? tick << TCPTALE_WHEEL_TICK_SHIFT : env->now_ns;
  uint32_t ref = tcptale_wheel_next(&roster->wheel, until);
  return ref == 0 && call_is_due ? call : ref;
}

/* ---- going through all ---- */

uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env) {
  uint64_t least = 0;
  for (uint32_t cls = TCPTALE_CLASS_HALF_OPEN; cls < TCPTALE_CLASSES; cls++)
    for (uint32_t ref = roster->head[cls]; ref != 0; ref = links_at(env, ref)->next) {
      uint64_t id = id_at(env, ref);
      if (id != 0 && (least == 0 || id < least)) least = id;
    }
  return least;
}

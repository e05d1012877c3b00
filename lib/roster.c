/* roster.c - see roster.h. Floor 12. */
#include "roster.h"

#include <string.h>

#include "closing.h"
#include "handshake.h"
#include "util.h"

#define UNIT           16
#define RECORDS_MOST   0x40000000u
#define HALF_OPEN_MOST 65536u /* unless the configuration says otherwise: see tracker.h */

static struct tcptale_conn *conn_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_conn(env, ref);
}

static struct tcptale_packed *packed_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_packed(env, ref);
}

/* Of a record, or of the block that is packed into. */
static uint32_t ref_of(const struct tcptale_conn_env *env, const void *block) {
  return (uint32_t)((size_t)((const uint8_t *)block - env->arena.base) / UNIT);
}

static struct tcptale_links *links_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? &packed_at(env, ref)->links : &conn_at(env, ref)->links;
}

static uint64_t id_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? tcptale_packed_id(packed_at(env, ref))
                                       : conn_at(env, ref)->id;
}

/* ---- sizes ---- */

static size_t record_bytes(int is_wide) {
  return sizeof(struct tcptale_conn) + (is_wide ? TCPTALE_KEY_WIDE_BYTES : 0);
}

static size_t block_bytes(size_t len) {
  return tcptale_arena_class_size(tcptale_arena_class_for(len));
}

/* Records that the indexes have room for: as many as seven eighths of the memory hold with their
 * share of the indexes (a slot and a third, and a head); the rest is for what waits, and for
 * candidates. Where the configuration says how many may be open, no more than those and half as many
 * that linger. */
static uint32_t records_most(const tcptale_config *config) {
  uint64_t share =
      block_bytes(record_bytes(0)) + sizeof(struct tcptale_slot) * 4 / 3 + sizeof(uint32_t);
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

size_t tcptale_roster_bytes(const tcptale_config *config) {
  uint32_t records = records_most(config);
  return heads_at(records) + (size_t)records * sizeof(uint32_t);
}

static void set_limits(struct tcptale_roster *roster, const tcptale_config *config,
                       uint32_t records) {
  uint32_t open = config->max_connections, half_open = config->max_half_open;
  roster->max_open = open ? tcptale_min_u32(open, records) : records;
  roster->max_half_open =
      half_open ? half_open : tcptale_min_u32(roster->max_open / 2 + 1, HALF_OPEN_MOST);
}

int tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        uint8_t *index) {
  uint32_t records = records_most(&env->config);
  memset(roster, 0, sizeof *roster);
  tcptale_table_init(&roster->by_key, (struct tcptale_slot *)(void *)index,
                     (uint32_t)tcptale_table_slots_for(records));
  roster->by_id = (uint32_t *)(void *)(index + heads_at(records));
  roster->id_heads = records;
  memset(roster->by_id, 0, (size_t)records * sizeof *roster->by_id);
  tcptale_wheel_init(&roster->wheel, &env->arena, offsetof(struct tcptale_conn, timer));
  set_limits(roster, &env->config, records);
  return tcptale_roster_refill(roster, env);
}

/* ---- indexes ---- */

int tcptale_roster_has_key(const struct tcptale_conn_env *env, uint32_t ref,
                           const struct tcptale_key *key) {
  const struct tcptale_conn *conn = conn_at(env, ref);
  const struct tcptale_packed *packed = packed_at(env, ref);
  int is_packed = tcptale_roster_is_packed(ref);
  int is_wide =
      is_packed ? tcptale_packed_is_wide(packed) : tcptale_conn_has(conn, TCPTALE_CONN_WIDE);
  if (is_wide != (key->is_wide != 0)) return 0;
  const uint8_t *whole_key = is_packed ? packed->whole_key : conn->whole_key;
  return !is_wide || memcmp(whole_key, &key->whole.scope, TCPTALE_KEY_WIDE_BYTES) == 0;
}

/* The head of the chain that an id belongs to. */
static uint32_t *chain_of(const struct tcptale_roster *roster, uint64_t id) {
  return &roster->by_id[(uint32_t)id % roster->id_heads];
}

/* Neighbours in a class are touched at their links, in the wheel at their timers. */
static void prefetch_neighbours(const struct tcptale_conn_env *env, uint32_t ref) {
  const struct tcptale_links *links = links_at(env, ref);
  if (links->next) tcptale_prefetch(links_at(env, links->next));
  if (links->prev) tcptale_prefetch(links_at(env, links->prev));
  if (tcptale_roster_is_packed(ref)) return;
  const struct tcptale_timer *timer = &conn_at(env, ref)->timer;
  if (timer->next) tcptale_prefetch(&conn_at(env, timer->next)->timer);
  if (timer->prev) tcptale_prefetch(&conn_at(env, timer->prev)->timer);
}

/* A connection that goes on stays where it is. */
static int stays(const struct tcptale_conn *conn) {
  uint32_t ended = conn->ends[0].half.flags | conn->ends[1].half.flags;
  return conn->phase == TCPTALE_PHASE_OPEN && !(ended & TCPTALE_HALF_ENDED);
}

void tcptale_roster_prefetch_near(const struct tcptale_roster *roster,
                                  const struct tcptale_conn_env *env, uint32_t ref) {
  int is_packed = tcptale_roster_is_packed(ref);
  if (!is_packed && stays(conn_at(env, ref))) return;
  prefetch_neighbours(env, ref);
  if (is_packed) tcptale_prefetch(chain_of(roster, id_at(env, ref)));
}

void tcptale_roster_prefetch_oldest(const struct tcptale_roster *roster,
                                    const struct tcptale_conn_env *env, uint32_t cls) {
  uint32_t first = roster->head[cls];
  if (first == 0) return;
  const struct tcptale_conn *conn = conn_at(env, first);
  prefetch_neighbours(env, first);
  tcptale_table_prefetch(&roster->by_key, conn->hash);
  tcptale_prefetch(chain_of(roster, conn->id));
  const uint8_t *second = (const uint8_t *)conn_at(env, conn->links.next);
  if (conn->links.next == 0) return;
  for (size_t line = 0; line < sizeof *conn; line += 64) tcptale_prefetch(second + line);
}

uint32_t tcptale_roster_look_id(const struct tcptale_roster *roster,
                                const struct tcptale_conn_env *env, uint64_t id) {
  uint32_t ref = *chain_of(roster, id);
  while (ref != 0 && id_at(env, ref) != id) ref = links_at(env, ref)->id_next;
  return ref;
}

/* What leads to `ref` in the chain of an id leads to `by` from now on. */
static void chain_replace(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                          uint64_t id, uint32_t ref, uint32_t by) {
  uint32_t *link = chain_of(roster, id);
  while (*link != ref) link = &links_at(env, *link)->id_next;
  *link = by;
}

static void chain_push(struct tcptale_roster *roster, uint64_t id, struct tcptale_links *links,
                       uint32_t ref) {
  uint32_t *head = chain_of(roster, id);
  links->id_next = *head;
  *head = ref;
}

void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  chain_push(roster, conn->id, &conn->links, ref_of(env, conn));
}

/* ---- lists by class ---- */

static void list_append(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                        uint32_t cls, uint32_t ref) {
  struct tcptale_links *links = links_at(env, ref);
  links->next = 0;
  links->prev = roster->tail[cls];
  if (roster->tail[cls]) links_at(env, roster->tail[cls])->next = ref;
  else roster->head[cls] = ref;
  roster->tail[cls] = ref;
  roster->count[cls]++;
}

static void list_take(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                      uint32_t cls, uint32_t ref) {
  const struct tcptale_links *links = links_at(env, ref);
  if (links->prev) links_at(env, links->prev)->next = links->next;
  else roster->head[cls] = links->next;
  if (links->next) links_at(env, links->next)->prev = links->prev;
  else roster->tail[cls] = links->prev;
  roster->count[cls]--;
}

static void join(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                 struct tcptale_conn *conn, uint32_t cls) {
  conn->cls = (uint8_t)cls;
  conn->touched = 0;
  list_append(roster, env, cls, ref_of(env, conn));
}

void tcptale_roster_pass_over(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                              struct tcptale_conn *conn) {
  list_take(roster, env, conn->cls, ref_of(env, conn));
  join(roster, env, conn, conn->cls);
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

/* ---- records ---- */

/* Nine tenths of the connections or of the pages. */
static void weigh_pressure(const struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  uint32_t open = tcptale_roster_open(roster);
  uint32_t left = tcptale_arena_pages_left(&env->arena);
  env->pressure =
      open > roster->max_open - roster->max_open / 10 || left < env->arena.page_count / 10;
}

/* A spare block serves every key. */
int tcptale_roster_refill(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  if (roster->spare_record == TCPTALE_ARENA_NONE)
    roster->spare_record =
        tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(record_bytes(1)));
  if (roster->spare_candidates == TCPTALE_ARENA_NONE)
    roster->spare_candidates =
        tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(sizeof(struct tcptale_handshake)));
  return roster->spare_record != TCPTALE_ARENA_NONE &&
         roster->spare_candidates != TCPTALE_ARENA_NONE;
}

/* A block of `len` bytes, the spare one where there is no other. */
static uint32_t block_or(struct tcptale_conn_env *env, size_t len, uint32_t *spare) {
  uint32_t ref = tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(len));
  if (ref != TCPTALE_ARENA_NONE || !spare) return ref;
  ref = *spare;
  *spare = TCPTALE_ARENA_NONE;
  return ref;
}

static uint32_t candidates_block(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  return block_or(env, sizeof(struct tcptale_handshake), &roster->spare_candidates);
}

static void set_key(struct tcptale_conn *conn, const struct tcptale_key *key) {
  conn->key = key->brief;
  conn->hash = key->hash;
  if (!key->is_wide) return;
  conn->flags |= TCPTALE_CONN_WIDE;
  memcpy(conn->whole_key, &key->whole.scope, TCPTALE_KEY_WIDE_BYTES);
}

struct tcptale_conn *tcptale_roster_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        const struct tcptale_key *key, int half_open) {
  uint32_t hs = half_open ? candidates_block(roster, env) : TCPTALE_ARENA_NONE;
  if (half_open && hs == TCPTALE_ARENA_NONE) return NULL;
  uint32_t ref =
      block_or(env, record_bytes(key->is_wide != 0), half_open ? &roster->spare_record : NULL);
  if (ref == TCPTALE_ARENA_NONE) {
    if (half_open) tcptale_arena_release(&env->arena, hs);
    return NULL;
  }
  struct tcptale_conn *conn = conn_at(env, ref);
  memset(conn, 0, sizeof *conn);
  conn->handshake = hs;
  if (half_open) memset(tcptale_handshake_of(env, conn), 0, sizeof(struct tcptale_handshake));
  conn->tracker = env->tracker;
  set_key(conn, key);
  tcptale_table_add(&roster->by_key, key->hash, ref);
  join(roster, env, conn, half_open ? TCPTALE_CLASS_HALF_OPEN : TCPTALE_CLASS_ONE_WAY);
  weigh_pressure(roster, env);
  return conn;
}

void tcptale_roster_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  uint32_t ref = ref_of(env, conn);
  tcptale_closing_release(env, conn);
  tcptale_wheel_clear(&roster->wheel, ref);
  list_take(roster, env, conn->cls, ref);
  tcptale_table_remove(&roster->by_key, conn->hash, ref);
  if (conn->id != 0) chain_replace(roster, env, conn->id, ref, conn->links.id_next);
  tcptale_arena_release(&env->arena, ref);
  tcptale_roster_refill(roster, env);
  weigh_pressure(roster, env);
}

/* A timer that is set earlier than needed stays: when it comes up it is set anew. So a packet of
 * a busy connection touches no neighbour's record. */
void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  uint32_t ref = ref_of(env, conn), cls = class_of(conn);
  if (cls != conn->cls) {
    list_take(roster, env, conn->cls, ref);
    join(roster, env, conn, cls);
  }
  uint64_t due = tcptale_closing_deadline(env, conn);
  if (due == UINT64_MAX) tcptale_wheel_clear(&roster->wheel, ref); /* the end of time never comes */
  else if (conn->timer.place == 0 || due < conn->timer.deadline_ns)
    tcptale_wheel_set(&roster->wheel, ref, due);
}

/* ---- packed ones ---- */

/* Both kinds have the same place in the indexes. */
static void change_ref(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                       const struct tcptale_conn *conn, uint32_t from, uint32_t to) {
  tcptale_table_replace(&roster->by_key, conn->hash, from, to);
  chain_replace(roster, env, conn->id, from, to);
  links_at(env, to)->id_next = links_at(env, from)->id_next;
}

/* When a call is due, as a tick of the wheel; the end of time never comes. */
static uint64_t call_tick(const struct tcptale_conn_env *env, uint64_t at_ns) {
  if (at_ns >= UINT64_MAX - env->config.half_open_ns) return UINT64_MAX;
  return tcptale_wheel_tick(at_ns + env->config.half_open_ns);
}

int tcptale_roster_pack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        struct tcptale_conn *conn, uint32_t block) {
  uint32_t from = ref_of(env, conn), to = block | 1;
  if (call_tick(env, conn->last_ns) <= roster->wheel.now) return 0; /* it is due at once */
  if (!tcptale_pack(env, conn, packed_at(env, to))) return 0;
  change_ref(roster, env, conn, from, to);
  list_take(roster, env, conn->cls, from);
  tcptale_wheel_clear(&roster->wheel, from);
  list_append(roster, env, TCPTALE_CLASS_CALL, to);
  tcptale_handshake_end(env, conn);
  tcptale_arena_release(&env->arena, from);
  tcptale_roster_refill(roster, env);
  return 1;
}

/* A record takes the place of what was packed. */
static void move_in(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                    struct tcptale_conn *conn, int is_wide, uint32_t from) {
  conn->hash = tcptale_key_hash(&conn->key, is_wide, &env->secret);
  change_ref(roster, env, conn, from, ref_of(env, conn));
  list_take(roster, env, TCPTALE_CLASS_CALL, from);
  join(roster, env, conn, TCPTALE_CLASS_HALF_OPEN);
  tcptale_arena_release(&env->arena, from & ~1u);
}

static struct tcptale_conn *unpack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   uint32_t from) {
  const struct tcptale_packed *packed = packed_at(env, from);
  size_t len = record_bytes(tcptale_packed_is_wide(packed));
  uint32_t hs = candidates_block(roster, env);
  if (hs == TCPTALE_ARENA_NONE) return NULL;
  uint32_t to = block_or(env, len, &roster->spare_record);
  if (to == TCPTALE_ARENA_NONE) {
    tcptale_arena_release(&env->arena, hs);
    return NULL;
  }
  struct tcptale_conn *conn = conn_at(env, to);
  tcptale_unpack(env, packed, conn, tcptale_arena_at(&env->arena, hs));
  conn->handshake = hs;
  move_in(roster, env, conn, tcptale_packed_is_wide(packed), from);
  tcptale_roster_update(roster, env, conn);
  return conn;
}

void tcptale_roster_remove_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                uint32_t ref) {
  const struct tcptale_packed *packed = packed_at(env, ref);
  int is_wide = tcptale_packed_is_wide(packed);
  list_take(roster, env, TCPTALE_CLASS_CALL, ref);
  tcptale_table_remove(&roster->by_key, tcptale_key_hash(&packed->key, is_wide, &env->secret), ref);
  chain_replace(roster, env, tcptale_packed_id(packed), ref, packed->links.id_next);
  tcptale_arena_release(&env->arena, ref & ~1u);
  weigh_pressure(roster, env);
}

static struct tcptale_conn *unfold(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   struct tcptale_conn *conn) {
  uint32_t hs = candidates_block(roster, env);
  if (hs == TCPTALE_ARENA_NONE) return NULL;
  tcptale_unfold(conn, tcptale_arena_at(&env->arena, hs));
  conn->handshake = hs;
  return conn;
}

struct tcptale_conn *tcptale_roster_wake(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, uint32_t ref) {
  if (tcptale_roster_is_packed(ref)) return unpack(roster, env, ref);
  struct tcptale_conn *conn = conn_at(env, ref);
  return tcptale_conn_has(conn, TCPTALE_CONN_FOLDED) ? unfold(roster, env, conn) : conn;
}

struct tcptale_packed *tcptale_roster_add_call(struct tcptale_roster *roster,
                                               struct tcptale_conn_env *env,
                                               const struct tcptale_key *key) {
  if (call_tick(env, env->now_ns) <= roster->wheel.now) return NULL;
  size_t len = tcptale_packed_bytes(key->is_wide != 0);
  uint32_t block = tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(len));
  if (block == TCPTALE_ARENA_NONE) return NULL;
  tcptale_table_add(&roster->by_key, key->hash, block | 1);
  list_append(roster, env, TCPTALE_CLASS_CALL, block | 1);
  weigh_pressure(roster, env);
  return packed_at(env, block | 1);
}

void tcptale_roster_enlist_call(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                                struct tcptale_packed *packed) {
  chain_push(roster, tcptale_packed_id(packed), &packed->links, ref_of(env, packed) | 1);
}

struct tcptale_conn *tcptale_roster_fold(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, uint32_t from) {
  const struct tcptale_packed *packed = packed_at(env, from);
  int is_wide = tcptale_packed_is_wide(packed);
  uint32_t to = tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(record_bytes(is_wide)));
  if (to == TCPTALE_ARENA_NONE) return NULL;
  struct tcptale_conn *conn = conn_at(env, to);
  tcptale_unpack_folded(env, packed, conn);
  uint64_t at_ns = packed->at_ns;
  move_in(roster, env, conn, is_wide, from);
  if (at_ns < UINT64_MAX - env->config.half_open_ns)
    tcptale_wheel_set(&roster->wheel, to, at_ns + env->config.half_open_ns);
  return conn;
}

/* A folded record whose timer only moves stays as it is: hundreds at once would use up the memory.
 * One that there is no memory for is due again. */
static struct tcptale_conn *come_up(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                    uint32_t ref) {
  struct tcptale_conn *conn = tcptale_roster_is_packed(ref) ? NULL : conn_at(env, ref);
  if (conn && !tcptale_closing_is_due(env, conn)) return conn;
  struct tcptale_conn *woken = tcptale_roster_wake(roster, env, ref);
  if (conn && !woken) tcptale_roster_update(roster, env, conn);
  return woken;
}

/* Up to the tick of the oldest call the wheel comes first. */
struct tcptale_conn *tcptale_roster_due(struct tcptale_roster *roster,
                                        struct tcptale_conn_env *env) {
  uint32_t call = roster->head[TCPTALE_CLASS_CALL];
  uint64_t tick = call ? call_tick(env, packed_at(env, call)->at_ns) : UINT64_MAX;
  int call_is_due = tick <= env->now_ns >> TCPTALE_WHEEL_TICK_SHIFT;
  uint64_t until = call_is_due ? tick << TCPTALE_WHEEL_TICK_SHIFT : env->now_ns;
  uint32_t ref = tcptale_wheel_next(&roster->wheel, until);
  if (ref == 0 && call_is_due) ref = call;
  roster->has_due = ref != 0;
  return ref ? come_up(roster, env, ref) : NULL;
}

/* ---- going through all ---- */

uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env) {
  uint64_t least = 0;
  for (uint32_t cls = TCPTALE_CLASS_CALL; cls < TCPTALE_CLASSES; cls++)
    for (uint32_t ref = roster->head[cls]; ref != 0; ref = links_at(env, ref)->next) {
      uint64_t id = id_at(env, ref);
      if (id != 0 && (least == 0 || id < least)) least = id;
    }
  return least;
}

static int is_open(const struct tcptale_conn *conn) {
  return conn->phase != TCPTALE_PHASE_CLOSED && conn->phase != TCPTALE_PHASE_EMBRYO;
}

struct tcptale_conn *tcptale_roster_any(const struct tcptale_roster *roster,
                                        const struct tcptale_conn_env *env) {
  for (uint32_t cls = 0; cls < TCPTALE_CLASSES; cls++)
    for (uint32_t ref = roster->head[cls]; ref != 0; ref = links_at(env, ref)->next)
      if (!tcptale_roster_is_packed(ref) && !is_open(conn_at(env, ref))) return conn_at(env, ref);
  return NULL;
}

/* roster.c - see roster.h. Floor 12. */
#include "roster.h"

#include <string.h>

#include "closing.h"
#include "handshake.h"
#include "tell.h"
#include "util.h"

#define TRIES        8 /* records that may be passed over for one eviction */
#define UNIT         16
#define RECORDS_MOST 0x40000000u

static struct tcptale_conn *conn_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_arena_at(&env->arena, ref);
}

static uint32_t ref_of(const struct tcptale_conn_env *env, const struct tcptale_conn *conn) {
  return (uint32_t)((size_t)((const uint8_t *)conn - env->arena.base) / UNIT);
}

static size_t block_bytes(size_t len) {
  return tcptale_arena_class_size(tcptale_arena_class_for(len));
}

/* A connection while it opens: its record and its candidates. */
static size_t record_bytes(void) {
  return block_bytes(sizeof(struct tcptale_conn)) + block_bytes(sizeof(struct tcptale_handshake));
}

/* Records that the indexes have room for: as many as the memory holds with their share of the
 * indexes (a slot and a third, and a head), but where the configuration says how many may be open,
 * no more than those and half as many that linger. */
static uint32_t records_most(const tcptale_config *config) {
  uint64_t share = record_bytes() + sizeof(struct tcptale_slot) * 4 / 3 + sizeof(uint32_t);
  uint64_t records = config->memory_bytes / share;
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

void tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint8_t *index) {
  uint32_t records = records_most(&env->config);
  memset(roster, 0, sizeof *roster);
  tcptale_table_init(&roster->by_key, (struct tcptale_slot *)(void *)index,
                     (uint32_t)tcptale_table_slots_for(records));
  roster->by_id = (uint32_t *)(void *)(index + heads_at(records));
  roster->id_heads = records;
  memset(roster->by_id, 0, (size_t)records * sizeof *roster->by_id);
  tcptale_wheel_init(&roster->wheel, &env->arena, offsetof(struct tcptale_conn, timer));
  roster->max_open =
      env->config.max_connections ? tcptale_min_u32(env->config.max_connections, records) : records;
  roster->max_half_open =
      env->config.max_half_open ? env->config.max_half_open : roster->max_open / 2 + 1;
}

static int has_key(const struct tcptale_conn *conn, const struct tcptale_key *key) {
  if (!tcptale_key_is_brief(key, &conn->key)) return 0;
  if (tcptale_conn_has(conn, TCPTALE_CONN_WIDE) != (key->is_wide != 0)) return 0;
  return !key->is_wide || memcmp(conn->whole_key, &key->whole.scope, TCPTALE_KEY_WIDE_BYTES) == 0;
}

struct tcptale_conn *tcptale_roster_find(const struct tcptale_roster *roster,
                                         const struct tcptale_conn_env *env,
                                         const struct tcptale_key *key) {
  uint32_t at = tcptale_table_home(&roster->by_key, key->hash);
  for (uint32_t ref; (ref = tcptale_table_next(&roster->by_key, key->hash, &at)) != 0;) {
    struct tcptale_conn *conn = conn_at(env, ref);
    if (has_key(conn, key)) return conn;
  }
  return NULL;
}

void tcptale_roster_prefetch(const struct tcptale_roster *roster,
                             const struct tcptale_conn_env *env, uint32_t hash) {
  uint32_t at = tcptale_table_home(&roster->by_key, hash);
  uint32_t ref = tcptale_table_next(&roster->by_key, hash, &at);
  const uint8_t *record = (const uint8_t *)conn_at(env, ref);
  if (ref == 0) return;
  for (size_t line = 0; line < sizeof(struct tcptale_conn); line += 64)
    tcptale_prefetch(record + line);
}

/* The head of the chain that an id belongs to. */
static uint32_t *chain_of(const struct tcptale_roster *roster, uint64_t id) {
  return &roster->by_id[(uint32_t)id % roster->id_heads];
}

static void chain_take(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                       const struct tcptale_conn *conn) {
  uint32_t *link = chain_of(roster, conn->id), ref = ref_of(env, conn);
  while (*link != ref) link = &conn_at(env, *link)->id_next;
  *link = conn->id_next;
}

struct tcptale_conn *tcptale_roster_find_id(const struct tcptale_roster *roster,
                                            const struct tcptale_conn_env *env, uint64_t id) {
  for (uint32_t ref = *chain_of(roster, id); ref != 0; ref = conn_at(env, ref)->id_next)
    if (conn_at(env, ref)->id == id) return conn_at(env, ref);
  return NULL;
}

/* ---- lists by class ---- */

static void list_append(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        struct tcptale_conn *conn) {
  uint32_t ref = ref_of(env, conn), cls = conn->cls;
  conn->list_next = 0;
  conn->list_prev = roster->tail[cls];
  if (roster->tail[cls]) conn_at(env, roster->tail[cls])->list_next = ref;
  else roster->head[cls] = ref;
  roster->tail[cls] = ref;
  roster->count[cls]++;
  conn->touched = 0;
}

static void list_take(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                      struct tcptale_conn *conn) {
  uint32_t cls = conn->cls;
  if (conn->list_prev) conn_at(env, conn->list_prev)->list_next = conn->list_next;
  else roster->head[cls] = conn->list_next;
  if (conn->list_next) conn_at(env, conn->list_next)->list_prev = conn->list_prev;
  else roster->tail[cls] = conn->list_prev;
  roster->count[cls]--;
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

/* ---- eviction ---- */

/* The first of a class that had no packet since it was last looked at; the head after a few
 * tries. */
static struct tcptale_conn *victim(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   uint32_t cls) {
  for (int i = 0; i < TRIES && roster->head[cls]; i++) {
    struct tcptale_conn *conn = conn_at(env, roster->head[cls]);
    if (!conn->touched) return conn;
    list_take(roster, env, conn);
    list_append(roster, env, conn);
  }
  return roster->head[cls] ? conn_at(env, roster->head[cls]) : NULL;
}

/* Section J of the limits: whose loss hurts least goes first; nobody goes in silence (rule R26). */
int tcptale_roster_evict(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint32_t least) {
  struct tcptale_conn *conn = NULL;
  for (uint32_t cls = least; cls < TCPTALE_CLASSES && !conn; cls++) conn = victim(roster, env, cls);
  if (!conn) return 0;
  if (conn->phase != TCPTALE_PHASE_CLOSED && conn->phase != TCPTALE_PHASE_EMBRYO) {
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_EVICTED, TCPTALE_NO_DIR, 0, 0);
    roster->evicted++;
  }
  tcptale_closing_close(env, conn, TCPTALE_CLOSE_EVICTED);
  tcptale_roster_remove(roster, env, conn);
  return 1;
}

/* Nine tenths of the connections or of the pages. */
static void weigh_pressure(const struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  uint32_t open = tcptale_roster_open(roster);
  uint32_t left = tcptale_arena_pages_left(&env->arena);
  env->pressure =
      open > roster->max_open - roster->max_open / 10 || left < env->arena.page_count / 10;
}

/* Makes room in the memory: closed connections first, then fragments, then whoever is next. */
static int make_room(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  if (roster->head[TCPTALE_CLASS_CLOSED] == 0 && env->relieve(env)) return 1;
  return tcptale_roster_evict(roster, env, TCPTALE_CLASS_CLOSED);
}

/* Nine tenths are full: the head of a class that is idle longer than it may be now ends, as by its
 * timer. */
static void relax(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t cls,
                  uint64_t idle_ns) {
  struct tcptale_conn *conn = victim(roster, env, cls);
  if (!conn || conn->touched || env->now_ns - conn->last_ns < idle_ns) return;
  tcptale_closing_close(env, conn, TCPTALE_CLOSE_TIMEOUT);
  tcptale_roster_remove(roster, env, conn);
}

static void relax_all(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  const tcptale_config *config = &env->config;
  relax(roster, env, TCPTALE_CLASS_HALF_OPEN, config->pressure_half_open_ns);
  relax(roster, env, TCPTALE_CLASS_ONE_WAY, config->pressure_established_ns);
  relax(roster, env, TCPTALE_CLASS_FULL, config->pressure_established_ns);
}

void tcptale_roster_admit(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          int half_open) {
  if (half_open && roster->count[TCPTALE_CLASS_HALF_OPEN] >= roster->max_half_open)
    tcptale_roster_evict(roster, env, TCPTALE_CLASS_HALF_OPEN);
  while (tcptale_roster_open(roster) >= roster->max_open)
    if (!tcptale_roster_evict(roster, env, TCPTALE_CLASS_HALF_OPEN)) break;
}

/* Room for one more record within the limits and in the memory. */
static uint32_t record_room(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                            size_t bytes, int half_open) {
  tcptale_roster_admit(roster, env, half_open);
  while (tcptale_table_is_full(&roster->by_key))
    if (!tcptale_roster_evict(roster, env, TCPTALE_CLASS_CLOSED)) return TCPTALE_ARENA_NONE;
  enum tcptale_arena_class cls = tcptale_arena_class_for(bytes);
  uint32_t ref = tcptale_arena_alloc(&env->arena, cls);
  while (ref == TCPTALE_ARENA_NONE && make_room(roster, env))
    ref = tcptale_arena_alloc(&env->arena, cls);
  return ref;
}

struct tcptale_conn *tcptale_roster_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        const struct tcptale_key *key, int half_open) {
  if (env->pressure) relax_all(roster, env);
  size_t bytes = sizeof(struct tcptale_conn) + (key->is_wide ? TCPTALE_KEY_WIDE_BYTES : 0);
  uint32_t ref = record_room(roster, env, bytes, half_open);
  if (ref == TCPTALE_ARENA_NONE) return NULL;
  struct tcptale_conn *conn = conn_at(env, ref);
  memset(conn, 0, sizeof *conn);
  while (half_open && !tcptale_handshake_begin(env, conn)) {
    if (make_room(roster, env)) continue;
    tcptale_arena_release(&env->arena, ref);
    return NULL;
  }
  conn->key = key->brief;
  conn->hash = key->hash;
  if (key->is_wide) {
    conn->flags |= TCPTALE_CONN_WIDE;
    memcpy(conn->whole_key, &key->whole.scope, TCPTALE_KEY_WIDE_BYTES);
  }
  conn->tracker = env->tracker;
  conn->cls = half_open ? TCPTALE_CLASS_HALF_OPEN : TCPTALE_CLASS_ONE_WAY;
  tcptale_table_add(&roster->by_key, key->hash, ref);
  list_append(roster, env, conn);
  weigh_pressure(roster, env);
  return conn;
}

void tcptale_roster_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  uint32_t ref = ref_of(env, conn);
  tcptale_closing_release(env, conn);
  tcptale_wheel_clear(&roster->wheel, ref);
  list_take(roster, env, conn);
  tcptale_table_remove(&roster->by_key, conn->hash, ref);
  if (conn->id != 0) chain_take(roster, env, conn);
  tcptale_arena_release(&env->arena, ref);
  weigh_pressure(roster, env);
}

void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  uint32_t *head = chain_of(roster, conn->id);
  conn->id_next = *head;
  *head = ref_of(env, conn);
}

/* A timer that is set earlier than needed stays: when it comes up it is set anew. So a packet of
 * a busy connection touches no neighbour's record. */
void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn) {
  uint32_t ref = ref_of(env, conn), cls = class_of(conn);
  if (cls != conn->cls) {
    list_take(roster, env, conn);
    conn->cls = (uint8_t)cls;
    list_append(roster, env, conn);
  }
  uint64_t due = tcptale_closing_deadline(env, conn);
  if (due == UINT64_MAX) tcptale_wheel_clear(&roster->wheel, ref); /* the end of time never comes */
  else if (conn->timer.place == 0 || due < conn->timer.deadline_ns)
    tcptale_wheel_set(&roster->wheel, ref, due);
}

uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env) {
  uint64_t least = 0;
  for (uint32_t cls = TCPTALE_CLASS_HALF_OPEN; cls < TCPTALE_CLASSES; cls++)
    for (uint32_t ref = roster->head[cls]; ref != 0; ref = conn_at(env, ref)->list_next) {
      uint64_t id = conn_at(env, ref)->id;
      if (id != 0 && (least == 0 || id < least)) least = id;
    }
  return least;
}

struct tcptale_conn *tcptale_roster_any(const struct tcptale_roster *roster,
                                        const struct tcptale_conn_env *env) {
  for (uint32_t cls = 0; cls < TCPTALE_CLASSES; cls++)
    for (uint32_t ref = roster->head[cls]; ref != 0; ref = conn_at(env, ref)->list_next)
      if (conn_at(env, ref)->phase == TCPTALE_PHASE_CLOSED ||
          conn_at(env, ref)->phase == TCPTALE_PHASE_EMBRYO)
        return conn_at(env, ref);
  return NULL;
}

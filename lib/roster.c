/* roster.c - see roster.h. Floor 12. */
#include "roster.h"

#include <string.h>

#include "closing.h"
#include "handshake.h"
#include "util.h"

#define UNIT           16
#define RECORDS_MOST   0x40000000u
#define HALF_OPEN_MOST 65536u /* unless the configuration says otherwise: see tracker.h */

static struct tcptale_card *card_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_card(env, ref);
}

static struct tcptale_packed *packed_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_packed(env, ref);
}

/* Of a card, or of the block that is packed into. */
static uint32_t ref_of(const struct tcptale_conn_env *env, const void *block) {
  return (uint32_t)((size_t)((const uint8_t *)block - env->arena.base) / UNIT);
}

static struct tcptale_links *links_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? &packed_at(env, ref)->links : &card_at(env, ref)->links;
}

static uint64_t id_of(const struct tcptale_conn_env *env, const struct tcptale_card *card) {
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? conn->id : card->id;
}

static uint64_t id_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? tcptale_packed_id(packed_at(env, ref))
                                       : id_of(env, card_at(env, ref));
}

static uint32_t hash_of(const struct tcptale_conn_env *env, const struct tcptale_card *card) {
  return tcptale_key_hash(&card->key, card->key_kind, card->key_tail, &env->secret);
}

static uint32_t hash_at(const struct tcptale_conn_env *env, uint32_t ref) {
  const struct tcptale_packed *packed = packed_at(env, ref);
  if (!tcptale_roster_is_packed(ref)) return hash_of(env, card_at(env, ref));
  return tcptale_key_hash(&packed->key, tcptale_packed_key_kind(packed), packed->key_tail,
                          &env->secret);
}

/* ---- sizes ---- */

static size_t block_bytes(size_t len) {
  return tcptale_arena_class_size(tcptale_arena_class_for(len));
}

/* Records that the indexes have room for: as many as seven eighths of the memory hold with their
 * share of the indexes (a slot and a third, and a head); the rest is for what waits, and for
 * candidates. Where the configuration says how many may be open, no more than those and half as many
 * that linger. */
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

/* When a card's connection is due, for the wheel. */
static uint64_t deadline_at(const void *ctx, uint32_t ref) {
  const struct tcptale_conn_env *env = ctx;
  const struct tcptale_card *card = card_at(env, ref);
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? tcptale_closing_deadline(env, conn) : tcptale_fold_deadline(env, card);
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
  tcptale_wheel_init(&roster->wheel, &env->arena, offsetof(struct tcptale_card, timer), deadline_at,
                     env);
  set_limits(roster, &env->config, records);
  size_t len = sizeof(struct tcptale_conn);
  roster->parting = tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(len));
  return roster->parting != TCPTALE_ARENA_NONE && tcptale_roster_refill(roster, env);
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
  const struct tcptale_timer *timer = &card_at(env, ref)->timer;
  uint32_t before = tcptale_timer_before(timer);
  if (timer->next) tcptale_prefetch(card_at(env, timer->next));
  if (before) tcptale_prefetch(card_at(env, before));
}

/* A connection that goes on stays where it is. */
static int stays(const struct tcptale_card *card) {
  uint32_t ended = card->ends[0].flags | card->ends[1].flags;
  return card->cls == TCPTALE_CLASS_FULL && !(ended & TCPTALE_CARD_ENDED);
}

void tcptale_roster_prefetch_near(const struct tcptale_roster *roster,
                                  const struct tcptale_conn_env *env, uint32_t ref) {
  const struct tcptale_card *card = card_at(env, ref);
  int is_packed = tcptale_roster_is_packed(ref);
  if (!is_packed && card->has_record) {
    const uint8_t *record = tcptale_arena_at(&env->arena, card->more.at.record);
    for (size_t line = 0; line < sizeof(struct tcptale_conn); line += 64)
      tcptale_prefetch(record + line);
    return;
  }
  if (!is_packed && stays(card)) return;
  prefetch_neighbours(env, ref);
  if (is_packed) tcptale_prefetch(chain_of(roster, id_at(env, ref)));
}

/* Where the indexes hold a connection. */
static void prefetch_indexes(const struct tcptale_roster *roster,
                             const struct tcptale_conn_env *env, uint32_t ref) {
  tcptale_table_prefetch(&roster->by_key, hash_at(env, ref));
  tcptale_prefetch(chain_of(roster, id_at(env, ref)));
}

/* Each step of the way to an entry needs the one before, so the steps are taken for one connection
 * after the other: the second's entries, the third itself. */
void tcptale_roster_prefetch_oldest(const struct tcptale_roster *roster,
                                    const struct tcptale_conn_env *env, uint32_t cls) {
  uint32_t first = roster->head[cls], second = first ? links_at(env, first)->next : 0;
  if (second == 0) return;
  prefetch_neighbours(env, first);
  prefetch_indexes(roster, env, second);
  uint32_t third = links_at(env, second)->next;
  if (third == 0) return;
  const uint8_t *block = tcptale_arena_at(&env->arena, third & ~1u);
  tcptale_prefetch(block);
  tcptale_prefetch(block + 64);
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
  conn->card->id = conn->id & (TCPTALE_CARD_ID_LIMIT - 1);
  chain_push(roster, conn->id, &conn->card->links, ref_of(env, conn->card));
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
                 struct tcptale_card *card, uint32_t cls) {
  card->cls = cls & 3;
  card->touched = 0;
  list_append(roster, env, cls, ref_of(env, card));
}

/* To the end of another class, or of its own. */
static void rejoin(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                   struct tcptale_card *card, uint32_t cls) {
  list_take(roster, env, card->cls, ref_of(env, card));
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

/* ---- cards and records ---- */

/* Nine tenths of the connections or of the pages. */
static void weigh_pressure(const struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  uint32_t open = tcptale_roster_open(roster);
  uint32_t left = tcptale_arena_pages_left(&env->arena);
  env->pressure =
      open > roster->max_open - roster->max_open / 10 || left < env->arena.page_count / 10;
}

static uint32_t alloc(struct tcptale_conn_env *env, size_t len) {
  return tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(len));
}

/* A spare card serves every key. */
int tcptale_roster_refill(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  if (!roster->spare_card) roster->spare_card = alloc(env, tcptale_card_bytes(TCPTALE_KEY_WIDE));
  if (!roster->spare_record) roster->spare_record = alloc(env, sizeof(struct tcptale_conn));
  if (!roster->spare_candidates)
    roster->spare_candidates = alloc(env, sizeof(struct tcptale_handshake));
  return roster->spare_card && roster->spare_record && roster->spare_candidates;
}

/* A block of `len` bytes, the spare one where there is no other. */
static uint32_t block_or(struct tcptale_conn_env *env, size_t len, uint32_t *spare) {
  uint32_t ref = alloc(env, len);
  if (ref != TCPTALE_ARENA_NONE || !spare) return ref;
  ref = *spare;
  *spare = TCPTALE_ARENA_NONE;
  return ref;
}

/* The blocks of a whole connection; NONE where it needs none. */
struct blocks {
  uint32_t card;
  uint32_t record;
  uint32_t candidates;
};

static void give_back(struct tcptale_conn_env *env, const struct blocks *b) {
  if (b->card) tcptale_arena_release(&env->arena, b->card);
  if (b->record) tcptale_arena_release(&env->arena, b->record);
  if (b->candidates) tcptale_arena_release(&env->arena, b->candidates);
}

/* A record, and a card (of `card_len` bytes; 0: none) and candidates where they are needed too: all,
 * or none, 0. `spare`: out of the spare blocks if need be. */
static int take_blocks(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                       struct blocks *b, size_t card_len, int candidates, int spare) {
  *b = (struct blocks){0};
  b->record = block_or(env, sizeof(struct tcptale_conn), spare ? &roster->spare_record : NULL);
  if (card_len > 0) b->card = block_or(env, card_len, spare ? &roster->spare_card : NULL);
  if (candidates)
    b->candidates =
        block_or(env, sizeof(struct tcptale_handshake), spare ? &roster->spare_candidates : NULL);
  if (b->record && (b->card || card_len == 0) && (b->candidates || !candidates)) return 1;
  give_back(env, b);
  return 0;
}

/* The record speaks for the connection from now on. */
static struct tcptale_conn *attach(struct tcptale_conn_env *env, struct tcptale_card *card,
                                   uint32_t record, uint32_t candidates) {
  struct tcptale_conn *conn = tcptale_arena_at(&env->arena, record);
  conn->handshake = candidates;
  card->has_record = 1;
  card->has_tally = 0; /* the record has it */
  card->is_usual = 0;
  card->more.at.record = record;
  return conn;
}

static void set_key(struct tcptale_card *card, const struct tcptale_key *key) {
  card->key = key->brief;
  card->key_kind = key->kind & 3u;
  tcptale_key_copy_tail(card->key_tail, tcptale_key_tail(key), key->kind);
}

struct tcptale_conn *tcptale_roster_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        const struct tcptale_key *key, int half_open) {
  struct blocks b;
  size_t len = tcptale_card_bytes(key->kind);
  if (!take_blocks(roster, env, &b, len, half_open, half_open)) return NULL;
  struct tcptale_card *card = card_at(env, b.card);
  struct tcptale_conn *conn = tcptale_arena_at(&env->arena, b.record);
  memset(card, 0, sizeof *card);
  memset(conn, 0, sizeof *conn);
  if (half_open)
    memset(tcptale_arena_at(&env->arena, b.candidates), 0, sizeof(struct tcptale_handshake));
  conn->card = card;
  conn->tracker = env->tracker;
  conn->due_ns = UINT64_MAX;
  set_key(card, key);
  attach(env, card, b.record, b.candidates);
  tcptale_table_add(&roster->by_key, key->hash, b.card);
  join(roster, env, card, half_open ? TCPTALE_CLASS_HALF_OPEN : TCPTALE_CLASS_ONE_WAY);
  weigh_pressure(roster, env);
  return conn;
}

static void release_record(const struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           const struct tcptale_card *card) {
  uint32_t record = card->more.at.record;
  if (record != roster->parting) tcptale_arena_release(&env->arena, record);
}

static void forget(const struct tcptale_roster *roster, struct tcptale_conn_env *env,
                   struct tcptale_card *card) {
  struct tcptale_conn *conn = tcptale_roster_record(env, card);
  if (!conn) {
    tcptale_fold_forget(env, card);
    return;
  }
  tcptale_closing_release(env, conn);
  if (conn->tally) tcptale_arena_release(&env->arena, conn->tally);
  release_record(roster, env, card);
}

void tcptale_roster_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card) {
  uint32_t ref = ref_of(env, card);
  uint64_t id = id_of(env, card);
  forget(roster, env, card);
  tcptale_wheel_clear(&roster->wheel, ref);
  list_take(roster, env, card->cls, ref);
  tcptale_table_remove(&roster->by_key, hash_of(env, card), ref);
  if (id != 0) chain_replace(roster, env, id, ref, card->links.id_next);
  tcptale_arena_release(&env->arena, ref);
  tcptale_roster_refill(roster, env);
  weigh_pressure(roster, env);
}

/* A timer is set anew where the deadline has become earlier; else it stays, and is placed anew when
 * it comes up. So a packet of a busy connection touches no neighbour's card. */
static void set_timer(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                      const struct tcptale_card *card, uint64_t due_ns, uint64_t was_ns) {
  uint32_t ref = ref_of(env, card);
  int is_set = tcptale_timer_is_set(&card->timer);
  if (due_ns == UINT64_MAX) tcptale_wheel_clear(&roster->wheel, ref); /* that never comes */
  else if (!is_set || due_ns < was_ns) tcptale_wheel_set(&roster->wheel, ref, due_ns);
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
                         struct tcptale_card *card, uint32_t cls, uint64_t due_ns) {
  rejoin(roster, env, card, cls);
  set_timer(roster, env, card, tcptale_fold_deadline(env, card), due_ns);
}

/* ---- folded ones ---- */

void tcptale_roster_rest(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         struct tcptale_conn *conn) {
  struct tcptale_card *card = conn->card;
  uint32_t record = card->more.at.record;
  if (!tcptale_fold(env, conn)) return;
  if (record != roster->parting) tcptale_arena_release(&env->arena, record);
}

static struct tcptale_conn *unfold(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   struct tcptale_card *card) {
  struct blocks b;
  int is_call = card->cls == TCPTALE_CLASS_HALF_OPEN;
  if (!take_blocks(roster, env, &b, 0, is_call, 1)) return NULL;
  struct tcptale_conn *conn = tcptale_arena_at(&env->arena, b.record);
  tcptale_unfold(env, card, conn);
  if (is_call) tcptale_unfold_candidates(conn, tcptale_arena_at(&env->arena, b.candidates));
  return attach(env, card, b.record, b.candidates);
}

struct tcptale_conn *tcptale_roster_part(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, struct tcptale_card *card) {
  struct tcptale_conn *conn = tcptale_roster_record(env, card);
  if (conn) return conn;
  tcptale_unfold(env, card, tcptale_arena_at(&env->arena, roster->parting));
  return attach(env, card, roster->parting, TCPTALE_ARENA_NONE);
}

/* ---- packed ones ---- */

/* Both kinds have the same place in the indexes. */
static void change_ref(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                       uint32_t hash, uint64_t id, uint32_t from, uint32_t to) {
  tcptale_table_replace(&roster->by_key, hash, from, to);
  chain_replace(roster, env, id, from, to);
  links_at(env, to)->id_next = links_at(env, from)->id_next;
}

/* When a call is due, as a tick of the wheel; the end of time never comes. */
static uint64_t call_tick(const struct tcptale_conn_env *env, uint64_t at_ns) {
  if (at_ns >= UINT64_MAX - env->config.half_open_ns) return UINT64_MAX;
  return tcptale_wheel_tick(at_ns + env->config.half_open_ns);
}

int tcptale_roster_pack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        struct tcptale_conn *conn, uint32_t block) {
  struct tcptale_card *card = conn->card;
  uint32_t from = ref_of(env, card), to = block | 1;
  if (call_tick(env, conn->last_ns) <= roster->wheel.now) return 0; /* it is due at once */
  if (!tcptale_pack(env, conn, packed_at(env, to))) return 0;
  change_ref(roster, env, hash_of(env, card), conn->id, from, to);
  list_take(roster, env, card->cls, from);
  tcptale_wheel_clear(&roster->wheel, from);
  list_append(roster, env, TCPTALE_CLASS_CALL, to);
  tcptale_handshake_end(env, conn);
  release_record(roster, env, card);
  tcptale_arena_release(&env->arena, from);
  tcptale_roster_refill(roster, env);
  return 1;
}

/* A card takes the place of what was packed. */
static void move_in(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                    struct tcptale_card *card, uint32_t from) {
  uint64_t id = tcptale_packed_id(packed_at(env, from));
  uint32_t touched = card->touched;
  change_ref(roster, env, hash_of(env, card), id, from, ref_of(env, card));
  list_take(roster, env, TCPTALE_CLASS_CALL, from);
  join(roster, env, card, TCPTALE_CLASS_HALF_OPEN);
  card->touched = touched & 1;
  tcptale_arena_release(&env->arena, from & ~1u);
}

static struct tcptale_conn *unpack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   uint32_t from) {
  const struct tcptale_packed *packed = packed_at(env, from);
  struct blocks b;
  if (!take_blocks(roster, env, &b, tcptale_card_bytes(tcptale_packed_key_kind(packed)), 1, 1))
    return NULL;
  struct tcptale_card *card = card_at(env, b.card);
  tcptale_unpack(env, packed, card, tcptale_arena_at(&env->arena, b.record),
                 tcptale_arena_at(&env->arena, b.candidates));
  struct tcptale_conn *conn = attach(env, card, b.record, b.candidates);
  move_in(roster, env, card, from);
  tcptale_roster_update(roster, env, conn);
  return conn;
}

void tcptale_roster_remove_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                uint32_t ref) {
  const struct tcptale_packed *packed = packed_at(env, ref);
  list_take(roster, env, TCPTALE_CLASS_CALL, ref);
  tcptale_table_remove(&roster->by_key, hash_at(env, ref), ref);
  chain_replace(roster, env, tcptale_packed_id(packed), ref, packed->links.id_next);
  tcptale_arena_release(&env->arena, ref & ~1u);
  weigh_pressure(roster, env);
}

struct tcptale_conn *tcptale_roster_wake(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, uint32_t ref) {
  if (tcptale_roster_is_packed(ref)) return unpack(roster, env, ref);
  struct tcptale_card *card = card_at(env, ref);
  struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? conn : unfold(roster, env, card);
}

struct tcptale_packed *tcptale_roster_add_call(struct tcptale_roster *roster,
                                               struct tcptale_conn_env *env,
                                               const struct tcptale_key *key) {
  if (call_tick(env, env->now_ns) <= roster->wheel.now) return NULL;
  uint32_t block = alloc(env, tcptale_packed_bytes(key->kind));
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

struct tcptale_card *tcptale_roster_answer(struct tcptale_roster *roster,
                                           struct tcptale_conn_env *env, uint32_t from,
                                           const struct tcptale_gist *gist) {
  const struct tcptale_packed *packed = packed_at(env, from);
  uint32_t to = alloc(env, tcptale_card_bytes(tcptale_packed_key_kind(packed)));
  if (to == TCPTALE_ARENA_NONE) return NULL;
  struct tcptale_card *card = card_at(env, to);
  tcptale_pack_answer(env, packed, gist, card);
  move_in(roster, env, card, from);
  uint64_t due = tcptale_after_u64(card->more.first_ns, env->config.half_open_ns);
  if (due != UINT64_MAX) tcptale_wheel_set(&roster->wheel, to, due);
  return card;
}

/* ---- what is due ---- */

/* One that there is no memory for is due again. */
static struct tcptale_conn *come_up(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                    uint32_t ref) {
  struct tcptale_conn *woken = tcptale_roster_wake(roster, env, ref);
  if (!woken && !tcptale_roster_is_packed(ref))
    tcptale_wheel_set(&roster->wheel, ref, deadline_at(env, ref));
  return woken;
}

/* A deadline that has moved away since its timer came up. */
static int is_early(const struct tcptale_conn_env *env, uint32_t ref) {
  return !tcptale_roster_is_packed(ref) && deadline_at(env, ref) > env->now_ns;
}

/* The next reference; up to the tick of the oldest call the wheel comes first. */
static uint32_t next_due(struct tcptale_roster *roster, const struct tcptale_conn_env *env) {
  uint32_t call = roster->head[TCPTALE_CLASS_CALL];
  uint64_t tick = call ? call_tick(env, packed_at(env, call)->at_ns) : UINT64_MAX;
  int call_is_due = tick <= env->now_ns >> TCPTALE_WHEEL_TICK_SHIFT;
  uint64_t until = call_is_due ? tick << TCPTALE_WHEEL_TICK_SHIFT : env->now_ns;
  uint32_t ref = tcptale_wheel_next(&roster->wheel, until);
  return ref == 0 && call_is_due ? call : ref;
}

struct tcptale_conn *tcptale_roster_due(struct tcptale_roster *roster,
                                        struct tcptale_conn_env *env) {
  uint32_t ref = next_due(roster, env);
  for (; ref != 0 && is_early(env, ref); ref = next_due(roster, env)) {
    uint64_t due = deadline_at(env, ref);
    if (due != UINT64_MAX) tcptale_wheel_set(&roster->wheel, ref, due);
  }
  roster->has_due = ref != 0;
  return ref ? come_up(roster, env, ref) : NULL;
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

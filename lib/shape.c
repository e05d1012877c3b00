/* shape.c - see shape.h. Floor 13. */
#include "shape.h"

#include <string.h>

#include "closing.h"
#include "fold.h"
#include "handshake.h"
#include "pack.h"
#include "util.h"

#define ROOMY_MOST 256 /* calls: few wait for their answer, unless of a flood */

/* ---- blocks ---- */

static uint32_t alloc(struct tcptale_conn_env *env, size_t len) {
  return tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(len));
}

/* A free berth of a hash, where connections are many; NONE. However frames come: memory, and who
 * gives way for it, must not depend on that. Who lies there begins with a key that is not all
 * zero. */
static uint32_t take_berth(struct tcptale_roster *roster, const struct tcptale_brief_key *key,
                           uint32_t key_kind, uint32_t hash) {
  if (key_kind != TCPTALE_KEY_V4 || !(key->addr[0] | key->addr[1])) return TCPTALE_ARENA_NONE;
  if (tcptale_roster_open(roster) < roster->unberthed) return TCPTALE_ARENA_NONE;
  return tcptale_berth_take(&roster->berths, hash);
}

static uint32_t alloc_card(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           const struct tcptale_brief_key *key, uint32_t key_kind, uint32_t hash) {
  uint32_t ref = take_berth(roster, key, key_kind, hash);
  return ref != TCPTALE_ARENA_NONE ? ref : alloc(env, tcptale_card_bytes(key_kind));
}

/* Whether a call that is not at a berth gets room for the card that it may become. */
static int is_roomy_now(const struct tcptale_roster *roster) {
  return roster->count[TCPTALE_CLASS_CALL] < ROOMY_MOST;
}

/* A block for a call: what was left to it, its berth, or another. `*traits` says whether it is
 * roomy. */
static uint32_t alloc_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           const struct tcptale_key *key, uint32_t *traits) {
  uint32_t left = roster->left;
  roster->left = TCPTALE_ARENA_NONE;
  *traits = 0;
  if (left != TCPTALE_ARENA_NONE) return left;
  uint32_t ref = take_berth(roster, &key->brief, key->kind, key->hash);
  int is_roomy = ref != TCPTALE_ARENA_NONE || is_roomy_now(roster);
  if (is_roomy) *traits = TCPTALE_PACKED_IS_ROOMY;
  if (ref != TCPTALE_ARENA_NONE) return ref;
  return alloc(env, is_roomy ? tcptale_card_bytes(key->kind) : tcptale_packed_bytes(key->kind));
}

/* Whether the block of one that was packed, which has just left, is such as alloc_call would find
 * for a call of `key_kind`. */
static int may_leave_block(const struct tcptale_roster *roster, const struct tcptale_packed *packed,
                           uint32_t key_kind) {
  return !roster->berths.start && !is_roomy_now(roster) && !tcptale_packed_is_roomy(packed) &&
         tcptale_packed_key_kind(packed) == key_kind;
}

static void release_card(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint32_t ref) {
  if (roster->berths.used == 0 || !tcptale_berth_release(&roster->berths, ref))
    tcptale_arena_release(&env->arena, ref);
}

/* A spare card serves every key. */
int tcptale_shape_fetch_spare(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  if (!roster->spare_card) roster->spare_card = alloc(env, tcptale_card_bytes(TCPTALE_KEY_WIDE));
  if (!roster->spare_record) roster->spare_record = alloc(env, sizeof(struct tcptale_conn));
  if (!roster->spare_candidates)
    roster->spare_candidates = alloc(env, sizeof(struct tcptale_handshake));
  return roster->spare_card && roster->spare_record && roster->spare_candidates;
}

int tcptale_shape_init(struct tcptale_roster *roster, struct tcptale_conn_env *env) {
  roster->parting = alloc(env, sizeof(struct tcptale_conn));
  return roster->parting != TCPTALE_ARENA_NONE && tcptale_shape_refill(roster, env);
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

/* A record, and a card (of `card_len` bytes; 0: none) and candidates where they are needed too:
 * all, or none, 0. `spare`: out of the spare blocks if need be. */
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

/* ---- whole ones ---- */

/* The record speaks for the connection from now on. */
static struct tcptale_conn *attach(struct tcptale_conn_env *env, struct tcptale_card *card,
                                   uint32_t record, uint32_t candidates) {
  struct tcptale_conn *conn = tcptale_arena_at(&env->arena, record);
  conn->handshake = candidates;
  card->has_record = 1;
  card->has_tally = 0; /* the record has it */
  card->is_going = 0;
  card->more.at.record = record;
  return conn;
}

static void set_key(struct tcptale_card *card, const struct tcptale_key *key) {
  card->key = key->brief;
  card->key_kind = key->kind & 3u;
  tcptale_key_copy_tail(card->key_tail, tcptale_key_tail(key), key->kind);
}

struct tcptale_conn *tcptale_shape_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                       const struct tcptale_key *key, int half_open) {
  struct blocks b;
  size_t len = tcptale_card_bytes(key->kind);
  if (!take_blocks(roster, env, &b, len, half_open, half_open)) return NULL;
  struct tcptale_card *card = tcptale_roster_card(env, b.card);
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
  uint32_t cls = half_open ? TCPTALE_CLASS_HALF_OPEN : TCPTALE_CLASS_ONE_WAY;
  tcptale_roster_enter(roster, env, card, key->hash, cls);
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

void tcptale_shape_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_card *card) {
  uint32_t ref = tcptale_roster_ref(env, card);
  tcptale_roster_leave(roster, env, ref);
  forget(roster, env, card);
  release_card(roster, env, ref);
  tcptale_shape_refill(roster, env);
  tcptale_roster_weigh(roster, env);
}

/* ---- folded ones ---- */

void tcptale_shape_rest(struct tcptale_roster *roster, struct tcptale_conn_env *env,
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

struct tcptale_conn *tcptale_shape_part(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        struct tcptale_card *card) {
  struct tcptale_conn *conn = tcptale_roster_record(env, card);
  if (conn) return conn;
  tcptale_unfold(env, card, tcptale_arena_at(&env->arena, roster->parting));
  return attach(env, card, roster->parting, TCPTALE_ARENA_NONE);
}

/* ---- packed ones ---- */

int tcptale_shape_pack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                       struct tcptale_conn *conn, uint32_t block) {
  struct tcptale_card *card = conn->card;
  uint32_t from = tcptale_roster_ref(env, card), to = block | 1;
  if (tcptale_roster_is_due_at_once(roster, env, conn->last_ns)) return 0;
  if (!tcptale_pack(env, conn, tcptale_roster_packed(env, to))) return 0;
  tcptale_roster_replace(roster, env, from, to, tcptale_roster_hash(env, from), TCPTALE_CLASS_CALL);
  tcptale_handshake_end(env, conn);
  release_record(roster, env, card);
  release_card(roster, env, from);
  tcptale_shape_refill(roster, env);
  return 1;
}

/* A card takes the place of what was packed. */
static void move_in(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                    struct tcptale_card *card, uint32_t from, uint32_t hash) {
  bool touched = card->touched;
  uint32_t to = tcptale_roster_ref(env, card);
  tcptale_roster_replace(roster, env, from, to, hash, TCPTALE_CLASS_HALF_OPEN);
  card->touched = touched;
  release_card(roster, env, from & ~1u);
}

static struct tcptale_conn *unpack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                   uint32_t from) {
  const struct tcptale_packed *packed = tcptale_roster_packed(env, from);
  struct blocks b;
  if (!take_blocks(roster, env, &b, tcptale_card_bytes(tcptale_packed_key_kind(packed)), 1, 1))
    return NULL;
  struct tcptale_card *card = tcptale_roster_card(env, b.card);
  tcptale_unpack(env, packed, card, tcptale_arena_at(&env->arena, b.record),
                 tcptale_arena_at(&env->arena, b.candidates));
  struct tcptale_conn *conn = attach(env, card, b.record, b.candidates);
  move_in(roster, env, card, from, tcptale_roster_hash(env, from));
  tcptale_roster_update(roster, env, conn);
  return conn;
}

void tcptale_shape_remove_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                               uint32_t ref) {
  tcptale_roster_leave(roster, env, ref);
  release_card(roster, env, ref & ~1u);
  tcptale_roster_weigh(roster, env);
}

void tcptale_shape_replace_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                uint32_t ref, uint32_t key_kind) {
  tcptale_roster_leave(roster, env, ref);
  tcptale_roster_weigh(roster, env);
  int will_come = !env->pressure && !env->emit.stopped;
  if (will_come && may_leave_block(roster, tcptale_roster_packed(env, ref), key_kind)) {
    roster->left = ref & ~1u;
    return;
  }
  release_card(roster, env, ref & ~1u);
  tcptale_roster_weigh(roster, env);
}

struct tcptale_conn *tcptale_shape_wake(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        uint32_t ref) {
  if (tcptale_roster_is_packed(ref)) return unpack(roster, env, ref);
  struct tcptale_card *card = tcptale_roster_card(env, ref);
  struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? conn : unfold(roster, env, card);
}

struct tcptale_packed *tcptale_shape_make_call(struct tcptale_roster *roster,
                                               struct tcptale_conn_env *env,
                                               const struct tcptale_key *key,
                                               const struct tcptale_packed *draft) {
  uint32_t traits;
  uint32_t block = alloc_call(roster, env, key, &traits);
  if (block == TCPTALE_ARENA_NONE) return NULL;
  struct tcptale_packed *packed = tcptale_roster_packed(env, block);
  tcptale_pack_call(env, packed, draft, key, traits);
  return packed;
}

/* A block in which a packed call can become a card: its own, or a larger one with a copy of it.
 * NONE: no memory is left. */
static uint32_t room_for(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                         uint32_t hash) {
  const struct tcptale_packed *packed = tcptale_roster_packed(env, ref);
  if (tcptale_packed_is_roomy(packed)) return ref & ~1u;
  uint32_t key_kind = tcptale_packed_key_kind(packed);
  uint32_t block = alloc_card(roster, env, &packed->key, key_kind, hash);
  if (block == TCPTALE_ARENA_NONE) return TCPTALE_ARENA_NONE;
  struct tcptale_packed *room = tcptale_roster_packed(env, block);
  *room = *packed; /* a length that is not known is copied by a slow instruction */
  tcptale_key_copy_tail(room->key_tail, packed->key_tail, key_kind);
  return block;
}

int tcptale_shape_answer(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                         const struct tcptale_key *key, const struct tcptale_gist *gist) {
  uint32_t to = room_for(roster, env, ref, key->hash);
  if (to == TCPTALE_ARENA_NONE) return 0;
  uint64_t id = tcptale_packed_id(tcptale_roster_packed(env, ref));
  tcptale_pack_answer(env, tcptale_roster_packed(env, to), key->from, gist);
  tcptale_roster_promote(roster, env, ref, to, key->hash, id);
  if (to != (ref & ~1u)) release_card(roster, env, ref & ~1u);
  return 1;
}

/* ---- what is due ---- */

/* One that there is no memory for is due again. */
static struct tcptale_conn *come_up(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                    uint32_t ref) {
  struct tcptale_conn *woken = tcptale_shape_wake(roster, env, ref);
  if (!woken && !tcptale_roster_is_packed(ref))
    tcptale_wheel_set(&roster->wheel, ref, tcptale_roster_deadline(env, ref));
  return woken;
}

/* A deadline that has moved away since its timer came up. */
static int is_early(const struct tcptale_conn_env *env, uint32_t ref) {
  return !tcptale_roster_is_packed(ref) && tcptale_roster_deadline(env, ref) > env->now_ns;
}

struct tcptale_conn *tcptale_shape_due(struct tcptale_roster *roster,
                                       struct tcptale_conn_env *env) {
  uint32_t ref = tcptale_roster_next_due(roster, env);
  for (; ref != 0 && is_early(env, ref); ref = tcptale_roster_next_due(roster, env)) {
    uint64_t due = tcptale_roster_deadline(env, ref);
    if (due != UINT64_MAX) tcptale_wheel_set(&roster->wheel, ref, due);
  }
  roster->has_due = ref != 0;
  return ref ? come_up(roster, env, ref) : NULL;
}

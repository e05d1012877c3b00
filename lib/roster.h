/* roster.h - the connections of a tracker: their cards and records, the two indexes (by key, by
 * id), the lists by eviction class, and the timers. Who gives way when room is short is said by
 * `limits`.
 *
 * The index of keys is a table of hashes; that of ids, which count up, heads of chains through the
 * cards, so that connections that open one after the other touch heads side by side.
 *
 * A reference names a card, an odd one a packed connection (pack.h). Chains name blocks, and the
 * lowest bit of a block's `id_next` says that it is packed, so one that becomes a card where it
 * lies changes no chain. Packed ones are the class CALL, in the order of their calls, and all of
 * them wait equally long, so their list is their timer too.
 *
 * Invariant: a connection is in both indexes (an embryo, which has no id yet, in the first alone)
 * and in the list of its class, but that a call that opened in a frame fed alone enters when that
 * is settled (later.h); the timer of a card is set, not later than it is due, unless it never is.
 * Lists are in the order of joining. Floor 12. */
#ifndef TCPTALE_LIB_ROSTER_H
#define TCPTALE_LIB_ROSTER_H

#include "berth.h"
#include "card.h"
#include "fold.h"
#include "pack.h"
#include "record.h"
#include "table.h"
#include "timers.h"

enum { TCPTALE_FEW = 4096 }; /* connections: their cards, half a mebibyte, stay in the cache */

struct tcptale_roster {
  struct tcptale_table by_key;
  uint32_t *by_id; /* heads of chains: the connection of id n is in chain n & id_mask */
  uint32_t id_mask;
  struct tcptale_wheel wheel;
  struct tcptale_berths berths; /* of cards and calls, where they are many */
  uint32_t unberthed;           /* so many first ones have none: FEW; tests set it */
  uint32_t head[TCPTALE_CLASSES];
  uint32_t tail[TCPTALE_CLASSES];
  uint32_t count[TCPTALE_CLASSES];
  uint32_t max_open;      /* open at once */
  uint32_t max_half_open; /* of them half-open */
  uint32_t open_most;     /* without pressure: nine tenths */
  uint32_t pages_least;   /* that are left, without pressure: a tenth */
  uint32_t spare_card;    /* blocks for one to be woken though no memory is left; NONE: in use */
  uint32_t spare_record;
  uint32_t spare_candidates;
  uint32_t left;    /* the block that a call which was pushed out leaves to the next; else NONE */
  uint32_t parting; /* the record of a folded connection that is about to go */
  uint32_t has_due; /* 1: there may be more that is due than was taken */
  uint64_t evicted;
};

/* The bytes that both indexes take for a tracker of this configuration. */
size_t tcptale_roster_bytes(const tcptale_config *config);

/* Begins an empty roster; its indexes lie at `index`, aligned to 64, of so many bytes. */
void tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint8_t *index);

/* Puts a connection, which has no id yet, into the index of keys and into its class. */
void tcptale_roster_enter(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_card *card, uint32_t hash, uint32_t cls);

/* Puts a call into its class, and into both indexes. */
void tcptale_roster_enter_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                               struct tcptale_packed *packed, uint32_t hash);

/* Takes it out of both indexes, its list and the wheel. */
void tcptale_roster_leave(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                          uint32_t ref);

/* What a connection's key hashes to. */
uint32_t tcptale_roster_hash(const struct tcptale_conn_env *env, uint32_t ref);

/* Puts `to`, which is written, where `from`, of that hash, stands in the indexes, and at the end of
 * a class; no timer is set then. */
void tcptale_roster_replace(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                            uint32_t from, uint32_t to, uint32_t hash, uint32_t cls);

/* What was packed as `ref`, of that hash and id, has become the folded connection `to`, which has
 * its links: sees to lists, indexes, and the timer, which is set to when the call was due. */
void tcptale_roster_promote(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                            uint32_t ref, uint32_t to, uint32_t hash, uint64_t id);

/* Where the index of keys is searched for a key; hints that it soon will be. */
static inline uint32_t tcptale_roster_approach(const struct tcptale_roster *roster,
                                               const struct tcptale_key *key) {
  uint32_t home = tcptale_table_home(&roster->by_key, key->hash);
  tcptale_prefetch(&roster->by_key.slots[home]);
  return home;
}

/* Where the connection of a hash lies if it has its first berth; hints that it will be looked for
 * there, or in the second. NULL: few have berths. */
static TCPTALE_INLINE struct tcptale_card *tcptale_roster_guess(const struct tcptale_roster *roster,
                                                                uint32_t hash) {
  if (roster->berths.used <= roster->unberthed) return NULL;
  uint8_t *block = tcptale_berth_at(&roster->berths, hash);
  for (size_t line = 0; line < 2 * TCPTALE_BERTH; line += 64) tcptale_prefetch(block + line);
  return (struct tcptale_card *)(void *)block;
}

/* Hints that the connection of a hash is looked for soon, from `home` on; its slot in the index is
 * at hand. Of one that is packed also where the card will lie that it may become. Returns its
 * reference; 0: there is none. */
static TCPTALE_INLINE uint32_t tcptale_roster_prefetch(const struct tcptale_roster *roster,
                                                       const struct tcptale_conn_env *env,
                                                       uint32_t hash, uint32_t home) {
  uint32_t ref = tcptale_table_next(&roster->by_key, hash, &home);
  const uint8_t *block = tcptale_arena_at(&env->arena, ref & ~1u);
  if (ref == 0) return 0;
  tcptale_prefetch(block);
  if (ref & 1) tcptale_roster_guess(roster, hash);
  else tcptale_prefetch(block + 64);
  return ref;
}

/* The same, once its card is at hand: its record, or what a step that moves it in a list touches
 * there. */
void tcptale_roster_prefetch_near(const struct tcptale_roster *roster,
                                  const struct tcptale_conn_env *env, uint32_t ref);

/* The reference of an id's connection, 0 where there is none. */
uint32_t tcptale_roster_look_id(const struct tcptale_roster *roster,
                                const struct tcptale_conn_env *env, uint64_t id);

/* Puts a connection that got its id into the index of ids. */
void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* A folded connection was due at `was_ns` and has become one of class `cls`, due at `due_ns`. */
void tcptale_roster_move(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         struct tcptale_card *card, uint32_t cls, uint64_t due_ns, uint64_t was_ns);

/* After each step: class and timer follow what the record has become. */
void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* Moves a connection to the end of its class. */
void tcptale_roster_pass_over(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                              struct tcptale_card *card);

/* The first that is closed will be taken out before long, and the second after it. */
void tcptale_roster_prefetch_closed(const struct tcptale_roster *roster,
                                    const struct tcptale_conn_env *env);

/* Calls will be pushed out, one for each that comes: hints at those a few places behind the
 * first. */
void tcptale_roster_prefetch_calls(const struct tcptale_roster *roster,
                                   const struct tcptale_conn_env *env);

/* When a card's connection is due. */
uint64_t tcptale_roster_deadline(const struct tcptale_conn_env *env, uint32_t ref);

/* When a call that came at `at_ns` is due, as a tick of the wheel; UINT64_MAX: never. */
uint64_t tcptale_roster_call_tick(const struct tcptale_conn_env *env, uint64_t at_ns);

/* Whether a call that came at `at_ns` is due in this tick of the wheel, so that it is not to be
 * packed. One that comes now and waits at all is not: ticks round up. */
static inline int tcptale_roster_is_due_at_once(const struct tcptale_roster *roster,
                                                const struct tcptale_conn_env *env,
                                                uint64_t at_ns) {
  if (env->config.half_open_ns > 0 && at_ns == env->now_ns) return 0;
  return tcptale_roster_call_tick(env, at_ns) <= roster->wheel.now;
}

/* The next reference whose timer came up, or call that is due, earliest first; 0: none. */
uint32_t tcptale_roster_next_due(struct tcptale_roster *roster, const struct tcptale_conn_env *env);

/* The lowest id that is open, 0 when none is. Cost: O(connections). */
uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env);

static inline struct tcptale_card *tcptale_roster_card(const struct tcptale_conn_env *env,
                                                       uint32_t ref) {
  return tcptale_arena_at(&env->arena, ref);
}

/* Of a card, or of a block that is packed into: its reference is that and one. */
static inline uint32_t tcptale_roster_ref(const struct tcptale_conn_env *env, const void *block) {
  return (uint32_t)((size_t)((const uint8_t *)block - env->arena.base) / TCPTALE_ARENA_UNIT);
}

/* The record of a card; NULL: it is folded. */
static inline struct tcptale_conn *tcptale_roster_record(const struct tcptale_conn_env *env,
                                                         const struct tcptale_card *card) {
  return card->has_record ? tcptale_arena_at(&env->arena, card->more.at.record) : NULL;
}

/* When its last packet came. */
static inline uint64_t tcptale_roster_last_ns(const struct tcptale_conn_env *env,
                                              const struct tcptale_card *card) {
  const struct tcptale_conn *conn = tcptale_roster_record(env, card);
  return conn ? conn->last_ns : tcptale_fold_last_ns(&env->arena, card);
}

static inline int tcptale_roster_is_packed(uint32_t ref) {
  return ref & 1;
}

static inline struct tcptale_packed *tcptale_roster_packed(const struct tcptale_conn_env *env,
                                                           uint32_t ref) {
  return tcptale_arena_at(&env->arena, ref & ~1u);
}

/* The kind of a connection's key. */
static inline uint32_t tcptale_roster_key_kind(const struct tcptale_conn_env *env, uint32_t ref) {
  return tcptale_roster_is_packed(ref) ? tcptale_packed_key_kind(tcptale_roster_packed(env, ref))
                                       : tcptale_roster_card(env, ref)->key_kind;
}

/* Whether the connection `ref`, whose brief key is `key`'s, has all of that key. */
int tcptale_roster_has_key(const struct tcptale_conn_env *env, uint32_t ref,
                           const struct tcptale_key *key);

/* The reference of a key's connection, searched for from `home` on, 0 where there is none. */
static inline uint32_t tcptale_roster_look_from(const struct tcptale_roster *roster,
                                                const struct tcptale_conn_env *env,
                                                const struct tcptale_key *key, uint32_t home) {
  for (uint32_t at = home;;) {
    uint32_t ref = tcptale_table_next(&roster->by_key, key->hash, &at);
    if (ref == 0) return 0;
    const struct tcptale_card *card = tcptale_roster_card(env, ref & ~1u);
    if (!tcptale_key_is_brief(key, &card->key)) continue; /* it is first in what is packed, too */
    uint32_t kinds = key->kind | tcptale_roster_key_kind(env, ref);
    if (kinds == TCPTALE_KEY_V4 || tcptale_roster_has_key(env, ref, key)) return ref;
  }
}

static inline uint32_t tcptale_roster_look(const struct tcptale_roster *roster,
                                           const struct tcptale_conn_env *env,
                                           const struct tcptale_key *key) {
  return tcptale_roster_look_from(roster, env, key, tcptale_table_home(&roster->by_key, key->hash));
}

/* The card of a key's connection, not packed, where it stands right at home, as most do; NULL: it
 * is to be looked for. */
static inline struct tcptale_card *tcptale_roster_glance(const struct tcptale_roster *roster,
                                                         const struct tcptale_conn_env *env,
                                                         const struct tcptale_key *key,
                                                         uint32_t home) {
  const struct tcptale_slot *slot = &roster->by_key.slots[home];
  if (slot->hash != key->hash || slot->ref == 0 || tcptale_roster_is_packed(slot->ref)) return NULL;
  struct tcptale_card *card = tcptale_roster_card(env, slot->ref);
  if (!tcptale_key_is_brief(key, &card->key)) return NULL;
  int is_all = key->kind == TCPTALE_KEY_V4 && card->key_kind == TCPTALE_KEY_V4;
  return is_all || tcptale_roster_has_key(env, slot->ref, key) ? card : NULL;
}

/* What of a key's connection lies in the places behind that of a guess, as _guessed. */
struct tcptale_card *tcptale_roster_beside(const struct tcptale_key *key,
                                           struct tcptale_card *guess);

/* What lies where a key of IPv4 was guessed to have its connection, if that is right: its card, or
 * what is packed, which has key and links where a card has them; else NULL. Who lies at a berth
 * begins with his key (berth.h), so the index need not be asked. */
static inline struct tcptale_card *tcptale_roster_guessed(const struct tcptale_key *key,
                                                          struct tcptale_card *guess) {
  if (!guess) return NULL;
  return tcptale_key_is_brief(key, &guess->key) ? guess : tcptale_roster_beside(key, guess);
}

/* Whether what lies there is packed. */
static inline int tcptale_roster_is_guess_packed(const struct tcptale_card *guessed) {
  return guessed->links.id_next & 1;
}

static inline uint32_t tcptale_roster_half_open(const struct tcptale_roster *roster) {
  return roster->count[TCPTALE_CLASS_CALL] + roster->count[TCPTALE_CLASS_HALF_OPEN];
}

static inline uint32_t tcptale_roster_open(const struct tcptale_roster *roster) {
  return tcptale_roster_half_open(roster) + roster->count[TCPTALE_CLASS_ONE_WAY] +
         roster->count[TCPTALE_CLASS_FULL];
}

/* Looks whether nine tenths of the connections or of the pages are taken. */
static inline void tcptale_roster_weigh(const struct tcptale_roster *roster,
                                        struct tcptale_conn_env *env) {
  uint32_t open = tcptale_roster_open(roster);
  uint32_t left = tcptale_arena_pages_left(&env->arena);
  env->pressure = open > roster->open_most || left < roster->pages_least;
}

/* Not 0: there may be some that were due before. */
static inline uint32_t tcptale_roster_has_due(const struct tcptale_roster *roster) {
  return roster->has_due | roster->wheel.due;
}

#endif

/* roster.h - the connections of a tracker: their cards and records, the two indexes (by key, by id),
 * the lists by eviction class, and the timers. Who gives way when room is short is said by `limits`.
 *
 * The index of keys is a table of hashes; that of ids, which count up, heads of chains through the
 * cards, so that connections that open one after the other touch heads side by side.
 *
 * A reference names a card, an odd one a packed connection (pack.h). The latter are the class CALL,
 * in the order of their calls, and all of them wait equally long, so their list is their timer too.
 *
 * Invariant: a connection is in both indexes (an embryo, which has no id yet, in the first alone)
 * and in the list of its class; the timer of a card is set, not later than it is due, unless it
 * never is. Lists are in the order of joining. Floor 12. */
#ifndef TCPTALE_LIB_ROSTER_H
#define TCPTALE_LIB_ROSTER_H

#include "card.h"
#include "fold.h"
#include "pack.h"
#include "record.h"
#include "table.h"
#include "timers.h"

struct tcptale_roster {
  struct tcptale_table by_key;
  uint32_t *by_id; /* heads of chains: the record of id n is in chain n % id_heads */
  uint32_t id_heads;
  struct tcptale_wheel wheel;
  uint32_t head[TCPTALE_CLASSES];
  uint32_t tail[TCPTALE_CLASSES];
  uint32_t count[TCPTALE_CLASSES];
  uint32_t max_open;      /* open at once */
  uint32_t max_half_open; /* of them half-open */
  uint32_t spare_card;    /* blocks for one to be woken though no memory is left; NONE: in use */
  uint32_t spare_record;
  uint32_t spare_candidates;
  uint32_t parting; /* the record of a folded connection that is about to go */
  uint32_t has_due; /* 1: there may be more that is due than was taken */
  uint64_t evicted;
};

/* The bytes that both indexes take for a tracker of this configuration. */
size_t tcptale_roster_bytes(const tcptale_config *config);

/* Begins an empty roster; its indexes lie at `index`, aligned to 64, of so many bytes. 0: the
 * arena is too small. */
int tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        uint8_t *index);

/* Whether the connection `ref`, whose brief key is `key`'s, has all of that key. */
int tcptale_roster_has_key(const struct tcptale_conn_env *env, uint32_t ref,
                           const struct tcptale_key *key);

/* The reference of a key's connection, 0 where there is none. */
static inline uint32_t tcptale_roster_look(const struct tcptale_roster *roster,
                                           const struct tcptale_conn_env *env,
                                           const struct tcptale_key *key) {
  uint32_t at = tcptale_table_home(&roster->by_key, key->hash);
  for (;;) {
    uint32_t ref = tcptale_table_next(&roster->by_key, key->hash, &at);
    if (ref == 0) return 0;
    const struct tcptale_card *card = tcptale_arena_at(&env->arena, ref & ~1u);
    if (!tcptale_key_is_brief(key, &card->key)) continue; /* it is first in what is packed, too */
    int is_brief = !(ref & 1) && !key->kind && !card->key_kind; /* two of IPv4 */
    if (is_brief || tcptale_roster_has_key(env, ref, key)) return ref;
  }
}

/* Hints that the connection of a hash is looked for soon; its slot in the index is at hand. Returns
 * its reference; 0: there is none. */
static inline uint32_t tcptale_roster_prefetch(const struct tcptale_roster *roster,
                                               const struct tcptale_conn_env *env, uint32_t hash) {
  uint32_t at = tcptale_table_home(&roster->by_key, hash);
  uint32_t ref = tcptale_table_next(&roster->by_key, hash, &at);
  const uint8_t *block = tcptale_arena_at(&env->arena, ref & ~1u);
  if (ref == 0) return 0;
  tcptale_prefetch(block);
  if (!(ref & 1)) tcptale_prefetch(block + 64);
  return ref;
}

/* The same, once its card is at hand: its record, or what a step that moves it in a list touches
 * there. */
void tcptale_roster_prefetch_near(const struct tcptale_roster *roster,
                                  const struct tcptale_conn_env *env, uint32_t ref);

/* The reference of an id's connection, 0 where there is none. */
uint32_t tcptale_roster_look_id(const struct tcptale_roster *roster,
                                const struct tcptale_conn_env *env, uint64_t id);

/* The record of a reference: what is packed or folded is made whole first. NULL: no memory is left,
 * not even the spare. */
struct tcptale_conn *tcptale_roster_wake(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, uint32_t ref);

/* The record of a card that is to be closed and taken out, which needs no memory. */
struct tcptale_conn *tcptale_roster_part(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env, struct tcptale_card *card);

/* Folds a connection again where its record says no more than its card can; it may be gone then. */
void tcptale_roster_rest(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         struct tcptale_conn *conn);

/* A zeroed record for a key that is not there yet, and whose index is not full; `half_open`: with
 * candidates, and out of the spare blocks if need be. NULL: no memory is left. */
struct tcptale_conn *tcptale_roster_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        const struct tcptale_key *key, int half_open);

/* Puts a connection that got its id into the index of ids. */
void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* A block for a call that is packed at once, in the index of keys and its class; not written but
 * for its links. NULL: no memory is left, or it would be due at once. */
struct tcptale_packed *tcptale_roster_add_call(struct tcptale_roster *roster,
                                               struct tcptale_conn_env *env,
                                               const struct tcptale_key *key);

/* Puts it into the index of ids. */
void tcptale_roster_enlist_call(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                                struct tcptale_packed *packed);

/* A packed SYN is answered: makes it a folded connection, which `gist` says more of. NULL: no memory
 * is left, nothing has happened. */
struct tcptale_card *tcptale_roster_answer(struct tcptale_roster *roster,
                                           struct tcptale_conn_env *env, uint32_t ref,
                                           const struct tcptale_gist *gist);

/* A folded connection was due at `due_ns` and has become one of class `cls`. */
void tcptale_roster_move(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         struct tcptale_card *card, uint32_t cls, uint64_t due_ns);

/* After each step: class and timer follow what the record has become. */
void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* Packs a connection into `block`, which is large enough, and gives its card and record back; 0:
 * there is more to it than can be packed, or it is due at once; nothing has happened. */
int tcptale_roster_pack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        struct tcptale_conn *conn, uint32_t block);

/* Moves a connection to the end of its class. */
void tcptale_roster_pass_over(struct tcptale_roster *roster, const struct tcptale_conn_env *env,
                              struct tcptale_card *card);

/* The first of a class will be taken out before long, and the second after it. */
void tcptale_roster_prefetch_oldest(const struct tcptale_roster *roster,
                                    const struct tcptale_conn_env *env, uint32_t cls);

/* Takes a closed connection out and gives all its memory back. */
void tcptale_roster_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card);

/* Takes a packed connection out, whose close was told. */
void tcptale_roster_remove_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                uint32_t ref);

/* Sees that the spare blocks are there; 0: no memory is left for them. */
int tcptale_roster_refill(struct tcptale_roster *roster, struct tcptale_conn_env *env);

/* The next connection that is due, earliest first; NULL when there is none. */
struct tcptale_conn *tcptale_roster_due(struct tcptale_roster *roster,
                                        struct tcptale_conn_env *env);

/* The lowest id that is open, 0 when none is. Cost: O(connections). */
uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env);

static inline struct tcptale_card *tcptale_roster_card(const struct tcptale_conn_env *env,
                                                       uint32_t ref) {
  return tcptale_arena_at(&env->arena, ref);
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

static inline uint32_t tcptale_roster_half_open(const struct tcptale_roster *roster) {
  return roster->count[TCPTALE_CLASS_CALL] + roster->count[TCPTALE_CLASS_HALF_OPEN];
}

static inline uint32_t tcptale_roster_open(const struct tcptale_roster *roster) {
  return tcptale_roster_half_open(roster) + roster->count[TCPTALE_CLASS_ONE_WAY] +
         roster->count[TCPTALE_CLASS_FULL];
}

/* Not 0: there may be some that were due before. */
static inline uint32_t tcptale_roster_has_due(const struct tcptale_roster *roster) {
  return roster->has_due | roster->wheel.due;
}

#endif

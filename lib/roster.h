/* roster.h - the connections of a tracker: their records, the two indexes (by key, by id), the
 * lists by eviction class, the timers, and who gives way when room is short. Floor 12.
 *
 * The index of keys is a table of hashes; that of ids, which count up, heads of chains through the
 * records, so that connections that open one after the other touch heads side by side.
 *
 * Invariant: a record is in both indexes (an embryo, which has no id yet, in the first alone),
 * in the list of its class, and its timer is set, not later than it is due. Lists are in the
 * order of joining; a record that had a packet since is passed over once (its `touched` mark),
 * so the head is close to the one idle longest at O(1). */
#ifndef TCPTALE_LIB_ROSTER_H
#define TCPTALE_LIB_ROSTER_H

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
  uint64_t evicted;
};

/* The bytes that both indexes take for a tracker of this configuration. */
size_t tcptale_roster_bytes(const tcptale_config *config);

/* Begins an empty roster; its indexes lie at `index`, aligned to 64, of so many bytes. */
void tcptale_roster_init(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint8_t *index);

/* The record of a key; NULL. */
struct tcptale_conn *tcptale_roster_find(const struct tcptale_roster *roster,
                                         const struct tcptale_conn_env *env,
                                         const struct tcptale_key *key);

/* Hints that the connection of a hash is looked for soon; its slot in the index is at hand. */
void tcptale_roster_prefetch(const struct tcptale_roster *roster,
                             const struct tcptale_conn_env *env, uint32_t hash);

/* The record of an id, NULL where there is none. */
struct tcptale_conn *tcptale_roster_find_id(const struct tcptale_roster *roster,
                                            const struct tcptale_conn_env *env, uint64_t id);

/* A zeroed record for a key that is not there yet; `half_open`: with room for the candidates of a
 * handshake. Makes room by eviction where a limit or the memory asks for it. NULL: no room even
 * so. */
struct tcptale_conn *tcptale_roster_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        const struct tcptale_key *key, int half_open);

/* Makes room within max_connections and max_half_open for one more, which is not counted yet. */
void tcptale_roster_admit(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          int half_open);

/* Puts a connection that got its id into the index of ids. */
void tcptale_roster_enlist(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* After each step: class and timer follow what the record has become. */
void tcptale_roster_update(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* Takes a closed record out and gives all its memory back. */
void tcptale_roster_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* Makes room by one record, of class `least` or above; 0: there was none. */
int tcptale_roster_evict(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                         uint32_t least);

/* The lowest id that is open, 0 when none is. Cost: O(connections). */
uint64_t tcptale_roster_first_id(const struct tcptale_roster *roster,
                                 const struct tcptale_conn_env *env);

/* Any record that has no id (an embryo) or is closed; NULL when all are open. */
struct tcptale_conn *tcptale_roster_any(const struct tcptale_roster *roster,
                                        const struct tcptale_conn_env *env);

static inline uint32_t tcptale_roster_open(const struct tcptale_roster *roster) {
  return roster->count[TCPTALE_CLASS_HALF_OPEN] + roster->count[TCPTALE_CLASS_ONE_WAY] +
         roster->count[TCPTALE_CLASS_FULL];
}

#endif

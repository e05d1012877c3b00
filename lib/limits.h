/* limits.h - what happens at the limits of a tracker's connections: who gives way when a number is
 * reached or no memory is left. A record that had a packet since it was last looked at is passed
 * over once (its `touched` mark), so the head of a class is close to the one idle longest at O(1).
 * Floor 14. */
#ifndef TCPTALE_LIB_LIMITS_H
#define TCPTALE_LIB_LIMITS_H

#include "roster.h"

/* The record of a key, unpacked; NULL where there is none. */
struct tcptale_conn *tcptale_limits_find(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env,
                                         const struct tcptale_key *key);

/* A zeroed record for a key that is not there yet; `half_open`: with room for the candidates of a
 * handshake. Makes room by eviction where a limit or the memory asks for it. NULL: no room even
 * so. */
struct tcptale_conn *tcptale_limits_open(struct tcptale_roster *roster,
                                         struct tcptale_conn_env *env,
                                         const struct tcptale_key *key, int half_open);

/* One that is half-open gives way for a call of `key_kind`, and may leave its block to that
 * (tcptale_shape_replace_call). */
void tcptale_limits_yield_one(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                              uint32_t key_kind);

/* The same, where their number is reached: what _open does for a call first, unless nine tenths are
 * full; it then finds that done. 1: one has, so there is room for the call (tcptale_call_has_room):
 * it was one of every number that the call adds to. */
static inline int tcptale_limits_yield(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                       uint32_t key_kind) {
  if (env->pressure || tcptale_roster_half_open(roster) < roster->max_half_open) return 0;
  tcptale_limits_yield_one(roster, env, key_kind);
  return !env->pressure && !env->emit.stopped;
}

/* After the first step of a connection: packs it, or else lets class and timer follow. The record
 * may be gone afterwards. */
void tcptale_limits_settle(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_conn *conn);

/* Closes a connection, unless that was told, and takes it out: the input is over. */
void tcptale_limits_end(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                        uint32_t why);

/* Forgets the closed connection that lingers longest where more linger than is useful, unless it is
 * the one at hand. */
void tcptale_limits_forget(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           const struct tcptale_card *at_hand);

/* Both sides of a folded connection have finished, which was told: its ports are kept in mind. */
void tcptale_limits_linger(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card);

/* Makes room within max_connections and max_half_open for one more, which is not counted yet. */
void tcptale_limits_admit(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          int half_open);

#endif

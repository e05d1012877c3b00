/* shape.h - the shapes that a connection of the roster has: packed, folded to its card, or whole,
 * with a record (see lib/README.md). Here they are made out of blocks, turned into each other, and
 * taken apart; a few spare blocks see to it that one can be woken though no memory is left. Floor
 * 13. */
#ifndef TCPTALE_LIB_SHAPE_H
#define TCPTALE_LIB_SHAPE_H

#include "record.h"
#include "roster.h"

/* Takes the spare blocks; 0: the arena is too small. */
int tcptale_shape_init(struct tcptale_roster *roster, struct tcptale_conn_env *env);

/* The record of a reference: what is packed or folded is made whole first. NULL: no memory is left,
 * not even the spare. */
struct tcptale_conn *tcptale_shape_wake(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        uint32_t ref);

/* The record of a card that is to be closed and taken out, which needs no memory. */
struct tcptale_conn *tcptale_shape_part(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                        struct tcptale_card *card);

/* Folds a connection again where its record says no more than its card can; it may be gone then. */
void tcptale_shape_rest(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                        struct tcptale_conn *conn);

/* A zeroed record for a key that is not there yet, and whose index is not full; `half_open`: with
 * candidates, and out of the spare blocks if need be. NULL: no memory is left. */
struct tcptale_conn *tcptale_shape_add(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                       const struct tcptale_key *key, int half_open);

/* Packs a call that came now and is to wait, as drafted, with the next id;
 * tcptale_roster_enter_call is to follow. While they are few, each lies in a block in which it can
 * become a card. NULL: no memory is left. */
struct tcptale_packed *tcptale_shape_make_call(struct tcptale_roster *roster,
                                               struct tcptale_conn_env *env,
                                               const struct tcptale_key *key,
                                               const struct tcptale_packed *draft);

/* A packed SYN is answered, by the end that `key` came from: makes it a folded connection, which
 * `gist` says more of. 0: no memory is left, nothing has happened. */
int tcptale_shape_answer(struct tcptale_roster *roster, struct tcptale_conn_env *env, uint32_t ref,
                         const struct tcptale_key *key, const struct tcptale_gist *gist);

/* Packs a connection into `block`, which is large enough, and gives its card and record back; 0:
 * there is more to it than can be packed, or it is due at once; nothing has happened. */
int tcptale_shape_pack(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                       struct tcptale_conn *conn, uint32_t block);

/* Takes a closed connection out and gives all its memory back. */
void tcptale_shape_remove(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                          struct tcptale_card *card);

/* Takes a packed connection out, whose close was told. */
void tcptale_shape_remove_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                               uint32_t ref);

/* The same where a call of `key_kind` is to take its place (_make_call), unless the user has
 * stopped or nine tenths are full now: its block is left to that, if it is such as the call would
 * get. */
void tcptale_shape_replace_call(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                                uint32_t ref, uint32_t key_kind);

/* Fetches the spare blocks that are not there; 0: no memory is left for them. */
int tcptale_shape_fetch_spare(struct tcptale_roster *roster, struct tcptale_conn_env *env);

/* Sees that the spare blocks are there; 0 as above. */
static inline int tcptale_shape_refill(struct tcptale_roster *roster,
                                       struct tcptale_conn_env *env) {
  int are_there = roster->spare_card && roster->spare_record && roster->spare_candidates;
  return are_there || tcptale_shape_fetch_spare(roster, env);
}

/* The next connection that is due, earliest first; NULL when there is none. */
struct tcptale_conn *tcptale_shape_due(struct tcptale_roster *roster, struct tcptale_conn_env *env);

#endif

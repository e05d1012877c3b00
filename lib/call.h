/* call.h - the short way of the usual handshake: a plain SYN, the one plain SYN+ACK that answers
 * it, and the ACK that completes it, with the very effects of the long way through `opening`. The
 * SYN is packed at once (pack.h); answered, it is a folded connection (fold.h). Whatever else comes
 * makes `shape` wake it, and goes the long way. Floor 14. */
#ifndef TCPTALE_LIB_CALL_H
#define TCPTALE_LIB_CALL_H

#include "gist.h"
#include "roster.h"

/* A SYN of kind CALL on a key that has no connection: opens it, 1. 0: there is no room but by
 * eviction, or it would be due at once; nothing has happened. */
int tcptale_call_open(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                      const struct tcptale_key *key, const struct tcptale_gist *gist);

/* Whether a SYN+ACK of kind CALL, on a key whose connection `ref` is packed, answers it; then
 * tcptale_shape_answer is to follow. */
int tcptale_call_is_answered(const struct tcptale_conn_env *env, const struct tcptale_key *key,
                             uint32_t ref, const struct tcptale_gist *gist);

/* Whether a plain segment of a folded, half-open connection is the ACK that completes its
 * handshake. */
int tcptale_call_is_completed(const struct tcptale_conn_env *env, const struct tcptale_card *card,
                              const struct tcptale_key *key, const struct tcptale_gist *gist);

/* Then: establishes it; `from` is the client's endpoint of its key. It was due at `due_ns`. */
void tcptale_call_complete(struct tcptale_roster *roster, struct tcptale_conn_env *env,
                           struct tcptale_card *card, uint32_t from,
                           const struct tcptale_gist *gist, uint64_t due_ns);

#endif

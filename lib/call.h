/* call.h - the short way of the usual handshake: a plain SYN, the one plain SYN+ACK that answers
 * it, and the ACK that completes it, with the very effects of the long way through `opening`. The
 * SYN is packed at once (pack.h); answered, it is a folded connection (fold.h). Whatever else comes
 * makes `shape` wake it, and goes the long way. Floor 14. */
#ifndef TCPTALE_LIB_CALL_H
#define TCPTALE_LIB_CALL_H

#include "gist.h"
#include "roster.h"
#include "tell.h"
#include "util.h"

_Static_assert(sizeof(tcptale_open_event) ==
                   offsetof(tcptale_open_event, endpoints) + sizeof(tcptale_endpoints),
               "_draft writes every member but id, index and time");

/* What a SYN of kind CALL is to be packed as, and what is to be told of it, but for the id: all
 * that is known before it is known whether its key has a connection, so that it does not stand
 * behind that look (lib/README.md). To zero all of the event first would take as long again. */
static TCPTALE_INLINE void tcptale_call_draft(const struct tcptale_conn_env *env,
                                              const struct tcptale_key *key,
                                              const struct tcptale_gist *gist,
                                              struct tcptale_packed *draft,
                                              tcptale_open_event *event) {
  tcptale_pack_draft(env, draft, key, gist);
  event->how = TCPTALE_OPEN_SYN;
  event->role = TCPTALE_ROLE_KNOWN;
  memset(&event->endpoints, 0, sizeof event->endpoints);
  event->endpoints.struct_size = sizeof event->endpoints;
  event->endpoints.role = TCPTALE_ROLE_KNOWN;
  tcptale_tell_ends_of(&key->brief, key->kind, tcptale_key_tail(key), key->from, &event->endpoints);
}

/* Whether there is room for it without eviction, and the user has not stopped; then, if it is not
 * due at once (roster.h) and its key has no connection, tcptale_shape_make_call may follow,
 * tcptale_roster_enter_call, and _tell. */
static inline int tcptale_call_has_room(const struct tcptale_roster *roster,
                                        const struct tcptale_conn_env *env) {
  if (tcptale_roster_half_open(roster) >= roster->max_half_open) return 0; /* so in a flood */
  return !env->pressure && !env->emit.stopped && !tcptale_table_is_full(&roster->by_key) &&
         tcptale_roster_open(roster) < roster->max_open;
}

/* Tells that it opened. */
static TCPTALE_INLINE void tcptale_call_tell(struct tcptale_conn_env *env,
                                             struct tcptale_packed *packed,
                                             tcptale_open_event *event) {
  event->conn_id = tcptale_packed_id(packed);
  tcptale_emit_open(&env->emit, tcptale_packed_handle(packed), event);
}

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

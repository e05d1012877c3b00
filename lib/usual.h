/* usual.h - the short way of the usual segment: in order, nothing odd about it, in a connection in
 * which nothing waits. It has the very effects of the long way through `accept` and `intake`, at a
 * fifth of the cost; whatever is not plainly usual takes the long way. Floor 8. */
#ifndef TCPTALE_LIB_USUAL_H
#define TCPTALE_LIB_USUAL_H

#include "gist.h"
#include "record.h"

/* Asked after each step on the long way: whether the next segment may go the short one. */
int tcptale_usual_begins(const struct tcptale_conn_env *env, const struct tcptale_conn *conn);

/* Takes a segment that `own` sent to `peer`, the ends of `conn`, if it is a usual one: 1. Else 0,
 * and nothing has changed. Asked where conn->usual and gist->is_plain are 1. */
int tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       struct tcptale_end *own, struct tcptale_end *peer,
                       const struct tcptale_gist *gist);

#endif

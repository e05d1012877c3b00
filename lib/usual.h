/* usual.h - the short way of the usual segment: in order, nothing odd about it, in a connection in
 * which nothing waits. It has the very effects of the long way through `accept` and `intake`, at a
 * fifth of the cost; whatever is not plainly usual takes the long way. Floor 8. */
#ifndef TCPTALE_LIB_USUAL_H
#define TCPTALE_LIB_USUAL_H

#include "gist.h"
#include "record.h"

/* Asked after each step but one that TCPTALE_USUAL_TAKEN ended: whether the next segment may go the
 * short way. */
int tcptale_usual_begins(const struct tcptale_conn_env *env, const struct tcptale_conn *conn);

enum tcptale_usual {
  TCPTALE_USUAL_NOT = 0,   /* nothing has changed */
  TCPTALE_USUAL_TAKEN = 1, /* all is done */
  TCPTALE_USUAL_OVER = 2   /* all but the close: both FINs are acknowledged */
};

/* Takes a segment that `own` sent to `peer`, the ends of `conn`, if it is a usual one
 * (TCPTALE_USUAL_). Asked where conn->usual is 1 and the gist PLAIN. */
uint32_t tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            struct tcptale_end *own, struct tcptale_end *peer,
                            const struct tcptale_gist *gist);

#endif

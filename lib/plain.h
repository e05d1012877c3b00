/* plain.h - the short way of a plain segment of an open connection that has a record, because bytes
 * wait, are missing or come again: most segments while a hole is open. Like `usual` it has the very
 * effects of the long way through `accept` and `intake`, without a decoded packet; whatever there
 * is to tell about the segment itself takes the long way. Floor 10. */
#ifndef TCPTALE_LIB_PLAIN_H
#define TCPTALE_LIB_PLAIN_H

#include "gist.h"
#include "record.h"

/* Takes a plain segment that end `dir` sent, which is no copy of a frame seen before: 1, and what
 * is left is what the roster makes of the record. 0: nothing has changed. */
int tcptale_plain_take(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                       const struct tcptale_gist *gist);

#endif

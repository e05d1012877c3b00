/* park.h - segments that wait for a decision: copies of the packet and its payload in the arena.
 * What waits: data before the handshake is complete, the data of a SYN, data after a RST that is
 * believed, first segments with bad checksums, a first byte that may be a keep-alive's, and a SYN
 * that may begin a new connection. When the decision has come they are taken out, oldest first, and
 * go the way of any segment. Floor 6. */
#ifndef TCPTALE_LIB_PARK_H
#define TCPTALE_LIB_PARK_H

#include "record.h"

enum tcptale_park_why {
  TCPTALE_PARK_SYN_DATA = 1, /* until the SYN is acknowledged with or without its data (rule R10) */
  TCPTALE_PARK_EARLY = 2,    /* until the handshake is complete */
  TCPTALE_PARK_RESET = 3,    /* until the RST is confirmed or refuted (rule R17) */
  TCPTALE_PARK_CHECKSUM = 4, /* until the peer's answer clears the sender (rule R21) */
  TCPTALE_PARK_AFTER = 5,    /* after a close: until the other side acknowledges it */
  TCPTALE_PARK_BEYOND = 6, /* beyond the window that was seen: until it is acknowledged after all */
  TCPTALE_PARK_CAUGHT_UP = 7, /* that has happened */
  TCPTALE_PARK_LONE = 8 /* one byte, the first in midstream: until what follows tells what it is */
};

enum {
  TCPTALE_PARK_MOST = 64,       /* segments of one connection */
  TCPTALE_PARK_BEYOND_MOST = 32 /* of them beyond the window; then the oldest goes */
};

/* One parked segment. Its payload lies at arena reference `bytes`; the packet's offsets count
 * from there. */
struct tcptale_parked {
  uint32_t next;
  uint32_t bytes;
  uint32_t why; /* TCPTALE_PARK_ */
  uint32_t dir;
  uint64_t index;
  uint64_t ts_ns;
  tcptale_packet packet;
};

/* Parks a segment of `conn`; one that is larger than a block is parked in pieces. 0 when there
 * is no room: then nothing of it is parked. */
int tcptale_park_push(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      const struct tcptale_arrival *seg, uint32_t why);

/* Takes the oldest parked segment of direction `dir` and reason `why` out (0 and TCPTALE_NO_DIR:
 * any) and shows it in `seg`; NULL when there is none. Its memory is the caller's until
 * tcptale_park_drop. */
struct tcptale_parked *tcptale_park_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                         uint32_t dir, uint32_t why, struct tcptale_arrival *seg);

/* What of direction `dir` was parked for reason `from` waits for reason `to` now. */
void tcptale_park_change(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint32_t from, uint32_t to);

/* The roles were exchanged: what is parked changes its direction. */
void tcptale_park_flip(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* Of what is parked for reason `why` keeps only the `len` bytes from sequence number `seq` on.
 * Returns how many bytes went. */
uint32_t tcptale_park_trim(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why,
                           uint32_t seq, uint32_t len);

/* Whether `ack` acknowledges a segment with bytes of direction `dir` that is parked for `why`. */
int tcptale_park_is_answered(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                             uint32_t dir, uint32_t why, uint32_t ack);

/* Looks through what lies beyond the window of direction `dir`: what `ack` covers was within a
 * window that was not seen (CAUGHT_UP); what the window has reached by now was not when it came,
 * and goes. */
void tcptale_park_sift(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                       uint32_t ack, uint32_t edge_seq);

/* Gives a taken segment's memory back. */
void tcptale_park_drop(struct tcptale_conn_env *env, struct tcptale_parked *parked);

/* The oldest parked segment, NULL when there is none. */
const struct tcptale_parked *tcptale_park_first(const struct tcptale_conn_env *env,
                                                const struct tcptale_conn *conn);

/* Keeps a copy of a SYN as the one that may begin a new connection, in place of any before. */
void tcptale_park_renew(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg);

/* That SYN, or NULL. */
static inline struct tcptale_parked *tcptale_park_renewal(const struct tcptale_conn_env *env,
                                                          const struct tcptale_conn *conn) {
  return conn->renew == TCPTALE_ARENA_NONE ? NULL : tcptale_arena_at(&env->arena, conn->renew);
}

/* Forgets it. */
void tcptale_park_forget_renewal(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* Shows a parked segment as one on its way. */
void tcptale_park_show(const struct tcptale_conn_env *env, const struct tcptale_parked *parked,
                       struct tcptale_arrival *seg);

#endif

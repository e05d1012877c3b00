/* park.c - see park.h. Floor 6. */
#include "park.h"

#include <string.h>

#include "tcptale/seq.h"

/* How far behind a parked segment an acknowledgement may stand and still answer it. */
#define ANSWER_REACH ((int32_t)0x100000)
#define PARK_STALE   0xffu

#include "util.h"

static struct tcptale_parked *parked_at(const struct tcptale_conn_env *env, uint32_t ref) {
  return ref == TCPTALE_ARENA_NONE ? NULL : tcptale_arena_at(&env->arena, ref);
}

static uint32_t ref_of(const struct tcptale_conn_env *env, const struct tcptale_parked *parked) {
  return (uint32_t)((size_t)((const uint8_t *)parked - env->arena.base) / 16);
}

/* The urgent pointer counts from the segment's first byte; of a piece from its own, and only the
 * piece that holds the urgent byte has one. */
static void keep_urgent(tcptale_packet *piece, uint32_t skip, uint32_t cap) {
  uint32_t at = piece->urgent;
  if (skip == 0 && at <= cap) return;
  if (at > skip && at <= skip + cap) piece->urgent = (uint16_t)(at - skip);
  else piece->tcp_flags &= (uint16_t)~TCPTALE_TCP_URG;
}

/* A copy of `cap` captured of `len` bytes of the segment's payload, from `skip` on; NONE when
 * there is no room. */
static uint32_t copy_piece(struct tcptale_conn_env *env, const struct tcptale_arrival *seg,
                           uint32_t skip, uint32_t len, uint32_t cap) {
  uint32_t ref =
      tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(sizeof(struct tcptale_parked)));
  if (ref == TCPTALE_ARENA_NONE) return ref;
  struct tcptale_parked *parked = parked_at(env, ref);
  memset(parked, 0, sizeof *parked);
  parked->packet = *seg->packet;
  parked->packet.seq += skip;
  parked->packet.payload_offset = 0;
  parked->packet.payload_len = len;
  parked->packet.payload_cap = cap;
  parked->packet.payload_unsent = 0;
  keep_urgent(&parked->packet, skip, cap);
  parked->dir = seg->dir;
  parked->index = seg->index;
  parked->ts_ns = seg->ts_ns;
  if (cap == 0) return ref;
  parked->bytes = tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(cap));
  if (parked->bytes == TCPTALE_ARENA_NONE) {
    tcptale_arena_release(&env->arena, ref);
    return TCPTALE_ARENA_NONE;
  }
  memcpy(tcptale_arena_at(&env->arena, parked->bytes), seg->payload + skip, cap);
  return ref;
}

void tcptale_park_drop(struct tcptale_conn_env *env, struct tcptale_parked *parked) {
  if (parked->bytes != TCPTALE_ARENA_NONE) tcptale_arena_release(&env->arena, parked->bytes);
  tcptale_arena_release(&env->arena, ref_of(env, parked));
}

/* Puts a chain of pieces behind what is parked. */
static void append(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t first,
                   uint32_t last, uint32_t count) {
  if (conn->parked == TCPTALE_ARENA_NONE) conn->parked = first;
  else parked_at(env, conn->parked_last)->next = first;
  conn->parked_last = last;
  conn->parked_count += count;
}

static void drop_chain(struct tcptale_conn_env *env, uint32_t ref) {
  while (ref != TCPTALE_ARENA_NONE) {
    struct tcptale_parked *parked = parked_at(env, ref);
    ref = parked->next;
    tcptale_park_drop(env, parked);
  }
}

/* All of a segment or nothing: half of one would look like a loss. */
int tcptale_park_push(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      const struct tcptale_arrival *seg, uint32_t why) {
  uint32_t most = (uint32_t)tcptale_arena_class_size(TCPTALE_ARENA_4096);
  uint32_t first = TCPTALE_ARENA_NONE, last = TCPTALE_ARENA_NONE, count = 0, skip = 0;
  do {
    uint32_t cap = seg->cap_len - skip < most ? seg->cap_len - skip : most;
    int is_last = skip + cap == seg->cap_len;
    uint32_t len = is_last ? seg->len - skip : cap;
    uint32_t ref = TCPTALE_ARENA_NONE;
    if (conn->parked_count + count < TCPTALE_PARK_MOST) ref = copy_piece(env, seg, skip, len, cap);
    if (ref == TCPTALE_ARENA_NONE) {
      drop_chain(env, first);
      return 0;
    }
    struct tcptale_parked *parked = parked_at(env, ref);
    parked->why = why;
    if (!is_last) parked->packet.tcp_flags &= (uint16_t)~TCPTALE_TCP_FIN;
    if (first == TCPTALE_ARENA_NONE) first = ref;
    else parked_at(env, last)->next = ref;
    last = ref;
    count++;
    skip += cap;
  } while (skip < seg->cap_len);
  append(env, conn, first, last, count);
  return 1;
}

void tcptale_park_show(const struct tcptale_conn_env *env, const struct tcptale_parked *parked,
                       struct tcptale_arrival *seg) {
  memset(seg, 0, sizeof *seg);
  seg->packet = &parked->packet;
  seg->data =
      parked->bytes == TCPTALE_ARENA_NONE ? NULL : tcptale_arena_at(&env->arena, parked->bytes);
  seg->payload = seg->data;
  seg->index = parked->index;
  seg->ts_ns = parked->ts_ns;
  seg->dir = parked->dir;
  seg->len = parked->packet.payload_len;
  seg->cap_len = parked->packet.payload_cap;
  seg->from_queue = 1;
}

/* Takes the segment at `ref` out of the chain; `before` is the one before it. */
static void unlink_at(const struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      uint32_t before, uint32_t ref) {
  uint32_t next = parked_at(env, ref)->next;
  if (before == TCPTALE_ARENA_NONE) conn->parked = next;
  else parked_at(env, before)->next = next;
  if (conn->parked_last == ref) conn->parked_last = before;
  conn->parked_count--;
}

struct tcptale_parked *tcptale_park_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                         uint32_t dir, uint32_t why, struct tcptale_arrival *seg) {
  uint32_t before = TCPTALE_ARENA_NONE;
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE;) {
    struct tcptale_parked *parked = parked_at(env, ref);
    int fits = (dir == TCPTALE_NO_DIR || parked->dir == dir) && (why == 0 || parked->why == why);
    if (!fits) {
      before = ref;
      ref = parked->next;
      continue;
    }
    unlink_at(env, conn, before, ref);
    tcptale_park_show(env, parked, seg);
    return parked;
  }
  return NULL;
}

uint32_t tcptale_park_trim(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why,
                           uint32_t seq, uint32_t len) {
  uint32_t gone = 0, before = TCPTALE_ARENA_NONE, next;
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE; ref = next) {
    struct tcptale_parked *parked = parked_at(env, ref);
    tcptale_packet *p = &parked->packet;
    uint32_t skip = p->seq - seq;
    uint32_t left = skip < len ? tcptale_min_u32(p->payload_len, len - skip) : 0;
    next = parked->next;
    if (parked->why == why) gone += p->payload_len - left;
    if (parked->why == why && left == 0) {
      unlink_at(env, conn, before, ref);
      tcptale_park_drop(env, parked);
      continue;
    }
    before = ref;
    if (parked->why != why) continue;
    p->payload_len = left;
    p->payload_cap = tcptale_min_u32(p->payload_cap, left);
  }
  return gone;
}

/* The bytes of a parked segment end right below, or not far below, the acknowledgement. */
static int is_covered(const struct tcptale_parked *parked, uint32_t ack) {
  int32_t beyond = tcptale_seq_diff(ack, parked->packet.seq + parked->packet.payload_len);
  return parked->packet.payload_len > 0 && beyond >= 0 && beyond < ANSWER_REACH;
}

int tcptale_park_is_answered(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                             uint32_t dir, uint32_t why, uint32_t ack) {
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE; ref = parked_at(env, ref)->next) {
    const struct tcptale_parked *parked = parked_at(env, ref);
    if (parked->why == why && parked->dir == dir && is_covered(parked, ack)) return 1;
  }
  return 0;
}

/* A stale segment only changes its reason here: dropping one would need its neighbours. */
void tcptale_park_sift(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                       uint32_t ack, uint32_t edge_seq) {
  struct tcptale_arrival seg;
  struct tcptale_parked *stale;
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE; ref = parked_at(env, ref)->next) {
    struct tcptale_parked *parked = parked_at(env, ref);
    if (parked->why != TCPTALE_PARK_BEYOND || parked->dir != dir) continue;
    if (is_covered(parked, ack)) parked->why = TCPTALE_PARK_CAUGHT_UP;
    else if (tcptale_seq_le(parked->packet.seq, edge_seq)) parked->why = PARK_STALE;
  }
  while ((stale = tcptale_park_take(env, conn, dir, PARK_STALE, &seg)) != NULL)
    tcptale_park_drop(env, stale);
}

void tcptale_park_change(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint32_t from, uint32_t to) {
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE; ref = parked_at(env, ref)->next) {
    struct tcptale_parked *parked = parked_at(env, ref);
    if (parked->dir == dir && parked->why == from) parked->why = to;
  }
}

void tcptale_park_flip(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  struct tcptale_parked *renewal = tcptale_park_renewal(env, conn);
  if (renewal) renewal->dir = tcptale_other(renewal->dir);
  for (uint32_t ref = conn->parked; ref != TCPTALE_ARENA_NONE; ref = parked_at(env, ref)->next)
    parked_at(env, ref)->dir = tcptale_other(parked_at(env, ref)->dir);
}

const struct tcptale_parked *tcptale_park_first(const struct tcptale_conn_env *env,
                                                const struct tcptale_conn *conn) {
  return parked_at(env, conn->parked);
}

/* One such SYN is kept: the newest, as a host in SYN-SENT answers to its newest call. */
void tcptale_park_renew(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg) {
  tcptale_park_forget_renewal(env, conn);
  uint32_t cap = (uint32_t)tcptale_arena_class_size(TCPTALE_ARENA_4096);
  if (seg->cap_len < cap) cap = seg->cap_len;
  conn->renew = copy_piece(env, seg, 0, seg->len, cap);
}

void tcptale_park_forget_renewal(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (conn->renew == TCPTALE_ARENA_NONE) return;
  tcptale_park_drop(env, parked_at(env, conn->renew));
  conn->renew = TCPTALE_ARENA_NONE;
}

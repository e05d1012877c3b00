/* usual.c - see usual.h. Each condition here names what the long way would have done; a property
 * test holds both ways to the same events. Floor 8. */
#include "usual.h"

#include "accept.h"
#include "intake.h"
#include "seq.h"
#include "util.h"

#define NS_A_SECOND ((uint64_t)1000000000)
#define TINY_BYTES  8u /* segments of so few are counted: stream.c */

/* Nothing of a direction waits, is remembered or unwanted. */
static int is_calm(const struct tcptale_half *half) {
  const uint8_t busy = TCPTALE_HALF_DISCARDING | TCPTALE_HALF_WAITING;
  return half->cold == TCPTALE_ARENA_NONE && half->history == TCPTALE_ARENA_NONE &&
         half->urgents == 0 && half->delivery == TCPTALE_DELIVER_ARRIVAL && !(half->flags & busy);
}

/* An end that has begun, and goes on or has told all. */
static int is_settled(const struct tcptale_end *end) {
  const uint8_t begun = TCPTALE_END_BASED | TCPTALE_END_SEEN;
  if ((end->flags & begun) != begun || end->state < TCPTALE_STATE_ESTABLISHED) return 0;
  return end->half.fin == TCPTALE_NO_FIN || (end->half.flags & TCPTALE_HALF_ENDED);
}

int tcptale_usual_begins(const struct tcptale_conn_env *env, const struct tcptale_conn *conn) {
  const uint32_t odd = TCPTALE_CONN_TENTATIVE | TCPTALE_CONN_IGNORED;
  uint32_t waits = conn->handshake | conn->parked | conn->renew; /* all NONE, which is 0 */
  if (conn->phase != TCPTALE_PHASE_OPEN || (conn->flags & odd) || waits) return 0;
  if (env->emit.callbacks.on_segment || env->config.history_bytes > 0) return 0;
  for (uint32_t d = 0; d < 2; d++)
    if (!is_calm(&conn->ends[d].half) || !is_settled(&conn->ends[d])) return 0;
  return 1;
}

/* A segment that may be usual: who sent it, and what it says of the other direction. */
struct say {
  struct tcptale_end *own;
  struct tcptale_end *peer;
  const struct tcptale_gist *gist;
  uint64_t ack;  /* position in the peer's direction */
  uint64_t edge; /* the window that it offers to the peer ends there */
  uint32_t len;  /* bytes of payload */
  uint32_t dir;
  uint32_t fin;     /* 1: it carries FIN */
  uint32_t carries; /* 1: bytes, or FIN */
};

/* Rules R3, R14: right at the next byte, which is the highest that was seen, and within the
 * window. After its FIN an end sends only acknowledgements. */
static int is_in_order(const struct say *say) {
  const struct tcptale_end *own = say->own;
  const struct tcptale_half *half = &own->half;
  uint32_t ended = half->fin != TCPTALE_NO_FIN;
  if (say->gist->said.seq != half->next_seq + ended || half->highest != half->next) return 0;
  if (say->carries && (ended || tcptale_end_has(own, TCPTALE_END_SOFT_BASE))) return 0;
  if (say->fin && half->acked > half->next) return 0;
  return own->edge == 0 || half->next + ended + say->len <= own->edge;
}

/* Rules R5, R12: it acknowledges what was seen, something new unless it carries something. */
static int is_ack_in_order(struct say *say) {
  const struct tcptale_half *peer = &say->peer->half;
  int64_t ahead = tcptale_seq_distance(say->gist->said.ack, peer->next_seq);
  uint32_t ended = peer->fin != TCPTALE_NO_FIN;
  say->ack = peer->next + (uint64_t)ahead; /* one below 0 is beyond all that was seen */
  return say->ack <= peer->highest + ended && say->ack >= peer->acked + !say->carries;
}

/* Rule R13: a timestamp where there has to be one, not below the last. */
static int is_stamped(const struct tcptale_conn *conn, const struct say *say) {
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return 1;
  return say->gist->has_timestamps &&
         tcptale_seq_distance(say->gist->said.ts_val, say->own->ts_recent) >= 0;
}

/* The window that it offers ends nowhere below what was offered before, or is no smaller. */
static int keeps_window(const struct tcptale_conn *conn, struct say *say) {
  uint32_t shift = tcptale_accept_scale_of(conn, say->own);
  say->edge = say->ack + ((uint64_t)say->gist->said.window << shift);
  return say->edge + ((uint64_t)1 << shift) > say->peer->edge ||
         say->gist->said.window >= say->own->window;
}

/* It came the way of its sender's last one, if there was one. */
static int is_same_path(struct tcptale_end *own, const struct tcptale_gist *gist) {
  if (own->ttl != 0 && own->ttl != gist->ttl) return 0;
  if (own->mac != 0 && gist->mac != 0 && own->mac != gist->mac) return 0;
  own->ttl = gist->ttl;
  if (gist->mac != 0) own->mac = gist->mac;
  return 1;
}

static void count(struct tcptale_conn_env *env, struct tcptale_conn *conn, const struct say *say) {
  struct tcptale_end *own = say->own;
  own->packets++;
  own->payload_bytes += say->len;
  conn->last_ns = env->now_ns;
  conn->touched = 1;
  if (say->gist->good_sum) own->flags |= TCPTALE_END_GOOD_CSUM;
}

/* TS.Recent (RFC 7323 4.3). */
static void note_time(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                      const struct say *say) {
  struct tcptale_end *own = say->own;
  uint64_t offset = own->half.next + (own->half.fin != TCPTALE_NO_FIN);
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS) || offset > own->half.acked) return;
  own->ts_recent = say->gist->said.ts_val;
  own->ts_recent_s = (uint32_t)(env->now_ns / NS_A_SECOND);
}

/* The FIN's acknowledgement counts once (rule R18). */
static void note_ack(struct tcptale_conn *conn, const struct say *say) {
  struct tcptale_end *peer = say->peer;
  peer->edge = tcptale_max_u64(peer->edge, say->edge);
  say->own->window = say->gist->said.window;
  peer->half.flags |= TCPTALE_HALF_ACKS_SEEN;
  peer->half.acked = say->ack;
  if (say->ack >= peer->half.highest) peer->half.tiny = 0;
  if (peer->half.fin == TCPTALE_NO_FIN || say->ack != peer->half.fin + 1) return;
  peer->flags |= TCPTALE_END_FIN_ACKED;
  tcptale_intake_state(conn, tcptale_other(say->dir), TCPTALE_INPUT_ACK_OF_FIN);
}

static void tell_data(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      const struct say *say) {
  struct tcptale_half *half = &say->own->half;
  tcptale_data_event event;
  event.conn_id = conn->id;
  event.direction = say->dir;
  event.len = say->len;
  event.offset = half->next;
  event.from_index = env->emit.index;
  event.from_ts_ns = env->now_ns;
  event.data = say->gist->payload;
  half->next += say->len;
  half->next_seq += say->len;
  half->highest = half->next;
  half->tiny = 0;
  say->own->delivered += say->len;
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  tcptale_emit_data(&env->emit, conn, &event);
}

/* All before the FIN was told; the states follow. */
static void tell_end(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                     const struct say *say) {
  env->conn = conn;
  env->dir = say->dir;
  tcptale_half_advance(&env->stream, &say->own->half, TCPTALE_FORCE_NONE);
  tcptale_intake_fins(conn);
}

uint32_t tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            struct tcptale_end *own, struct tcptale_end *peer,
                            const struct tcptale_gist *gist) {
  struct say say = {.own = own, .peer = peer, .gist = gist, .len = gist->said.len};
  if (say.len - 1 < TINY_BYTES) return TCPTALE_USUAL_NOT; /* a probe, a keep-alive, or tiny */
  say.dir = own != conn->ends;
  say.fin = gist->said.tcp_flags & TCPTALE_TCP_FIN;
  say.carries = (say.len > 0) | say.fin;
  if (!is_in_order(&say) || !is_ack_in_order(&say)) return TCPTALE_USUAL_NOT;
  if (!is_stamped(conn, &say) || !keeps_window(conn, &say)) return TCPTALE_USUAL_NOT;
  if (!is_same_path(own, gist)) return TCPTALE_USUAL_NOT;

  count(env, conn, &say);
  note_time(env, conn, &say);
  note_ack(conn, &say);
  if (say.fin) own->half.fin = own->half.next + say.len;
  if (say.len > 0) tell_data(env, conn, &say);
  if (say.fin) tell_end(env, conn, &say);
  const uint8_t both = own->flags & peer->flags;
  return both & TCPTALE_END_FIN_ACKED ? TCPTALE_USUAL_OVER : TCPTALE_USUAL_TAKEN;
}

/* usual.c - see usual.h. Each condition here names what the long way would have done; a property
 * test holds both ways to the same events. Floor 8. */
#include "usual.h"

#include "accept.h"
#include "intake.h"
#include "seq.h"

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

/* 1: it has told all, and its FIN stands right behind. */
static uint32_t has_ended(const struct tcptale_half *half) {
  return half->flags / TCPTALE_HALF_ENDED & 1u;
}

/* 1: the segment carries bytes, or FIN. */
static uint32_t carries(const struct tcptale_wording *said) {
  return (said->len > 0) | (said->tcp_flags & TCPTALE_TCP_FIN);
}

/* Rules R3, R14: right at the next byte, which is the highest that was seen, and within the
 * window. After its FIN an end sends only acknowledgements. */
static int is_in_order(const struct tcptale_end *own, const struct tcptale_wording *said) {
  const struct tcptale_half *half = &own->half;
  uint32_t ended = has_ended(half);
  if (said->seq != half->next_seq + ended || half->highest != half->next) return 0;
  if (carries(said) & (ended | own->flags / TCPTALE_END_SOFT_BASE)) return 0;
  if ((said->tcp_flags & TCPTALE_TCP_FIN) && half->acked > half->next) return 0;
  return own->edge == 0 || half->next + ended + said->len <= own->edge;
}

/* The position that it acknowledges in the peer's direction; one below 0 is beyond all that was
 * seen. */
static uint64_t acked_by(const struct tcptale_half *peer, const struct tcptale_wording *said) {
  int64_t ahead = tcptale_seq_distance(said->ack, peer->next_seq);
  return peer->next + (uint64_t)ahead;
}

/* Rules R5, R12: it acknowledges what was seen, something new unless it carries something. */
static int is_ack_in_order(const struct tcptale_half *peer, const struct tcptale_wording *said,
                           uint64_t ack) {
  return ack <= peer->highest + has_ended(peer) && ack >= peer->acked + !carries(said);
}

/* Rule R13: a timestamp where there has to be one, not below the last. */
static int is_stamped(const struct tcptale_conn *conn, const struct tcptale_end *own,
                      const struct tcptale_gist *gist) {
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return 1;
  return gist->has_timestamps && tcptale_seq_distance(gist->said.ts_val, own->ts_recent) >= 0;
}

/* It came the way of its sender's last one, if there was one. */
static int is_same_path(const struct tcptale_end *own, const struct tcptale_gist *gist) {
  if (own->ttl != gist->ttl && own->ttl != 0) return 0;
  return own->mac == gist->mac || own->mac == 0 || gist->mac == 0;
}

/* What is counted and remembered of its sender; TS.Recent by RFC 7323 4.3. */
static void note_sender(const struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        struct tcptale_end *own, const struct tcptale_gist *gist) {
  own->packets++;
  own->payload_bytes += gist->said.len;
  own->window = gist->said.window;
  own->ttl = gist->ttl;
  if (gist->mac != 0) own->mac = gist->mac;
  if (gist->good_sum) own->flags |= TCPTALE_END_GOOD_CSUM;
  conn->last_ns = env->now_ns;
  conn->touched = 1;
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return;
  if (own->half.next + has_ended(&own->half) > own->half.acked) return;
  own->ts_recent = gist->said.ts_val;
  own->ts_recent_s = (uint32_t)(env->now_ns / NS_A_SECOND);
}

/* What its receiver knows now. The FIN's acknowledgement counts once (rule R18). */
static void note_ack(struct tcptale_conn *conn, struct tcptale_end *peer, uint64_t ack,
                     uint64_t edge) {
  struct tcptale_half *half = &peer->half;
  if (edge > peer->edge) peer->edge = edge;
  half->flags |= TCPTALE_HALF_ACKS_SEEN;
  half->acked = ack;
  if (ack >= half->highest) half->tiny = 0;
  if (!has_ended(half) || ack != half->fin + 1) return;
  peer->flags |= TCPTALE_END_FIN_ACKED;
  tcptale_intake_state(conn, peer != conn->ends, TCPTALE_INPUT_ACK_OF_FIN);
}

static void tell_data(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      struct tcptale_end *own, const struct tcptale_gist *gist) {
  struct tcptale_half *half = &own->half;
  uint32_t len = gist->said.len;
  tcptale_data_event event;
  event.conn_id = conn->id;
  event.direction = own != conn->ends;
  event.len = len;
  event.offset = half->next;
  event.from_index = env->emit.index;
  event.from_ts_ns = env->now_ns;
  event.data = gist->payload;
  half->next += len;
  half->next_seq += len;
  half->highest = half->next;
  half->tiny = 0;
  own->delivered += len;
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  tcptale_emit_data(&env->emit, conn, &event);
}

/* All before the FIN was told; the states follow. */
static void tell_end(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                     struct tcptale_end *own) {
  env->conn = conn;
  env->dir = own != conn->ends;
  tcptale_half_advance(&env->stream, &own->half, TCPTALE_FORCE_NONE);
  tcptale_intake_fins(conn);
}

uint32_t tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            struct tcptale_end *own, struct tcptale_end *peer,
                            const struct tcptale_gist *gist) {
  const struct tcptale_wording *said = &gist->said;
  uint32_t shift = tcptale_accept_scale_of(conn, own);
  uint64_t ack = acked_by(&peer->half, said), edge = ack + ((uint64_t)said->window << shift);
  if (said->len - 1 < TINY_BYTES) return TCPTALE_USUAL_NOT; /* a probe, a keep-alive, or tiny */
  if (!is_in_order(own, said) || !is_ack_in_order(&peer->half, said, ack)) return TCPTALE_USUAL_NOT;
  if (!is_stamped(conn, own, gist) || !is_same_path(own, gist)) return TCPTALE_USUAL_NOT;
  int shrinks = edge + ((uint64_t)1 << shift) <= peer->edge && said->window < own->window;
  if (shrinks) return TCPTALE_USUAL_NOT;

  note_sender(env, conn, own, gist);
  note_ack(conn, peer, ack, edge);
  int is_fin = said->tcp_flags & TCPTALE_TCP_FIN;
  if (is_fin) own->half.fin = own->half.next + said->len;
  if (said->len > 0) tell_data(env, conn, own, gist);
  if (is_fin) tell_end(env, conn, own);
  const uint8_t both = own->flags & peer->flags;
  return both & TCPTALE_END_FIN_ACKED ? TCPTALE_USUAL_OVER : TCPTALE_USUAL_TAKEN;
}

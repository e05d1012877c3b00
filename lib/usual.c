/* usual.c - see usual.h. Each condition here names what the long way would have done; a property
 * test holds both ways to the same events. Floor 7. */
#include "usual.h"

#include "accept.h"
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

/* An end that has begun, and goes on or is over for good. */
static int is_settled(const struct tcptale_end *end) {
  const uint8_t begun = TCPTALE_END_BASED | TCPTALE_END_SEEN;
  if ((end->flags & begun) != begun || end->state < TCPTALE_STATE_ESTABLISHED) return 0;
  if (end->half.fin == TCPTALE_NO_FIN) return 1;
  return (end->half.flags & TCPTALE_HALF_ENDED) && tcptale_end_has(end, TCPTALE_END_FIN_ACKED);
}

uint8_t tcptale_usual_directions(const struct tcptale_conn_env *env,
                                 const struct tcptale_conn *conn) {
  const uint32_t odd = TCPTALE_CONN_TENTATIVE | TCPTALE_CONN_IGNORED;
  uint32_t waits = conn->handshake | conn->parked | conn->renew; /* all NONE, which is 0 */
  if (conn->phase != TCPTALE_PHASE_OPEN || (conn->flags & odd) || waits) return 0;
  if (env->emit.callbacks.on_segment || env->config.history_bytes > 0) return 0;
  for (uint32_t d = 0; d < 2; d++)
    if (!is_calm(&conn->ends[d].half) || !is_settled(&conn->ends[d])) return 0;
  return 3;
}

/* What the packet alone says: ACK and perhaps PSH, all bytes there, none of them a probe or tiny,
 * no option that changes what is believed. */
static int is_plain(const tcptale_packet *p) {
  const uint32_t telling =
      TCPTALE_TCP_FIN | TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_ACK | TCPTALE_TCP_URG;
  if ((p->tcp_flags & telling) != TCPTALE_TCP_ACK || p->anomalies) return 0;
  if (p->options & (TCPTALE_HAS_MD5 | TCPTALE_HAS_AO)) return 0;
  return p->payload_cap == p->payload_len && (p->payload_len == 0 || p->payload_len > TINY_BYTES);
}

/* Rules R3, R14: right at the next byte, which is the highest that was seen, and within the window.
 * After its FIN an end sends only acknowledgements. */
static int is_in_order(const struct tcptale_end *own, const tcptale_packet *p) {
  const struct tcptale_half *half = &own->half;
  uint32_t ended = half->fin != TCPTALE_NO_FIN;
  if (p->seq != half->next_seq + ended || half->highest != half->next) return 0;
  if (p->payload_len > 0 && (ended || tcptale_end_has(own, TCPTALE_END_SOFT_BASE))) return 0;
  return own->edge == 0 || half->next + ended + p->payload_len <= own->edge;
}

/* Rules R5, R12: it acknowledges what was seen, and something new unless it carries bytes. */
static int is_ack_in_order(const struct tcptale_half *peer, uint64_t ack, uint32_t len) {
  uint64_t highest = peer->highest + (peer->fin != TCPTALE_NO_FIN);
  return ack <= highest && (len > 0 ? ack >= peer->acked : ack > peer->acked);
}

/* Rule R13: a timestamp where there has to be one, not below the last. */
static int is_stamped(const struct tcptale_conn *conn, const struct tcptale_end *own,
                      const tcptale_packet *p) {
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return 1;
  return (p->options & TCPTALE_HAS_TIMESTAMPS) &&
         tcptale_seq_distance(p->ts_val, own->ts_recent) >= 0;
}

/* It came the way of its sender's last one. */
static int is_same_path(const struct tcptale_end *own, const tcptale_packet *p) {
  if (p->ip_ttl != own->ttl) return 0;
  return !(p->flags & TCPTALE_PACKET_HAS_ETHER) || own->mac == tcptale_end_mac(p->link_src);
}

static void tell_data(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                      const tcptale_packet *p, const uint8_t *data) {
  struct tcptale_end *own = &conn->ends[dir];
  tcptale_data_event event;
  event.conn_id = conn->id;
  event.direction = dir;
  event.len = p->payload_len;
  event.offset = own->half.next;
  event.from_index = env->emit.index;
  event.from_ts_ns = env->now_ns;
  event.data = data + p->payload_offset;
  own->half.next += p->payload_len;
  own->half.next_seq += p->payload_len;
  own->half.highest = own->half.next;
  own->half.tiny = 0;
  own->delivered += p->payload_len;
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  tcptale_emit_data(&env->emit, conn, &event);
}

/* What the segment says of time, as take_timestamp in intake.c: TS.Recent (RFC 7323 4.3). */
static void note_time(const struct tcptale_conn_env *env, struct tcptale_conn *conn,
                      struct tcptale_end *own, const tcptale_packet *p) {
  conn->last_ns = env->now_ns;
  conn->touched = 1;
  uint64_t offset = own->half.next + (own->half.fin != TCPTALE_NO_FIN);
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS) || offset > own->half.acked) return;
  own->ts_recent = p->ts_val;
  own->ts_recent_s = (uint32_t)(env->now_ns / NS_A_SECOND);
}

static void note_ack(struct tcptale_end *own, struct tcptale_end *peer, const tcptale_packet *p,
                     uint64_t ack, uint64_t edge) {
  peer->edge = tcptale_max_u64(peer->edge, edge);
  own->window = p->window;
  peer->half.flags |= TCPTALE_HALF_ACKS_SEEN;
  peer->half.acked = ack;
  if (ack >= peer->half.highest) peer->half.tiny = 0;
}

int tcptale_usual_take(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                       const tcptale_packet *p, const uint8_t *data) {
  struct tcptale_end *own = &conn->ends[dir], *peer = &conn->ends[tcptale_other(dir)];
  if (!is_plain(p) || !is_in_order(own, p)) return 0;
  int64_t ahead = tcptale_seq_distance(p->ack, peer->half.next_seq);
  uint64_t ack = peer->half.next + (uint64_t)ahead; /* one below 0 is beyond all that was seen */
  if (!is_ack_in_order(&peer->half, ack, p->payload_len)) return 0;
  if (!is_stamped(conn, own, p) || !is_same_path(own, p)) return 0;
  uint32_t shift = tcptale_accept_scale(conn, dir);
  uint64_t edge = ack + ((uint64_t)p->window << shift);
  int shrinks = edge + ((uint64_t)1 << shift) <= peer->edge && p->window < own->window;
  if (shrinks) return 0;

  own->packets++;
  own->payload_bytes += p->payload_len;
  if (p->tcp_csum == TCPTALE_CSUM_GOOD) own->flags |= TCPTALE_END_GOOD_CSUM;
  note_time(env, conn, own, p);
  note_ack(own, peer, p, ack, edge);
  if (p->payload_len > 0) tell_data(env, conn, dir, p, data);
  return 1;
}

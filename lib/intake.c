/* intake.c - see intake.h. Floor 7. */
#include "intake.h"

#include "accept.h"
#include "fields.h"
#include "park.h"
#include "seq.h"
#include "tell.h"
#include "util.h"

#define TTL_JUMP    8 /* a path changes by less; a forger further away rarely */
#define NS_A_SECOND ((uint64_t)1000000000)

/* Rules of the direction that the user changed before it began stay. */
void tcptale_intake_base(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint32_t isn, int soft) {
  struct tcptale_end *end = &conn->ends[dir];
  uint8_t kept = end->half.flags & TCPTALE_HALF_DISCARDING;
  uint8_t policy = end->half.policy;
  if (tcptale_end_has(end, TCPTALE_END_BASED)) {
    int64_t edge = (int64_t)end->edge + tcptale_seq_distance(tcptale_end_isn(end), isn);
    if (end->edge != 0) end->edge = (uint64_t)tcptale_max_i64(edge, 1);
    tcptale_half_release(&env->stream, &end->half);
    env->rebased = 1;
  }
  tcptale_half_init(&env->stream, &end->half, isn + 1);
  end->half.policy = policy ? policy : (uint8_t)env->config.policy[dir];
  end->half.flags |= kept;
  end->flags |= TCPTALE_END_BASED;
  end->flags &= (uint8_t)~TCPTALE_END_SOFT_BASE;
  if (soft) end->flags |= TCPTALE_END_SOFT_BASE;
}

/* Midstream: the first byte seen is offset 0. Where a soft base (from an empty segment, or from
 * the peer's acknowledgement) has to move before the first byte is taken: down to a byte that
 * lies before it, up by the one byte of a keep-alive, or up to the side's first own segment. */
static int moves_base(const struct tcptale_end *own, const struct tcptale_arrival *seg,
                      int has_bytes) {
  if (own->half.next != 0 || own->half.highest != 0 || own->half.fin != TCPTALE_NO_FIN) return 0;
  if (has_bytes && (seg->offset < 0 || seg->offset == 1)) return 1;
  return seg->offset > 0 && !tcptale_end_has(own, TCPTALE_END_SEEN);
}

/* The first that was seen of a direction is one byte: data, or what a keep-alive made up (case
 * H26). It waits beside the stream; bytes at or above the next number tell that it was the
 * latter. */
static void weigh_lone_byte(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            const struct tcptale_arrival *seg, int has_bytes) {
  struct tcptale_arrival lone;
  struct tcptale_parked *p;
  int is_first = !tcptale_end_has(&conn->ends[seg->dir], TCPTALE_END_BASED);
  if (is_first && !has_bytes && seg->cap_len == 1)
    tcptale_park_push(env, conn, seg, TCPTALE_PARK_LONE);
  if (is_first || !has_bytes || conn->parked == TCPTALE_ARENA_NONE) return;
  p = tcptale_park_take(env, conn, seg->dir, TCPTALE_PARK_LONE, &lone);
  if (p) tcptale_park_drop(env, p);
}

static void settle_base(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  if ((own->flags & (TCPTALE_END_BASED | TCPTALE_END_SOFT_BASE)) == TCPTALE_END_BASED) return;
  int has_bytes = seg->len > 0 && seg->verdict != TCPTALE_SEGMENT_KEEPALIVE;
  uint32_t before = seg->packet->seq - 1;
  weigh_lone_byte(env, conn, seg, has_bytes);
  if (!tcptale_end_has(own, TCPTALE_END_BASED))
    tcptale_intake_base(env, conn, seg->dir, has_bytes ? before : before + seg->len, !has_bytes);
  else if (moves_base(own, seg, has_bytes))
    tcptale_intake_base(env, conn, seg->dir, before, !has_bytes);
  else if (has_bytes) own->flags &= (uint8_t)~TCPTALE_END_SOFT_BASE;
  tcptale_accept_place(conn, seg);
}

/* The sender's distance and link address, against its last segment's. */
static void check_path(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       const struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  uint8_t ttl = seg->packet->ip_ttl;
  int jump = ttl > own->ttl ? ttl - own->ttl : own->ttl - ttl;
  if (own->ttl != 0 && jump >= TTL_JUMP)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_TTL_JUMP, seg->dir, 0, 0);
  own->ttl = ttl;
  if (!(seg->packet->flags & TCPTALE_PACKET_HAS_ETHER)) return;
  uint16_t mac = tcptale_fields_mac(seg->packet->link_src);
  if (own->mac != 0 && own->mac != mac)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_MAC_CHANGE, seg->dir, 0, 0);
  own->mac = mac;
}

/* The window that this segment offers to the peer (rule R14). */
static inline void take_window(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                               const struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
  uint64_t window = tcptale_accept_window(conn, seg);
  uint64_t edge = (uint64_t)tcptale_max_i64(seg->ack_offset, 0) + window;
  uint64_t grain = (uint64_t)1 << tcptale_accept_scale(conn, seg->dir);
  int is_latest = seg->ack_offset >= (int64_t)peer->half.acked;
  if (is_latest && edge + grain <= peer->edge && tcptale_end_has(own, TCPTALE_END_SEEN) &&
      seg->packet->window < own->window)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_WINDOW_SHRINK, seg->dir, 0, 0);
  peer->edge = tcptale_max_u64(peer->edge, edge);
  own->window = seg->packet->window;
}

void tcptale_intake_window(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           const struct tcptale_arrival *seg) {
  take_window(env, conn, seg);
}

/* Above what its sender has said so far. */
static int is_ahead(const struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  return seg->offset > (int64_t)conn->ends[seg->dir].half.next;
}

/* An acknowledgement of what was never seen does not move the window (Suricata bug 1238, case
 * S12). */
static void take_ack(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                     struct tcptale_arrival *seg) {
  uint32_t other = tcptale_other(seg->dir);
  struct tcptale_end *peer = &conn->ends[other];
  if (!tcptale_end_has(peer, TCPTALE_END_BASED)) {
    tcptale_intake_base(env, conn, other, seg->packet->ack - 1, 1);
    tcptale_accept_place(conn, seg);
  }
  int is_afar = (seg->notes & TCPTALE_NOTE_ACK_UNSEEN) && is_ahead(conn, seg);
  if (!is_afar) take_window(env, conn, seg);
  else if (seg->packet->window < conn->ends[seg->dir].window)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_WINDOW_BAD, seg->dir, 0, 0);
  if (seg->ack_offset < 0) return;
  tcptale_half_ack(&env->stream, tcptale_intake_half(env, conn, other), seg->ack_offset,
                   seg->ts_ns);
  if (peer->half.fin == TCPTALE_NO_FIN || seg->ack_offset != (int64_t)peer->half.fin + 1) return;
  peer->flags |= TCPTALE_END_FIN_ACKED;
  tcptale_intake_state(conn, other, TCPTALE_INPUT_ACK_OF_FIN);
}

/* TS.Recent (RFC 7323 4.3): only a segment at or below the last acknowledgement sent moves it. */
static void take_timestamp(struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return;
  if (!(seg->packet->options & TCPTALE_HAS_TIMESTAMPS)) return;
  if (seg->offset > (int64_t)own->half.acked) return;
  uint32_t now_s = (uint32_t)(seg->ts_ns / NS_A_SECOND);
  int is_newer = tcptale_seq_distance(seg->packet->ts_val, own->ts_recent) >= 0;
  if (!is_newer && now_s - own->ts_recent_s < TCPTALE_PAWS_IDLE_S) return;
  own->ts_recent = seg->packet->ts_val;
  own->ts_recent_s = now_s;
}

static void fill_piece(struct tcptale_piece *piece, const struct tcptale_arrival *seg) {
  uint32_t flags = seg->packet->tcp_flags;
  piece->offset = seg->offset;
  piece->data = seg->payload;
  piece->len = seg->len;
  piece->cap_len = seg->cap_len;
  piece->index = seg->index;
  piece->ts_ns = seg->ts_ns;
  piece->urgent = seg->packet->urgent;
  piece->flags = 0;
  if (flags & TCPTALE_TCP_FIN) piece->flags |= TCPTALE_PUSH_FIN;
  if (flags & TCPTALE_TCP_URG) piece->flags |= TCPTALE_PUSH_URGENT;
  if (seg->verdict == TCPTALE_SEGMENT_ZWP) piece->flags |= TCPTALE_PUSH_PROVISIONAL;
}

/* A keep-alive's byte is garbage (RFC 9293 3.8.4); a zero-window probe's is real only if it is
 * acknowledged. */
static void take_bytes(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       const struct tcptale_arrival *seg) {
  struct tcptale_piece piece;
  if (seg->len == 0 && !(seg->packet->tcp_flags & (TCPTALE_TCP_FIN | TCPTALE_TCP_URG))) return;
  if (seg->verdict == TCPTALE_SEGMENT_KEEPALIVE) return;
  fill_piece(&piece, seg);
  tcptale_half_push(&env->stream, tcptale_intake_half(env, conn, seg->dir), &piece);
}

/* Feeds the states of both ends the FINs that were sent, and those before which all was told. */
static void step_fins(struct tcptale_conn *conn) {
  for (uint32_t d = 0; d < 2; d++) {
    const struct tcptale_half *half = &conn->ends[d].half;
    if (half->fin == TCPTALE_NO_FIN) continue;
    if (conn->ends[d].state == TCPTALE_STATE_CLOSED) continue; /* finished, and acknowledged */
    if (!tcptale_state_is_finished(conn->ends[d].state))
      tcptale_intake_state(conn, d, TCPTALE_INPUT_SEND_FIN);
    int is_told = (half->flags & TCPTALE_HALF_ENDED) != 0;
    if (is_told && conn->ends[tcptale_other(d)].state != TCPTALE_STATE_CLOSED)
      tcptale_intake_state(conn, tcptale_other(d), TCPTALE_INPUT_RECV_FIN);
  }
}

static inline void take_fins(struct tcptale_conn *conn) {
  int any = conn->ends[0].half.fin != TCPTALE_NO_FIN || conn->ends[1].half.fin != TCPTALE_NO_FIN;
  if (any) step_fins(conn);
}

void tcptale_intake(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                    struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  settle_base(env, conn, seg);
  check_path(env, conn, seg);
  take_timestamp(conn, seg);
  if (seg->packet->tcp_flags & TCPTALE_TCP_ACK) take_ack(env, conn, seg);
  if (own->state < TCPTALE_STATE_ESTABLISHED && !tcptale_end_has(own, TCPTALE_END_FIN_ACKED))
    tcptale_intake_state(conn, seg->dir, TCPTALE_INPUT_SEND_OTHER);
  own->flags |= TCPTALE_END_SEEN;
  take_bytes(env, conn, seg);
  take_fins(conn);
}

void tcptale_intake_compare(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            const struct tcptale_arrival *seg) {
  struct tcptale_piece piece;
  fill_piece(&piece, seg);
  if (piece.len == 0 || !tcptale_end_has(&conn->ends[seg->dir], TCPTALE_END_BASED)) return;
  tcptale_half_compare(&env->stream, tcptale_intake_half(env, conn, seg->dir), &piece);
}

void tcptale_intake_lone_byte(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              uint32_t dir) {
  struct tcptale_end *end = &conn->ends[dir];
  struct tcptale_arrival seg;
  struct tcptale_parked *p = tcptale_park_take(env, conn, dir, TCPTALE_PARK_LONE, &seg);
  if (!p) return;
  int is_all = tcptale_end_has(end, TCPTALE_END_SOFT_BASE) && end->half.highest == 0 &&
               end->half.acked == 0 && end->half.fin == TCPTALE_NO_FIN;
  if (is_all) {
    tcptale_intake_base(env, conn, dir, seg.packet->seq - 1, 0);
    take_bytes(env, conn, &seg);
  }
  tcptale_park_drop(env, p);
}

void tcptale_intake_tick(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                         uint64_t now_ns, uint32_t packets) {
  struct tcptale_half *half = tcptale_intake_half(env, conn, dir);
  if (!(half->flags & TCPTALE_HALF_WAITING)) return;
  tcptale_half_tick(&env->stream, half, now_ns, packets);
  take_fins(conn);
}

uint64_t tcptale_intake_overdue(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  for (uint64_t last = 0;;) {
    uint64_t due[2];
    for (uint32_t d = 0; d < 2; d++)
      due[d] = tcptale_half_deadline(&env->stream, &conn->ends[d].half);
    uint32_t first = due[1] < due[0];
    if (due[first] > env->now_ns || due[first] == UINT64_MAX) return last;
    last = due[first];
    tcptale_intake_tick(env, conn, first, last, 0);
  }
}

/* connection.c - see connection.h. Parse, decide, act are apart: the packet is decoded, `accept`
 * and `reset` judge it, `intake`, `opening` and `closing` act. Every segment is told
 * (tcptale_tell_segment) before what it causes. Floor 11. */
#include "connection.h"

#include "accept.h"
#include "card.h"
#include "closing.h"
#include "doubt.h"
#include "handshake.h"
#include "intake.h"
#include "linger.h"
#include "opening.h"
#include "park.h"
#include "reset.h"
#include "seq.h"
#include "tell.h"
#include "trust.h"
#include "util.h"

#define EARLY_MOST 16u /* segments of the server that wait for the end of a handshake */

static void count(struct tcptale_conn *conn, const struct tcptale_arrival *seg) {
  conn->ends[seg->dir].packets++;
  conn->ends[seg->dir].payload_bytes += seg->len;
}

/* The segment is the first of a new connection on these ports: this one is closed without it. */
static uint32_t make_way(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         const struct tcptale_arrival *seg, uint32_t why) {
  conn->ends[seg->dir].packets--;
  conn->ends[seg->dir].payload_bytes -= seg->len;
  tcptale_closing_close(env, conn,
                        conn->phase == TCPTALE_PHASE_RESET ? (uint32_t)TCPTALE_CLOSE_TIMEOUT : why);
  return TCPTALE_ACTION_REOPEN;
}

/* Closes, and says whether the record is still needed for its ports (TIME-WAIT, RFC 9293 3.6.1). */
static uint32_t close_now(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why) {
  tcptale_closing_close(env, conn, why);
  return tcptale_closing_lingers(conn) ? TCPTALE_ACTION_KEEP : TCPTALE_ACTION_FORGET;
}

/* A segment that is not believed changes nothing; it is told, with the anomaly that says why. */
static uint32_t refuse(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       struct tcptale_arrival *seg, uint32_t code) {
  tcptale_tell_refused(env, conn, seg, code);
  return TCPTALE_ACTION_KEEP;
}

/* A segment that is in order and changes nothing. */
static uint32_t tell_only(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg) {
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  tcptale_tell_segment(env, conn, seg);
  return TCPTALE_ACTION_KEEP;
}

/* ---- RST ---- */

/* The RST counts, and will be told by `why`; what follows within reset_ns may still refute it
 * (rule R17). */
static void await_reset(const struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg, uint32_t why) {
  conn->close_why = (uint8_t)why;
  conn->phase = TCPTALE_PHASE_RESET;
  conn->reset_dir = (uint8_t)seg->dir;
  conn->reset_ns = env->now_ns;
}

/* RFC 9293 3.10.7.3: in SYN-SENT a RST counts if it acknowledges the SYN; later, or from the
 * caller, if it stands at the next sequence number (rule R16). */
static uint32_t reset_in_handshake(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                   struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  const tcptale_packet *p = seg->packet;
  uint32_t why = TCPTALE_CLOSE_RST, refused = TCPTALE_ANOMALY_RST_OUT_OF_WINDOW;
  int counts = seg->offset == 0;
  if (seg->dir == TCPTALE_C2S && hs->has_bad_ack &&
      p->seq == hs->bad_ack) { /* half-open recovery, RFC 9293 3.5.1 */
    return tell_only(env, conn, seg);
  }
  if (seg->dir == TCPTALE_S2C && hs->synack_count == 0) {
    why = TCPTALE_CLOSE_REFUSED;
    refused = TCPTALE_ANOMALY_RST_BAD_ACK;
    counts = (p->tcp_flags & TCPTALE_TCP_ACK) && tcptale_handshake_choose_syn(hs, p->ack) != NULL;
  }
  if (!counts) return refuse(env, conn, seg, refused);
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  if (conn->phase == TCPTALE_PHASE_EMBRYO) {
    tcptale_opening_wake(env, conn);
    tcptale_trust_clear(env, conn, TCPTALE_C2S);
  }
  tcptale_tell_segment(env, conn, seg);
  await_reset(env, conn, seg, why); /* told by close alone, unless its sender goes on */
  return TCPTALE_ACTION_KEEP;
}

/* Rules R16, R17 and R19 (its bytes are never stream data): an exact RST is told at once, but
 * the connection only closes when reset_ns has passed without a word from its sender; one that
 * is merely in the window is tentative (RFC 5961 3.2). */
static uint32_t feed_reset(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           struct tcptale_arrival *seg) {
  tcptale_accept_place(conn, seg);
  if (conn->phase == TCPTALE_PHASE_RESET) return tell_only(env, conn, seg);
  if (tcptale_handshake_of(env, conn)) return reset_in_handshake(env, conn, seg);
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  uint32_t verdict = tcptale_reset_judge(env, conn, seg);
  if (verdict == 0) return refuse(env, conn, seg, seg->anomaly);
  tcptale_tell_segment(env, conn, seg);
  if (verdict == TCPTALE_RESET_TENTATIVE) {
    if (tcptale_conn_has(conn, TCPTALE_CONN_TENTATIVE)) return TCPTALE_ACTION_KEEP;
    conn->flags |= TCPTALE_CONN_TENTATIVE;
    conn->reset_dir = (uint8_t)seg->dir;
    tcptale_tell_reset(env, conn, seg->dir, TCPTALE_RESET_TENTATIVE);
    return TCPTALE_ACTION_KEEP;
  }
  conn->flags &= ~(uint32_t)TCPTALE_CONN_TENTATIVE;
  tcptale_tell_reset(env, conn, seg->dir, TCPTALE_RESET_EXACT);
  if (tcptale_intake_is_over(conn, 0)) return close_now(env, conn, TCPTALE_CLOSE_FIN);
  await_reset(env, conn, seg, TCPTALE_CLOSE_RST);
  return TCPTALE_ACTION_KEEP;
}

/* The apparent sender of a RST goes on talking: the RST is not believed any more (rules R16,
 * R17). */
static void refute_reset(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t code) {
  conn->flags &= ~(uint32_t)TCPTALE_CONN_TENTATIVE;
  if (!tcptale_handshake_of(env, conn)) /* in a handshake it was not told */
    tcptale_tell_reset(env, conn, conn->reset_dir, TCPTALE_RESET_REFUTED);
  tcptale_tell_anomaly(env, conn, code, conn->reset_dir, 0, 0);
  if (conn->phase != TCPTALE_PHASE_RESET) return;
  conn->close_why = 0;
  conn->phase = tcptale_handshake_of(env, conn) ? TCPTALE_PHASE_HANDSHAKE : TCPTALE_PHASE_OPEN;
  if (conn->phase == TCPTALE_PHASE_OPEN)
    tcptale_opening_replay(env, conn, TCPTALE_NO_DIR, TCPTALE_PARK_RESET);
}

/* What a believed segment says of a RST that came before it. 0: the segment was parked and is
 * done with. */
static int weigh_reset(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       const struct tcptale_arrival *seg) {
  int is_sender = seg->dir == conn->reset_dir;
  int is_current = seg->offset + (int64_t)seg->len >= (int64_t)conn->ends[seg->dir].half.next;
  if (tcptale_conn_has(conn, TCPTALE_CONN_TENTATIVE) && is_sender && is_current)
    refute_reset(env, conn, TCPTALE_ANOMALY_RST_IGNORED);
  if (conn->phase != TCPTALE_PHASE_RESET) return 1;
  if (is_sender && is_current) {
    refute_reset(env, conn, TCPTALE_ANOMALY_RST_SUSPECT_INJECTION);
    return 1;
  }
  int carries = seg->len > 0 || (seg->packet->tcp_flags & TCPTALE_TCP_FIN);
  if (is_sender || !carries) return 1;
  struct tcptale_half *half = &conn->ends[seg->dir].half;
  half->highest =
      (uint64_t)tcptale_max_i64((int64_t)half->highest, seg->offset + (int64_t)seg->len);
  if (!tcptale_park_push(env, conn, seg, TCPTALE_PARK_RESET))
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_DISCARDED, seg->dir,
                         (uint64_t)tcptale_max_i64(seg->offset, 0), seg->len);
  return 0;
}

/* ---- SYN in a live connection (rule R9) ---- */

/* A SYN+ACK from the side that seemed to refuse the call: the refusal was not its own. */
static int is_real_answer(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (!hs || conn->phase != TCPTALE_PHASE_RESET || seg->dir != conn->reset_dir) return 0;
  return (seg->packet->tcp_flags & TCPTALE_TCP_ACK) && seg->dir == TCPTALE_S2C &&
         tcptale_handshake_choose_syn(hs, seg->packet->ack) != NULL;
}

/* A SYN says nothing by itself here (RFC 5961 4): the receiver answers with a challenge ACK, or,
 * if it has forgotten the connection, with SYN+ACK. So the SYN is kept, and the answer decides. */
static uint32_t feed_syn_again(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                               struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  int is_answer = (seg->packet->tcp_flags & TCPTALE_TCP_ACK) != 0;
  tcptale_accept_place(conn, seg);
  if (is_answer && tcptale_linger_answers_renewal(env, conn, seg))
    return make_way(env, conn, seg, TCPTALE_CLOSE_SUPERSEDED);
  if (tcptale_opening_adopt(env, conn, seg)) {
    tcptale_tell_segment(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  if (tcptale_end_has(own, TCPTALE_END_SYN) && tcptale_end_isn(own) == seg->packet->seq) {
    seg->verdict = TCPTALE_SEGMENT_RETRANSMISSION;
    tcptale_tell_segment(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  if (is_answer) {
    int by_client = seg->dir == TCPTALE_C2S;
    return refuse(env, conn, seg,
                  by_client ? TCPTALE_ANOMALY_SYNACK_WRONG_DIR : TCPTALE_ANOMALY_SYNACK_DIFF_SEQ);
  }
  int is_over = conn->phase == TCPTALE_PHASE_RESET || tcptale_intake_is_over(conn, 0);
  if (is_over && !seg->doubtful && tcptale_linger_is_new_call(conn, seg))
    return make_way(env, conn, seg, TCPTALE_CLOSE_FIN);
  refuse(env, conn, seg, TCPTALE_ANOMALY_SYN_IN_ESTABLISHED);
  tcptale_park_renew(env, conn, seg);
  return TCPTALE_ACTION_KEEP;
}

/* ---- everything else ---- */

static uint32_t close_if_over(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (!tcptale_intake_is_over(conn, 1)) return TCPTALE_ACTION_KEEP;
  return close_now(env, conn, TCPTALE_CLOSE_FIN);
}

/* After a segment took effect the connection may be over. */
static inline uint32_t wind_up(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  tcptale_intake_pass(env, conn);
  return close_if_over(env, conn);
}

/* The server's bytes count for the client from its SYN+ACK on, but are told after established:
 * they wait for the ACK that completes the handshake, or until it is clear that it will not be
 * seen. */
static void hold_early(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       struct tcptale_arrival *seg) {
  int carries = seg->len > 0 || (seg->packet->tcp_flags & TCPTALE_TCP_FIN);
  if (!carries) return;
  if (seg->len > 0)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_DATA_BEFORE_EST, seg->dir, 0, seg->len);
  int parked = tcptale_park_push(env, conn, seg, TCPTALE_PARK_EARLY);
  if (parked && conn->parked_count <= EARLY_MOST) return;
  tcptale_opening_give_up(env, conn);
  if (parked) return;
  tcptale_accept(env, conn, seg);
  if (seg->verdict != TCPTALE_SEGMENT_OUTSIDE) tcptale_intake(env, conn, seg);
}

/* Beyond every window that was seen. Where the capture lost a lot, the receiver takes it all the
 * same: it waits for the ACK that says so. */
static void keep_beyond(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg) {
  struct tcptale_arrival oldest;
  if (seg->len == 0) return;
  while (conn->parked_count >= TCPTALE_PARK_BEYOND_MOST) {
    struct tcptale_parked *p =
        tcptale_park_take(env, conn, TCPTALE_NO_DIR, TCPTALE_PARK_BEYOND, &oldest);
    if (!p) return;
    tcptale_park_drop(env, p);
  }
  tcptale_park_push(env, conn, seg, TCPTALE_PARK_BEYOND);
}

/* After an acknowledgement: what lay beyond the window and is covered comes back. */
static void revisit_beyond(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           const struct tcptale_arrival *seg) {
  uint32_t other = tcptale_other(seg->dir);
  const struct tcptale_end *peer = &conn->ends[other];
  if (conn->parked == TCPTALE_ARENA_NONE || !(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return;
  uint32_t edge_seq = peer->half.next_seq + (uint32_t)(peer->edge - peer->half.next);
  tcptale_park_sift(env, conn, other, seg->packet->ack, edge_seq);
  tcptale_opening_replay(env, conn, other, TCPTALE_PARK_CAUGHT_UP);
}

/* A segment without SYN and RST, in the order of RFC 9293 3.10.7.4: is it acceptable, what does
 * it say of a RST before it, then its ACK, its bytes, its FIN. */
static uint32_t feed_plain(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           struct tcptale_arrival *seg) {
  uint32_t flags_refused = tcptale_accept_flags(seg->packet);
  if (flags_refused) return refuse(env, conn, seg, flags_refused);
  const struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  int was_reset = hs && conn->phase == TCPTALE_PHASE_RESET;
  if (was_reset && (seg->dir != conn->reset_dir || hs->synack_count == 0))
    return tell_only(env, conn, seg);
  uint32_t opening = hs ? tcptale_opening_select(env, conn, seg) : (uint32_t)TCPTALE_OPENING_GO;
  if (opening == TCPTALE_OPENING_REFUSE)
    return refuse(env, conn, seg, TCPTALE_ANOMALY_ACK_IMPLAUSIBLE);
  if (was_reset) refute_reset(env, conn, TCPTALE_ANOMALY_RST_SUSPECT_INJECTION);
  if (conn->parked != TCPTALE_ARENA_NONE)
    seg->catches_up = (uint32_t)tcptale_park_is_answered(env, conn, tcptale_other(seg->dir),
                                                         TCPTALE_PARK_BEYOND, seg->packet->ack);
  tcptale_accept(env, conn, seg);
  tcptale_tell_segment(env, conn, seg);
  if (seg->verdict == TCPTALE_SEGMENT_OUTSIDE) {
    if (seg->anomaly == TCPTALE_ANOMALY_OUT_OF_WINDOW) keep_beyond(env, conn, seg);
    if (seg->anomaly == TCPTALE_ANOMALY_ACK_OLD) tcptale_intake_compare(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  if (opening == TCPTALE_OPENING_HOLD) {
    hold_early(env, conn, seg);
    return wind_up(env, conn);
  }
  if (opening == TCPTALE_OPENING_ESTABLISH) tcptale_opening_establish(env, conn, seg);
  if (!weigh_reset(env, conn, seg)) return TCPTALE_ACTION_KEEP;
  const struct tcptale_parked *renewal = tcptale_park_renewal(env, conn);
  int is_challenge = seg->len == 0 && !(seg->packet->tcp_flags & TCPTALE_TCP_FIN);
  if (renewal && renewal->dir != seg->dir && is_challenge) /* RFC 5961 4 */
    tcptale_park_forget_renewal(env, conn);
  tcptale_intake(env, conn, seg);
  revisit_beyond(env, conn, seg);
  return wind_up(env, conn);
}

/* What decides a segment's way is its flags, and whether its checksum speaks for it (rule R21). */
static uint32_t feed_by_flags(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              struct tcptale_arrival *seg, uint32_t trust) {
  uint32_t flags = seg->packet->tcp_flags;
  int bad_flags = (seg->packet->anomalies >> TCPTALE_ANOMALY_BAD_FLAGS & 1) != 0;
  if ((flags & TCPTALE_TCP_SYN) && bad_flags)
    return refuse(env, conn, seg, TCPTALE_ANOMALY_BAD_FLAGS);
  int is_embryo = conn->phase == TCPTALE_PHASE_EMBRYO;
  if (is_embryo && trust == TCPTALE_TRUST_GOOD && tcptale_doubt_is_contradicted(env, conn, seg))
    return make_way(env, conn, seg, TCPTALE_CLOSE_SUPERSEDED);
  if (flags & TCPTALE_TCP_SYN) {
    if (is_real_answer(env, conn, seg))
      refute_reset(env, conn, TCPTALE_ANOMALY_RST_SUSPECT_INJECTION);
    if (!tcptale_handshake_of(env, conn) || conn->phase == TCPTALE_PHASE_RESET)
      return feed_syn_again(env, conn, seg);
    if (tcptale_linger_answers_renewal(env, conn, seg))
      return make_way(env, conn, seg, TCPTALE_CLOSE_SUPERSEDED);
    if (flags & TCPTALE_TCP_ACK) tcptale_opening_synack(env, conn, seg);
    else tcptale_opening_syn(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  if (conn->parked != TCPTALE_ARENA_NONE) tcptale_doubt_clear(env, conn, seg);
  if (trust == TCPTALE_TRUST_UNSURE) {
    tcptale_doubt_hold(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  if (is_embryo) tcptale_doubt_open(env, conn);
  if (flags & TCPTALE_TCP_RST) return feed_reset(env, conn, seg);
  return feed_plain(env, conn, seg);
}

uint32_t tcptale_connection_feed(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                 struct tcptale_arrival *seg) {
  tcptale_intake_fetch(&conn->ends[seg->dir].half, seg->packet->seq, seg->payload, seg->cap_len);
  uint32_t trust = tcptale_trust_judge(env, conn, seg);
  if (trust == TCPTALE_TRUST_BAD) {
    env->bad_checksums++;
    return refuse(env, conn, seg, seg->anomaly);
  }
  if (!seg->from_queue) count(conn, seg);
  seg->doubtful = trust == TCPTALE_TRUST_UNSURE;
  if (conn->phase == TCPTALE_PHASE_CLOSED) return tcptale_linger_feed(env, conn, seg);
  conn->last_ns = env->now_ns;
  conn->card->touched = 1;
  if (seg->verdict == TCPTALE_SEGMENT_DUP_FRAME) {
    env->dup_frames++;
    tcptale_accept_place(conn, seg);
    tcptale_tell_segment(env, conn, seg);
    tcptale_intake_compare(env, conn, seg);
    return TCPTALE_ACTION_KEEP;
  }
  return feed_by_flags(env, conn, seg, trust);
}

/* Rule R2, and case H14: flags that no host sends open nothing. */
int tcptale_connection_opens(const struct tcptale_conn_env *env, struct tcptale_arrival *seg) {
  uint32_t flags = seg->packet->tcp_flags;
  seg->anomaly = tcptale_accept_flags(seg->packet);
  if ((flags & TCPTALE_TCP_RST) && seg->anomaly == TCPTALE_ANOMALY_NO_ACK_FLAG) seg->anomaly = 0;
  if (seg->anomaly) return 0;
  if (flags & TCPTALE_TCP_SYN) return 1;
  return !(env->config.flags & TCPTALE_CONFIG_NO_MIDSTREAM);
}

void tcptale_connection_begin(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              struct tcptale_arrival *seg) {
  uint32_t trust = tcptale_trust_judge(env, conn, seg);
  conn->first_ns = conn->last_ns = env->now_ns;
  if (!seg->from_queue) count(conn, seg);
  tcptale_opening_begin(env, conn, seg, trust == TCPTALE_TRUST_UNSURE);
  if (trust == TCPTALE_TRUST_GOOD)
    tcptale_trust_judge(env, conn, seg); /* now that it is open, offload is told */
  uint32_t flags = seg->packet->tcp_flags;
  if (flags & TCPTALE_TCP_SYN) tcptale_tell_segment(env, conn, seg);
  else if (trust == TCPTALE_TRUST_UNSURE) tcptale_doubt_hold(env, conn, seg);
  else if (flags & TCPTALE_TCP_RST) feed_reset(env, conn, seg);
  else feed_plain(env, conn, seg);
}

/* Closes what waited too long, as of its deadline: when somebody looks makes no difference to
 * what comes after. */
static uint32_t close_overdue(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              uint32_t why) {
  uint64_t due = tcptale_closing_deadline(env, conn);
  uint32_t action = close_now(env, conn, why);
  conn->reset_ns = tcptale_min_u64(due, env->now_ns);
  return action;
}

uint32_t tcptale_connection_expire(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  uint64_t due = tcptale_closing_deadline(env, conn);
  if (!tcptale_closing_is_due(env, conn)) return TCPTALE_ACTION_KEEP;
  switch ((enum tcptale_phase)conn->phase) {
  case TCPTALE_PHASE_CLOSED: return TCPTALE_ACTION_FORGET;
  case TCPTALE_PHASE_RESET:
  case TCPTALE_PHASE_EMBRYO: return close_overdue(env, conn, TCPTALE_CLOSE_TIMEOUT);
  case TCPTALE_PHASE_HANDSHAKE: {
    const struct tcptale_parked *first = tcptale_park_first(env, conn);
    int only_waits = first && first->why == TCPTALE_PARK_EARLY &&
                     due - first->ts_ns == env->config.async_hole_ns;
    if (!only_waits) return close_overdue(env, conn, TCPTALE_CLOSE_TIMEOUT);
    tcptale_opening_give_up(env, conn);
    break;
  }
  case TCPTALE_PHASE_OPEN: break;
  }
  due = tcptale_min_u64(due, env->now_ns);
  uint64_t last = tcptale_intake_overdue(env, conn);
  if (tcptale_intake_is_over(conn, 1)) {
    uint32_t action = close_now(env, conn, TCPTALE_CLOSE_FIN);
    conn->reset_ns = tcptale_max_u64(due, last);
    return action;
  }
  if (tcptale_closing_deadline(env, conn) > env->now_ns) return TCPTALE_ACTION_KEEP;
  return close_overdue(env, conn, TCPTALE_CLOSE_TIMEOUT);
}

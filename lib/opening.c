/* opening.c - see opening.h. Floor 8. */
#include "opening.h"

#include "accept.h"
#include "handshake.h"
#include "intake.h"
#include "park.h"
#include "tcptale/seq.h"
#include "tell.h"
#include "trust.h"
#include "util.h"

/* How far ahead of its SYN the segment may stand that completes a handshake. */
#define BEGINNING_REACH ((int32_t)0x100000)

#define NS_A_SECOND ((uint64_t)1000000000)

static struct tcptale_end *client_of(struct tcptale_conn *conn) {
  return &conn->ends[TCPTALE_C2S];
}

static struct tcptale_end *server_of(struct tcptale_conn *conn) {
  return &conn->ends[TCPTALE_S2C];
}

/* The data of a SYN or SYN+ACK as a segment of its own, parked. */
static void park_opening_data(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              const struct tcptale_arrival *seg, uint32_t why) {
  if (seg->len == 0) return;
  tcptale_packet packet = *seg->packet;
  packet.seq += 1;
  packet.tcp_flags = (uint16_t)((packet.tcp_flags & ~(uint32_t)TCPTALE_TCP_SYN) | TCPTALE_TCP_ACK);
  struct tcptale_arrival data = *seg;
  data.packet = &packet;
  if (!tcptale_park_push(env, conn, &data, why))
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_NOMEM, seg->dir, 0, seg->len);
}

/* Rule R2: the sender of the first SYN is the client, or the receiver of a SYN+ACK. */
void tcptale_opening_note_first(struct tcptale_conn *conn) {
  int is_syn = conn->how == TCPTALE_OPEN_SYN;
  uint32_t sender = is_syn ? TCPTALE_C2S : TCPTALE_S2C;
  client_of(conn)->wscale = server_of(conn)->wscale = TCPTALE_WSCALE_NONE;
  conn->ends[sender].flags |= TCPTALE_END_SYN | TCPTALE_END_SEEN;
  if (!is_syn) client_of(conn)->flags |= TCPTALE_END_SYN_ACKED;
  tcptale_intake_state(conn, sender, is_syn ? TCPTALE_INPUT_SEND_SYN : TCPTALE_INPUT_SEND_SYN_ACK);
  tcptale_intake_state(conn, tcptale_other(sender),
                       is_syn ? TCPTALE_INPUT_RECV_SYN : TCPTALE_INPUT_RECV_SYN_ACK);
}

/* The client's SYN stood right before what a SYN+ACK acknowledges. */
void tcptale_opening_base_first(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                uint32_t isn, uint32_t ack) {
  int is_syn = conn->how == TCPTALE_OPEN_SYN;
  if (!is_syn) tcptale_intake_base(env, conn, TCPTALE_S2C, isn, 0);
  tcptale_intake_base(env, conn, TCPTALE_C2S, is_syn ? isn : ack - 1, 0);
}

static void begin_first(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg, int is_answer) {
  tcptale_handshake_add(tcptale_handshake_of(env, conn), seg, is_answer);
  tcptale_opening_base_first(env, conn, seg->packet->seq, seg->packet->ack);
  tcptale_opening_note_first(conn);
}

void tcptale_opening_begin(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                           struct tcptale_arrival *seg, int doubtful) {
  uint32_t kind = seg->packet->tcp_flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_ACK);
  int is_synack = kind == (TCPTALE_TCP_SYN | TCPTALE_TCP_ACK);
  int is_syn = kind == TCPTALE_TCP_SYN;
  client_of(conn)->wscale = server_of(conn)->wscale = TCPTALE_WSCALE_NONE;
  conn->phase = TCPTALE_PHASE_OPEN;
  conn->how = TCPTALE_OPEN_MIDSTREAM;
  if (is_syn || is_synack) {
    conn->flags |= TCPTALE_CONN_ROLE_KNOWN;
    conn->phase = TCPTALE_PHASE_HANDSHAKE;
    conn->how = is_syn ? TCPTALE_OPEN_SYN : TCPTALE_OPEN_SYNACK;
  }
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  uint32_t how = conn->how;
  if (is_syn || is_synack) begin_first(env, conn, seg, is_synack);
  if (doubtful) conn->phase = TCPTALE_PHASE_EMBRYO;
  else tcptale_tell_open(env, conn, how);
  if (is_syn) park_opening_data(env, conn, seg, TCPTALE_PARK_SYN_DATA);
  if (is_synack) park_opening_data(env, conn, seg, TCPTALE_PARK_EARLY);
}

void tcptale_opening_wake(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (conn->phase != TCPTALE_PHASE_EMBRYO) return;
  int half_open = conn->handshake != TCPTALE_ARENA_NONE;
  env->admit(env, half_open);
  conn->phase = half_open ? TCPTALE_PHASE_HANDSHAKE : TCPTALE_PHASE_OPEN;
  tcptale_tell_open(env, conn, conn->how);
}

/* An answer came to what had doubtful checksums: the sender is cleared and the connection opens
 * after all. */
static void open_embryo(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t cleared) {
  tcptale_opening_wake(env, conn);
  tcptale_trust_clear(env, conn, cleared);
}

/* A further SYN of the client: another candidate. */
static void client_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (conn->how == TCPTALE_OPEN_SYNACK && seg->packet->seq != tcptale_end_isn(client_of(conn))) {
    tcptale_tell_refused(env, conn, seg, TCPTALE_ANOMALY_SYN_IN_ESTABLISHED);
    tcptale_park_renew(env, conn, seg);
    return;
  }
  uint32_t known = tcptale_handshake_syn_len(hs, seg->packet->seq);
  uint32_t result = tcptale_handshake_add(hs, seg, 0);
  seg->verdict =
      result == TCPTALE_CANDIDATE_SAME ? TCPTALE_SEGMENT_RETRANSMISSION : TCPTALE_SEGMENT_IN_ORDER;
  if (result == TCPTALE_CANDIDATE_FLOOD) seg->anomaly = TCPTALE_ANOMALY_SYN_FLOOD_FLOW;
  client_of(conn)->flags |= TCPTALE_END_SYN | TCPTALE_END_SEEN;
  if (result != TCPTALE_CANDIDATE_SAME && !hs->chosen_syn && conn->how == TCPTALE_OPEN_SYN)
    tcptale_intake_base(env, conn, TCPTALE_C2S, seg->packet->seq, 0);
  tcptale_tell_segment(env, conn, seg);
  if (seg->len > known) park_opening_data(env, conn, seg, TCPTALE_PARK_SYN_DATA);
}

/* The server answers SYN with SYN: simultaneous open or split handshake; what follows tells
 * which. */
static void server_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (conn->how ==
      TCPTALE_OPEN_SYNACK) { /* who sent SYN+ACK before is the client of a new connection */
    tcptale_tell_refused(env, conn, seg, TCPTALE_ANOMALY_SYNACK_WRONG_DIR);
    tcptale_park_renew(env, conn, seg);
    return;
  }
  uint32_t result = tcptale_handshake_add(hs, seg, 1);
  seg->verdict =
      result == TCPTALE_CANDIDATE_SAME ? TCPTALE_SEGMENT_RETRANSMISSION : TCPTALE_SEGMENT_IN_ORDER;
  tcptale_tell_segment(env, conn, seg);
  conn->flags |= TCPTALE_CONN_SPLIT;
  tcptale_intake_base(env, conn, TCPTALE_S2C, seg->packet->seq, 0);
  server_of(conn)->flags |= TCPTALE_END_SYN | TCPTALE_END_SEEN;
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_SEND_SYN);
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_RECV_SYN);
}

void tcptale_opening_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         struct tcptale_arrival *seg) {
  if (seg->dir == TCPTALE_C2S) client_syn(env, conn, seg);
  else server_syn(env, conn, seg);
}

/* The acknowledgement `ack` chose the client's SYN: the base follows it. */
static void use_syn(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                    struct tcptale_candidate *syn, uint32_t ack) {
  if (tcptale_end_isn(client_of(conn)) != syn->isn)
    tcptale_intake_base(env, conn, TCPTALE_C2S, syn->isn, 0);
  client_of(conn)->flags |= TCPTALE_END_SYN_ACKED;
  syn->ack = ack;
  if (syn->bad_csum) open_embryo(env, conn, TCPTALE_C2S);
}

/* Rule R10: of what the SYNs carried, only the bytes that the server acknowledged belong to the
 * stream. Where its answer was not captured, the client's next number tells. */
static void drop_refused(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         const struct tcptale_arrival *seg) {
  const struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  uint32_t first = tcptale_end_isn(client_of(conn)) + 1;
  uint32_t next = seg->dir == TCPTALE_C2S ? seg->packet->seq : seg->packet->ack;
  if (hs->chosen_syn) next = hs->syn[hs->chosen_syn - 1].ack;
  uint32_t taken = tcptale_seq_gt(next, first) ? next - first : 0;
  uint32_t gone = tcptale_park_trim(env, conn, TCPTALE_PARK_SYN_DATA, first, taken);
  if (gone)
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_SYN_DATA_IGNORED, TCPTALE_C2S, taken, gone);
}

/* Both ends sent SYN. Simultaneous open, or a server that splits its answer: the last segment of
 * the handshake tells (RFC 9293 figure 7: both answer with SYN+ACK; or neither does). */
static void tell_split(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                       const struct tcptale_arrival *seg) {
  int is_split = seg->dir == TCPTALE_S2C && !(seg->packet->tcp_flags & TCPTALE_TCP_SYN) &&
                 tcptale_conn_has(conn, TCPTALE_CONN_CLIENT_SYNACK);
  uint32_t code = is_split ? TCPTALE_ANOMALY_SPLIT_HANDSHAKE : TCPTALE_ANOMALY_SIMULTANEOUS_OPEN;
  tcptale_tell_anomaly(env, conn, code, TCPTALE_NO_DIR, 0, 0);
}

/* Only a client that was called back (RFC 9293 figure 7) answers with SYN+ACK. */
static void client_synack(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg) {
  int answers = tcptale_conn_has(conn, TCPTALE_CONN_SPLIT) &&
                seg->packet->ack == tcptale_end_isn(server_of(conn)) + 1;
  if (!answers) {
    tcptale_tell_refused(env, conn, seg, TCPTALE_ANOMALY_SYNACK_WRONG_DIR);
    return;
  }
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  tcptale_tell_segment(env, conn, seg);
  conn->flags |= TCPTALE_CONN_CLIENT_SYNACK;
  server_of(conn)->flags |= TCPTALE_END_SYN_ACKED;
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_SEND_SYN_ACK);
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_ACK_OF_SYN);
  if (tcptale_end_has(client_of(conn), TCPTALE_END_SYN_ACKED))
    tcptale_opening_establish(env, conn, seg);
}

/* RFC 9293 3.10.7.3: a SYN+ACK has to acknowledge a SYN; which of several, it says itself (rule
 * R8). With or without the SYN's data, it also says (RFC 7413 4.2.2). */
static void server_synack(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  struct tcptale_candidate *syn = tcptale_handshake_choose_syn(hs, seg->packet->ack);
  if (!syn && conn->how == TCPTALE_OPEN_SYN) {
    hs->bad_ack = seg->packet->ack;
    hs->has_bad_ack = 1;
    tcptale_tell_refused(env, conn, seg, TCPTALE_ANOMALY_SYNACK_BAD_ACK);
    return;
  }
  int is_first = hs->synack_count == 0;
  uint32_t result = tcptale_handshake_add(hs, seg, 1);
  seg->verdict = result == TCPTALE_CANDIDATE_SAME && !tcptale_conn_has(conn, TCPTALE_CONN_SPLIT)
                     ? TCPTALE_SEGMENT_RETRANSMISSION
                     : TCPTALE_SEGMENT_IN_ORDER;
  if (result != TCPTALE_CANDIDATE_SAME && !is_first) seg->anomaly = TCPTALE_ANOMALY_SYNACK_DIFF_SEQ;
  if (syn && syn->bad_csum) open_embryo(env, conn, TCPTALE_C2S);
  tcptale_tell_segment(env, conn, seg);
  if (syn) use_syn(env, conn, syn, seg->packet->ack);
  if (is_first) tcptale_intake_base(env, conn, TCPTALE_S2C, seg->packet->seq, 0);
  server_of(conn)->flags |= TCPTALE_END_SYN | TCPTALE_END_SEEN;
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_SEND_SYN_ACK);
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_RECV_SYN_ACK);
  if (result != TCPTALE_CANDIDATE_SAME) park_opening_data(env, conn, seg, TCPTALE_PARK_EARLY);
  int complete = tcptale_conn_has(conn, TCPTALE_CONN_SPLIT) &&
                 tcptale_end_has(server_of(conn), TCPTALE_END_SYN_ACKED);
  if (complete) tcptale_opening_establish(env, conn, seg);
}

void tcptale_opening_synack(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                            struct tcptale_arrival *seg) {
  if (seg->dir == TCPTALE_C2S) client_synack(env, conn, seg);
  else server_synack(env, conn, seg);
}

/* What is parked was seen: an acknowledgement of it is no surprise. */
static void count_parked(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir) {
  struct tcptale_half *half = &conn->ends[dir].half;
  const struct tcptale_parked *p = tcptale_park_first(env, conn);
  for (; p; p = p->next ? tcptale_arena_at(&env->arena, p->next) : NULL) {
    if (p->dir != dir || p->packet.payload_len == 0) continue;
    int64_t end = tcptale_half_offset(half, p->packet.seq) + p->packet.payload_len;
    half->highest = (uint64_t)tcptale_max_i64((int64_t)half->highest, end);
  }
}

/* The server's SYN+ACK was not seen: its sequence number follows from what the client
 * acknowledges, or from what the server said before. */
static void infer_server(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t ack) {
  uint32_t isn = ack - 1;
  const struct tcptale_parked *p = tcptale_park_first(env, conn);
  for (; p; p = p->next ? tcptale_arena_at(&env->arena, p->next) : NULL)
    if (p->dir == TCPTALE_S2C && tcptale_seq_lt(p->packet.seq, isn + 1)) isn = p->packet.seq - 1;
  tcptale_intake_base(env, conn, TCPTALE_S2C, isn, 1);
  client_of(conn)->flags |= TCPTALE_END_SYN_ACKED;
}

/* No client is further than a window ahead when its first segment is seen, unless the capture
 * missed a lot; far beyond, the number is not its own. */
static int is_near_beginning(const struct tcptale_end *client, const struct tcptale_arrival *seg) {
  int32_t ahead = tcptale_seq_diff(seg->packet->seq, tcptale_end_isn(client));
  return ahead >= 0 && ahead < BEGINNING_REACH;
}

/* The client's acknowledgement chooses the SYN+ACK that it believed (rule R8, case H08),
 * whatever came first. */
static uint32_t select_client(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  uint32_t ack = seg->packet->ack;
  if (!(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return TCPTALE_OPENING_GO;
  if (hs->synack_count == 0) {
    infer_server(env, conn, ack);
    return TCPTALE_OPENING_ESTABLISH;
  }
  const struct tcptale_candidate *synack = tcptale_handshake_choose_synack(hs, ack);
  if (!synack) return TCPTALE_OPENING_REFUSE;
  int is_answer = !tcptale_conn_has(conn, TCPTALE_CONN_SPLIT); /* and names the SYN with it */
  struct tcptale_candidate *syn = is_answer ? tcptale_handshake_choose_syn(hs, synack->ack) : NULL;
  if (syn) use_syn(env, conn, syn, synack->ack);
  if (!is_near_beginning(client_of(conn), seg)) return TCPTALE_OPENING_REFUSE;
  if (tcptale_end_isn(server_of(conn)) != synack->isn)
    tcptale_intake_base(env, conn, TCPTALE_S2C, synack->isn, 0);
  if (synack->bad_csum) open_embryo(env, conn, TCPTALE_S2C);
  server_of(conn)->flags |= TCPTALE_END_SYN_ACKED;
  count_parked(env, conn, TCPTALE_S2C);
  int complete = tcptale_end_has(client_of(conn), TCPTALE_END_SYN_ACKED);
  return complete ? TCPTALE_OPENING_ESTABLISH : TCPTALE_OPENING_HOLD;
}

/* Before the client has answered, a server only counts as synchronised where both sides called
 * (case H12); a bare ACK before its SYN means nothing (case H13). */
static uint32_t select_server(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              struct tcptale_arrival *seg) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (!(seg->packet->tcp_flags & TCPTALE_TCP_ACK)) return TCPTALE_OPENING_GO;
  if (!tcptale_conn_has(conn, TCPTALE_CONN_SPLIT)) return TCPTALE_OPENING_HOLD;
  struct tcptale_candidate *syn = tcptale_handshake_choose_syn(hs, seg->packet->ack);
  if (!syn) return TCPTALE_OPENING_HOLD;
  use_syn(env, conn, syn, seg->packet->ack);
  int complete = tcptale_end_has(server_of(conn), TCPTALE_END_SYN_ACKED);
  return complete ? TCPTALE_OPENING_ESTABLISH : TCPTALE_OPENING_HOLD;
}

uint32_t tcptale_opening_select(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                                struct tcptale_arrival *seg) {
  return seg->dir == TCPTALE_C2S ? select_client(env, conn, seg) : select_server(env, conn, seg);
}

/* Options count only where both SYNs carried them (RFC 7323 1.3, 2.2). */
static void agree(struct tcptale_conn *conn, const struct tcptale_candidate *syn,
                  const struct tcptale_candidate *synack, uint64_t ts_ns) {
  struct tcptale_end *client = client_of(conn), *server = server_of(conn);
  if (syn && synack) {
    conn->flags |= TCPTALE_CONN_AGREED;
    uint32_t both = syn->options & synack->options;
    if (both & TCPTALE_HAS_TIMESTAMPS) conn->flags |= TCPTALE_CONN_TIMESTAMPS;
    if (both & TCPTALE_HAS_WSCALE) conn->flags |= TCPTALE_CONN_SCALED;
  }
  uint32_t either = (syn ? syn->options : 0u) | (synack ? synack->options : 0u);
  if (either & TCPTALE_HAS_MD5) conn->flags |= TCPTALE_CONN_SIGNED;
  uint32_t now_s = (uint32_t)(ts_ns / NS_A_SECOND);
  client->ts_recent_s = server->ts_recent_s = now_s;
  if (syn) {
    client->wscale = syn->wscale;
    client->ts_recent = syn->ts_val;
    client->window = syn->window;
    server->edge = tcptale_max_u64(server->edge, syn->window);
  }
  if (synack) {
    client->half.flags |= TCPTALE_HALF_ACKS_SEEN;
    server->wscale = synack->wscale;
    server->ts_recent = synack->ts_val;
    server->window = synack->window;
    client->edge = tcptale_max_u64(client->edge, synack->window);
  }
}

/* What comes back is judged as if it came now: a number that fitted no candidate is refused. */
void tcptale_opening_replay(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                            uint32_t why) {
  struct tcptale_arrival seg;
  for (struct tcptale_parked *p; (p = tcptale_park_take(env, conn, dir, why, &seg)) != NULL;) {
    if (why == TCPTALE_PARK_SYN_DATA)
      p->packet.ack = tcptale_end_isn(server_of(conn)) + 1; /* a SYN acknowledges nothing yet */
    tcptale_accept(env, conn, &seg);
    if (seg.verdict != TCPTALE_SEGMENT_OUTSIDE) tcptale_intake(env, conn, &seg);
    else tcptale_tell_anomaly(env, conn, seg.anomaly, seg.dir, 0, seg.len);
    tcptale_park_drop(env, p);
  }
}

void tcptale_opening_establish(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                               const struct tcptale_arrival *seg) {
  uint64_t ts_ns = seg->ts_ns;
  if (tcptale_conn_has(conn, TCPTALE_CONN_SPLIT)) tell_split(env, conn, seg);
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  const struct tcptale_candidate *syn = tcptale_handshake_syn(hs),
                                 *synack = tcptale_handshake_synack(hs);
  agree(conn, syn, synack, ts_ns);
  drop_refused(env, conn, seg);
  int64_t rtt_ns = syn && synack ? (int64_t)(ts_ns - syn->ts_ns) : -1;
  int in_turn =
      syn && synack && synack->ts_ns >= syn->ts_ns; /* else captured the wrong way round */
  int64_t syn_synack_ns = in_turn ? (int64_t)(synack->ts_ns - syn->ts_ns) : -1;
  tcptale_handshake_end(env, conn);
  conn->phase = TCPTALE_PHASE_OPEN;
  conn->flags |= TCPTALE_CONN_EST_TOLD;
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_SEND_OTHER);
  tcptale_intake_state(conn, TCPTALE_S2C, TCPTALE_INPUT_ACK_OF_SYN);
  tcptale_intake_state(conn, TCPTALE_C2S, TCPTALE_INPUT_ACK_OF_SYN);
  if (!(seg->packet->tcp_flags & TCPTALE_TCP_SYN)) /* what waits may be what it acknowledges */
    tcptale_intake_window(env, conn, seg);
  tcptale_tell_established(env, conn, rtt_ns, syn_synack_ns);
  tcptale_opening_replay(env, conn, TCPTALE_NO_DIR, TCPTALE_PARK_SYN_DATA);
  tcptale_opening_replay(env, conn, TCPTALE_NO_DIR, TCPTALE_PARK_EARLY);
}

void tcptale_opening_give_up(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (hs) agree(conn, tcptale_handshake_syn(hs), tcptale_handshake_synack(hs), env->now_ns);
  const struct tcptale_parked *first = tcptale_park_first(env, conn);
  if (!tcptale_end_has(server_of(conn), TCPTALE_END_BASED) && first && first->dir == TCPTALE_S2C)
    infer_server(env, conn, first->packet.seq);
  tcptale_handshake_end(env, conn);
  conn->phase = TCPTALE_PHASE_OPEN;
  tcptale_opening_replay(env, conn, TCPTALE_NO_DIR, TCPTALE_PARK_EARLY);
}

/* Exchanges the roles: nothing but open was told, so nobody has seen a direction yet. What waits,
 * and what was noted of each side, goes along; policies belong to the roles. */
static void flip(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  struct tcptale_end end = conn->ends[0];
  conn->ends[0] = conn->ends[1];
  conn->ends[1] = end;
  uint8_t policy = conn->ends[0].half.policy;
  conn->ends[0].half.policy = conn->ends[1].half.policy;
  conn->ends[1].half.policy = policy;
  uint32_t told = conn->flags / TCPTALE_CONN_OFFLOAD_TOLD & 3;
  conn->flags &= ~(uint32_t)(3 * TCPTALE_CONN_OFFLOAD_TOLD);
  conn->flags |= ((told & 1) << 1 | told >> 1) * TCPTALE_CONN_OFFLOAD_TOLD;
  conn->client_at ^= 1;
  tcptale_park_flip(env, conn);
}

int tcptale_opening_adopt(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg) {
  struct tcptale_end *own = &conn->ends[seg->dir];
  int is_late = conn->how == TCPTALE_OPEN_MIDSTREAM && tcptale_end_has(own, TCPTALE_END_BASED) &&
                tcptale_end_isn(own) == seg->packet->seq && !tcptale_end_has(own, TCPTALE_END_SYN);
  int in_time = !tcptale_conn_has(conn, TCPTALE_CONN_DATA_TOLD) ||
                seg->ts_ns - conn->first_ns <= env->config.reorder_hold_ns;
  if (!is_late || !in_time) return 0;
  int is_client = !(seg->packet->tcp_flags & TCPTALE_TCP_ACK);
  if (is_client != (seg->dir == TCPTALE_C2S)) {
    if (tcptale_conn_has(conn, TCPTALE_CONN_DATA_TOLD)) return 0;
    flip(env, conn);
    seg->dir = tcptale_other(seg->dir);
  }
  conn->flags |= TCPTALE_CONN_ROLE_KNOWN;
  conn->ends[seg->dir].flags |= TCPTALE_END_SYN;
  conn->ends[seg->dir].flags &= (uint8_t)~TCPTALE_END_SOFT_BASE;
  seg->verdict = TCPTALE_SEGMENT_IN_ORDER;
  return 1;
}

/* plain.c - see plain.h. Each condition here names what the long way would have told, or done
 * beyond what is done below; tests/test_plain.c has a talk about each. Floor 10. */
#include "plain.h"

#include "accept.h"
#include "card.h"
#include "closing.h"
#include "intake.h"
#include "seq.h"
#include "util.h"

#define NEAR        (1 << 30)
#define OLD_MOST    65535 /* the narrowest of the windows that an old ACK may be behind (rule R5) */
#define NS_A_SECOND ((uint64_t)1000000000)

/* A segment, the connection that it belongs to, and where it stands in both directions. */
struct step {
  struct tcptale_conn *conn;
  struct tcptale_end *own; /* whose segment it is */
  struct tcptale_end *peer;
  const struct tcptale_gist *gist;
  int64_t offset;
  int64_t ack;
  uint64_t edge; /* where the window that it offers ends */
  uint32_t dir;
  uint32_t scale; /* of that window */
};

/* Neither end has finished, each has surely begun, and nothing but bytes waits for anything. Of a
 * direction that has not begun, `fin` is 0. */
static int goes_on(const struct tcptale_conn *conn) {
  const struct tcptale_end *c = &conn->ends[0], *s = &conn->ends[1];
  uint32_t waits = conn->parked | conn->renew; /* both NONE, which is 0 */
  if (waits || conn->phase != TCPTALE_PHASE_OPEN) return 0;
  if (tcptale_conn_has(conn, TCPTALE_CONN_TENTATIVE)) return 0;
  if ((c->flags | s->flags) & TCPTALE_END_SOFT_BASE) return 0;
  return (c->half.fin & s->half.fin) == TCPTALE_NO_FIN;
}

static void place(struct step *s) {
  s->offset = tcptale_half_offset(&s->own->half, s->gist->said.seq);
  s->ack = tcptale_half_offset(&s->peer->half, s->gist->said.ack);
  s->scale = tcptale_accept_scale(s->conn, s->dir);
  s->edge = (uint64_t)s->ack + ((uint64_t)s->gist->said.window << s->scale);
}

/* Rule R15: one byte may be a keep-alive's, unless it is above all that was seen or acknowledged,
 * or it probes a window that is closed. */
static int may_be_probe(const struct step *s) {
  const struct tcptale_half *half = &s->own->half;
  if (s->gist->said.len != 1) return 0;
  return s->peer->window == 0 || s->offset < (int64_t)tcptale_max_u64(half->highest, half->acked);
}

/* Rules R3, R14: near, and within the window. */
static int is_in_window(const struct step *s) {
  int32_t ahead = tcptale_seq_distance(s->gist->said.seq, s->own->half.next_seq);
  if (ahead <= -NEAR || ahead >= NEAR) return 0;
  return s->offset + (int64_t)s->gist->said.len <= (int64_t)s->own->edge;
}

/* Rules R5, R12: it acknowledges what was seen, and is not older than a window. */
static int is_ack_in_window(const struct step *s) {
  const struct tcptale_half *peer = &s->peer->half;
  return (uint64_t)s->ack <= peer->highest && /* not below 0 either */
         (uint64_t)s->ack + OLD_MOST >= peer->acked;
}

/* Rule R13. */
static int is_stamped(const struct step *s) {
  if (!tcptale_conn_has(s->conn, TCPTALE_CONN_TIMESTAMPS)) return 1;
  return s->gist->has_timestamps &&
         tcptale_seq_distance(s->gist->said.ts_val, s->own->ts_recent) >= -1;
}

/* Its sender's distance and link address are as before, or not known. */
static int is_same_path(const struct step *s) {
  const struct tcptale_end *own = s->own;
  const struct tcptale_gist *gist = s->gist;
  return (own->ttl == gist->ttl || own->ttl == 0) &&
         (own->mac == gist->mac || own->mac == 0 || gist->mac == 0);
}

/* A shrinking window is told (rule R14). */
static int shrinks(const struct step *s) {
  return (uint64_t)s->ack >= s->peer->half.acked &&
         s->edge + ((uint64_t)1 << s->scale) <= s->peer->edge &&
         s->gist->said.window < s->own->window;
}

static int is_expected(const struct step *s) {
  return !may_be_probe(s) && is_in_window(s) && is_ack_in_window(s) && is_stamped(s) &&
         is_same_path(s) && s->own->state >= TCPTALE_STATE_ESTABLISHED && !shrinks(s);
}

/* TS.Recent (RFC 7323 4.3). */
static void note_timestamp(const struct step *s, uint64_t now_ns) {
  struct tcptale_end *own = s->own;
  if (!tcptale_conn_has(s->conn, TCPTALE_CONN_TIMESTAMPS)) return;
  if (s->offset > (int64_t)own->half.acked) return;
  uint32_t now_s = (uint32_t)(now_ns / NS_A_SECOND);
  int is_newer = tcptale_seq_distance(s->gist->said.ts_val, own->ts_recent) >= 0;
  if (!is_newer && now_s - own->ts_recent_s < TCPTALE_PAWS_IDLE_S) return;
  own->ts_recent = s->gist->said.ts_val;
  own->ts_recent_s = now_s;
}

/* What is counted and remembered of its sender. */
static void note_sender(const struct step *s, uint64_t now_ns) {
  struct tcptale_end *own = s->own;
  own->packets++;
  own->payload_bytes += s->gist->said.len;
  own->window = s->gist->said.window;
  own->ttl = s->gist->ttl;
  if (s->gist->mac != 0) own->mac = s->gist->mac;
  own->flags |= TCPTALE_END_SEEN;
  if (s->gist->good_sum) own->flags |= TCPTALE_END_GOOD_CSUM;
  s->conn->last_ns = now_ns;
  s->conn->card->touched = 1;
  note_timestamp(s, now_ns);
}

static void take_ack(struct tcptale_conn_env *env, const struct step *s) {
  struct tcptale_half *half = tcptale_intake_half(env, s->conn, tcptale_other(s->dir));
  s->peer->edge = tcptale_max_u64(s->peer->edge, s->edge);
  tcptale_half_ack(&env->stream, half, s->ack, env->now_ns);
}

static void take_bytes(struct tcptale_conn_env *env, const struct step *s) {
  const struct tcptale_gist *gist = s->gist;
  struct tcptale_piece piece = {.offset = s->offset,
                                .data = gist->payload,
                                .len = gist->said.len,
                                .cap_len = gist->cap_len,
                                .index = env->emit.index,
                                .ts_ns = env->now_ns};
  tcptale_half_push(&env->stream, tcptale_intake_half(env, s->conn, s->dir), &piece);
}

int tcptale_plain_take(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                       const struct tcptale_gist *gist) {
  struct step s = {.conn = conn, .dir = dir, .gist = gist};
  s.own = &conn->ends[dir];
  s.peer = &conn->ends[tcptale_other(dir)];
  if (!goes_on(conn) || (gist->said.tcp_flags & TCPTALE_TCP_FIN)) return 0;
  place(&s);
  if (!is_expected(&s) || tcptale_closing_is_due(env, conn)) return 0;
  tcptale_intake_fetch(&s.own->half, gist->said.seq, gist->payload, gist->cap_len);
  note_sender(&s, env->now_ns);
  take_ack(env, &s);
  if (gist->said.len > 0) take_bytes(env, &s);
  tcptale_intake_pass(env, conn);
  return 1;
}

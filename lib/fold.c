/* fold.c - see fold.h. Floor 9. */
#include "fold.h"

#include <string.h>

#include "history.h"
#include "util.h"

#define NS_A_SECOND ((uint64_t)1000000000)

/* Further away from `next` than so, a number does not stand for one position any more. */
#define NEAR ((int64_t)1 << 30)

/* The flags of a record that its card, or its tally, has. */
enum {
  TALLIED = TCPTALE_CONN_SPLIT | TCPTALE_CONN_CLIENT_SYNACK | TCPTALE_CONN_SIGNED,
  UNSAID = TCPTALE_CONN_TENTATIVE | TCPTALE_CONN_IGNORED
};

/* The flags of an end that its card says in the same bits. */
#define SAME_FLAGS ((uint8_t) ~(TCPTALE_END_SEEN | TCPTALE_END_BASED))

/* ---- a record out of a card ---- */

static uint32_t flag_if(uint64_t bit, uint32_t flag) {
  return bit ? flag : 0;
}

static uint32_t flags_of(const struct tcptale_card *card) {
  return flag_if(card->est_told, TCPTALE_CONN_EST_TOLD) |
         flag_if(card->is_role_known, TCPTALE_CONN_ROLE_KNOWN) |
         flag_if(card->has_timestamps, TCPTALE_CONN_TIMESTAMPS) |
         flag_if(card->is_scaled, TCPTALE_CONN_SCALED) |
         flag_if(card->is_agreed, TCPTALE_CONN_AGREED) |
         flag_if(card->is_ignored, TCPTALE_CONN_IGNORED) |
         flag_if(card->data_told, TCPTALE_CONN_DATA_TOLD) |
         (uint32_t)card->offload_told * TCPTALE_CONN_OFFLOAD_TOLD;
}

static void unfold_half(const struct tcptale_conn_env *env, const struct tcptale_card *card,
                        uint32_t d, struct tcptale_half *half) {
  const struct tcptale_card_end *from = tcptale_card_end(card, d);
  tcptale_half_init(&env->stream, half, from->next_seq);
  half->next = half->highest = tcptale_card_next(from);
  half->acked = half->next + (uint64_t)tcptale_card_ahead(from, from->acked);
  half->policy = card->policies >> 4 * d & 15;
  if (from->flags & TCPTALE_CARD_ACKS_SEEN) half->flags |= TCPTALE_HALF_ACKS_SEEN;
  if (card->discards >> d & 1) half->flags |= TCPTALE_HALF_DISCARDING;
  if (!tcptale_card_has_ended(from)) return;
  half->flags |= TCPTALE_HALF_ENDED | TCPTALE_HALF_FIN_FIXED;
  half->fin = half->next;
}

/* Once it is open, only a shift that both agreed on is known. */
static int has_scale(const struct tcptale_card *card, const struct tcptale_card_end *end) {
  if (card->cls == TCPTALE_CLASS_HALF_OPEN) return end->scale != TCPTALE_CARD_NO_SCALE;
  return card->is_scaled;
}

static void unfold_end(const struct tcptale_conn_env *env, const struct tcptale_card *card,
                       uint32_t d, struct tcptale_end *end) {
  const struct tcptale_card_end *from = tcptale_card_end(card, d);
  unfold_half(env, card, d, &end->half);
  end->edge = end->half.next + (uint64_t)tcptale_card_ahead(from, from->edge);
  end->payload_bytes = end->delivered = end->half.next;
  end->packets = from->packets;
  end->ts_recent = from->ts_recent;
  end->window = from->window;
  end->wscale = has_scale(card, from) ? from->scale : TCPTALE_WSCALE_NONE;
  end->state = from->state;
  end->ttl = from->ttl;
  end->mac = from->mac;
  end->flags = TCPTALE_END_SEEN | TCPTALE_END_BASED | (from->flags & SAME_FLAGS);
}

static void unfold_tally(const struct tcptale_tally *tally, struct tcptale_conn *conn) {
  conn->anomalies = tally->anomalies;
  conn->flags |= tally->flags;
  for (uint32_t d = 0; d < 2; d++) {
    struct tcptale_end *end = &conn->ends[d];
    end->payload_bytes += tally->more_payload[d];
    end->delivered -= tally->untold[d];
    end->missing = tally->missing[d];
    end->half.history = tally->history[d];
    if (tally->is_lossy[d]) end->half.flags |= TCPTALE_HALF_LOSSY;
  }
}

static uint8_t phase_of(const struct tcptale_card *card) {
  if (card->cls == TCPTALE_CLASS_FULL) return TCPTALE_PHASE_OPEN;
  return card->cls == TCPTALE_CLASS_CLOSED ? TCPTALE_PHASE_CLOSED : TCPTALE_PHASE_HANDSHAKE;
}

void tcptale_unfold(struct tcptale_conn_env *env, struct tcptale_card *card,
                    struct tcptale_conn *conn) {
  const struct tcptale_tally *tally = tcptale_card_tally(&env->arena, card);
  memset(conn, 0, sizeof *conn);
  conn->card = card;
  conn->tracker = env->tracker;
  conn->id = card->id;
  conn->first_ns = tcptale_card_first_ns(&env->arena, card);
  conn->last_ns = conn->first_ns + card->since_ns;
  conn->flags = flags_of(card);
  conn->client_at = card->client_at;
  conn->phase = phase_of(card);
  if (conn->phase == TCPTALE_PHASE_CLOSED) {
    conn->close_why = card->how;
    conn->reset_ns = conn->last_ns;
  } else {
    conn->how = card->how;
  }
  conn->due_ns = tcptale_fold_deadline(env, card);
  for (uint32_t d = 0; d < 2; d++) {
    unfold_end(env, card, d, &conn->ends[d]);
    if (conn->phase == TCPTALE_PHASE_OPEN)
      conn->ends[d].ts_recent_s = (uint32_t)(conn->last_ns / NS_A_SECOND);
  }
  if (!tally) return;
  conn->tally = card->more.at.tally;
  unfold_tally(tally, conn);
}

/* What one end offered goes back into its candidate. */
static void unfold_candidate(struct tcptale_end *end, int is_stamped, struct tcptale_candidate *c) {
  c->isn = tcptale_end_isn(end);
  c->ts_val = end->ts_recent;
  c->window = end->window;
  c->wscale = end->wscale;
  if (end->wscale != TCPTALE_WSCALE_NONE) c->options |= TCPTALE_HAS_WSCALE;
  if (is_stamped) c->options |= TCPTALE_HAS_TIMESTAMPS;
  end->window = 0;
  end->ts_recent = 0;
  end->wscale = TCPTALE_WSCALE_NONE;
}

void tcptale_unfold_candidates(struct tcptale_conn *conn, struct tcptale_handshake *hs) {
  uint64_t stamps = conn->card->stamps;
  memset(hs, 0, sizeof *hs);
  unfold_candidate(&conn->ends[TCPTALE_C2S], stamps & 1, &hs->syn[0]);
  unfold_candidate(&conn->ends[TCPTALE_S2C], stamps >> 1 & 1, &hs->synack[0]);
  hs->syn[0].ts_ns = conn->first_ns;
  hs->synack[0].ts_ns = conn->last_ns;
  hs->syn[0].ack = hs->synack[0].ack = hs->syn[0].isn + 1;
  hs->syn_count = hs->synack_count = hs->chosen_syn = 1;
}

/* ---- a card out of a record ---- */

/* Nothing of a direction waits, or is unwanted. */
static int is_calm(const struct tcptale_half *half) {
  const uint8_t busy = TCPTALE_HALF_DISCARDING | TCPTALE_HALF_WAITING;
  return half->cold == TCPTALE_ARENA_NONE && half->urgents == 0 && half->tiny == 0 &&
         half->delivery == TCPTALE_DELIVER_ARRIVAL && !(half->flags & busy);
}

/* Near enough for 32 bits; an acknowledgement is not further ahead than `accept` lets it be. */
static int is_near(uint64_t position, uint64_t next) {
  int64_t ahead = (int64_t)(position - next);
  return ahead > -NEAR && ahead < 2 * NEAR;
}

/* An end that has begun, and goes on or has told all, in numbers that a card has room for. */
static int fits(const struct tcptale_end *end) {
  const struct tcptale_half *half = &end->half;
  const uint8_t begun = TCPTALE_END_BASED | TCPTALE_END_SEEN;
  int has_settled = half->fin == TCPTALE_NO_FIN || (half->flags & TCPTALE_HALF_ENDED);
  return (end->flags & begun) == begun && has_settled && end->packets <= UINT32_MAX &&
         half->next < TCPTALE_CARD_OFFSET_LIMIT;
}

/* As usual as a segment that may go the short way needs it. */
static int is_usual(const struct tcptale_end *end) {
  const struct tcptale_half *half = &end->half;
  return end->state >= TCPTALE_STATE_ESTABLISHED && is_calm(half) && half->highest == half->next &&
         end->edge != 0 && is_near(half->acked, half->next) && is_near(end->edge, half->next) &&
         (int64_t)(end->edge - half->acked) <= NEAR;
}

/* Neither each segment's verdict nor a comparison with what was told; a history of gaps alone does
 * not ask to hear of more. */
static int wants_no_more(const struct tcptale_conn_env *env) {
  return !env->emit.callbacks.on_segment && env->config.history_bytes == 0;
}

/* Both ends have said their time not too long before the last packet, whose time will stand for
 * it. */
static int are_stamps_fresh(const struct tcptale_conn *conn) {
  uint32_t last_s = (uint32_t)(conn->last_ns / NS_A_SECOND);
  if (!tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS)) return 1;
  return last_s - conn->ends[0].ts_recent_s < TCPTALE_PAWS_IDLE_S &&
         last_s - conn->ends[1].ts_recent_s < TCPTALE_PAWS_IDLE_S;
}

static int may_fold_open(const struct tcptale_conn_env *env, const struct tcptale_conn *conn) {
  return wants_no_more(env) && !(conn->flags & UNSAID) && is_usual(&conn->ends[0]) &&
         is_usual(&conn->ends[1]) && are_stamps_fresh(conn);
}

static int may_fold_closed(const struct tcptale_conn *conn) {
  return conn->anomalies == TCPTALE_ARENA_NONE && conn->close_why <= TCPTALE_CLOSE_REFUSED;
}

/* The last packet, or the close. */
static uint64_t last_of(const struct tcptale_conn *conn) {
  return conn->phase == TCPTALE_PHASE_CLOSED ? conn->reset_ns : conn->last_ns;
}

static int may_fold(const struct tcptale_conn_env *env, const struct tcptale_conn *conn) {
  uint32_t waits = conn->handshake | conn->parked | conn->renew | conn->ends[0].half.cold |
                   conn->ends[1].half.cold; /* all NONE, which is 0 */
  if (waits || conn->id == 0 || conn->id >= TCPTALE_CARD_ID_LIMIT) return 0;
  if (last_of(conn) - conn->first_ns >= TCPTALE_CARD_SINCE_LIMIT) return 0;
  if (!fits(&conn->ends[0]) || !fits(&conn->ends[1])) return 0;
  if (conn->phase == TCPTALE_PHASE_CLOSED) return may_fold_closed(conn);
  return conn->phase == TCPTALE_PHASE_OPEN && may_fold_open(env, conn);
}

static int is_odd(const struct tcptale_end *end) {
  uint64_t next = end->half.next;
  return end->payload_bytes != next || end->delivered != next || end->missing != 0 ||
         end->half.history != TCPTALE_ARENA_NONE || (end->half.flags & TCPTALE_HALF_LOSSY);
}

static int needs_tally(const struct tcptale_conn *conn) {
  if (conn->phase == TCPTALE_PHASE_CLOSED) return 0;
  return conn->anomalies != TCPTALE_ARENA_NONE || (conn->flags & TALLIED) ||
         is_odd(&conn->ends[0]) || is_odd(&conn->ends[1]);
}

static void write_tally(struct tcptale_tally *tally, const struct tcptale_conn *conn) {
  tally->first_ns = conn->first_ns;
  tally->anomalies = conn->anomalies;
  tally->flags = conn->flags & TALLIED;
  for (uint32_t d = 0; d < 2; d++) {
    const struct tcptale_end *end = &conn->ends[d];
    tally->more_payload[d] = end->payload_bytes - end->half.next;
    tally->untold[d] = end->half.next - end->delivered;
    tally->missing[d] = end->missing;
    tally->history[d] = end->half.history;
    tally->is_lossy[d] = (end->half.flags & TCPTALE_HALF_LOSSY) != 0;
  }
}

/* Brings the tally up to date, or makes or drops it; 0: no memory for one. */
static int settle_tally(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (!needs_tally(conn)) {
    if (conn->tally) tcptale_arena_release(&env->arena, conn->tally);
    conn->tally = TCPTALE_ARENA_NONE;
    return 1;
  }
  if (!conn->tally)
    conn->tally =
        tcptale_arena_alloc(&env->arena, tcptale_arena_class_for(sizeof(struct tcptale_tally)));
  if (!conn->tally) return 0;
  write_tally(tcptale_arena_at(&env->arena, conn->tally), conn);
  return 1;
}

static void fold_end(const struct tcptale_card *card, const struct tcptale_end *end,
                     struct tcptale_card_end *to) {
  const struct tcptale_half *half = &end->half;
  to->next_seq = half->next_seq;
  to->first_seq = half->next_seq - (uint32_t)half->next;
  to->next_high = (uint8_t)(half->next >> 32);
  to->acked = half->next_seq + (uint32_t)(half->acked - half->next);
  to->edge = half->next_seq + (uint32_t)(end->edge - half->next);
  to->packets = (uint32_t)end->packets;
  to->ts_recent = end->ts_recent;
  to->window = end->window;
  to->mac = end->mac;
  to->ttl = end->ttl;
  to->state = end->state & 15u;
  to->scale = tcptale_card_scale(card, end->wscale) & 15u;
  to->flags = end->flags & SAME_FLAGS;
  if (half->flags & TCPTALE_HALF_ACKS_SEEN) to->flags |= TCPTALE_CARD_ACKS_SEEN;
  if (half->flags & TCPTALE_HALF_ENDED) to->flags |= TCPTALE_CARD_ENDED;
}

static void fold_flags(const struct tcptale_conn *conn, struct tcptale_card *card) {
  card->is_ignored = tcptale_conn_has(conn, TCPTALE_CONN_IGNORED);
  card->is_role_known = tcptale_conn_has(conn, TCPTALE_CONN_ROLE_KNOWN);
  card->is_agreed = tcptale_conn_has(conn, TCPTALE_CONN_AGREED);
  card->has_timestamps = tcptale_conn_has(conn, TCPTALE_CONN_TIMESTAMPS);
  card->is_scaled = tcptale_conn_has(conn, TCPTALE_CONN_SCALED);
  card->est_told = tcptale_conn_has(conn, TCPTALE_CONN_EST_TOLD);
  card->data_told = tcptale_conn_has(conn, TCPTALE_CONN_DATA_TOLD);
  card->offload_told = conn->flags / TCPTALE_CONN_OFFLOAD_TOLD & 3;
}

int tcptale_fold(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  struct tcptale_card *card = conn->card;
  int is_closed = conn->phase == TCPTALE_PHASE_CLOSED;
  if (!may_fold(env, conn) || !settle_tally(env, conn)) return 0;
  card->id = conn->id & (TCPTALE_CARD_ID_LIMIT - 1);
  card->how = (is_closed ? conn->close_why : conn->how) & 3u;
  card->client_at = conn->client_at;
  fold_flags(conn, card);
  card->has_record = 0;
  card->since_ns = (last_of(conn) - conn->first_ns) & (TCPTALE_CARD_SINCE_LIMIT - 1);
  card->policies = (uint8_t)(conn->ends[0].half.policy | conn->ends[1].half.policy << 4);
  card->discards = 0;
  card->has_tally = conn->tally != TCPTALE_ARENA_NONE;
  if (card->has_tally) card->more.at.tally = conn->tally;
  else card->more.first_ns = conn->first_ns;
  for (uint32_t d = 0; d < 2; d++) fold_end(card, &conn->ends[d], &card->ends[d ^ conn->client_at]);
  card->is_going = !is_closed && tcptale_card_goes_on(card);
  return 1;
}

uint32_t tcptale_fold_is_wanted(const struct tcptale_conn_env *env) {
  const tcptale_stream_config *stream = &env->stream.config;
  return wants_no_more(env) && (stream->one_sided || stream->delivery == TCPTALE_DELIVER_ARRIVAL);
}

void tcptale_fold_forget(struct tcptale_conn_env *env, struct tcptale_card *card) {
  struct tcptale_tally *tally = tcptale_card_tally(&env->arena, card);
  if (!tally) return;
  uint64_t first_ns = tally->first_ns;
  tcptale_emit_forget(&env->emit, &tally->anomalies);
  for (uint32_t d = 0; d < 2; d++)
    if (tally->history[d]) tcptale_history_release(&env->arena, tally->history[d]);
  tcptale_arena_release(&env->arena, card->more.at.tally);
  card->has_tally = 0;
  card->more.first_ns = first_ns;
}

/* usual.c - see usual.h. Each condition here names what the long way would have done; a property
 * test holds both ways to the same events. Positions are reckoned from the next byte of their
 * direction. Floor 8. */
#include "usual.h"

#include "seq.h"
#include "state.h"
#include "util.h"

#define TINY_BYTES 8u /* segments of so few are counted: stream.c */
#define SINCE_MASK (TCPTALE_CARD_SINCE_LIMIT - 1)

/* A segment, the card that it belongs to, and where both stand. */
struct step {
  struct tcptale_card *card;
  uint32_t dir;
  struct tcptale_card_end *own; /* whose segment it is */
  struct tcptale_card_end *peer;
  const struct tcptale_gist *gist;
  uint64_t since_ns; /* the connection's first packet */
  uint64_t idle_ns;  /* since its last */
  int32_t own_acked;
  int32_t peer_acked;
  int32_t ack;  /* what it acknowledges, of the peer's direction */
  int32_t edge; /* where the window that it offers ends; meaningful where `ack` <= 1 */
  uint32_t len;
  uint32_t is_fin;  /* 1: it carries FIN */
  uint32_t carries; /* 1: it carries bytes, or FIN */
  uint32_t own_ended;
  uint32_t peer_ended;
};

static inline void begin(struct step *s, int is_ending) {
  struct tcptale_card_end *own = s->card->ends + s->dir, *peer = s->card->ends + 1 - s->dir;
  const struct tcptale_gist *gist = s->gist;
  s->own = own;
  s->peer = peer;
  s->len = gist->said.len;
  s->is_fin = is_ending ? gist->said.tcp_flags & TCPTALE_TCP_FIN : 0;
  s->carries = (s->len > 0) | s->is_fin;
  s->own_ended = is_ending ? tcptale_card_has_ended(own) : 0;
  s->peer_ended = is_ending ? tcptale_card_has_ended(peer) : 0;
  s->peer_acked = tcptale_card_ahead(peer, peer->acked);
  s->ack = tcptale_card_ahead(peer, gist->said.ack);
  s->edge = (int32_t)((uint32_t)s->ack + ((uint32_t)gist->said.window << own->scale));
}

/* What else is asked of it once its numbers are right. */
static inline void begin_rest(struct step *s, const struct tcptale_conn_env *env) {
  s->own_acked = tcptale_card_ahead(s->own, s->own->acked);
  s->since_ns = env->now_ns - tcptale_card_first_ns(&env->arena, s->card);
  s->idle_ns = s->since_ns - s->card->since_ns;
}

/* Rules R3, R14: right at the next byte, which is the highest that was seen, and within the window.
 * After its FIN an end sends only acknowledgements. A segment of very few bytes is a probe, a
 * keep-alive, or tiny, which is counted. */
static inline int is_in_order(const struct step *s) {
  const struct tcptale_card_end *own = s->own;
  if (s->len - 1 < TINY_BYTES || s->gist->said.seq != own->next_seq + s->own_ended) return 0;
  if (s->carries && (own->flags & (TCPTALE_CARD_ENDED | TCPTALE_CARD_SOFT_BASE))) return 0;
  if (s->is_fin && tcptale_card_ahead(own, own->acked) > 0) return 0;
  return (int64_t)s->own_ended + s->len <= tcptale_card_ahead(own, own->edge);
}

/* Rules R5, R12: it acknowledges what was seen, something new unless it carries something. */
static inline int is_ack_in_order(const struct step *s) {
  return s->ack <= (int32_t)s->peer_ended && s->ack >= s->peer_acked + !s->carries;
}

/* Rule R13: a timestamp where there has to be one, not below the last. */
static inline int is_stamped(const struct step *s) {
  if (!s->card->has_timestamps) return 1;
  return s->gist->has_timestamps &&
         tcptale_seq_distance(s->gist->said.ts_val, s->own->ts_recent) >= 0;
}

static inline int is_same_path(const struct step *s) {
  return s->own->ttl == s->gist->ttl && s->own->mac == s->gist->mac;
}

/* The way that its sender's segments come was not known before, or is not said by this one. */
static int is_new_path(const struct tcptale_card_end *own, const struct tcptale_gist *gist) {
  if (own->ttl != gist->ttl && own->ttl != 0) return 0;
  return own->mac == gist->mac || own->mac == 0 || gist->mac == 0;
}

/* Then it is now: 1; 0: it is known to be another. */
static TCPTALE_APART int note_path(struct tcptale_card_end *own, const struct tcptale_gist *gist) {
  if (!is_new_path(own, gist)) return 0;
  own->ttl = gist->ttl;
  if (gist->mac != 0) own->mac = gist->mac;
  return 1;
}

/* A shrinking window is told (rule R14). Its field alone goes up and down at every segment of some,
 * so nothing may branch on that first. */
static inline int shrinks(const struct step *s) {
  return s->edge + (1 << s->own->scale) <= tcptale_card_ahead(s->peer, s->peer->edge) &&
         s->gist->said.window < s->own->window;
}

/* Its time was over before this segment came, or it was silent for so long that its timestamps say
 * nothing (rule R13). */
static inline int was_silent(const struct tcptale_conn_env *env, const struct step *s) {
  return s->idle_ns >= env->usual_idle_ns &&
         (s->card->has_timestamps || s->idle_ns >= env->config.established_ns);
}

/* The numbers of a card have less room than those of a record. What is acknowledged is always near:
 * it is no more than a window behind the edge (card.h), which the segment does not pass. */
static inline int is_at_limit(const struct step *s, int is_ending) {
  if (is_ending && s->own->next_high == UINT8_MAX) return 1; /* else `advance` saw to that */
  return s->since_ns > SINCE_MASK || s->own->packets == UINT32_MAX;
}

/* What is counted and remembered of its sender; TS.Recent by RFC 7323 4.3. */
static inline void note_sender(const struct step *s) {
  struct tcptale_card_end *own = s->own;
  own->packets++;
  own->window = s->gist->said.window;
  if (s->gist->good_sum) own->flags |= TCPTALE_CARD_GOOD_CSUM;
  s->card->since_ns = s->since_ns & SINCE_MASK;
  s->card->touched = 1;
  if (s->card->has_timestamps && s->own_acked >= (int32_t)s->own_ended)
    own->ts_recent = s->gist->said.ts_val;
}

static void enter(struct tcptale_card_end *end, uint32_t input) {
  end->state = tcptale_state_after(end->state, input) & 15u;
}

/* What its receiver knows now. The FIN's acknowledgement counts once (rule R18). */
static inline void note_ack(const struct step *s) {
  struct tcptale_card_end *peer = s->peer;
  if (s->edge > tcptale_card_ahead(peer, peer->edge))
    peer->edge = peer->next_seq + (uint32_t)s->edge;
  peer->flags |= TCPTALE_CARD_ACKS_SEEN;
  peer->acked = s->gist->said.ack;
  if (!s->peer_ended || s->ack != 1) return;
  peer->flags |= TCPTALE_CARD_FIN_ACKED;
  enter(peer, TCPTALE_INPUT_ACK_OF_FIN);
}

/* Moves on; the sum's carry is the offset's next digit. With the last digit its sender's
 * segments go the long way. */
static inline void advance(struct tcptale_card *card, struct tcptale_card_end *own, uint32_t len) {
  uint32_t before = own->next_seq - own->first_seq;
  own->next_seq += len;
  if (before + len < before && ++own->next_high == UINT8_MAX) card->is_going = 0;
}

_Static_assert(sizeof(tcptale_data_event) == offsetof(tcptale_data_event, data) + sizeof(uint8_t *),
               "tell_data writes every member");

static inline void tell_data(struct tcptale_conn_env *env, const struct step *s) {
  tcptale_data_event event;
  event.conn_id = s->card->id;
  event.direction = s->dir;
  event.len = s->len;
  event.offset = tcptale_card_next(s->own);
  event.from_index = env->emit.index;
  event.from_ts_ns = env->now_ns;
  event.data = s->gist->payload;
  advance(s->card, s->own, s->len);
  s->card->data_told = 1;
  tcptale_emit_data(&env->emit, tcptale_card_handle(s->card), &event);
}

/* What a FIN before which all was told does to both states; that of a peer which has finished too
 * did so when it was told. */
static void finish(struct tcptale_card_end *own, struct tcptale_card_end *peer) {
  if (own->state == TCPTALE_STATE_CLOSED) return;
  enter(own, TCPTALE_INPUT_SEND_FIN);
  if (peer->state != TCPTALE_STATE_CLOSED) enter(peer, TCPTALE_INPUT_RECV_FIN);
}

/* All before the FIN was told; the states follow. */
static TCPTALE_APART void tell_end(struct tcptale_conn_env *env, struct tcptale_card *card,
                                   uint32_t dir) {
  struct tcptale_card_end *own = card->ends + dir, *peer = card->ends + 1 - dir;
  own->flags |= TCPTALE_CARD_ENDED;
  card->is_going = 0;
  if (!card->is_ignored) { /* which it may be since its last bytes */
    tcptale_half_close_event event = {
        .conn_id = card->id, .direction = dir, .offset = tcptale_card_next(own)};
    card->data_told = 1;
    tcptale_emit_half_close(&env->emit, tcptale_card_handle(card), &event);
  }
  finish(own, peer);
}

static int both_are_over(const struct tcptale_card *card) {
  return card->ends[0].flags & card->ends[1].flags & TCPTALE_CARD_FIN_ACKED;
}

/* `is_ending` 0: no FIN is in it, and none was before; then half of the conditions fall away, and
 * the compiler leaves them out. */
static TCPTALE_INLINE uint32_t take(struct tcptale_conn_env *env, struct tcptale_card *card,
                                    uint32_t dir, const struct tcptale_gist *gist, int is_ending) {
  struct step s = {.card = card, .dir = dir, .gist = gist};
  begin(&s, is_ending);
  if (!is_in_order(&s) || !is_ack_in_order(&s) || !is_stamped(&s)) return TCPTALE_USUAL_NOT;
  begin_rest(&s, env);
  if (shrinks(&s) || is_at_limit(&s, is_ending) || was_silent(env, &s)) return TCPTALE_USUAL_NOT;
  if (!is_same_path(&s) && !note_path(s.own, s.gist)) return TCPTALE_USUAL_NOT;
  note_sender(&s);
  note_ack(&s);
  if (s.len > 0) tell_data(env, &s);
  if (s.is_fin) tell_end(env, card, dir);
  if (s.peer_ended && both_are_over(s.card)) return TCPTALE_USUAL_OVER;
  return TCPTALE_USUAL_TAKEN;
}

uint64_t tcptale_usual_idle_ns(const tcptale_config *config) {
  return tcptale_min_u64(config->established_ns, TCPTALE_PAWS_IDLE_S * UINT64_C(1000000000));
}

uint32_t tcptale_usual_take_going(struct tcptale_conn_env *env, struct tcptale_card *card,
                                  uint32_t dir, const struct tcptale_gist *gist) {
  return take(env, card, dir, gist, 0);
}

uint32_t tcptale_usual_take_any(struct tcptale_conn_env *env, struct tcptale_card *card,
                                uint32_t dir, const struct tcptale_gist *gist) {
  return take(env, card, dir, gist, 1);
}

void tcptale_usual_close(struct tcptale_conn_env *env, struct tcptale_card *card) {
  const struct tcptale_tally *tally = tcptale_card_tally(&env->arena, card);
  tcptale_close_event event = {.conn_id = card->id, .why = TCPTALE_CLOSE_FIN};
  for (uint32_t d = 0; d < 2; d++) {
    event.delivered[d] = tcptale_card_next(&card->ends[d]) - (tally ? tally->untold[d] : 0);
    event.missing[d] = tally ? tally->missing[d] : 0;
  }
  env->closed++;
  tcptale_emit_close(&env->emit, tcptale_card_handle(card), &event);
  card->how = TCPTALE_CLOSE_FIN;
}

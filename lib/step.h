/* step.h - the step that a usual segment takes: the conditions, and what it changes. In line, for
 * usual.c and for whoever cannot afford a call (shortcut.h). Each condition names what the long way
 * would have done; a property test holds both ways to the same events. Numbers are compared
 * as they are, by their distance. Floor 7. */
#ifndef TCPTALE_LIB_STEP_H
#define TCPTALE_LIB_STEP_H

#include "card.h"
#include "emit.h"
#include "gist.h"
#include "record.h"
#include "seq.h"
#include "state.h"
#include "util.h"

enum tcptale_step_result {
  TCPTALE_STEP_NOT = 0,   /* nothing has changed */
  TCPTALE_STEP_TAKEN = 1, /* all is done, or left to `later` */
  TCPTALE_STEP_OVER = 2   /* all but the close: both FINs are acknowledged */
};

#define TCPTALE_TINY_BYTES 8u /* segments of so few are counted: stream.c */
#define TCPTALE_SINCE_MASK (TCPTALE_CARD_SINCE_LIMIT - 1)

/* A segment, the card that it belongs to, and where both stand. */
struct tcptale_step {
  struct tcptale_card *card;
  uint32_t from;                /* the sender: an endpoint of the key */
  struct tcptale_card_end *own; /* whose segment it is */
  struct tcptale_card_end *peer;
  const struct tcptale_gist *gist;
  uint64_t since_ns; /* the connection's first packet */
  uint64_t idle_ns;  /* since its last */
  uint32_t edge;     /* number at which the window that it offers ends */
  uint32_t len;
  uint32_t is_fin;  /* 1: it carries FIN */
  uint32_t carries; /* 1: it carries bytes, or FIN */
  uint32_t own_ended;
  uint32_t peer_ended;
};

/* What is left for whoever puts off the rest of a step (tcptale_step_take_early). */
struct tcptale_step_later {
  struct tcptale_card *card; /* whose step is to be noted; NULL */
  tcptale_data_event event;  /* what is told of its bytes */
};

static inline void tcptale_step_begin(struct tcptale_step *s, int is_ending) {
  struct tcptale_card_end *own = s->card->ends + s->from;
  struct tcptale_card_end *peer = tcptale_card_peer(s->card, s->from);
  const struct tcptale_gist *gist = s->gist;
  s->own = own;
  s->peer = peer;
  s->len = gist->said.len;
  s->is_fin = is_ending ? gist->said.tcp_flags & TCPTALE_TCP_FIN : 0;
  s->carries = (s->len > 0) | s->is_fin;
  s->own_ended = is_ending ? tcptale_card_has_ended(own) : 0;
  s->peer_ended = is_ending ? tcptale_card_has_ended(peer) : 0;
  s->edge = gist->said.ack + ((uint32_t)gist->said.window << own->scale);
}

/* What else is asked of it once its numbers are right. */
static inline void tcptale_step_begin_rest(struct tcptale_step *s,
                                           const struct tcptale_conn_env *env) {
  s->since_ns = env->now_ns - tcptale_card_first_ns(&env->arena, s->card);
  s->idle_ns = s->since_ns - s->card->since_ns;
}

/* Rules R3, R14: right at the next byte, which is the highest that was seen, and within the window.
 * After its FIN an end sends only acknowledgements. A segment of very few bytes is a probe, a
 * keep-alive, or tiny, which is counted. */
static inline int tcptale_step_is_in_order(const struct tcptale_step *s, int is_ending) {
  const struct tcptale_card_end *own = s->own;
  const uint32_t seq = s->gist->said.seq;
  if (s->len - 1 < TCPTALE_TINY_BYTES || seq != own->next_seq + s->own_ended) return 0;
  if (is_ending && s->carries && (own->flags & (TCPTALE_CARD_ENDED | TCPTALE_CARD_SOFT_BASE)))
    return 0;
  if (s->is_fin && tcptale_card_ahead(own, own->acked) > 0) return 0;
  return tcptale_seq_distance(own->edge, seq + s->len) >= 0;
}

/* Rules R5, R12: it acknowledges what was seen, something new unless it carries something. What is
 * acknowledged of one that goes on was seen. */
static inline int tcptale_step_is_ack_in_order(const struct tcptale_step *s, int is_ending) {
  const uint32_t ack = s->gist->said.ack, end = s->peer->next_seq + s->peer_ended;
  if (is_ending && tcptale_seq_distance(end, s->peer->acked) < 0) return 0;
  return tcptale_seq_distance(end, ack) >= 0 &&
         tcptale_seq_distance(ack, s->peer->acked) >= (int32_t)!s->carries;
}

/* Rule R13: a timestamp where there has to be one, not below the last. */
static inline int tcptale_step_is_stamped(const struct tcptale_step *s) {
  if (!s->card->has_timestamps) return 1;
  return s->gist->has_timestamps &&
         tcptale_seq_distance(s->gist->said.ts_val, s->own->ts_recent) >= 0;
}

_Static_assert(offsetof(struct tcptale_card_end, ttl) ==
                       offsetof(struct tcptale_card_end, mac) + 2 &&
                   offsetof(struct tcptale_gist, ttl) == offsetof(struct tcptale_gist, mac) + 2,
               "the way of a segment is one number");

/* The link address's digest and the TTL, which stand side by side there; the byte behind is left
 * out. */
static inline uint32_t tcptale_step_path(const void *mac) {
  const uint8_t bits[4] = {0xff, 0xff, 0xff, 0};
  uint32_t path, mask;
  memcpy(&path, mac, sizeof path);
  memcpy(&mask, bits, sizeof mask);
  return path & mask;
}

static inline int tcptale_step_is_same_path(const struct tcptale_step *s) {
  const uint8_t *own = (const uint8_t *)s->own, *gist = (const uint8_t *)s->gist;
  return tcptale_step_path(own + offsetof(struct tcptale_card_end, mac)) ==
         tcptale_step_path(gist + offsetof(struct tcptale_gist, mac));
}

/* A shrinking window is told (rule R14). Its field alone goes up and down at every segment of some,
 * so nothing may branch on that first. */
static inline int tcptale_step_shrinks(const struct tcptale_step *s) {
  int32_t by = tcptale_seq_distance(s->peer->edge, s->edge);
  return by > 0 && by >= 1 << s->own->scale && s->gist->said.window < s->own->window;
}

/* Its time was over before this segment came, or it was silent for so long that its timestamps say
 * nothing (rule R13), or that a card cannot say how long. */
static inline int tcptale_step_was_silent(const struct tcptale_conn_env *env,
                                          const struct tcptale_step *s) {
  return s->idle_ns >= env->usual_idle_ns &&
         (s->card->has_timestamps || s->idle_ns >= env->config.established_ns ||
          s->since_ns > TCPTALE_SINCE_MASK);
}

/* The numbers of a card have less room than those of a record. Not asked of one that is going: that
 * has room (tcptale_card_is_at_limit). What is acknowledged is always near: it is no more than a
 * window behind the edge (card.h), which the segment does not pass. */
static inline int tcptale_step_is_at_limit(const struct tcptale_step *s) {
  if (s->own->next_high == UINT8_MAX || s->own->packets == UINT32_MAX) return 1;
  return s->since_ns > TCPTALE_SINCE_MASK;
}

/* What is counted and remembered of its sender; TS.Recent by RFC 7323 4.3. */
static inline void tcptale_step_note_sender(const struct tcptale_step *s, int is_ending) {
  struct tcptale_card_end *own = s->own;
  own->packets++;
  if (!is_ending && (own->packets == UINT32_MAX || s->since_ns > TCPTALE_CARD_SINCE_GOING))
    s->card->is_going = 0;
  own->window = s->gist->said.window;
  if (s->gist->good_sum) own->flags |= TCPTALE_CARD_GOOD_CSUM;
  s->card->since_ns = s->since_ns & TCPTALE_SINCE_MASK;
  s->card->touched = 1;
  if (s->card->has_timestamps && tcptale_card_ahead(own, own->acked) >= (int32_t)s->own_ended)
    own->ts_recent = s->gist->said.ts_val;
}

static inline void tcptale_step_enter(struct tcptale_card_end *end, uint32_t input) {
  end->state = tcptale_state_after(end->state, input) & 15u;
}

/* What its receiver knows now. The FIN's acknowledgement counts once (rule R18). */
static inline void tcptale_step_note_ack(const struct tcptale_step *s) {
  struct tcptale_card_end *peer = s->peer;
  if (tcptale_seq_distance(s->edge, peer->edge) > 0) peer->edge = s->edge;
  peer->flags |= TCPTALE_CARD_ACKS_SEEN;
  peer->acked = s->gist->said.ack;
  if (!s->peer_ended || s->gist->said.ack != peer->next_seq + 1) return;
  peer->flags |= TCPTALE_CARD_FIN_ACKED;
  tcptale_step_enter(peer, TCPTALE_INPUT_ACK_OF_FIN);
}

/* Moves on; the sum's carry is the offset's next digit. With the last digit its sender's
 * segments go the long way. */
static inline void tcptale_step_advance(struct tcptale_card *card, struct tcptale_card_end *own,
                                        uint32_t len) {
  uint32_t before = own->next_seq - own->first_seq;
  own->next_seq += len;
  if (before + len < before && ++own->next_high == UINT8_MAX) card->is_going = 0;
}

/* What a step changes, but for the end of its direction. */
static TCPTALE_INLINE void tcptale_step_note(const struct tcptale_step *s, int is_ending) {
  tcptale_step_note_sender(s, is_ending);
  tcptale_step_note_ack(s);
  if (s->len == 0) return;
  tcptale_step_advance(s->card, s->own, s->len);
  if (!s->card->data_told) s->card->data_told = 1; /* the word's id is read next */
}

_Static_assert(sizeof(tcptale_data_event) == offsetof(tcptale_data_event, data) + sizeof(uint8_t *),
               "_begin_data and _end_data write every member");

/* What an event says of bytes, but whose they are and where they belong. */
static inline void tcptale_step_begin_data(const struct tcptale_conn_env *env,
                                           const struct tcptale_gist *gist,
                                           tcptale_data_event *event) {
  event->index = event->from_index = env->emit.index;
  event->ts_ns = env->emit.ts_ns;
  event->from_ts_ns = env->now_ns; /* which is later where time went back (rule R24) */
  event->len = gist->said.len;
  event->data = gist->payload;
}

/* And the rest, before they are noted. */
static inline void tcptale_step_end_data(const struct tcptale_step *s, tcptale_data_event *event) {
  event->conn_id = s->card->id;
  event->direction = s->from ^ (uint32_t)s->card->client_at;
  event->offset = tcptale_card_next(s->own);
}

static inline int tcptale_step_both_are_over(const struct tcptale_card *card) {
  return card->ends[0].flags & card->ends[1].flags & TCPTALE_CARD_FIN_ACKED;
}

/* The way that its sender's segments come differs from what is known: 1 where nothing was known,
 * and now is; 0: it is another. */
static inline int tcptale_step_is_new_path(const struct tcptale_card_end *own,
                                           const struct tcptale_gist *gist) {
  if (own->ttl != gist->ttl && own->ttl != 0) return 0;
  return own->mac == gist->mac || own->mac == 0 || gist->mac == 0;
}
static TCPTALE_INLINE int tcptale_step_note_path(struct tcptale_card_end *own,
                                                 const struct tcptale_gist *gist) {
  if (!tcptale_step_is_new_path(own, gist)) return 0;
  own->ttl = gist->ttl;
  if (gist->mac != 0) own->mac = gist->mac;
  return 1;
}

/* All before an end's FIN was told; that is told as well, and the states follow. */
void tcptale_step_tell_end(struct tcptale_conn_env *env, struct tcptale_card *card, uint32_t from);

/* What a step of a card that goes on changes, once more reckoned from the card: to be called, where
 * _take_early left it, before anything of that changes. */
static inline void tcptale_step_note_late(const struct tcptale_conn_env *env,
                                          struct tcptale_card *card, uint32_t from,
                                          const struct tcptale_gist *gist) {
  struct tcptale_step s = {.card = card, .from = from, .gist = gist};
  tcptale_step_begin(&s, 0);
  tcptale_step_begin_rest(&s, env);
  tcptale_step_note(&s, 0);
}

/* Whether it is the step of a usual segment, of which all that there is to say was said. Remembers
 * nothing but the path, where that was not known. */
static TCPTALE_INLINE int tcptale_step_is_usual(const struct tcptale_conn_env *env,
                                                struct tcptale_step *s, int is_ending) {
  tcptale_step_begin(s, is_ending);
  if (!tcptale_step_is_in_order(s, is_ending) || !tcptale_step_is_ack_in_order(s, is_ending) ||
      !tcptale_step_is_stamped(s))
    return 0;
  tcptale_step_begin_rest(s, env);
  if (tcptale_step_shrinks(s) || tcptale_step_was_silent(env, s)) return 0;
  if (is_ending && tcptale_step_is_at_limit(s)) return 0;
  return tcptale_step_is_same_path(s) || tcptale_step_note_path(s->own, s->gist);
}

/* Takes a plain segment that endpoint `from` sent, of a connection as usual.h asks for, if it is a
 * usual one (TCPTALE_STEP_). `is_ending` 0: no FIN is in it, and none was before; then half of
 * the conditions fall away, and the compiler leaves them out. */
static TCPTALE_INLINE uint32_t tcptale_step_take(struct tcptale_conn_env *env,
                                                 struct tcptale_card *card, uint32_t from,
                                                 const struct tcptale_gist *gist, int is_ending) {
  struct tcptale_step s = {.card = card, .from = from, .gist = gist};
  tcptale_data_event event;
  if (!tcptale_step_is_usual(env, &s, is_ending)) return TCPTALE_STEP_NOT;
  if (s.len > 0) {
    tcptale_step_begin_data(env, gist, &event);
    tcptale_step_end_data(&s, &event);
  }
  tcptale_step_note(&s, is_ending);
  if (s.len > 0) tcptale_emit_data(&env->emit, tcptale_card_handle(card), &event);
  if (s.is_fin) tcptale_step_tell_end(env, card, from);
  if (s.peer_ended && tcptale_step_both_are_over(s.card)) return TCPTALE_STEP_OVER;
  return TCPTALE_STEP_TAKEN;
}

/* The same of one of a connection that goes on, without FIN, before any stop. What its step changes
 * is left to whoever calls _note_late of it before anybody looks at the card, which is named in
 * `later`; the event there was begun. */
static TCPTALE_INLINE uint32_t tcptale_step_take_early(struct tcptale_conn_env *env,
                                                       struct tcptale_card *card, uint32_t from,
                                                       const struct tcptale_gist *gist,
                                                       struct tcptale_step_later *later) {
  struct tcptale_step s = {.card = card, .from = from, .gist = gist};
  if (!tcptale_step_is_usual(env, &s, 0)) return TCPTALE_STEP_NOT;
  later->card = card;
  if (s.len == 0) return TCPTALE_STEP_TAKEN;
  tcptale_step_end_data(&s, &later->event);
  tcptale_emit_whole_data(&env->emit, tcptale_card_handle(card), &later->event);
  return TCPTALE_STEP_TAKEN;
}

#endif

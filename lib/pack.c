/* pack.c - see pack.h. Floor 9. */
#include "pack.h"

#include <stddef.h>
#include <string.h>

#include "intake.h"
#include "opening.h"

#define ID_LIMIT ((uint64_t)1 << 48)

static uint32_t sender_of(const struct tcptale_packed *packed) {
  return packed->traits & TCPTALE_PACKED_IS_ANSWER ? TCPTALE_S2C : TCPTALE_C2S;
}

/* ---- the user's wishes ---- */

void tcptale_packed_ignore(struct tcptale_packed *packed) {
  packed->traits |= TCPTALE_PACKED_IS_IGNORED;
}

void tcptale_packed_stop_data(struct tcptale_packed *packed, uint32_t direction) {
  packed->traits |= (uint16_t)(TCPTALE_PACKED_DISCARDS << direction);
}

static void note(struct tcptale_packed *packed, const struct tcptale_conn *conn) {
  packed->policies = (uint8_t)(conn->ends[0].half.policy | conn->ends[1].half.policy << 4);
  if (tcptale_conn_has(conn, TCPTALE_CONN_IGNORED)) tcptale_packed_ignore(packed);
  for (uint32_t d = 0; d < 2; d++)
    if (conn->ends[d].half.flags & TCPTALE_HALF_DISCARDING) tcptale_packed_stop_data(packed, d);
}

static void recall(const struct tcptale_packed *packed, struct tcptale_conn *conn) {
  if (packed->traits & TCPTALE_PACKED_IS_IGNORED) conn->flags |= TCPTALE_CONN_IGNORED;
  for (uint32_t d = 0; d < 2; d++) {
    conn->ends[d].half.policy = packed->policies >> 4 * d & 15;
    if (packed->traits & TCPTALE_PACKED_DISCARDS << d)
      conn->ends[d].half.flags |= TCPTALE_HALF_DISCARDING;
  }
}

/* ---- the record ---- */

/* What of a packed connection is on its card, but for its places, and the ends. */
static void fill_card(const struct tcptale_packed *packed, struct tcptale_card *card) {
  memset(card, 0, sizeof *card);
  card->key = packed->key;
  card->user = packed->user;
  card->key_kind = tcptale_packed_key_kind(packed) & 3u;
  tcptale_key_copy_tail(card->key_tail, packed->key_tail, card->key_kind);
  card->id = tcptale_packed_id(packed) & (TCPTALE_CARD_ID_LIMIT - 1);
  card->client_at = (packed->traits & TCPTALE_PACKED_CLIENT_AT) != 0;
  card->is_role_known = 1;
}

/* All of it but bases, candidates and what only `roster` knows. */
static void fill(const struct tcptale_packed *packed, struct tcptale_card *card,
                 struct tcptale_conn *conn) {
  uint32_t sender = sender_of(packed);
  fill_card(packed, card);
  memset(conn, 0, sizeof *conn);
  conn->card = card;
  conn->due_ns = UINT64_MAX;
  conn->flags = TCPTALE_CONN_ROLE_KNOWN;
  conn->id = tcptale_packed_id(packed);
  conn->first_ns = conn->last_ns = packed->at_ns;
  conn->client_at = card->client_at;
  conn->phase = TCPTALE_PHASE_HANDSHAKE;
  conn->how = sender == TCPTALE_C2S ? TCPTALE_OPEN_SYN : TCPTALE_OPEN_SYNACK;
  conn->ends[sender].packets = 1;
  if (packed->traits & TCPTALE_PACKED_GOOD_CSUM) conn->ends[sender].flags |= TCPTALE_END_GOOD_CSUM;
  recall(packed, conn);
  tcptale_opening_note_first(conn);
}

static void fill_candidate(const struct tcptale_packed *packed, struct tcptale_candidate *c) {
  uint32_t scale = packed->traits & TCPTALE_PACKED_SCALE_MASK;
  c->ts_ns = packed->at_ns;
  c->isn = packed->isn;
  c->ack = packed->ack;
  c->ts_val = packed->ts_val;
  c->window = packed->window;
  c->wscale = scale == TCPTALE_PACKED_SCALE_MASK ? TCPTALE_WSCALE_NONE : (uint8_t)scale;
  if (scale != TCPTALE_PACKED_SCALE_MASK) c->options |= TCPTALE_HAS_WSCALE;
  if (packed->traits & TCPTALE_PACKED_HAS_TIMESTAMPS) c->options |= TCPTALE_HAS_TIMESTAMPS;
  if (packed->traits & TCPTALE_PACKED_IS_SIGNED) c->options |= TCPTALE_HAS_MD5;
}

void tcptale_unpack(struct tcptale_conn_env *env, const struct tcptale_packed *packed,
                    struct tcptale_card *card, struct tcptale_conn *conn,
                    struct tcptale_handshake *hs) {
  memset(hs, 0, sizeof *hs);
  fill(packed, card, conn);
  conn->tracker = env->tracker;
  int is_answer = sender_of(packed) == TCPTALE_S2C;
  fill_candidate(packed, is_answer ? hs->synack : hs->syn);
  if (is_answer) hs->synack_count = 1;
  else hs->syn_count = 1;
  tcptale_opening_base_first(env, conn, packed->isn, packed->ack);
}

struct tcptale_conn *tcptale_packed_view(const struct tcptale_packed *packed,
                                         struct tcptale_view *view) {
  fill(packed, (struct tcptale_card *)(void *)view->card, &view->conn);
  return &view->conn;
}

/* ---- an answer ---- */

/* What a plain SYN says of its sender, and that it was acknowledged at its number alone. */
static inline void write_end(struct tcptale_card_end *end, uint32_t next, uint32_t ts_val,
                             uint16_t window, uint32_t flags) {
  end->next_seq = end->first_seq = end->acked = end->edge = next;
  end->packets = 1;
  end->ts_recent = ts_val;
  end->window = window;
  end->mac = 0;
  end->next_high = end->ttl = 0;
  end->flags = (uint8_t)flags;
}

/* The client, whose SYN is acknowledged. */
static void write_client(const struct tcptale_packed *packed, struct tcptale_card_end *end) {
  uint32_t flags = TCPTALE_CARD_SYN | TCPTALE_CARD_SYN_ACKED;
  if (packed->traits & TCPTALE_PACKED_GOOD_CSUM) flags |= TCPTALE_CARD_GOOD_CSUM;
  write_end(end, packed->isn + 1, packed->ts_val, packed->window, flags);
  end->state = TCPTALE_STATE_ESTABLISHED;
  end->scale = packed->traits & 15u; /* all set: none, here too */
}

static void write_server(const struct tcptale_gist *gist, struct tcptale_card_end *end) {
  uint32_t scale = gist->wscale == TCPTALE_WSCALE_NONE ? TCPTALE_CARD_NO_SCALE : gist->wscale;
  uint32_t flags = TCPTALE_CARD_SYN | (gist->good_sum ? TCPTALE_CARD_GOOD_CSUM : 0u);
  write_end(end, gist->said.seq + 1, gist->said.ts_val, gist->said.window, flags);
  end->state = TCPTALE_STATE_SYN_RECEIVED;
  end->scale = scale & 15u;
}

/* Those of the packed SYN; for a direction of which it says none, the tracker's. */
static uint32_t policies_of(const struct tcptale_conn_env *env,
                            const struct tcptale_packed *packed) {
  uint32_t policies = packed->policies;
  if (!(policies & 0x0f)) policies |= env->config.policy[TCPTALE_C2S];
  if (!(policies & 0xf0)) policies |= env->config.policy[TCPTALE_S2C] << 4;
  return policies;
}

/* Key and links lie where they did, and stay. Of each word of bits its widest member is written
 * first: a wide read of what was just written in parts would wait for every store before it. */
static void write_head(const struct tcptale_conn_env *env, const struct tcptale_packed *packed,
                       const struct tcptale_gist *gist, struct tcptale_card *card) {
  const size_t from = offsetof(struct tcptale_card, timer),
               to = offsetof(struct tcptale_card, ends);
  const uint32_t traits = packed->traits;
  uint32_t stamps =
      (traits & TCPTALE_PACKED_HAS_TIMESTAMPS ? 1u : 0u) | (gist->has_timestamps ? 2u : 0u);
  memset((uint8_t *)card + from, 0, to - from);
  card->user = packed->user;
  card->more.first_ns = packed->at_ns;
  card->id = tcptale_packed_id(packed) & (TCPTALE_CARD_ID_LIMIT - 1);
  card->since_ns = (env->now_ns - packed->at_ns) & (TCPTALE_CARD_SINCE_LIMIT - 1);
  card->cls = TCPTALE_CLASS_HALF_OPEN;
  card->how = TCPTALE_OPEN_SYN;
  card->client_at = tcptale_packed_client_at(packed);
  card->key_kind = tcptale_packed_key_kind(packed) & 3u;
  card->is_role_known = 1;
  card->stamps = stamps & 3u;
  card->policies = policies_of(env, packed) & 255u;
  card->discards = traits / TCPTALE_PACKED_DISCARDS & 3u;
  card->touched = 1;
}

void tcptale_pack_answer(const struct tcptale_conn_env *env, struct tcptale_packed *packed,
                         uint32_t from, const struct tcptale_gist *gist) {
  struct tcptale_card *card = (struct tcptale_card *)(void *)packed;
  const struct tcptale_packed was = *packed;
  tcptale_key_copy_tail(card->key_tail, packed->key_tail, tcptale_packed_key_kind(&was));
  write_head(env, &was, gist, card);
  write_client(&was, tcptale_card_peer(card, from));
  write_server(gist, &card->ends[from]);
}

/* ---- packing ---- */

/* The flags that a first segment leaves on its sender, but for what is told of its checksum. */
static int has_first_flags(const struct tcptale_conn *conn) {
  const struct tcptale_end *client = &conn->ends[TCPTALE_C2S], *server = &conn->ends[TCPTALE_S2C];
  const uint32_t said = TCPTALE_END_SYN | TCPTALE_END_SEEN | TCPTALE_END_BASED;
  const uint32_t checked = (uint8_t)~TCPTALE_END_GOOD_CSUM;
  if (conn->how == TCPTALE_OPEN_SYN) return (client->flags & checked) == said && !server->flags;
  const uint32_t called = TCPTALE_END_BASED | TCPTALE_END_SYN_ACKED;
  return (server->flags & checked) == said && client->flags == called;
}

/* What a fresh record and its flags say of the way here: nothing odd was found. */
static int is_plain(const struct tcptale_conn *conn) {
  const uint32_t fine = TCPTALE_CONN_ROLE_KNOWN | TCPTALE_CONN_IGNORED;
  uint32_t hangs_on = conn->anomalies | conn->parked | conn->renew; /* all NONE, which is 0 */
  return conn->phase == TCPTALE_PHASE_HANDSHAKE && conn->id < ID_LIMIT && !hangs_on &&
         !(conn->flags & ~fine) && conn->ends[0].packets + conn->ends[1].packets == 1 &&
         has_first_flags(conn);
}

/* The one SYN, or SYN+ACK, of a connection that is nothing else; NULL. */
static const struct tcptale_candidate *only_candidate(const struct tcptale_conn_env *env,
                                                      const struct tcptale_conn *conn) {
  const struct tcptale_handshake *hs = tcptale_handshake_of(env, conn);
  if (!is_plain(conn) || hs->syn_count + hs->synack_count != 1) return NULL;
  const struct tcptale_candidate *c = hs->syn_count ? &hs->syn[0] : &hs->synack[0];
  int is_now = c->ts_ns == conn->first_ns && c->ts_ns == conn->last_ns;
  return is_now && c->len == 0 && !c->bad_csum ? c : NULL;
}

static uint16_t traits_of(const struct tcptale_conn *conn, const struct tcptale_candidate *c) {
  uint32_t sender = conn->how == TCPTALE_OPEN_SYN ? TCPTALE_C2S : TCPTALE_S2C;
  uint32_t traits =
      c->wscale == TCPTALE_WSCALE_NONE ? (uint32_t)TCPTALE_PACKED_SCALE_MASK : c->wscale;
  traits |= (uint32_t)(conn->card->key_kind * TCPTALE_PACKED_KEY_KIND);
  if (sender == TCPTALE_S2C) traits |= TCPTALE_PACKED_IS_ANSWER;
  if (conn->client_at) traits |= TCPTALE_PACKED_CLIENT_AT;
  if (c->options & TCPTALE_HAS_TIMESTAMPS) traits |= TCPTALE_PACKED_HAS_TIMESTAMPS;
  if (c->options & TCPTALE_HAS_MD5) traits |= TCPTALE_PACKED_IS_SIGNED;
  if (tcptale_end_has(&conn->ends[sender], TCPTALE_END_GOOD_CSUM))
    traits |= TCPTALE_PACKED_GOOD_CSUM;
  return (uint16_t)traits;
}

int tcptale_pack(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                 struct tcptale_packed *packed) {
  const struct tcptale_candidate *c = only_candidate(env, conn);
  if (!c) return 0;
  memset(packed, 0, sizeof *packed);
  packed->key = conn->card->key;
  packed->user = conn->card->user;
  packed->at_ns = conn->last_ns;
  packed->id_low = (uint32_t)conn->id;
  packed->id_high = (uint16_t)(conn->id >> 32);
  packed->isn = c->isn;
  packed->ack = c->ack;
  packed->ts_val = c->ts_val;
  packed->window = c->window;
  packed->traits = traits_of(conn, c);
  note(packed, conn);
  tcptale_key_copy_tail(packed->key_tail, conn->card->key_tail, conn->card->key_kind);
  return 1;
}

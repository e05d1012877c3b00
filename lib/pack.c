/* pack.c - see pack.h. Floor 9. */
#include "pack.h"

#include <string.h>

#include "intake.h"
#include "opening.h"

/* Bits of `traits`; the lowest four are the window scale, all set: none. */
enum {
  SCALE_MASK = 0x000f,
  IS_ANSWER = 0x0010, /* a SYN+ACK */
  CLIENT_AT = 0x0020, /* the key's second endpoint is the client */
  IS_WIDE = 0x0040,
  IS_IGNORED = 0x0080,
  HAS_TIMESTAMPS = 0x0100,
  IS_SIGNED = 0x0200,
  GOOD_CSUM = 0x0400,
  DISCARDS = 0x0800 /* what the client sends; the next bit: the server */
};

#define ID_LIMIT ((uint64_t)1 << 48)

static uint32_t sender_of(const struct tcptale_packed *packed) {
  return packed->traits & IS_ANSWER ? TCPTALE_S2C : TCPTALE_C2S;
}

uint64_t tcptale_packed_id(const struct tcptale_packed *packed) {
  return (uint64_t)packed->id_high << 32 | packed->id_low;
}

int tcptale_packed_is_wide(const struct tcptale_packed *packed) {
  return (packed->traits & IS_WIDE) != 0;
}

/* ---- the user's wishes ---- */

void tcptale_packed_note(struct tcptale_packed *packed, const struct tcptale_conn *conn) {
  packed->user = conn->user;
  packed->policies = (uint8_t)(conn->ends[0].half.policy | conn->ends[1].half.policy << 4);
  if (tcptale_conn_has(conn, TCPTALE_CONN_IGNORED)) packed->traits |= IS_IGNORED;
  for (uint32_t d = 0; d < 2; d++)
    if (conn->ends[d].half.flags & TCPTALE_HALF_DISCARDING)
      packed->traits |= (uint16_t)(DISCARDS << d);
}

static void recall(const struct tcptale_packed *packed, struct tcptale_conn *conn) {
  conn->user = packed->user;
  if (packed->traits & IS_IGNORED) conn->flags |= TCPTALE_CONN_IGNORED;
  for (uint32_t d = 0; d < 2; d++) {
    conn->ends[d].half.policy = packed->policies >> 4 * d & 15;
    if (packed->traits & DISCARDS << d) conn->ends[d].half.flags |= TCPTALE_HALF_DISCARDING;
  }
}

int tcptale_packed_is_ignored(const struct tcptale_packed *packed) {
  return (packed->traits & IS_IGNORED) != 0;
}

/* ---- the record ---- */

/* All of it but bases, candidates and what only `roster` knows; `conn` is all zero. */
static void fill(const struct tcptale_packed *packed, struct tcptale_conn *conn) {
  uint32_t sender = sender_of(packed);
  conn->key = packed->key;
  conn->flags = TCPTALE_CONN_ROLE_KNOWN;
  if (tcptale_packed_is_wide(packed)) {
    conn->flags |= TCPTALE_CONN_WIDE;
    memcpy(conn->whole_key, packed->whole_key, TCPTALE_KEY_WIDE_BYTES);
  }
  conn->id = tcptale_packed_id(packed);
  conn->first_ns = conn->last_ns = packed->at_ns;
  conn->client_at = (packed->traits & CLIENT_AT) != 0;
  conn->phase = TCPTALE_PHASE_HANDSHAKE;
  conn->how = sender == TCPTALE_C2S ? TCPTALE_OPEN_SYN : TCPTALE_OPEN_SYNACK;
  conn->ends[sender].packets = 1;
  if (packed->traits & GOOD_CSUM) conn->ends[sender].flags |= TCPTALE_END_GOOD_CSUM;
  recall(packed, conn);
  tcptale_opening_note_first(conn);
}

static void fill_candidate(const struct tcptale_packed *packed, struct tcptale_candidate *c) {
  uint32_t scale = packed->traits & SCALE_MASK;
  c->ts_ns = packed->at_ns;
  c->isn = packed->isn;
  c->ack = packed->ack;
  c->ts_val = packed->ts_val;
  c->window = packed->window;
  c->wscale = scale == SCALE_MASK ? TCPTALE_WSCALE_NONE : (uint8_t)scale;
  if (scale != SCALE_MASK) c->options |= TCPTALE_HAS_WSCALE;
  if (packed->traits & HAS_TIMESTAMPS) c->options |= TCPTALE_HAS_TIMESTAMPS;
  if (packed->traits & IS_SIGNED) c->options |= TCPTALE_HAS_MD5;
}

void tcptale_unpack(struct tcptale_conn_env *env, const struct tcptale_packed *packed,
                    struct tcptale_conn *conn, struct tcptale_handshake *hs) {
  memset(conn, 0, sizeof *conn);
  memset(hs, 0, sizeof *hs);
  fill(packed, conn);
  conn->tracker = env->tracker;
  int is_answer = sender_of(packed) == TCPTALE_S2C;
  fill_candidate(packed, is_answer ? hs->synack : hs->syn);
  if (is_answer) hs->synack_count = 1;
  else hs->syn_count = 1;
  tcptale_opening_base_first(env, conn, packed->isn, packed->ack);
}

/* ---- folded records ---- */

uint32_t tcptale_packed_client_at(const struct tcptale_packed *packed) {
  return (packed->traits & CLIENT_AT) != 0;
}

int tcptale_packed_may_fold(const struct tcptale_packed *packed) {
  return !(packed->traits & (IS_ANSWER | IS_SIGNED | IS_IGNORED));
}

static uint32_t stamp_flag(const struct tcptale_conn *conn, const struct tcptale_end *end) {
  return (uint32_t)TCPTALE_CONN_FOLDED_STAMP << (end != conn->ends);
}

void tcptale_pack_fold(struct tcptale_conn *conn, struct tcptale_end *end,
                       const struct tcptale_gist *gist) {
  end->window = gist->said.window;
  end->ts_recent = gist->said.ts_val;
  end->wscale = gist->wscale;
  if (gist->has_timestamps) conn->flags |= stamp_flag(conn, end);
}

void tcptale_unpack_folded(struct tcptale_conn_env *env, const struct tcptale_packed *packed,
                           struct tcptale_conn *conn) {
  struct tcptale_end *client = &conn->ends[TCPTALE_C2S];
  uint32_t scale = packed->traits & SCALE_MASK;
  memset(conn, 0, sizeof *conn);
  fill(packed, conn);
  conn->tracker = env->tracker;
  tcptale_opening_base_first(env, conn, packed->isn, packed->ack);
  conn->flags |= TCPTALE_CONN_FOLDED;
  client->window = packed->window;
  client->ts_recent = packed->ts_val;
  client->wscale = scale == SCALE_MASK ? TCPTALE_WSCALE_NONE : (uint8_t)scale;
  if (packed->traits & HAS_TIMESTAMPS) conn->flags |= stamp_flag(conn, client);
}

/* What one end offered goes back into its candidate. */
static void unfold_end(struct tcptale_conn *conn, struct tcptale_end *end,
                       struct tcptale_candidate *c) {
  c->isn = tcptale_end_isn(end);
  c->ts_val = end->ts_recent;
  c->window = end->window;
  c->wscale = end->wscale;
  if (end->wscale != TCPTALE_WSCALE_NONE) c->options |= TCPTALE_HAS_WSCALE;
  if (tcptale_conn_has(conn, stamp_flag(conn, end))) c->options |= TCPTALE_HAS_TIMESTAMPS;
  conn->flags &= ~stamp_flag(conn, end);
  end->window = 0;
  end->ts_recent = 0;
  end->wscale = TCPTALE_WSCALE_NONE;
}

void tcptale_unfold(struct tcptale_conn *conn, struct tcptale_handshake *hs) {
  memset(hs, 0, sizeof *hs);
  unfold_end(conn, &conn->ends[TCPTALE_C2S], &hs->syn[0]);
  unfold_end(conn, &conn->ends[TCPTALE_S2C], &hs->synack[0]);
  hs->syn[0].ts_ns = conn->first_ns;
  hs->synack[0].ts_ns = conn->last_ns;
  hs->syn[0].ack = hs->synack[0].ack = hs->syn[0].isn + 1;
  hs->syn_count = hs->synack_count = hs->chosen_syn = 1;
  conn->flags &= ~(uint32_t)TCPTALE_CONN_FOLDED;
}

struct tcptale_conn *tcptale_packed_view(const struct tcptale_packed *packed,
                                         union tcptale_view *view) {
  memset(view, 0, sizeof *view);
  fill(packed, &view->conn);
  return &view->conn;
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
  const uint32_t fine = TCPTALE_CONN_ROLE_KNOWN | TCPTALE_CONN_WIDE | TCPTALE_CONN_IGNORED;
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
  uint32_t traits = c->wscale == TCPTALE_WSCALE_NONE ? (uint32_t)SCALE_MASK : c->wscale;
  if (sender == TCPTALE_S2C) traits |= IS_ANSWER;
  if (conn->client_at) traits |= CLIENT_AT;
  if (tcptale_conn_has(conn, TCPTALE_CONN_WIDE)) traits |= IS_WIDE;
  if (c->options & TCPTALE_HAS_TIMESTAMPS) traits |= HAS_TIMESTAMPS;
  if (c->options & TCPTALE_HAS_MD5) traits |= IS_SIGNED;
  if (tcptale_end_has(&conn->ends[sender], TCPTALE_END_GOOD_CSUM)) traits |= GOOD_CSUM;
  return (uint16_t)traits;
}

int tcptale_pack(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                 struct tcptale_packed *packed) {
  const struct tcptale_candidate *c = only_candidate(env, conn);
  if (!c) return 0;
  memset(packed, 0, sizeof *packed);
  packed->key = conn->key;
  packed->at_ns = conn->last_ns;
  packed->id_low = (uint32_t)conn->id;
  packed->id_high = (uint16_t)(conn->id >> 32);
  packed->isn = c->isn;
  packed->ack = c->ack;
  packed->ts_val = c->ts_val;
  packed->window = c->window;
  packed->traits = traits_of(conn, c);
  tcptale_packed_note(packed, conn);
  if (tcptale_packed_is_wide(packed))
    memcpy(packed->whole_key, conn->whole_key, TCPTALE_KEY_WIDE_BYTES);
  return 1;
}

void tcptale_pack_call(struct tcptale_conn_env *env, struct tcptale_packed *packed,
                       const struct tcptale_key *key, const struct tcptale_gist *gist) {
  uint64_t id = ++env->last_id;
  uint32_t traits = gist->wscale == TCPTALE_WSCALE_NONE ? (uint32_t)SCALE_MASK : gist->wscale;
  if (key->from) traits |= CLIENT_AT;
  if (key->is_wide) traits |= IS_WIDE;
  if (gist->has_timestamps) traits |= HAS_TIMESTAMPS;
  if (gist->good_sum) traits |= GOOD_CSUM;
  packed->key = key->brief;
  packed->user = 0;
  packed->at_ns = env->now_ns;
  packed->id_low = (uint32_t)id;
  packed->id_high = (uint16_t)(id >> 32);
  packed->isn = gist->said.seq;
  packed->ack = 0;
  packed->ts_val = gist->said.ts_val;
  packed->window = gist->said.window;
  packed->traits = (uint16_t)traits;
  packed->policies = (uint8_t)env->config.policy[TCPTALE_C2S];
  packed->reserved0 = 0;
  if (key->is_wide) memcpy(packed->whole_key, &key->whole.scope, TCPTALE_KEY_WIDE_BYTES);
}

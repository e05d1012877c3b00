/* tell.c - see tell.h. Floor 6. */
#include "tell.h"

#include <string.h>

#include "tcptale/flow.h"

#include "card.h"

/* Where the fields of a wide key lie in its tail. */
#define KEY_AT(member) (offsetof(tcptale_flow_key, member) - offsetof(tcptale_flow_key, scope))

/* A connection that may still be spoken of: open, and not ignored. */
static int may_tell(const struct tcptale_conn *conn) {
  return conn->phase != TCPTALE_PHASE_EMBRYO && conn->phase != TCPTALE_PHASE_CLOSED &&
         !tcptale_conn_has(conn, TCPTALE_CONN_IGNORED);
}

static uint8_t version_of(uint32_t kind, const uint8_t *tail) {
  if (kind == TCPTALE_KEY_V4) return 4;
  return kind == TCPTALE_KEY_V6 ? 6 : tail[KEY_AT(ip_version)];
}

/* One end: the key's endpoint `at`. */
static void write_end(const struct tcptale_brief_key *key, uint32_t kind, const uint8_t *tail,
                      uint32_t at, uint8_t addr[16], uint16_t *port) {
  *port = tcptale_key_port(key, at);
  if (kind == TCPTALE_KEY_V4) {
    memcpy(addr, &key->addr[at], 4);
  } else if (kind == TCPTALE_KEY_V6) {
    memcpy(addr, tail + TCPTALE_KEY_V6_HIGH * at, TCPTALE_KEY_V6_HIGH);
    memcpy(addr + TCPTALE_KEY_V6_HIGH, &key->addr[at], 4);
  } else {
    memcpy(addr, tail + KEY_AT(addr) + 16 * at, 16);
  }
}

void tcptale_tell_ends_of(const struct tcptale_brief_key *key, uint32_t kind, const uint8_t *tail,
                          uint32_t client_at, tcptale_endpoints *out) {
  out->ip_version = version_of(kind, tail);
  write_end(key, kind, tail, client_at, out->addr[0], &out->port[0]);
  write_end(key, kind, tail, client_at ^ 1, out->addr[1], &out->port[1]);
}

void tcptale_tell_endpoints(const struct tcptale_conn *conn, tcptale_endpoints *out) {
  uint32_t size = out->struct_size;
  memset(out, 0, size);
  out->struct_size = size;
  const struct tcptale_card *card = conn->card;
  tcptale_tell_ends_of(&card->key, card->key_kind, card->key_tail, conn->client_at, out);
  out->role =
      tcptale_conn_has(conn, TCPTALE_CONN_ROLE_KNOWN) ? TCPTALE_ROLE_KNOWN : TCPTALE_ROLE_GUESS;
}

/* Ids count up and are never used again, so a caller may keep one for ever. */
void tcptale_tell_open(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t how) {
  conn->id = ++env->last_id;
  env->enlist(env, conn);
  conn->how = (uint8_t)how;
  tcptale_open_event event = {.conn_id = conn->id, .how = how};
  event.endpoints.struct_size = sizeof event.endpoints;
  tcptale_tell_endpoints(conn, &event.endpoints);
  event.role = event.endpoints.role;
  tcptale_emit_open(&env->emit, conn, &event);
}

void tcptale_tell_established(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                              int64_t rtt_ns, int64_t syn_synack_ns) {
  if (!may_tell(conn)) return;
  tcptale_established_event event = {
      .conn_id = conn->id, .rtt_ns = rtt_ns, .syn_synack_ns = syn_synack_ns};
  tcptale_emit_established(&env->emit, conn, &event);
}

void tcptale_tell_reset(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t dir,
                        uint32_t verdict) {
  if (!may_tell(conn)) return;
  tcptale_reset_event event = {.conn_id = conn->id, .direction = dir, .verdict = verdict};
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  tcptale_emit_reset(&env->emit, conn, &event);
}

void tcptale_tell_close(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t why) {
  tcptale_close_event event = {.conn_id = conn->id, .why = why};
  for (uint32_t d = 0; d < 2; d++) {
    event.delivered[d] = conn->ends[d].delivered;
    event.missing[d] = conn->ends[d].missing;
  }
  env->closed++;
  tcptale_emit_close(&env->emit, conn, &event);
  tcptale_emit_forget(&env->emit, &conn->anomalies);
}

/* After its close a connection is not spoken of, but its counters still limit what is told. */
static void tell_anomaly(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                         tcptale_anomaly_event *event) {
  if (conn && tcptale_conn_has(conn, TCPTALE_CONN_IGNORED)) return;
  uint32_t *counts = conn ? &conn->anomalies : &env->stray;
  if (conn && !may_tell(conn)) conn = NULL;
  event->conn_id = conn ? conn->id : 0;
  tcptale_emit_anomaly(&env->emit, conn, counts, event);
}

void tcptale_tell_anomaly(struct tcptale_conn_env *env, struct tcptale_conn *conn, uint32_t code,
                          uint32_t dir, uint64_t offset, uint64_t len) {
  tcptale_anomaly_event event = {.code = code, .direction = dir, .offset = offset, .len = len};
  tell_anomaly(env, conn, &event);
}

void tcptale_tell_evicted(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (may_tell(conn)) tcptale_emit_evicted(&env->emit, conn, conn->id);
}

/* The decoder's findings and the notes, as anomalies of the connection. */
static void tell_findings(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg) {
  static const struct {
    uint32_t note, code;
  } notes[] = {{TCPTALE_NOTE_ACK_UNSEEN, TCPTALE_ANOMALY_ACK_UNSEEN},
               {TCPTALE_NOTE_TS_MISSING, TCPTALE_ANOMALY_TS_MISSING},
               {TCPTALE_NOTE_SIGNED, TCPTALE_ANOMALY_MD5_UNEXPECTED},
               {TCPTALE_NOTE_STRADDLES, TCPTALE_ANOMALY_OUT_OF_WINDOW}};
  uint64_t offset = seg->len > 0 && seg->offset > 0 ? (uint64_t)seg->offset : 0;
  uint32_t own_codes = (1u << TCPTALE_ANOMALY_BAD_TCP_CSUM) | (1u << TCPTALE_ANOMALY_BAD_IP_CSUM) |
                       (1u << TCPTALE_ANOMALY_NO_ACK_FLAG) | (1u << TCPTALE_ANOMALY_CSUM_OFFLOAD);
  uint32_t bits = seg->packet->anomalies & ~own_codes;
  for (uint32_t code = 1; code < 32 && bits >> code != 0; code++)
    if ((bits >> code & 1) && code != seg->anomaly)
      tcptale_tell_anomaly(env, conn, code, seg->dir, 0, 0);
  if (seg->anomaly) tcptale_tell_anomaly(env, conn, seg->anomaly, seg->dir, offset, seg->len);
  for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
    if ((seg->notes & notes[i].note) && notes[i].code != seg->anomaly)
      tcptale_tell_anomaly(env, conn, notes[i].code, seg->dir, 0, 0);
  if (tcptale_tell_is_broken_ack(seg->packet))
    tcptale_tell_anomaly(env, conn, TCPTALE_ANOMALY_BROKEN_ACK, seg->dir, 0, 0);
}

static void tell_judged(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                        const struct tcptale_arrival *seg) {
  const tcptale_packet *p = seg->packet;
  tcptale_segment_event event = {.direction = seg->dir, .verdict = seg->verdict, .len = seg->len};
  event.tcp_flags = p->tcp_flags;
  event.anomaly = seg->verdict == TCPTALE_SEGMENT_OUTSIDE ? seg->anomaly : 0;
  event.bad_checksum =
      seg->anomaly == TCPTALE_ANOMALY_BAD_TCP_CSUM || seg->anomaly == TCPTALE_ANOMALY_BAD_IP_CSUM;
  event.packet = p;
  event.data = seg->data;
  if (conn) {
    const struct tcptale_end *own = &conn->ends[seg->dir];
    const struct tcptale_end *peer = &conn->ends[tcptale_other(seg->dir)];
    int has_ack = (p->tcp_flags & TCPTALE_TCP_ACK) != 0;
    event.conn_id = conn->id;
    if (tcptale_end_has(own, TCPTALE_END_BASED)) event.seq = p->seq - tcptale_end_isn(own);
    if (tcptale_end_has(peer, TCPTALE_END_BASED) && has_ack)
      event.ack = p->ack - tcptale_end_isn(peer);
  }
  tcptale_emit_segment(&env->emit, conn && may_tell(conn) ? conn : NULL, &event);
}

void tcptale_tell_verdict(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          const struct tcptale_arrival *seg) {
  int is_ignored = conn && tcptale_conn_has(conn, TCPTALE_CONN_IGNORED);
  if (env->emit.callbacks.on_segment && !is_ignored) tell_judged(env, conn, seg);
  if (tcptale_tell_is_odd(seg)) tell_findings(env, conn, seg);
}

void tcptale_tell_refused(struct tcptale_conn_env *env, struct tcptale_conn *conn,
                          struct tcptale_arrival *seg, uint32_t code) {
  seg->verdict = TCPTALE_SEGMENT_OUTSIDE;
  seg->anomaly = code;
  tcptale_tell_segment(env, conn, seg);
}

/* Counted where it is told: after a stop, or in a direction that nobody wants, nothing is
 * delivered. */
static void sink_data(void *ctx, uint64_t offset, const uint8_t *data, uint32_t len,
                      uint64_t from_index, uint64_t from_ts_ns) {
  struct tcptale_conn_env *env = ctx;
  struct tcptale_conn *conn = env->conn;
  if (tcptale_conn_has(conn, TCPTALE_CONN_IGNORED)) return;
  if (conn->ends[env->dir].half.flags & TCPTALE_HALF_DISCARDING) return;
  tcptale_data_event event = {.conn_id = conn->id, .direction = env->dir, .len = len};
  event.offset = offset;
  event.from_index = from_index;
  event.from_ts_ns = from_ts_ns;
  event.data = data;
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  if (!env->emit.stopped) conn->ends[env->dir].delivered += len;
  tcptale_emit_data(&env->emit, conn, &event);
}

static void sink_gap(void *ctx, uint64_t offset, uint64_t len, uint32_t why) {
  struct tcptale_conn_env *env = ctx;
  struct tcptale_conn *conn = env->conn;
  if (tcptale_conn_has(conn, TCPTALE_CONN_IGNORED)) return;
  if (conn->ends[env->dir].half.flags & TCPTALE_HALF_DISCARDING) return;
  tcptale_gap_event event = {
      .conn_id = conn->id, .direction = env->dir, .why = why, .offset = offset, .len = len};
  conn->flags |= TCPTALE_CONN_DATA_TOLD;
  if (!env->emit.stopped) conn->ends[env->dir].missing += len;
  tcptale_emit_gap(&env->emit, conn, &event);
}

static void sink_half_close(void *ctx, uint64_t offset) {
  struct tcptale_conn_env *env = ctx;
  if (!may_tell(env->conn)) return;
  tcptale_half_close_event event = {
      .conn_id = env->conn->id, .direction = env->dir, .offset = offset};
  env->conn->flags |= TCPTALE_CONN_DATA_TOLD;
  tcptale_emit_half_close(&env->emit, env->conn, &event);
}

static void sink_anomaly(void *ctx, uint32_t code, uint64_t offset, uint64_t len,
                         const uint8_t *data) {
  struct tcptale_conn_env *env = ctx;
  tcptale_anomaly_event event = {
      .code = code, .direction = env->dir, .offset = offset, .len = len, .data = data};
  tell_anomaly(env, env->conn, &event);
}

const struct tcptale_stream_sink tcptale_tell_sink = {sink_data, sink_gap, sink_half_close,
                                                      sink_anomaly};

/* detour.c - see detour.h. Floor 19. */
#include "detour.h"

#include "route.h"
#include "shortcut.h"
#include "tell.h"

static void stray(struct tcptale_tracker *t, uint32_t code) {
  tcptale_tell_anomaly(&t->env, NULL, code, TCPTALE_NO_DIR, 0, 0);
}

/* What the decoder found odd in a packet that is no TCP segment, or belongs to no connection. */
static void tell_stray_findings(struct tcptale_tracker *t, const tcptale_packet *packet) {
  for (uint32_t code = 1, bits = packet->anomalies; code < 32 && bits >> code != 0; code++)
    if (bits >> code & 1) stray(t, code);
}

/* A checksum that is surely wrong opens nothing: such a segment is counted and told, 1. */
static int refuse_stray(struct tcptale_tracker *t, struct tcptale_arrival *seg,
                        const struct tcptale_key *key) {
  if (t->env.config.checksum != TCPTALE_CHECKSUM_VERIFY) return 0;
  int bad_ip = seg->packet->ip_csum == TCPTALE_CSUM_BAD;
  int bad_tcp = seg->packet->tcp_csum == TCPTALE_CSUM_BAD;
  if ((!bad_ip && !bad_tcp) || tcptale_roster_look(&t->roster, &t->env, key)) return 0;
  t->env.bad_checksums++;
  seg->dir = TCPTALE_NO_DIR;
  seg->verdict = TCPTALE_SEGMENT_OUTSIDE;
  seg->anomaly = bad_ip ? TCPTALE_ANOMALY_BAD_IP_CSUM : TCPTALE_ANOMALY_BAD_TCP_CSUM;
  tcptale_tell_segment(&t->env, NULL, seg);
  return 1;
}

/* Remembers a frame; 1: the capture holds it twice (rule R23). */
static int note_copy(struct tcptale_tracker *t, const struct tcptale_lookup *look) {
  if (t->env.config.flags & TCPTALE_CONFIG_NO_DUP_FRAME) return 0;
  uint64_t flow = tcptale_key_flow(&look->key), index = t->env.emit.index;
  uint64_t sample = tcptale_dup_sample(&look->gist);
  int seen = tcptale_dup_has(&t->dup, flow, &look->gist, index, t->env.now_ns);
  tcptale_dup_remember(&t->dup, flow, &look->gist, sample, index, t->env.now_ns);
  return seen;
}

/* The long way. A frame that the capture holds twice is marked before anything looks at it. */
static void take_any(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                     const tcptale_packet *packet, const uint8_t *data) {
  int seen = note_copy(t, look);
  struct tcptale_arrival seg = {.packet = packet, .data = data, .payload = data};
  if (packet->payload_cap > 0) seg.payload = data + packet->payload_offset;
  seg.index = t->env.emit.index;
  seg.ts_ns = t->env.now_ns;
  seg.len = packet->payload_len - packet->payload_unsent;
  seg.cap_len = packet->payload_cap;
  if (seen) seg.verdict = TCPTALE_SEGMENT_DUP_FRAME;
  if (!refuse_stray(t, &seg, &look->key)) tcptale_route(&t->roster, &t->env, &look->key, &seg);
  int may_count_again = seg.verdict == TCPTALE_SEGMENT_OUTSIDE || seg.doubtful || t->env.rebased;
  if (may_count_again) tcptale_shortcut_refuse(t);
}

void tcptale_detour_look_up(struct tcptale_tracker *t, const tcptale_packet *packet,
                            const uint8_t *data, uint64_t scope, struct tcptale_lookup *look) {
  look->has_key = (packet->layers & TCPTALE_LAYER_TCP) &&
                  tcptale_key_of(&look->key, packet, scope, t->key_flags, &t->env.secret);
  look->gist.kind = TCPTALE_GIST_ODD;
  if (!look->has_key) return;
  tcptale_gist_of_packet(&look->gist, packet, data);
  look->home = tcptale_roster_approach(&t->roster, &look->key);
}

static void take_segment(struct tcptale_tracker *t, const struct tcptale_lookup *look,
                         const tcptale_packet *packet, const uint8_t *data) {
  t->stats.segments++;
  if (!tcptale_shortcut_apart(t, look)) take_any(t, look, packet, data);
}

/* ---- fragments, and what is compressed ---- */

static void tell_fragment_findings(struct tcptale_tracker *t, uint64_t bits) {
  for (uint32_t i = 0; i <= TCPTALE_ANOMALY_FRAG_TIMEOUT - TCPTALE_ANOMALY_FRAG_OVERLAP; i++)
    if (bits >> i & 1) stray(t, TCPTALE_ANOMALY_FRAG_OVERLAP + i);
}

/* A compressed datagram goes the way of any packet once it is unpacked; one that turns out to be
 * compressed again, or a fragment, is left alone. */
static void take_compressed(struct tcptale_tracker *t, const tcptale_packet *packet,
                            const uint8_t *data, uint64_t scope) {
  tcptale_packet whole = *packet;
  struct tcptale_lookup look;
  if (packet->ip_csum == TCPTALE_CSUM_BAD) t->env.bad_checksums++;
  else if (!(t->env.config.flags & TCPTALE_CONFIG_NO_UNPACK))
    tcptale_decode_unpacked(&whole, data, t->unpacked, TCPTALE_UNPACKED_MOST, t->decode_flags);
  tcptale_detour_look_up(t, &whole, t->unpacked, scope, &look);
  if (look.has_key) take_segment(t, &look, &whole, t->unpacked);
  else tell_stray_findings(t, &whole);
}

static int is_compressed(const tcptale_packet *packet) {
  return packet->stop_reason == TCPTALE_STOP_COMPRESSED;
}

/* A fragment may complete its datagram, which then goes the way of any packet; one that turns
 * out to be a fragment again is left alone. */
static void take_fragment(struct tcptale_tracker *t, const tcptale_packet *packet,
                          const uint8_t *data, uint64_t scope) {
  if (packet->anomalies) tell_stray_findings(t, packet);
  if (t->env.config.flags & TCPTALE_CONFIG_NO_DEFRAG) return;
  if (packet->ip_csum == TCPTALE_CSUM_BAD) {
    t->env.bad_checksums++;
    return;
  }
  tcptale_defrag_result *result = &t->datagram;
  int pushed = tcptale_defrag_push(&t->defrag, packet, data, scope, t->env.emit.index,
                                   t->env.now_ns, result);
  if (pushed != TCPTALE_OK) return;
  tell_fragment_findings(t, result->anomalies_frag);
  if (!result->complete) return;
  tcptale_decode_reassembled(&result->first, result->data, result->len, t->decode_flags);
  struct tcptale_lookup look;
  tcptale_detour_look_up(t, &result->first, result->data, scope, &look);
  if (look.has_key) take_segment(t, &look, &result->first, result->data);
  else if (is_compressed(&result->first)) take_compressed(t, &result->first, result->data, scope);
  else tell_stray_findings(t, &result->first);
}

void tcptale_detour(struct tcptale_tracker *t, const tcptale_packet *packet,
                    const tcptale_frame *frame, const struct tcptale_lookup *look) {
  t->later.puts_off = 0; /* what is put together here is looked up in places that go with it */
  if (look->has_key) take_any(t, look, packet, frame->data);
  else if (packet->layers & TCPTALE_LAYER_FRAGMENT && packet->stop_reason == TCPTALE_STOP_FRAGMENT)
    take_fragment(t, packet, frame->data, frame->scope);
  else if (is_compressed(packet)) take_compressed(t, packet, frame->data, frame->scope);
  else if (packet->anomalies) tell_stray_findings(t, packet);
}

uint32_t tcptale_detour_expire(struct tcptale_tracker *t, uint32_t budget) {
  if (t->defrag.oldest == TCPTALE_ARENA_NONE) return 0;
  int gone = tcptale_defrag_expire(&t->defrag, t->env.now_ns, budget);
  for (int i = 0; i < gone; i++) stray(t, TCPTALE_ANOMALY_FRAG_TIMEOUT);
  return gone > 0 ? (uint32_t)gone : 0;
}

void tcptale_detour_flush(struct tcptale_tracker *t) {
  for (uint32_t i = tcptale_defrag_pending(&t->defrag); i > 0; i--)
    stray(t, TCPTALE_ANOMALY_FRAG_TIMEOUT);
  tcptale_defrag_clear(&t->defrag);
}

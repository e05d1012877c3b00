/* handshake.c - see handshake.h. Floor 6. */
#include "handshake.h"

#include <string.h>

#include "tcptale/seq.h"

/* How far behind a SYN+ACK a client's first acknowledgement that was seen may stand. */
#define ACK_REACH ((int32_t)0x100000)

void tcptale_handshake_end(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  if (conn->handshake == TCPTALE_ARENA_NONE) return;
  tcptale_arena_release(&env->arena, conn->handshake);
  conn->handshake = TCPTALE_ARENA_NONE;
}

/* The options that count for the connection (RFC 7323; RFC 2385, RFC 5925: either signs). */
static uint16_t options_of(const tcptale_packet *p) {
  uint32_t options = p->options & (TCPTALE_HAS_WSCALE | TCPTALE_HAS_TIMESTAMPS);
  if (p->options & (TCPTALE_HAS_MD5 | TCPTALE_HAS_AO)) options |= TCPTALE_HAS_MD5;
  return (uint16_t)options;
}

static void fill(struct tcptale_candidate *c, const struct tcptale_arrival *seg) {
  const tcptale_packet *p = seg->packet;
  c->isn = p->seq;
  if (p->tcp_flags & TCPTALE_TCP_ACK) c->ack = p->ack;
  c->ts_val = p->ts_val;
  c->len = seg->len;
  c->window = p->window;
  c->options = options_of(p);
  c->wscale = TCPTALE_WSCALE_NONE;
  if (p->options & TCPTALE_HAS_WSCALE) c->wscale = p->wscale > 14 ? 14 : p->wscale;
  c->bad_csum = p->tcp_csum == TCPTALE_CSUM_BAD || p->ip_csum == TCPTALE_CSUM_BAD;
}

/* Makes room behind the first: the second oldest goes, but never the one that an acknowledgement
 * chose. */
static void drop_second(struct tcptale_candidate *list, uint8_t *count, uint8_t *chosen) {
  uint32_t gone = *chosen == 2 ? 2 : 1;
  memmove(&list[gone], &list[gone + 1], (*count - 1 - gone) * sizeof *list);
  *count -= 1;
  if (*chosen > gone + 1) *chosen -= 1;
}

/* A SYN that is sent again has the same number, and may differ in options (case H15, ECN; case
 * H05, a new timestamp): its latest copy counts, its first time. */
uint32_t tcptale_handshake_add(struct tcptale_handshake *hs, const struct tcptale_arrival *seg,
                               int is_answer) {
  struct tcptale_candidate *list = is_answer ? hs->synack : hs->syn;
  uint8_t *count = is_answer ? &hs->synack_count : &hs->syn_count;
  uint8_t *chosen = is_answer ? &hs->chosen_synack : &hs->chosen_syn;
  for (uint32_t i = 0; i < *count; i++) {
    if (list[i].isn != seg->packet->seq) continue;
    uint64_t first_ns = list[i].ts_ns; /* a resent SYN counts from its first time, ... */
    uint32_t len = list[i].len;        /* ... and may come without its data (RFC 7413 4.1.3) */
    fill(&list[i], seg);
    list[i].ts_ns = first_ns;
    list[i].len = len > seg->len ? len : seg->len;
    return TCPTALE_CANDIDATE_SAME;
  }
  uint32_t result = TCPTALE_CANDIDATE_NEW;
  if (*count == TCPTALE_CANDIDATES) {
    drop_second(list, count, chosen);
    result = TCPTALE_CANDIDATE_FLOOD;
  }
  memset(&list[*count], 0, sizeof *list);
  fill(&list[*count], seg);
  list[*count].ts_ns = seg->ts_ns;
  *count += 1;
  return result;
}

uint32_t tcptale_handshake_syn_len(const struct tcptale_handshake *hs, uint32_t isn) {
  for (uint32_t i = 0; i < hs->syn_count; i++)
    if (hs->syn[i].isn == isn) return hs->syn[i].len;
  return 0;
}

/* RFC 7413 4.2.2: the server acknowledges the SYN alone, or with some or all of its data. */
struct tcptale_candidate *tcptale_handshake_choose_syn(struct tcptale_handshake *hs, uint32_t ack) {
  for (uint32_t i = hs->syn_count; i > 0; i--) {
    struct tcptale_candidate *c = &hs->syn[i - 1];
    int32_t beyond = tcptale_seq_diff(ack, c->isn + 1);
    if (beyond < 0 || (uint32_t)beyond > c->len) continue;
    hs->chosen_syn = (uint8_t)i;
    return c;
  }
  return NULL;
}

/* The first ACK of the client may be lost to the capture: a later one stands further ahead. */
struct tcptale_candidate *tcptale_handshake_choose_synack(struct tcptale_handshake *hs,
                                                          uint32_t ack) {
  int32_t nearest = ACK_REACH;
  struct tcptale_candidate *best = NULL;
  for (uint32_t i = 0; i < hs->synack_count; i++) {
    int32_t beyond = tcptale_seq_diff(ack, hs->synack[i].isn + 1);
    if (beyond < 0 || beyond >= nearest) continue;
    nearest = beyond;
    best = &hs->synack[i];
    hs->chosen_synack = (uint8_t)(i + 1);
  }
  return best;
}

struct tcptale_candidate *tcptale_handshake_syn(struct tcptale_handshake *hs) {
  if (hs->syn_count == 0) return NULL;
  return &hs->syn[(hs->chosen_syn ? hs->chosen_syn : hs->syn_count) - 1];
}

struct tcptale_candidate *tcptale_handshake_synack(struct tcptale_handshake *hs) {
  if (hs->synack_count == 0) return NULL;
  return &hs->synack[(hs->chosen_synack ? hs->chosen_synack : hs->synack_count) - 1];
}

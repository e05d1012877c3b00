/* dup.c - see dup.h. What tells a copy from a retransmission is the IP identification, which a
 * sender counts up; where there is none (IPv6, or 0) a copy must follow within a millisecond.
 * Floor 4. */
#include "dup.h"

#include <string.h>

#include "bytes.h"

#define NEAR_NS            ((uint64_t)100000000)
#define NEAR_WITHOUT_ID_NS ((uint64_t)1000000)

static uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
  return h ^ (h >> 29);
}

/* The first and last bytes of the payload; the TCP checksum stands for the rest. A frame that is
 * taken for a copy is still compared byte for byte with what is known, so a forger gains
 * nothing. */
static uint64_t sample(const tcptale_packet *p, const uint8_t *payload) {
  if (p->payload_cap < 8) return p->payload_cap ? payload[0] : 0;
  return tcptale_le64(payload) ^ (tcptale_le64(payload + p->payload_cap - 8) << 1);
}

static uint64_t print_of(uint64_t flow, const tcptale_packet *p, const uint8_t *payload) {
  uint64_t h = mix(flow, (uint64_t)p->seq << 32 | p->ack);
  h = mix(h, (uint64_t)p->tcp_flags << 48 | (uint64_t)p->window << 32 |
                 (uint64_t)p->tcp_checksum << 16 | p->urgent);
  h = mix(h, (uint64_t)p->ip_id << 32 | p->payload_len);
  h = mix(h, (uint64_t)p->ts_val << 32 | p->ts_ecr);
  return mix(h, sample(p, payload));
}

static void unlink_entry(struct tcptale_dup *dup, uint32_t at) {
  uint8_t *link = &dup->head[dup->entry[at].print % TCPTALE_DUP_HEADS];
  while (*link != at + 1) link = &dup->entry[*link - 1].next;
  *link = dup->entry[at].next;
}

static int is_near(const struct tcptale_dup_entry *e, const tcptale_packet *p, uint64_t index,
                   uint64_t ts_ns) {
  uint64_t apart = ts_ns > e->ts_ns ? ts_ns - e->ts_ns : e->ts_ns - ts_ns;
  int counted = index == 0 || e->index == 0 || index - e->index <= TCPTALE_DUP_FRAMES;
  return counted && apart <= (p->ip_version == 4 && p->ip_id != 0 ? NEAR_NS : NEAR_WITHOUT_ID_NS);
}

int tcptale_dup_seen(struct tcptale_dup *dup, uint64_t flow, const tcptale_packet *packet,
                     const uint8_t *payload, uint64_t index, uint64_t ts_ns) {
  uint64_t print = print_of(flow, packet, payload);
  uint8_t *head = &dup->head[print % TCPTALE_DUP_HEADS];
  int seen = 0;
  for (uint8_t i = *head; i != 0 && !seen; i = dup->entry[i - 1].next)
    seen = dup->entry[i - 1].print == print && is_near(&dup->entry[i - 1], packet, index, ts_ns);
  if (dup->filled == TCPTALE_DUP_FRAMES) unlink_entry(dup, dup->at);
  else dup->filled++;
  dup->entry[dup->at] = (struct tcptale_dup_entry){print, index, ts_ns, *head, {0}};
  *head = (uint8_t)(dup->at + 1);
  dup->at = (dup->at + 1) % TCPTALE_DUP_FRAMES;
  return seen;
}

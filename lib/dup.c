/* dup.c - see dup.h. What tells a copy from a retransmission is the IP identification, which a
 * sender counts up; where there is none (IPv6, or 0) a copy must follow within a millisecond.
 * Floor 4. */
#include "dup.h"

#include <string.h>

#include "bytes.h"

#define NEAR_NS            ((uint64_t)100000000)
#define NEAR_WITHOUT_ID_NS ((uint64_t)1000000)

/* The first bytes of the payload, which lie beside the header; its end would be a cache line that
 * nobody else touches. The TCP checksum stands for the rest. A frame that is taken for a copy is
 * still compared byte for byte with what is known, so a forger gains nothing. */
static uint64_t sample(const struct tcptale_gist *g) {
  uint64_t len = (uint64_t)g->cap_len << 32; /* a copy that the capture cut elsewhere is another */
  if (g->cap_len < 8) return len + (g->cap_len ? g->payload[0] : 0u);
  return len ^ tcptale_le64(g->payload);
}

/* Where a sequence number is tallied: ten bits of a product, one of TCPTALE_DUP_TALLIES. */
static uint32_t tally_of(const struct tcptale_wording *said) {
  return said->seq * 0x9e3779b1u >> 22;
}

static void fill(struct tcptale_dup_entry *e, uint64_t flow, const struct tcptale_gist *g,
                 uint64_t index, uint64_t ts_ns) {
  e->said = g->said;
  e->flow = (uint64_t)1 << 63 | flow;
  e->sample = sample(g);
  e->index = index;
  e->ts_ns = ts_ns;
}

/* In the place of the oldest frame. */
void tcptale_dup_remember(struct tcptale_dup *dup, uint64_t flow, const struct tcptale_gist *gist,
                          uint64_t index, uint64_t ts_ns) {
  struct tcptale_dup_entry *e = &dup->entry[dup->count % TCPTALE_DUP_FRAMES];
  if (dup->count++ >= TCPTALE_DUP_FRAMES) dup->tally[tally_of(&e->said)]--;
  dup->tally[tally_of(&gist->said)]++;
  fill(e, flow, gist, index, ts_ns);
}

static int is_near(const struct tcptale_dup_entry *e, const struct tcptale_gist *g, uint64_t index,
                   uint64_t ts_ns) {
  uint64_t apart = ts_ns > e->ts_ns ? ts_ns - e->ts_ns : e->ts_ns - ts_ns;
  int counted = index == 0 || e->index == 0 || index - e->index <= TCPTALE_DUP_FRAMES;
  return counted &&
         apart <= (g->ip_version == 4 && g->said.ip_id != 0 ? NEAR_NS : NEAR_WITHOUT_ID_NS);
}

static int is_same(const struct tcptale_dup_entry *a, const struct tcptale_dup_entry *b) {
  return a->said.seq == b->said.seq && memcmp(&a->said, &b->said, sizeof a->said) == 0 &&
         a->flow == b->flow && a->sample == b->sample;
}

/* Among the frames that are remembered; an entry that was never filled has no flow. */
static int is_among(const struct tcptale_dup *dup, const struct tcptale_dup_entry *now,
                    const struct tcptale_gist *gist) {
  for (uint32_t i = 0; i < TCPTALE_DUP_FRAMES; i++) {
    const struct tcptale_dup_entry *e = &dup->entry[i];
    if (is_same(e, now) && is_near(e, gist, now->index, now->ts_ns)) return 1;
  }
  return 0;
}

int tcptale_dup_has(const struct tcptale_dup *dup, uint64_t flow, const struct tcptale_gist *gist,
                    uint64_t index, uint64_t ts_ns) {
  if (dup->tally[tally_of(&gist->said)] == 0) return 0;
  struct tcptale_dup_entry now;
  fill(&now, flow, gist, index, ts_ns);
  return is_among(dup, &now, gist);
}

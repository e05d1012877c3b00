/* dup.c - see dup.h. What tells a copy from a retransmission is the IP identification, which a
 * sender counts up; where there is none (IPv6, or 0) a copy must follow within a millisecond.
 * Floor 4. */
#include "dup.h"

#include <string.h>

#include "util.h"

#define NEAR_NS            ((uint64_t)100000000)
#define NEAR_WITHOUT_ID_NS ((uint64_t)1000000)

void tcptale_dup_init(struct tcptale_dup *dup) {
  memset(dup, 0, sizeof *dup);
  dup->tally[tcptale_dup_tally_of(0)] = TCPTALE_DUP_FRAMES;
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

static int is_among(const struct tcptale_dup *dup, const struct tcptale_dup_entry *now,
                    const struct tcptale_gist *gist) {
  uint64_t count = tcptale_min_u64(dup->count, TCPTALE_DUP_FRAMES);
  for (uint64_t i = 0; i < count; i++) {
    const struct tcptale_dup_entry *e = &dup->entry[i];
    if (is_same(e, now) && is_near(e, gist, now->index, now->ts_ns)) return 1;
  }
  return 0;
}

int tcptale_dup_has(const struct tcptale_dup *dup, uint64_t flow, const struct tcptale_gist *gist,
                    uint64_t index, uint64_t ts_ns) {
  if (dup->tally[tcptale_dup_tally_of(gist->said.seq)] == 0) return 0;
  struct tcptale_dup_entry now;
  tcptale_dup_fill(&now, flow, gist, index, ts_ns);
  return is_among(dup, &now, gist);
}

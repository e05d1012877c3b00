/* dup.c - see dup.h. What tells a copy from a retransmission is the IP identification, which a
 * sender counts up; where there is none (IPv6, or 0) a copy must follow within a millisecond.
 * Floor 4. */
#include "dup.h"

#include <string.h>

#define NEAR_NS            ((uint64_t)100000000)
#define NEAR_WITHOUT_ID_NS ((uint64_t)1000000)

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

/* A chain leads from later to earlier frames; where it no longer does all its frames are passed. */
int tcptale_dup_search(const struct tcptale_dup *dup, uint64_t flow,
                       const struct tcptale_gist *gist, uint64_t index, uint64_t ts_ns) {
  uint16_t at = dup->last[tcptale_dup_chain(gist->said.seq)], last_age = 0;
  struct tcptale_dup_entry now;
  tcptale_dup_fill(&now, flow, gist, tcptale_dup_sample(gist), index, ts_ns);
  for (;;) {
    uint16_t age = (uint16_t)(dup->count - at);
    if (age <= last_age || age > TCPTALE_DUP_FRAMES) return 0;
    const struct tcptale_dup_entry *e = &dup->entry[at % TCPTALE_DUP_FRAMES];
    if (is_same(e, &now) && is_near(e, gist, index, ts_ns)) return 1;
    at = dup->before[at % TCPTALE_DUP_FRAMES];
    last_age = age;
  }
}

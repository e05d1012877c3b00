/* dup.h - frames that the capture holds twice (rule R23): a mirror port that copies on the way
 * in and out, two VLANs, a bond. Remembers what told the last 64 TCP frames apart; one that comes
 * again within 64 frames and 100 ms is the same frame, not a retransmission. Those with sequence
 * numbers of one digest are chained, the later before the earlier. Remembering costs a line that is
 * written; looking for a copy costs its chain, O(64). Whoever knows that a frame brings what no
 * earlier one brought need not look. Floor 4. */
#ifndef TCPTALE_LIB_DUP_H
#define TCPTALE_LIB_DUP_H

#include "bytes.h"
#include "gist.h"

enum { TCPTALE_DUP_FRAMES = 64, TCPTALE_DUP_CHAINS = 1024 };

/* One frame: what it said, and when. */
struct tcptale_dup_entry {
  struct tcptale_wording said;
  uint64_t index;
  uint64_t flow; /* tells connections and directions apart */
  uint64_t ts_ns;
  uint64_t sample; /* of the payload */
};

/* Frames are named by `count` when they came, in chains modulo 2^16. */
struct tcptale_dup {
  struct tcptale_dup_entry entry[TCPTALE_DUP_FRAMES];
  uint16_t before[TCPTALE_DUP_FRAMES]; /* by entry: the one before it in its chain */
  uint16_t last[TCPTALE_DUP_CHAINS];   /* by chain: its last one */
  uint64_t count;   /* frames remembered so far; the next goes to entry count % 64 */
  uint64_t refused; /* `count` right after the last such that tcptale_dup_refuse is for; 0: none */
};

/* The chain of a sequence number: ten bits of a product. */
static inline uint32_t tcptale_dup_chain(uint32_t seq) {
  return seq * 0x9e3779b1u >> 22;
}

/* The first bytes of the payload, which lie beside the header; its end would be a cache line that
 * nobody else touches. The TCP checksum stands for the rest. A frame that is taken for a copy is
 * still compared byte for byte with what is known, so a forger gains nothing. */
static inline uint64_t tcptale_dup_sample(const struct tcptale_gist *g) {
  uint64_t len = (uint64_t)g->cap_len << 32; /* a copy that the capture cut elsewhere is another */
  if (g->cap_len < 8) return len + (g->cap_len ? g->payload[0] : 0u);
  return len ^ tcptale_le64(g->payload);
}

static inline void tcptale_dup_fill(struct tcptale_dup_entry *e, uint64_t flow,
                                    const struct tcptale_gist *gist, uint64_t sample,
                                    uint64_t index, uint64_t ts_ns) {
  e->said = gist->said;
  e->index = index;
  e->flow = flow;
  e->ts_ns = ts_ns;
  e->sample = sample;
}

/* Remembers a frame, in the place of the oldest. `flow` tells connections and directions apart,
 * `sample` is _sample of it; of what the gist points to nothing is read. */
static inline void tcptale_dup_remember(struct tcptale_dup *dup, uint64_t flow,
                                        const struct tcptale_gist *gist, uint64_t sample,
                                        uint64_t index, uint64_t ts_ns) {
  uint64_t count = dup->count, at = count % TCPTALE_DUP_FRAMES;
  uint16_t *last = &dup->last[tcptale_dup_chain(gist->said.seq)];
  tcptale_dup_fill(&dup->entry[at], flow, gist, sample, index, ts_ns);
  dup->before[at] = *last;
  *last = (uint16_t)count;
  dup->count = count + 1;
}

/* The same as _has, of a frame whose chain is not empty. */
int tcptale_dup_search(const struct tcptale_dup *dup, uint64_t flow,
                       const struct tcptale_gist *gist, uint64_t index, uint64_t ts_ns);

/* Whether a frame like this one is remembered. */
static inline int tcptale_dup_has(const struct tcptale_dup *dup, uint64_t flow,
                                  const struct tcptale_gist *gist, uint64_t index, uint64_t ts_ns) {
  uint32_t age = (uint16_t)(dup->count - dup->last[tcptale_dup_chain(gist->said.seq)]);
  if (age - 1 >= TCPTALE_DUP_FRAMES) return 0;
  return tcptale_dup_search(dup, flow, gist, index, ts_ns);
}

/* The frame remembered last was not believed, or took back what others did: a copy of one might
 * be believed now, which would be wrong. */
static inline void tcptale_dup_refuse(struct tcptale_dup *dup) {
  dup->refused = dup->count;
}

/* Whether all of the frames that are remembered were believed. */
static inline int tcptale_dup_all_believed(const struct tcptale_dup *dup) {
  return dup->refused == 0 || dup->count - dup->refused > TCPTALE_DUP_FRAMES;
}

#endif

/* dup.h - frames that the capture holds twice (rule R23): a mirror port that copies on the way
 * in and out, two VLANs, a bond. Remembers what told the last 64 TCP frames apart; one that comes
 * again within 64 frames and 100 ms is the same frame, not a retransmission. Remembering costs a
 * line that is written; looking for a copy costs nothing where no sequence number is like it, else
 * O(64). Whoever knows that a frame brings what no earlier one brought need not look.
 * Floor 4. */
#ifndef TCPTALE_LIB_DUP_H
#define TCPTALE_LIB_DUP_H

#include "gist.h"

enum { TCPTALE_DUP_FRAMES = 64, TCPTALE_DUP_TALLIES = 1024 };

/* One frame: what it said, and when. */
struct tcptale_dup_entry {
  struct tcptale_wording said;
  uint64_t flow;   /* tells connections and directions apart; its highest bit is set */
  uint64_t sample; /* of the payload */
  uint64_t index;
  uint64_t ts_ns;
};

struct tcptale_dup {
  uint8_t tally[TCPTALE_DUP_TALLIES]; /* how many entries have a sequence number of this digest */
  struct tcptale_dup_entry entry[TCPTALE_DUP_FRAMES];
  uint64_t count;   /* frames remembered so far; the next goes to entry count % 64 */
  uint64_t refused; /* `count` right after the last such that tcptale_dup_refuse is for; 0: none */
};

/* Remembers a frame. `flow` tells connections and directions apart. */
void tcptale_dup_remember(struct tcptale_dup *dup, uint64_t flow, const struct tcptale_gist *gist,
                          uint64_t index, uint64_t ts_ns);

/* Whether a frame like this one is remembered. */
int tcptale_dup_has(const struct tcptale_dup *dup, uint64_t flow, const struct tcptale_gist *gist,
                    uint64_t index, uint64_t ts_ns);

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

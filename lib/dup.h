/* dup.h - frames that the capture holds twice (rule R23): a mirror port that copies on the way
 * in and out, two VLANs, a bond. Remembers a fingerprint of the last 64 TCP frames; one that
 * comes again within 64 frames and 100 ms is the same frame, not a retransmission. Cost: O(1),
 * all within a few cache lines that stay warm. Floor 4. */
#ifndef TCPTALE_LIB_DUP_H
#define TCPTALE_LIB_DUP_H

#include "tcptale/packet.h"

enum { TCPTALE_DUP_FRAMES = 64, TCPTALE_DUP_HEADS = 128 };

struct tcptale_dup_entry {
  uint64_t print;
  uint64_t index;
  uint64_t ts_ns;
  uint8_t next; /* 1 + entry of the next with the same head; 0: none */
  uint8_t reserved0[7];
};

struct tcptale_dup {
  struct tcptale_dup_entry entry[TCPTALE_DUP_FRAMES];
  uint8_t head[TCPTALE_DUP_HEADS]; /* 1 + entry; 0: none */
  uint32_t at;                     /* the entry that is replaced next */
  uint32_t filled;
};

/* Whether the frame was here before; remembers it. `flow` tells connections and directions
 * apart. */
int tcptale_dup_seen(struct tcptale_dup *dup, uint64_t flow, const tcptale_packet *packet,
                     const uint8_t *payload, uint64_t index, uint64_t ts_ns);

#endif

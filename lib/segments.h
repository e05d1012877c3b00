/* segments.h - ordered ranges of stored bytes: what came early and waits, of a stream or of a
 * datagram. Ranges lie in a balanced tree in the arena, each with its bytes in one block behind
 * it; a byte is copied once, when it comes. Invariant between calls: ranges are not empty and do
 * not overlap; `count` and `bytes` say what is there. Cost: O(log n) to find, add and take out.
 * Floor 2. */
#ifndef TCPTALE_LIB_SEGMENTS_H
#define TCPTALE_LIB_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "overlap.h"

enum tcptale_segment_flag {
  TCPTALE_SEG_ABSENT = 0x01,      /* known to have been sent, but the capture does not hold it */
  TCPTALE_SEG_PROVISIONAL = 0x02, /* a probe: any later copy replaces it */
  TCPTALE_SEG_URGENT = 0x04,      /* the urgent byte, alone */
  TCPTALE_SEG_AFTER_FIN = 0x08,   /* reported as lying above the FIN */
  TCPTALE_SEG_CONTINUES =
      0x80 /* the range before it is of the same segment, cut for storing only */
};

/* One range. Longer segments become several; a segment of a common MTU fits in one. */
struct tcptale_segment {
  uint64_t start; /* what it still owns: start .. end - 1 */
  uint64_t end;
  struct tcptale_extent origin; /* what its segment came with */
  uint64_t from_index;          /* the packet that brought it */
  uint64_t from_ts_ns;
  uint32_t child[2]; /* arena references */
  uint32_t parent;
  uint16_t skip; /* bytes of data[] that lie before `start` */
  uint8_t height;
  uint8_t flags;
  uint8_t data[];
};

/* What a range costs beside its bytes; limits charge it. */
#define TCPTALE_SEGMENT_COST ((uint64_t)sizeof(struct tcptale_segment))

/* The bytes that one range holds beside that; a longer segment takes several. */
#define TCPTALE_SEGMENT_BYTES ((uint64_t)1536 - TCPTALE_SEGMENT_COST)

/* An empty set is all zero. */
struct tcptale_segments {
  uint32_t root;
  uint32_t first; /* the lowest range, and the highest: most that comes goes to one end */
  uint32_t last;
  uint32_t count; /* ranges */
  uint64_t bytes; /* bytes that are stored; those of absent ranges are not */
  uint64_t steps; /* links followed so far: what the work is measured by */
};

/* A segment that comes. */
struct tcptale_fresh {
  uint64_t start;
  uint64_t end;
  struct tcptale_extent origin; /* the whole segment, where this is a part of it */
  const uint8_t *data;          /* stands at `start`; NULL where TCPTALE_SEG_ABSENT is set */
  uint64_t from_index;
  uint64_t from_ts_ns;
  uint32_t flags;
};

static inline struct tcptale_segment *tcptale_segment_at(const struct tcptale_arena *arena,
                                                         uint32_t ref) {
  return tcptale_arena_at(arena, ref);
}

/* The stored bytes of a range; NULL where it is absent. */
static inline const uint8_t *tcptale_segment_bytes(const struct tcptale_segment *segment) {
  return segment->flags & TCPTALE_SEG_ABSENT ? NULL : segment->data + segment->skip;
}

/* References to ranges, TCPTALE_ARENA_NONE where there is none: the next one up; the lowest that
 * ends above `pos`. */
uint32_t tcptale_segments_next(const struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref);
uint32_t tcptale_segments_reaching(const struct tcptale_arena *arena, struct tcptale_segments *set,
                                   uint64_t pos);

/* Whether the fresh copy owns what both have: bytes beat absence, anything beats a probe, else
 * the policy. */
int tcptale_segments_new_wins(enum tcptale_overlap_kind kind, uint32_t policy,
                              const struct tcptale_segment *old, const struct tcptale_fresh *fresh);

/* Stores what the policy gives to `fresh` and takes it from the others. Returns the position up
 * to which that is done: fresh->end, or less when the arena is used up; what lies above is as it
 * was, save that ranges which had lost to `fresh` may be gone. */
uint64_t tcptale_segments_add(struct tcptale_arena *arena, struct tcptale_segments *set,
                              enum tcptale_overlap_kind kind, uint32_t policy,
                              const struct tcptale_fresh *fresh);

/* Takes everything below `to` out of a range that starts below it; the range itself, when
 * nothing is left. Returns 0 in that case. */
int tcptale_segments_cut_front(struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref, uint64_t to);

/* Takes a range out of the set, still allocated; puts one in that overlaps none. */
void tcptale_segments_detach(struct tcptale_arena *arena, struct tcptale_segments *set,
                             uint32_t ref);
void tcptale_segments_attach(struct tcptale_arena *arena, struct tcptale_segments *set,
                             uint32_t ref);

/* Puts a range that was taken out back, without its bytes below `start`. */
void tcptale_segments_put_back(struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref, uint64_t start);

/* Whether a range may meet start .. end - 1: 0 where all lie below or above, which is seen at
 * once. */
static inline int tcptale_segments_may_meet(const struct tcptale_arena *arena,
                                            const struct tcptale_segments *set, uint64_t start,
                                            uint64_t end) {
  return set->root != TCPTALE_ARENA_NONE && tcptale_segment_at(arena, set->last)->end > start &&
         tcptale_segment_at(arena, set->first)->start < end;
}

/* Notes where `data`, standing at `start`, differs from stored bytes. Absent ranges and probes
 * never differ. */
void tcptale_segments_compare(const struct tcptale_arena *arena, struct tcptale_segments *set,
                              uint64_t start, const uint8_t *data, size_t len,
                              struct tcptale_runs *runs);

/* The first position in start .. end - 1 that is in no range, `end` if there is none such. */
uint64_t tcptale_segments_covered(const struct tcptale_arena *arena, struct tcptale_segments *set,
                                  uint64_t start, uint64_t end);

/* Releases every range. */
void tcptale_segments_clear(struct tcptale_arena *arena, struct tcptale_segments *set);

/* For tests: 0 where the invariants hold, else the number of the one that does not. */
int tcptale_segments_check(const struct tcptale_arena *arena, const struct tcptale_segments *set);

#endif

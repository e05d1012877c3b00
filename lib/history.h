/* history.h - what a direction has told already: its last gaps, and the last of its bytes, so
 * that late bytes are known for what they are and a second copy is compared with the first (rule
 * R25).
 * Invariant: gaps are ascending and do not touch; bytes from `low` to `high` - 1 are kept
 * wherever no gap lies. Floor 2. */
#ifndef TCPTALE_LIB_HISTORY_H
#define TCPTALE_LIB_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "overlap.h"

#define TCPTALE_HISTORY_GAPS 16

struct tcptale_history {
  uint64_t low;
  uint64_t high;
  uint32_t blocks;    /* of the ring; 0: bytes are not kept */
  uint32_t gap_count; /* older gaps are forgotten, together with the bytes below them */
  struct tcptale_extent gap[TCPTALE_HISTORY_GAPS];
  uint32_t ring[]; /* arena references; a block is taken when it is first needed */
};

/* A history that begins at `pos` and keeps `bytes` bytes, rounded up to blocks of 2 KiB and 1
 * MiB at most; TCPTALE_ARENA_NONE: no memory. */
uint32_t tcptale_history_open(struct tcptale_arena *arena, uint64_t bytes, uint64_t pos);

void tcptale_history_release(struct tcptale_arena *arena, uint32_t ref);

/* Bytes, or a gap, that follow what was put before. */
void tcptale_history_put(struct tcptale_arena *arena, uint32_t ref, uint64_t pos,
                         const uint8_t *data, size_t len);
void tcptale_history_put_gap(struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                             uint64_t end);

/* The first part of start .. end - 1 that lies in a remembered gap; 0 where there is none. */
int tcptale_history_gap(const struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                        uint64_t end, struct tcptale_extent *gap);

/* Notes where `data`, standing at `start`, differs from kept bytes. The range meets no gap. */
void tcptale_history_compare(const struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                             const uint8_t *data, size_t len, struct tcptale_runs *runs);

#endif

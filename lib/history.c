/* history.c - see history.h. Position p stands in block p / 2048 of the ring, counted round and
 * round, so a byte stays where it was put until the ring comes by again. Floor 2. */
#include "history.h"

#include <string.h>

#include "util.h"

#define NONE       TCPTALE_ARENA_NONE
#define BLOCK      ((uint64_t)2048)
#define BLOCKS_MAX ((uint64_t)512)

static struct tcptale_history *at(const struct tcptale_arena *arena, uint32_t ref) {
  return tcptale_arena_at(arena, ref);
}

uint32_t tcptale_history_open(struct tcptale_arena *arena, uint64_t bytes, uint64_t pos) {
  uint64_t blocks = tcptale_min_u64(bytes / BLOCK + (bytes % BLOCK != 0), BLOCKS_MAX);
  size_t size = sizeof(struct tcptale_history) + (size_t)blocks * sizeof(uint32_t);
  uint32_t ref = tcptale_arena_alloc(arena, tcptale_arena_class_for(size));

  if (ref == NONE) return NONE;
  memset(at(arena, ref), 0, size);
  at(arena, ref)->blocks = (uint32_t)blocks;
  at(arena, ref)->low = at(arena, ref)->high = pos;
  return ref;
}

void tcptale_history_release(struct tcptale_arena *arena, uint32_t ref) {
  const struct tcptale_history *history = at(arena, ref);

  for (uint32_t i = 0; i < history->blocks; i++)
    if (history->ring[i] != NONE) tcptale_arena_release(arena, history->ring[i]);
  tcptale_arena_release(arena, ref);
}

/* The place of position `pos`, NULL where its block was never taken; `*room` gets the bytes from
 * there to the end of the block. */
static uint8_t *place(const struct tcptale_arena *arena, const struct tcptale_history *history,
                      uint64_t pos, size_t *room) {
  uint32_t block = history->ring[pos / BLOCK % history->blocks];

  *room = (size_t)(BLOCK - pos % BLOCK);
  return block == NONE ? NULL : (uint8_t *)tcptale_arena_at(arena, block) + pos % BLOCK;
}

/* The same, taking the block where it is missing; NULL: no memory. */
static uint8_t *place_to_write(struct tcptale_arena *arena, struct tcptale_history *history,
                               uint64_t pos, size_t *room) {
  uint32_t *block = &history->ring[pos / BLOCK % history->blocks];

  if (*block == NONE) *block = tcptale_arena_alloc(arena, TCPTALE_ARENA_2048);
  return place(arena, history, pos, room);
}

void tcptale_history_put(struct tcptale_arena *arena, uint32_t ref, uint64_t pos,
                         const uint8_t *data, size_t len) {
  struct tcptale_history *history = at(arena, ref);
  uint64_t capacity = history->blocks * BLOCK;
  uint64_t end = pos + len;

  history->high = end;
  if (len > capacity) {
    data += len - capacity;
    pos = end - capacity;
  }
  while (pos < end) {
    size_t room;
    uint8_t *to = place_to_write(arena, history, pos, &room);
    size_t part = (size_t)tcptale_min_u64(room, end - pos);
    if (to == NULL) history->low = pos + part;
    else memcpy(to, data, part);
    data += part;
    pos += part;
  }
  if (end - history->low > capacity) history->low = end - capacity;
}

void tcptale_history_put_gap(struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                             uint64_t end) {
  struct tcptale_history *history = at(arena, ref);
  struct tcptale_extent *gap = history->gap;

  history->high = end;
  if (history->gap_count > 0 && gap[history->gap_count - 1].end == start) {
    gap[history->gap_count - 1].end = end;
    return;
  }
  if (history->gap_count == TCPTALE_HISTORY_GAPS) {
    history->low = tcptale_max_u64(history->low, gap[0].end);
    memmove(gap, gap + 1, (TCPTALE_HISTORY_GAPS - 1) * sizeof *gap);
    history->gap_count--;
  }
  gap[history->gap_count].start = start;
  gap[history->gap_count].end = end;
  history->gap_count++;
}

int tcptale_history_gap(const struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                        uint64_t end, struct tcptale_extent *gap) {
  const struct tcptale_history *history = at(arena, ref);

  for (uint32_t i = 0; i < history->gap_count; i++) {
    if (history->gap[i].end <= start) continue;
    gap->start = tcptale_max_u64(history->gap[i].start, start);
    gap->end = tcptale_min_u64(history->gap[i].end, end);
    return gap->start < gap->end;
  }
  return 0;
}

void tcptale_history_compare(const struct tcptale_arena *arena, uint32_t ref, uint64_t start,
                             const uint8_t *data, size_t len, struct tcptale_runs *runs) {
  const struct tcptale_history *history = at(arena, ref);
  uint64_t end = tcptale_min_u64(start + len, history->high);
  uint64_t pos = tcptale_max_u64(start, history->low);

  if (history->blocks == 0) return;
  while (pos < end) {
    size_t room;
    const uint8_t *kept = place(arena, history, pos, &room);
    size_t part = (size_t)tcptale_min_u64(room, end - pos);
    if (kept != NULL) tcptale_runs_compare(runs, pos, data + (pos - start), kept, part);
    pos += part;
  }
}

/* berth.c - see berth.h. Floor 2. */
#include "berth.h"

#include <string.h>

enum { PLACES = TCPTALE_BERTH_PLACES, UNITS = TCPTALE_BERTH / TCPTALE_ARENA_UNIT };

_Static_assert(TCPTALE_ARENA_HEAD % 64 == 0 && TCPTALE_ARENA_HEAD + 8 <= TCPTALE_BERTH,
               "places are aligned, and the last of a page begins in it");

/* Two berths for each owner, in at most a quarter of the memory. */
static uint32_t pages_for(uint64_t memory_bytes, uint32_t owners_most) {
  const uint64_t quarter = memory_bytes / 4, most = quarter / TCPTALE_ARENA_PAGE;
  if (owners_most * (uint64_t)TCPTALE_BERTH > quarter) return 0;
  uint64_t pages = (2 * (uint64_t)owners_most + PLACES - 2) / (PLACES - 1);
  return (uint32_t)tcptale_min_u64(tcptale_min_u64(pages, most), UINT32_MAX / PLACES);
}

static void set_free(uint8_t *block) {
  memset(block, 0, sizeof(uint64_t));
}

static int is_free(const uint8_t *block) {
  uint64_t begin;
  memcpy(&begin, block, sizeof begin);
  return begin == 0;
}

void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena,
                         uint64_t memory_bytes, uint32_t owners_most) {
  uint32_t pages = pages_for(memory_bytes, owners_most), first = TCPTALE_ARENA_NONE;
  memset(berths, 0, sizeof *berths);
  if (pages > 0) first = tcptale_arena_take_pages(arena, pages);
  if (first == TCPTALE_ARENA_NONE) return;
  berths->arena = arena;
  berths->first = first + (uint32_t)(TCPTALE_ARENA_HEAD / TCPTALE_ARENA_UNIT);
  berths->start = tcptale_arena_at(arena, berths->first);
  berths->places = pages * PLACES;
  berths->homes = berths->places - (TCPTALE_BERTH_TRIES - 1);
  for (uint32_t i = 0; i < berths->places; i++) set_free(berths->start + i * TCPTALE_BERTH);
}

/* The first of a hash's places that is free; `places`: none is. */
static uint32_t free_place(const struct tcptale_berths *berths, uint32_t hash) {
  uint32_t home = tcptale_berth_place(berths, hash);
  for (uint32_t place = home; place < home + TCPTALE_BERTH_TRIES; place++)
    if (place % PLACES != PLACES - 1 && is_free(berths->start + place * TCPTALE_BERTH))
      return place;
  return berths->places;
}

uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash) {
  uint32_t place = berths->places > 0 ? free_place(berths, hash) : berths->places;
  if (place == berths->places) return TCPTALE_ARENA_NONE;
  berths->used++;
  tcptale_arena_count(berths->arena, TCPTALE_BERTH);
  return berths->first + place * UNITS;
}

int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref) {
  uint32_t place = (ref - berths->first) / UNITS;
  if (ref < berths->first || place >= berths->places) return 0;
  set_free(berths->start + place * TCPTALE_BERTH);
  berths->used--;
  tcptale_arena_uncount(berths->arena, TCPTALE_BERTH);
  return 1;
}

/* berth.c - see berth.h. Floor 2. */
#include "berth.h"

#include <string.h>

_Static_assert(TCPTALE_BERTHS <= 128, "there is a bit for each berth of a page, in two words");
_Static_assert(TCPTALE_ARENA_HEAD % 64 == 0 && TCPTALE_BERTH % 64 == 0, "berths are aligned");

/* Two berths for each owner, in at most a quarter of the memory. */
static uint32_t pages_for(uint64_t memory_bytes, uint32_t owners_most) {
  const uint64_t quarter = memory_bytes / 4, most = quarter / TCPTALE_ARENA_PAGE;
  if (owners_most * (uint64_t)TCPTALE_BERTH > quarter) return 0;
  uint64_t pages = (2 * (uint64_t)owners_most + TCPTALE_BERTHS - 1) / TCPTALE_BERTHS;
  return (uint32_t)tcptale_min_u64(tcptale_min_u64(pages, most), 65536);
}

size_t tcptale_berths_bytes(uint64_t memory_bytes, uint32_t owners_most) {
  return pages_for(memory_bytes, owners_most) * (2 * sizeof(uint64_t));
}

void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes, uint32_t owners_most) {
  uint32_t pages = pages_for(memory_bytes, owners_most);
  memset(berths, 0, sizeof *berths);
  berths->first = pages > 0 ? tcptale_arena_take_pages(arena, pages) : TCPTALE_ARENA_NONE;
  if (berths->first == TCPTALE_ARENA_NONE) return;
  berths->arena = arena;
  berths->start = tcptale_arena_at(arena, berths->first);
  berths->taken = at;
  berths->pages = pages;
  memset(at, 0, tcptale_berths_bytes(memory_bytes, owners_most));
}

uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash) {
  if (berths->pages == 0) return TCPTALE_ARENA_NONE;
  uint32_t place = tcptale_berth_place(hash);
  uint64_t *word = &berths->taken[tcptale_berth_page(berths, hash)][place / 64];
  uint64_t bit = (uint64_t)1 << (place % 64);
  if (*word & bit) return TCPTALE_ARENA_NONE;
  *word |= bit;
  berths->used++;
  tcptale_arena_count(berths->arena, TCPTALE_BERTH);
  return berths->first + (uint32_t)(tcptale_berth_offset(berths, hash) / TCPTALE_ARENA_UNIT);
}

int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref) {
  if (ref < berths->first) return 0;
  size_t at = (size_t)(ref - berths->first) * TCPTALE_ARENA_UNIT;
  if (at / TCPTALE_ARENA_PAGE >= berths->pages) return 0;
  size_t place = (at % TCPTALE_ARENA_PAGE - TCPTALE_ARENA_HEAD) / TCPTALE_BERTH;
  berths->taken[at / TCPTALE_ARENA_PAGE][place / 64] &= ~((uint64_t)1 << (place % 64));
  berths->used--;
  tcptale_arena_uncount(berths->arena, TCPTALE_BERTH);
  return 1;
}

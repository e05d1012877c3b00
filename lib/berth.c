/* berth.c - see berth.h. Floor 2. */
#include "berth.h"

#include <string.h>

_Static_assert(TCPTALE_BERTHS <= 128, "there is a bit for each berth of a page, in two words");
_Static_assert(TCPTALE_ARENA_HEAD % 64 == 0 && TCPTALE_BERTH % 64 == 0, "berths are aligned");

/* A power of two, at most a quarter of the memory's pages, and no more than a hash can name; 0. */
static uint32_t pages_for(uint64_t memory_bytes, uint32_t owners_most) {
  uint64_t quarter = memory_bytes / 4, pages = 1;
  if (owners_most == 0 || owners_most * (uint64_t)TCPTALE_BERTH > quarter) return 0;
  while (pages * 2 * TCPTALE_ARENA_PAGE <= quarter && pages < 65536) pages *= 2;
  return (uint32_t)pages;
}

size_t tcptale_berths_bytes(uint64_t memory_bytes, uint32_t owners_most) {
  return pages_for(memory_bytes, owners_most) * (2 * sizeof(uint64_t) + sizeof(uint32_t));
}

void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes, uint32_t owners_most) {
  memset(berths, 0, sizeof *berths);
  berths->arena = arena;
  berths->most = pages_for(memory_bytes, owners_most);
  berths->count = 1;
  berths->taken = at;
  berths->first = (uint32_t *)(void *)(berths->taken + berths->most);
  memset(at, 0, tcptale_berths_bytes(memory_bytes, owners_most));
}

static uint32_t enter(struct tcptale_berths *berths, uint32_t page, uint32_t place) {
  berths->taken[page][place / 64] |= (uint64_t)1 << (place % 64);
  berths->used++;
  tcptale_arena_count(berths->arena, TCPTALE_BERTH);
  return berths->first[page] + place * (uint32_t)(TCPTALE_BERTH / TCPTALE_ARENA_UNIT);
}

static int is_taken(const struct tcptale_berths *berths, uint32_t page, uint32_t place) {
  return berths->taken[page][place / 64] >> (place % 64) & 1;
}

/* Two berths for each owner, in round numbers. */
static void grow(struct tcptale_berths *berths, uint32_t owners) {
  while (berths->count < berths->most && berths->count < owners / (TCPTALE_BERTHS / 2))
    berths->count *= 2;
}

static int open_page(struct tcptale_berths *berths, uint32_t page) {
  if (tcptale_arena_pages_left(berths->arena) >= berths->arena->pages / 2)
    berths->first[page] = tcptale_arena_take_page(berths->arena, page + 1);
  return berths->first[page] != TCPTALE_ARENA_NONE;
}

uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash, uint32_t owners) {
  if (berths->most == 0) return TCPTALE_ARENA_NONE;
  grow(berths, owners);
  uint32_t page = tcptale_berth_page(berths, hash), place = tcptale_berth_place(hash);
  if (is_taken(berths, page, place)) return TCPTALE_ARENA_NONE;
  if (berths->first[page] == TCPTALE_ARENA_NONE && !open_page(berths, page))
    return TCPTALE_ARENA_NONE;
  return enter(berths, page, place);
}

int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref) {
  uint32_t tag = tcptale_arena_tag(berths->arena, ref), page = tag - 1;
  if (tag == 0) return 0;
  uint32_t place = (ref - berths->first[page]) / (uint32_t)(TCPTALE_BERTH / TCPTALE_ARENA_UNIT);
  berths->taken[page][place / 64] &= ~((uint64_t)1 << (place % 64));
  berths->used--;
  tcptale_arena_uncount(berths->arena, TCPTALE_BERTH);
  if (berths->taken[page][0] | berths->taken[page][1]) return 1;
  tcptale_arena_return_page(berths->arena, ref);
  berths->first[page] = TCPTALE_ARENA_NONE;
  return 1;
}

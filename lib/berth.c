/* berth.c - see berth.h. Floor 2. */
#include "berth.h"

#include <string.h>

#define LOOKS 8 /* pages that are looked at where any berth will do */

_Static_assert(TCPTALE_BERTHS <= 128, "there is a bit for each berth of a page, in two words");
_Static_assert(TCPTALE_ARENA_HEAD % 64 == 0 && TCPTALE_BERTH % 64 == 0, "berths are aligned");

/* A power of two, at most a quarter of the memory's pages, and no more than a hash can name; 0. */
static uint32_t pages_for(uint64_t memory_bytes) {
  uint64_t quarter = tcptale_min_u64(memory_bytes / TCPTALE_ARENA_PAGE / 4, 65536);
  uint32_t pages = 1;
  while (pages <= quarter) pages *= 2;
  return pages / 2;
}

size_t tcptale_berths_bytes(uint64_t memory_bytes) {
  return pages_for(memory_bytes) * (2 * sizeof(uint64_t) + sizeof(uint32_t));
}

void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes) {
  memset(berths, 0, sizeof *berths);
  berths->arena = arena;
  berths->most = pages_for(memory_bytes);
  berths->count = 1;
  berths->taken = at;
  berths->first = (uint32_t *)(void *)(berths->taken + berths->most);
  memset(at, 0, tcptale_berths_bytes(memory_bytes));
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

/* The berth that a hash names. */
static uint32_t take_own(struct tcptale_berths *berths, uint32_t hash) {
  uint32_t page = tcptale_berth_page(berths, hash), place = tcptale_berth_place(hash);
  if (is_taken(berths, page, place)) return TCPTALE_ARENA_NONE;
  if (berths->first[page] == TCPTALE_ARENA_NONE)
    berths->first[page] = tcptale_arena_take_page(berths->arena, page + 1);
  return berths->first[page] ? enter(berths, page, place) : TCPTALE_ARENA_NONE;
}

/* The first berth of a page that is free; TCPTALE_BERTHS: none is. */
static uint32_t first_free(const struct tcptale_berths *berths, uint32_t page) {
  const uint64_t *taken = berths->taken[page];
  if (berths->first[page] == TCPTALE_ARENA_NONE) return TCPTALE_BERTHS;
  if (~taken[0]) return tcptale_lowest_bit(~taken[0]);
  uint32_t place = ~taken[1] ? 64 + tcptale_lowest_bit(~taken[1]) : TCPTALE_BERTHS;
  return tcptale_min_u32(place, TCPTALE_BERTHS);
}

/* Any berth of a page that was taken already; it looks at a few pages each time. */
static uint32_t take_any(struct tcptale_berths *berths) {
  for (int i = 0; i < LOOKS; i++) {
    uint32_t page = berths->cursor, place = first_free(berths, page);
    if (place < TCPTALE_BERTHS) return enter(berths, page, place);
    berths->cursor = page + 1 == berths->count ? 0 : page + 1;
  }
  return TCPTALE_ARENA_NONE;
}

uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash, uint32_t owners) {
  if (berths->most == 0) return TCPTALE_ARENA_NONE;
  while (berths->count < berths->most && berths->count < owners / (TCPTALE_BERTHS / 2))
    berths->count *= 2;
  if (tcptale_berths_are_to_fill(berths)) return take_any(berths);
  int is_roomy = tcptale_arena_pages_left(berths->arena) >= berths->arena->pages / 2;
  return is_roomy ? take_own(berths, hash) : TCPTALE_ARENA_NONE;
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

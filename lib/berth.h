/* berth.h - blocks at places that a hash names, so that where one lies can be guessed before the
 * index was read, and both are fetched at once. A guess is no more than a hint: whoever finds his
 * berth taken lies anywhere else.
 *
 * A hash names a page, and a berth in it. There are as many pages as make two berths for each of
 * the owner's connections, when they are most, up to a quarter of the memory; one is taken for its
 * first block and given back with its last. As the pages become more, half of the blocks stay where
 * their hash says. While less than half of the memory's pages are left no more are taken for this,
 * and a berth that is free, if one is found in a few pages, serves any hash. Floor 2. */
#ifndef TCPTALE_LIB_BERTH_H
#define TCPTALE_LIB_BERTH_H

#include "arena.h"
#include "util.h"

#define TCPTALE_BERTH  ((size_t)128) /* bytes of each */
#define TCPTALE_BERTHS ((uint32_t)((TCPTALE_ARENA_PAGE - TCPTALE_ARENA_HEAD) / TCPTALE_BERTH))

struct tcptale_berths {
  struct tcptale_arena *arena;
  uint32_t *first;      /* by page: reference of its first berth; NONE: it was not taken */
  uint64_t (*taken)[2]; /* by page: which of its berths are */
  uint32_t most;        /* pages there may be, a power of two; 0: none */
  uint32_t count;       /* pages that hashes name by now, a power of two */
  uint32_t used;        /* berths that are taken */
  uint32_t cursor;      /* the page that is looked at next where any berth will do */
};

/* The bytes of what is known of the pages of so much memory. */
size_t tcptale_berths_bytes(uint64_t memory_bytes);

/* Begins without any page. What is known of them lies at `at`, aligned to 8, of so many bytes. */
void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes);

/* A block of TCPTALE_BERTH bytes, aligned to 64, not zeroed; TCPTALE_ARENA_NONE: the berth is
 * taken, or no page is to be had. `owners`: how many there are in all. Cost: O(1). */
uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash, uint32_t owners);

/* 1: there are pages, and it is time to fill them. */
static inline int tcptale_berths_are_to_fill(const struct tcptale_berths *berths) {
  return berths->used > 0 && tcptale_arena_pages_left(berths->arena) < berths->arena->pages / 2;
}

/* Gives a block back; 0: it was none of these. */
int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref);

/* The page that a hash names, and the berth in it. */
static inline uint32_t tcptale_berth_page(const struct tcptale_berths *berths, uint32_t hash) {
  return hash >> 16 & (berths->count - 1);
}

static inline uint32_t tcptale_berth_place(uint32_t hash) {
  return (hash & 0xffffu) * TCPTALE_BERTHS >> 16;
}

/* Hints that what lies in the berth of a hash, if anything does, is needed soon. */
static TCPTALE_INLINE void tcptale_berth_prefetch(const struct tcptale_berths *berths,
                                                  uint32_t hash) {
  if (berths->used == 0) return;
  uintptr_t page = (uintptr_t)berths->arena->base +
                   (uintptr_t)berths->first[tcptale_berth_page(berths, hash)] * TCPTALE_ARENA_UNIT;
  uintptr_t at = page + tcptale_berth_place(hash) * TCPTALE_BERTH; /* a number: it may be nowhere */
  tcptale_prefetch((const void *)at);
  tcptale_prefetch((const void *)(at + TCPTALE_BERTH / 2));
}

#endif

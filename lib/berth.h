/* berth.h - blocks at places that a hash names, so that where one lies can be guessed before the
 * index was read, and both are fetched at once. A guess is no more than a hint: whoever finds his
 * berth taken lies anywhere else.
 *
 * A hash names a page, and a berth in it. There are as many pages as make two berths for each of
 * the owners, when they are most; one is taken for its first block and given back with its last. As
 * the pages become more, half of the blocks stay where their hash says.
 *
 * A page whose blocks are let go in the order of their age stays until nearly all of them are gone.
 * So berths are for memory that is not what runs out first: it has to hold four times as many
 * blocks as there may be owners, else there are none. Floor 2. */
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
};

/* The bytes of what is known of the pages, where so much memory is for so many owners at most; 0:
 * there are no berths. */
size_t tcptale_berths_bytes(uint64_t memory_bytes, uint32_t owners_most);

/* Begins without any page. What is known of them lies at `at`, aligned to 8, of so many bytes. */
void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes, uint32_t owners_most);

/* A block of TCPTALE_BERTH bytes, aligned to 64, not zeroed; TCPTALE_ARENA_NONE: the berth is
 * taken, or no page is to be had, of which half are left to others. `owners`: how many there are
 * now. Cost: O(1). */
uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash, uint32_t owners);

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

/* berth.h - blocks at places that a hash names, so that where one lies can be guessed before the
 * index was read, and both are asked for at once. A guess is no more than a hint: whoever finds his
 * berth taken lies anywhere else, and the index says where.
 *
 * The berths are cut out of pages that lie side by side and are nobody else's, two for each of the
 * owners that there may be. So they are for memory that is not what runs out first: it has to hold
 * four times as many blocks as there may be owners, else there are none. Floor 2. */
#ifndef TCPTALE_LIB_BERTH_H
#define TCPTALE_LIB_BERTH_H

#include "arena.h"
#include "util.h"

#define TCPTALE_BERTH  ((size_t)128) /* bytes of each */
#define TCPTALE_BERTHS ((uint32_t)((TCPTALE_ARENA_PAGE - TCPTALE_ARENA_HEAD) / TCPTALE_BERTH))

struct tcptale_berths {
  struct tcptale_arena *arena;
  uint8_t *start;       /* of the first page */
  uint64_t (*taken)[2]; /* by page: which of its berths are */
  uint32_t first;       /* reference of the first page's start */
  uint32_t pages;       /* at most 65536, as a hash names them; 0: there are no berths */
  uint32_t used;        /* berths that are taken */
};

/* The bytes of what is known of the pages, where so much memory is for so many owners at most; 0:
 * there are no berths. */
size_t tcptale_berths_bytes(uint64_t memory_bytes, uint32_t owners_most);

/* Takes the pages, before anybody took any. What is known of them lies at `at`, aligned to 8, of so
 * many bytes. */
void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena, void *at,
                         uint64_t memory_bytes, uint32_t owners_most);

/* Takes the berth of a hash: the reference of a block of TCPTALE_BERTH bytes, aligned to 64, not
 * zeroed; TCPTALE_ARENA_NONE: it is taken, or there are none. */
uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash);

/* Gives a block back; 0: it was none of these. */
int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref);

/* The page that a hash names, and the berth in it. */
static inline uint32_t tcptale_berth_page(const struct tcptale_berths *berths, uint32_t hash) {
  return (uint32_t)((uint64_t)(hash >> 16) * berths->pages >> 16);
}

static inline uint32_t tcptale_berth_place(uint32_t hash) {
  return (hash & 0xffffu) * TCPTALE_BERTHS >> 16;
}

/* How far the berth of a hash lies from the start of the first page. */
static inline size_t tcptale_berth_offset(const struct tcptale_berths *berths, uint32_t hash) {
  return tcptale_berth_page(berths, hash) * TCPTALE_ARENA_PAGE + TCPTALE_ARENA_HEAD +
         tcptale_berth_place(hash) * TCPTALE_BERTH;
}

#endif

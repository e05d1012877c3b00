/* berth.h - blocks at places that a hash names, so that where one lies can be guessed before the
 * index was read, and both are asked for at once. Whoever finds his berth taken lies in one of the
 * next three places, and else anywhere; the index says where.
 *
 * The berths are cut out of pages that lie side by side and are nobody else's, two for each of the
 * owners that there may be. So they are for memory that is not what runs out first: it has to hold
 * four times as many blocks as there may be owners, else there are none.
 *
 * Invariant: a berth is free while its first eight bytes are zero, so what lies at a place says by
 * itself whether it is alive: an owner begins with what tells him apart. Floor 2. */
#ifndef TCPTALE_LIB_BERTH_H
#define TCPTALE_LIB_BERTH_H

#include "arena.h"
#include "util.h"

#define TCPTALE_BERTH ((size_t)128) /* bytes of each */

/* Places that a page has; the last is cut short by its head, and never taken. */
#define TCPTALE_BERTH_PLACES ((uint32_t)(TCPTALE_ARENA_PAGE / TCPTALE_BERTH))

/* Places that a hash has, one behind the other: the later the rarer. */
#define TCPTALE_BERTH_TRIES 4u

struct tcptale_berths {
  struct tcptale_arena *arena;
  uint8_t *start;  /* the first place; NULL: there are no berths */
  uint32_t places; /* of all pages */
  uint32_t homes;  /* of them, that others follow upon */
  uint32_t first;  /* reference of the first place */
  uint32_t used;   /* berths that are taken */
};

/* Takes the pages, before anybody took any, where so much memory is for so many owners at most, and
 * frees all berths. Cost: each is touched. */
void tcptale_berths_init(struct tcptale_berths *berths, struct tcptale_arena *arena,
                         uint64_t memory_bytes, uint32_t owners_most);

/* Takes a berth of a hash: the reference of a block of TCPTALE_BERTH bytes, aligned to 64, whose
 * first eight are to be written at once, other than zero; TCPTALE_ARENA_NONE: all are taken, or
 * there are none. */
uint32_t tcptale_berth_take(struct tcptale_berths *berths, uint32_t hash);

/* Gives a block back; 0: it was none of these. */
int tcptale_berth_release(struct tcptale_berths *berths, uint32_t ref);

/* The first of the places that a hash names. Its halves are exchanged, so that it has little to do
 * with where the index has the same hash. */
static inline uint32_t tcptale_berth_place(const struct tcptale_berths *berths, uint32_t hash) {
  return (uint32_t)((uint64_t)(hash << 16 | hash >> 16) * berths->homes >> 32);
}

/* Where that is. There have to be berths. */
static inline uint8_t *tcptale_berth_at(const struct tcptale_berths *berths, uint32_t hash) {
  return berths->start + tcptale_berth_place(berths, hash) * TCPTALE_BERTH;
}

#endif

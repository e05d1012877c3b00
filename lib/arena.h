/* arena.h - pages and fixed blocks out of one memory block. The block is cut into pages of 16
 * KiB; a page serves blocks of one class until all of them are free again, or an owner who cuts it
 * himself (berth.h); then it goes back to whoever asks next. Blocks are named by a 32-bit reference
 * in units of 16 bytes, so records stay small and a tracker can use up to 64 GiB. Allocation and
 * release are O(1). Invariant: a page is in the list of its class exactly while it has both used
 * and free blocks; one that its owner cuts is in no list. Floor 1. */
#ifndef TCPTALE_LIB_ARENA_H
#define TCPTALE_LIB_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define TCPTALE_ARENA_PAGE ((size_t)16384)
#define TCPTALE_ARENA_NONE ((uint32_t)0)
#define TCPTALE_ARENA_UNIT ((size_t)16) /* of references, in bytes */
#define TCPTALE_ARENA_HEAD ((size_t)64) /* bytes that a page begins with; the rest is for blocks */

/* Block sizes. Every block is aligned to 32 bytes; those of 64 and its multiples to 64. The
 * largest, named for its share of a page, holds 4064 bytes. */
enum tcptale_arena_class {
  TCPTALE_ARENA_32 = 0,
  TCPTALE_ARENA_64 = 1,
  TCPTALE_ARENA_96 = 2,
  TCPTALE_ARENA_128 = 3,
  TCPTALE_ARENA_160 = 4,
  TCPTALE_ARENA_192 = 5,
  TCPTALE_ARENA_256 = 6,
  TCPTALE_ARENA_320 = 7,
  TCPTALE_ARENA_384 = 8,
  TCPTALE_ARENA_448 = 9,
  TCPTALE_ARENA_512 = 10,
  TCPTALE_ARENA_1024 = 11,
  TCPTALE_ARENA_1536 = 12,
  TCPTALE_ARENA_2048 = 13,
  TCPTALE_ARENA_4096 = 14,
  TCPTALE_ARENA_CLASSES = 15
};

struct tcptale_arena_page;

struct tcptale_arena {
  uint8_t *base; /* references count from here: at or before the start of the block */
  struct tcptale_arena_page *table;
  uint32_t page_first; /* the first page that blocks may lie in, and of the table */
  uint32_t page_count; /* pages in the block, the fixed parts among them, but not those kept */
  uint32_t page_end;   /* number of the last page and one */
  uint32_t page_fresh; /* pages from here on were never used (and never touched) */
  uint32_t page_free;  /* list of returned pages; 0: none */
  uint32_t pages;      /* that blocks may lie in */
  uint32_t pages_used;
  uint32_t partial[TCPTALE_ARENA_CLASSES]; /* pages with room, per class; 0: none */
  uint64_t used_bytes;                     /* in blocks that are handed out */
};

/* Takes the block for use. `base` must be aligned to 64; `fixed_bytes` at its start are left alone
 * (the owner's own records and index); 20 bytes a page come behind them. Pages begin at multiples
 * of their size; how many there are does not depend on where the block lies. Returns their number,
 * 0 if none fits. */
uint32_t tcptale_arena_init(struct tcptale_arena *arena, void *base, size_t len,
                            size_t fixed_bytes);

/* A block of the class, not zeroed, or TCPTALE_ARENA_NONE when the memory is used up. */
uint32_t tcptale_arena_alloc(struct tcptale_arena *arena, enum tcptale_arena_class cls);

/* Gives a block back; the class is known to its page. `ref` must not be TCPTALE_ARENA_NONE, nor lie
 * in a page whose owner cuts it. */
void tcptale_arena_release(struct tcptale_arena *arena, uint32_t ref);

/* Takes pages, one behind the other, for an owner who cuts them himself, each behind its head, and
 * keeps them, so that they are no longer pages that blocks may lie in: the reference of the first,
 * or TCPTALE_ARENA_NONE where there are not so many that were never used. `count`: at least 1. */
uint32_t tcptale_arena_take_pages(struct tcptale_arena *arena, uint32_t count);

/* What of them is handed out, for used_bytes. */
static inline void tcptale_arena_count(struct tcptale_arena *arena, size_t bytes) {
  arena->used_bytes += bytes;
}

static inline void tcptale_arena_uncount(struct tcptale_arena *arena, size_t bytes) {
  arena->used_bytes -= bytes;
}

/* The bytes of a class's block. */
size_t tcptale_arena_class_size(enum tcptale_arena_class cls);

/* The smallest class of at least `len` bytes; the largest class where there is none. Of a constant
 * it is one. */
static inline enum tcptale_arena_class tcptale_arena_class_for(size_t len) {
  if (len <= 192) return (enum tcptale_arena_class)(len == 0 ? 0 : (len - 1) / 32);
  if (len <= 512) return (enum tcptale_arena_class)(TCPTALE_ARENA_256 + (len - 193) / 64);
  if (len <= 1024) return TCPTALE_ARENA_1024;
  if (len <= 1536) return TCPTALE_ARENA_1536;
  if (len <= 2048) return TCPTALE_ARENA_2048;
  return TCPTALE_ARENA_4096;
}

/* Whose block it is: the arena must not move. Cost: the first line of the page. */
static inline struct tcptale_arena *tcptale_arena_of(const void *block) {
  struct tcptale_arena *const *owner = (const void *)((uintptr_t)block & ~(TCPTALE_ARENA_PAGE - 1));
  return *owner;
}

/* The bytes of the block that no page has. */
static inline uint64_t tcptale_arena_fixed_bytes(const struct tcptale_arena *arena) {
  return (uint64_t)(arena->page_count - arena->pages) * TCPTALE_ARENA_PAGE;
}

/* Pages that are free or were never used. */
static inline uint32_t tcptale_arena_pages_left(const struct tcptale_arena *arena) {
  return arena->pages - arena->pages_used;
}

static inline void *tcptale_arena_at(const struct tcptale_arena *arena, uint32_t ref) {
  return arena->base + (size_t)ref * TCPTALE_ARENA_UNIT;
}

#endif

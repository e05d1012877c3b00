/* floor_table.h - the least that tracking can be, in order and without state: open on SYN, hand
 * bytes over where they are the next, forget after RST or both FINs. What comes out of order is
 * lost; nothing ever times out. */
#ifndef TCPTALE_BENCH_FLOOR_TABLE_H
#define TCPTALE_BENCH_FLOOR_TABLE_H

#include "floor_decode.h"
#include "tally.h"

/* One cache line. */
struct floor_conn {
  uint64_t end[2];
  uint64_t bytes[2];
  uint32_t next[2];
  uint32_t hash;
  uint8_t used;
  uint8_t fin; /* bit per direction */
  uint8_t reserved[18];
};
_Static_assert(sizeof(struct floor_conn) == 64, "one cache line");

/* Records in the slots themselves, or in a pool that 8-byte slots point into. */
struct floor_table {
  struct floor_conn *conns;
  uint64_t *slots;     /* of a pool: hash << 32 | place + 1; 0: free */
  uint32_t *free_list; /* of a pool: places */
  uint32_t free_count;
  uint32_t mask;
  struct tally *tally;
  void (*on_bytes)(struct tally *tally, const uint8_t *data, size_t len, uint64_t offset);
};

/* `slots`: a power of two, at least twice the connections that are open at once. */
void floor_table_init(struct floor_table *table, struct tally *tally, uint32_t slots, int pool);

/* One segment. */
void floor_track(struct floor_table *table, const struct floor_segment *segment);
void floor_track_pool(struct floor_table *table, const struct floor_segment *segment);

/* Asks for the lines that these will need; the second, later, for a pool's record. */
static inline void floor_fetch(const struct floor_table *table, uint32_t hash) {
  const struct floor_conn *conn = &table->conns[hash & table->mask];
  __builtin_prefetch(conn, 1);
}

static inline void floor_fetch_slot(const struct floor_table *table, uint32_t hash) {
  __builtin_prefetch(&table->slots[hash & table->mask], 1);
}

static inline void floor_fetch_record(const struct floor_table *table, uint32_t hash) {
  uint64_t slot = table->slots[hash & table->mask];
  if (slot >> 32 == hash && slot) __builtin_prefetch(&table->conns[(uint32_t)slot - 1], 1);
}

#endif

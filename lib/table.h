/* table.h - from a 32-bit hash to a 32-bit reference: open addressing with linear probing over
 * one array of any size, fixed at creation. Entries are told apart by the caller, who knows
 * what a reference stands for. Invariant: no empty slot lies between an entry and its home, the
 * slot that its hash asks for, so a search ends at the first empty slot; removal moves entries
 * back instead of leaving marks. At most 3/4 of the slots are used: a search that finds nothing
 * looks at 8 of them, which is one cache line and a bit. Floor 4. */
#ifndef TCPTALE_LIB_TABLE_H
#define TCPTALE_LIB_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct tcptale_slot {
  uint32_t hash;
  uint32_t ref; /* 0: empty */
};

struct tcptale_table {
  struct tcptale_slot *slots;
  uint32_t slot_count;
  uint32_t used;
};

/* The slots that a table needs for `entries` entries, at least 3; then it is full. */
static inline uint64_t tcptale_table_slots_for(uint64_t entries) {
  return entries + entries / 3;
}

/* Where a hash's entries begin. Multiplying spreads the hashes over any number of slots. */
static inline uint32_t tcptale_table_home(const struct tcptale_table *table, uint32_t hash) {
  return (uint32_t)((uint64_t)hash * table->slot_count >> 32);
}

/* Begins an empty table over `slot_count` slots, at least 4, which it zeroes. */
void tcptale_table_init(struct tcptale_table *table, struct tcptale_slot *slots,
                        uint32_t slot_count);

/* Hints that a hash is looked for soon. */
static TCPTALE_INLINE void tcptale_table_prefetch(const struct tcptale_table *table,
                                                  uint32_t hash) {
  tcptale_prefetch(&table->slots[tcptale_table_home(table, hash)]);
}

static inline uint32_t tcptale_table_after(const struct tcptale_table *table, uint32_t i) {
  return i + 1 == table->slot_count ? 0 : i + 1;
}

/* Walks the entries of one hash: `*at` is the first slot to look at (its home at first) and is left
 * one behind the entry found, perhaps behind the last slot. Returns its reference, or 0 when there
 * is no more. */
static inline uint32_t tcptale_table_next(const struct tcptale_table *table, uint32_t hash,
                                          uint32_t *at) {
  for (uint32_t i = *at;; i++) {
    if (i == table->slot_count) i = 0;
    const struct tcptale_slot *slot = &table->slots[i];
    if (slot->ref == 0) return 0;
    if (slot->hash != hash) continue;
    *at = i + 1;
    return slot->ref;
  }
}

/* Whether no further entry is taken. */
static inline int tcptale_table_is_full(const struct tcptale_table *table) {
  return table->used >= table->slot_count - table->slot_count / 4;
}

/* Adds an entry; 0 when the table is full. */
static inline int tcptale_table_add(struct tcptale_table *table, uint32_t hash, uint32_t ref) {
  if (tcptale_table_is_full(table)) return 0;
  uint32_t i = tcptale_table_home(table, hash);
  while (table->slots[i].ref != 0) i = tcptale_table_after(table, i);
  table->slots[i] = (struct tcptale_slot){hash, ref};
  table->used++;
  return 1;
}

/* Lets the entry with this hash and reference stand for `by`; 0 when there is none. */
int tcptale_table_replace(struct tcptale_table *table, uint32_t hash, uint32_t ref, uint32_t by);

/* Removes the entry with this hash and reference; 0 when there is none. */
int tcptale_table_remove(struct tcptale_table *table, uint32_t hash, uint32_t ref);

#endif

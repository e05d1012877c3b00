/* table.h - from a 32-bit hash to a 32-bit reference: open addressing with linear probing over
 * one array whose size is fixed at creation. Entries are told apart by the caller, who knows
 * what a reference stands for. Invariant: no empty slot lies between an entry and the slot that
 * its hash asks for, so a search ends at the first empty slot; removal moves entries back
 * instead of leaving marks. The owner keeps the load at or below 7/8. Floor 4. */
#ifndef TCPTALE_LIB_TABLE_H
#define TCPTALE_LIB_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct tcptale_slot {
  uint32_t hash;
  uint32_t ref; /* 0: empty */
};

struct tcptale_table {
  struct tcptale_slot *slots;
  uint32_t mask; /* number of slots - 1; the number is a power of two */
  uint32_t used;
};

/* Begins an empty table over `slot_count` slots, a power of two, which it zeroes. */
void tcptale_table_init(struct tcptale_table *table, struct tcptale_slot *slots,
                        uint32_t slot_count);

/* Walks the entries of one hash: `*at` is the first slot to look at (start with hash & mask) and
 * is left on the entry found, one behind it for the next call. Returns its reference, or 0 when
 * there is no more. */
uint32_t tcptale_table_next(const struct tcptale_table *table, uint32_t hash, uint32_t *at);

/* Adds an entry; 0 when the table is at 7/8 of its slots. */
int tcptale_table_add(struct tcptale_table *table, uint32_t hash, uint32_t ref);

/* Removes the entry with this hash and reference; 0 when there is none. */
int tcptale_table_remove(struct tcptale_table *table, uint32_t hash, uint32_t ref);

#endif

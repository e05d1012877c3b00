/* table.c - see table.h. Floor 4. */
#include "table.h"

#include <string.h>

void tcptale_table_init(struct tcptale_table *table, struct tcptale_slot *slots,
                        uint32_t slot_count) {
  table->slots = slots;
  table->slot_count = slot_count;
  table->used = 0;
  memset(slots, 0, (size_t)slot_count * sizeof *slots);
}

/* How far slot `to` lies behind slot `from`, the way a search goes. */
static uint32_t distance(const struct tcptale_table *table, uint32_t from, uint32_t to) {
  return to >= from ? to - from : to + (table->slot_count - from);
}

/* Closes the hole at `hole`: every later entry of the cluster that may stand there moves back. */
static void close_hole(struct tcptale_table *table, uint32_t hole) {
  for (uint32_t i = tcptale_table_after(table, hole); table->slots[i].ref != 0;
       i = tcptale_table_after(table, i)) {
    uint32_t home = tcptale_table_home(table, table->slots[i].hash);
    if (distance(table, home, i) < distance(table, hole, i)) continue;
    table->slots[hole] = table->slots[i];
    hole = i;
  }
  table->slots[hole] = (struct tcptale_slot){0, 0};
}

/* The slot of an entry; NULL. */
static struct tcptale_slot *slot_of(const struct tcptale_table *table, uint32_t hash,
                                    uint32_t ref) {
  for (uint32_t i = tcptale_table_home(table, hash);; i = tcptale_table_after(table, i)) {
    struct tcptale_slot *slot = &table->slots[i];
    if (slot->ref == ref && slot->hash == hash) return slot->ref ? slot : NULL;
    if (slot->ref == 0) return NULL;
  }
}

int tcptale_table_replace(struct tcptale_table *table, uint32_t hash, uint32_t ref, uint32_t by) {
  struct tcptale_slot *slot = slot_of(table, hash, ref);
  if (!slot) return 0;
  slot->ref = by;
  return 1;
}

int tcptale_table_remove(struct tcptale_table *table, uint32_t hash, uint32_t ref) {
  const struct tcptale_slot *slot = slot_of(table, hash, ref);
  if (!slot) return 0;
  close_hole(table, (uint32_t)(slot - table->slots));
  table->used--;
  return 1;
}

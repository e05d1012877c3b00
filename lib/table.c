/* table.c - see table.h. Floor 4. */
#include "table.h"

#include <string.h>

void tcptale_table_init(struct tcptale_table *table, struct tcptale_slot *slots,
                        uint32_t slot_count) {
  table->slots = slots;
  table->mask = slot_count - 1;
  table->used = 0;
  memset(slots, 0, (size_t)slot_count * sizeof *slots);
}

uint32_t tcptale_table_next(const struct tcptale_table *table, uint32_t hash, uint32_t *at) {
  for (uint32_t i = *at & table->mask;; i = (i + 1) & table->mask) {
    const struct tcptale_slot *slot = &table->slots[i];
    if (slot->ref == 0) return 0;
    if (slot->hash != hash) continue;
    *at = i + 1;
    return slot->ref;
  }
}

int tcptale_table_add(struct tcptale_table *table, uint32_t hash, uint32_t ref) {
  uint64_t slots = (uint64_t)table->mask + 1;
  if (table->used >= slots - slots / 8) return 0;
  uint32_t i = hash & table->mask;
  while (table->slots[i].ref != 0) i = (i + 1) & table->mask;
  table->slots[i] = (struct tcptale_slot){hash, ref};
  table->used++;
  return 1;
}

/* Closes the hole at `hole`: every later entry of the cluster that may stand there moves back. */
static void close_hole(struct tcptale_table *table, uint32_t hole) {
  for (uint32_t i = (hole + 1) & table->mask; table->slots[i].ref != 0; i = (i + 1) & table->mask) {
    uint32_t from_home = (i - table->slots[i].hash) & table->mask;
    uint32_t from_hole = (i - hole) & table->mask;
    if (from_home < from_hole) continue;
    table->slots[hole] = table->slots[i];
    hole = i;
  }
  table->slots[hole] = (struct tcptale_slot){0, 0};
}

int tcptale_table_remove(struct tcptale_table *table, uint32_t hash, uint32_t ref) {
  for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
    if (table->slots[i].ref == 0) return 0;
    if (table->slots[i].ref != ref || table->slots[i].hash != hash) continue;
    close_hole(table, i);
    table->used--;
    return 1;
  }
}

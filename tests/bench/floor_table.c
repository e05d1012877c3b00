/* floor_table.c - see floor_table.h. Linear probing; a deletion moves back what probed past it. */
#include "floor_table.h"

enum { FIN = TCPTALE_TCP_FIN, SYN = TCPTALE_TCP_SYN, RST = TCPTALE_TCP_RST };

void floor_table_init(struct floor_table *table, struct tally *tally, uint32_t slots, int pool) {
  uint32_t conns = pool ? slots / 2 : slots;
  *table = (struct floor_table){.mask = slots - 1, .tally = tally, .on_bytes = tally_bytes};
  table->conns = trace_memory((size_t)conns * sizeof *table->conns);
  if (!pool) return;
  table->slots = trace_memory((size_t)slots * sizeof *table->slots);
  table->free_list = trace_memory((size_t)conns * sizeof *table->free_list);
  while (table->free_count < conns) {
    table->free_list[table->free_count] = conns - 1 - table->free_count;
    table->free_count++;
  }
}

static inline int is_it(const struct floor_conn *conn, const struct floor_segment *segment) {
  return conn->end[0] == segment->end[0] && conn->end[1] == segment->end[1];
}

/* 1: the connection is over. */
static inline int advance(struct floor_table *table, struct floor_conn *conn,
                          const struct floor_segment *segment) {
  uint8_t dir = segment->dir;
  if (segment->flags & SYN) {
    conn->next[dir] = segment->seq + 1;
    return 0;
  }
  if (segment->len > 0 && segment->seq == conn->next[dir]) {
    table->on_bytes(table->tally, segment->data, segment->len, conn->bytes[dir]);
    conn->next[dir] += segment->len;
    conn->bytes[dir] += segment->len;
  }
  if (segment->flags & RST) return 1;
  if (conn->fin == 3) return 1;
  if (segment->flags & FIN) conn->fin |= (uint8_t)(1 << dir);
  return 0;
}

static inline void begin(struct floor_table *table, struct floor_conn *conn,
                         const struct floor_segment *segment) {
  *conn = (struct floor_conn){
      .end = {segment->end[0], segment->end[1]}, .hash = segment->hash, .used = 1};
  tally_opened(table->tally);
  advance(table, conn, segment);
}

/* May what belongs at `home` move from `at` back to the hole? */
static inline int may_move(uint32_t mask, uint32_t home, uint32_t hole, uint32_t at) {
  return ((at - home) & mask) >= ((at - hole) & mask);
}

static void forget(struct floor_table *table, uint32_t hole) {
  uint32_t mask = table->mask;
  for (uint32_t at = (hole + 1) & mask; table->conns[at].used; at = (at + 1) & mask) {
    if (!may_move(mask, table->conns[at].hash & mask, hole, at)) continue;
    table->conns[hole] = table->conns[at];
    hole = at;
  }
  table->conns[hole].used = 0;
  tally_closed(table->tally);
}

void floor_track(struct floor_table *table, const struct floor_segment *segment) {
  uint32_t at = segment->hash & table->mask;
  struct floor_conn *conn = &table->conns[at];
  while (conn->used && !is_it(conn, segment)) {
    at = (at + 1) & table->mask;
    conn = &table->conns[at];
  }
  if (conn->used) {
    if (advance(table, conn, segment)) forget(table, at);
  } else if (segment->flags & SYN) {
    begin(table, conn, segment);
  }
}

static void forget_slot(struct floor_table *table, uint32_t hole) {
  uint32_t mask = table->mask;
  table->free_list[table->free_count++] = (uint32_t)table->slots[hole] - 1;
  for (uint32_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
    if (!may_move(mask, (uint32_t)(table->slots[at] >> 32) & mask, hole, at)) continue;
    table->slots[hole] = table->slots[at];
    hole = at;
  }
  table->slots[hole] = 0;
  tally_closed(table->tally);
}

static inline int is_slot_of(const struct floor_table *table, uint64_t slot,
                             const struct floor_segment *segment) {
  return slot >> 32 == segment->hash && is_it(&table->conns[(uint32_t)slot - 1], segment);
}

static void begin_slot(struct floor_table *table, uint32_t at,
                       const struct floor_segment *segment) {
  if (table->free_count == 0) return;
  uint32_t place = table->free_list[--table->free_count];
  table->slots[at] = (uint64_t)segment->hash << 32 | (place + 1);
  begin(table, &table->conns[place], segment);
}

void floor_track_pool(struct floor_table *table, const struct floor_segment *segment) {
  uint32_t at = segment->hash & table->mask;
  uint64_t slot = table->slots[at];
  while (slot && !is_slot_of(table, slot, segment)) {
    at = (at + 1) & table->mask;
    slot = table->slots[at];
  }
  if (slot) {
    if (advance(table, &table->conns[(uint32_t)slot - 1], segment)) forget_slot(table, at);
  } else if (segment->flags & SYN) {
    begin_slot(table, at, segment);
  }
}

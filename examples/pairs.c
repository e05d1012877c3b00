/* pairs.c - the two ends of a connection to a record: chained hashing over one growing array of
 * entries. When the array has reached its limit, entries are taken over in the order of their
 * making. Invariant: each entry in use is in exactly one chain, that of its key. */
#include "pairs.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

/* An entry is this header and the caller's record after it. Links are entry number + 1; 0 ends a
 * chain. */
typedef struct entry {
  pair_key key;
  uint32_t next;
  uint32_t reserved0;
} entry;

struct pairs {
  unsigned char *entries;
  uint32_t *heads; /* as many as there is room for entries: a power of two */
  size_t entry_bytes, record_bytes;
  uint32_t count, room, limit;
  uint32_t oldest; /* the next to be taken over, once count is limit */
};

static entry *entry_at(const pairs *table, uint32_t index) {
  return (entry *)(void *)(table->entries + index * table->entry_bytes);
}

static void *record_of(entry *e) {
  return e + 1;
}

static uint32_t head_of(const pairs *table, const pair_key *key) {
  uint32_t words[sizeof *key / 4];
  uint64_t hash = 0x9e3779b97f4a7c15u;
  memcpy(words, key, sizeof *key);
  for (size_t i = 0; i < sizeof *key / 4; i++) {
    hash = (hash ^ words[i]) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return (uint32_t)hash & (table->room - 1);
}

int pair_key_make(pair_key *key, unsigned version, const uint8_t *src, unsigned src_port,
                  const uint8_t *dst, unsigned dst_port) {
  int reversed = src_port > dst_port || (src_port == dst_port && memcmp(src, dst, 16) > 0);
  memcpy(key->low, reversed ? dst : src, 16);
  memcpy(key->high, reversed ? src : dst, 16);
  key->low_port = (uint16_t)(reversed ? dst_port : src_port);
  key->high_port = (uint16_t)(reversed ? src_port : dst_port);
  key->version = version;
  return reversed;
}

pairs *pairs_new(size_t record_bytes, uint32_t limit) {
  pairs *table = calloc(1, sizeof *table);
  if (!table) return NULL;
  table->record_bytes = record_bytes;
  table->entry_bytes = (sizeof(entry) + record_bytes + 7) / 8 * 8;
  table->limit = limit;
  return table;
}

void pairs_free(pairs *table) {
  if (!table) return;
  free(table->entries);
  free(table->heads);
  free(table);
}

void *pairs_find(const pairs *table, const pair_key *key) {
  uint32_t at = table->room ? table->heads[head_of(table, key)] : 0;
  while (at != 0) {
    entry *e = entry_at(table, at - 1);
    if (memcmp(&e->key, key, sizeof *key) == 0) return record_of(e);
    at = e->next;
  }
  return NULL;
}

static void link_entry(pairs *table, uint32_t index) {
  entry *e = entry_at(table, index);
  uint32_t *head = &table->heads[head_of(table, &e->key)];
  e->next = *head;
  *head = index + 1;
}

static void unlink_entry(pairs *table, uint32_t index) {
  uint32_t *link = &table->heads[head_of(table, &entry_at(table, index)->key)];
  while (*link != index + 1) link = &entry_at(table, *link - 1)->next;
  *link = entry_at(table, index)->next;
}

static int grow(pairs *table) {
  uint32_t room = table->room ? table->room * 2 : FIRST_ROOM;
  uint32_t *heads = calloc(room, sizeof *heads);
  unsigned char *entries = heads ? realloc(table->entries, room * table->entry_bytes) : NULL;
  if (!entries) {
    free(heads);
    return 0;
  }
  free(table->heads);
  table->heads = heads;
  table->entries = entries;
  table->room = room;
  for (uint32_t i = 0; i < table->count; i++) link_entry(table, i);
  return 1;
}

void *pairs_add(pairs *table, const pair_key *key) {
  uint32_t index = table->count;
  if (table->count == table->limit) {
    index = table->oldest;
    table->oldest = (table->oldest + 1) % table->limit;
    unlink_entry(table, index);
  } else {
    if (table->count == table->room && !grow(table)) return NULL;
    table->count++;
  }
  memset(entry_at(table, index), 0, table->entry_bytes);
  entry_at(table, index)->key = *key;
  link_entry(table, index);
  return record_of(entry_at(table, index));
}

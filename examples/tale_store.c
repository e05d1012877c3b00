/* tale_store.c - chains of blocks. A block begins with the number of the next one, 0 in the last.
 * Blocks that were given back form a chain of the same kind, so nothing about the file is kept in
 * memory. */
#define _POSIX_C_SOURCE 200809L
#include "tale_store.h"

#include <string.h>
#include <unistd.h>

#include "scratch.h"

int tale_store_init(tale_store *store) {
  memset(store, 0, sizeof *store);
  store->fd = scratch_open();
  return store->fd >= 0;
}

void tale_store_clear(tale_store *store) {
  if (store->fd >= 0) close(store->fd);
  store->fd = -1;
}

static uint64_t place_of(uint32_t block) {
  return (uint64_t)(block - 1) * TALE_BLOCK;
}

static void put(tale_store *store, uint64_t at, const void *data, size_t len) {
  if (scratch_write(store->fd, data, len, at) != 0) store->failed = 1;
}

static void get(tale_store *store, uint64_t at, void *data, size_t len) {
  if (scratch_read(store->fd, data, len, at) == 0) return;
  memset(data, 0, len);
  store->failed = 1;
}

static uint32_t take_block(tale_store *store) {
  uint32_t block = store->free_first;
  uint32_t none = 0;
  if (block == 0) return ++store->block_count;
  get(store, place_of(block), &store->free_first, sizeof store->free_first);
  put(store, place_of(block), &none, sizeof none);
  return block;
}

static void grow(tale_store *store, tale_chain *chain) {
  uint32_t block = take_block(store);
  if (chain->last != 0) put(store, place_of(chain->last), &block, sizeof block);
  else chain->first = block;
  chain->last = block;
  chain->used = 0;
}

void tale_store_append(tale_store *store, tale_chain *chain, const void *data, size_t len) {
  const unsigned char *from = data;
  while (len > 0) {
    if (chain->last == 0 || chain->used == TALE_BLOCK_ROOM) grow(store, chain);
    size_t room = TALE_BLOCK_ROOM - chain->used;
    size_t part = len < room ? len : room;
    put(store, place_of(chain->last) + sizeof(uint32_t) + chain->used, from, part);
    chain->used += (uint32_t)part;
    from += part;
    len -= part;
  }
}

void tale_store_drop(tale_store *store, tale_chain *chain) {
  if (chain->first != 0) {
    put(store, place_of(chain->last), &store->free_first, sizeof store->free_first);
    store->free_first = chain->first;
  }
  memset(chain, 0, sizeof *chain);
}

static void load(tale_reader *reader, uint32_t block) {
  reader->block = block;
  reader->at = 0;
  if (block != 0) get(reader->store, place_of(block), reader->bytes, TALE_BLOCK);
}

void tale_reader_begin(tale_reader *reader, tale_store *store, const tale_chain *chain) {
  reader->store = store;
  reader->chain = *chain;
  load(reader, chain->first);
}

/* The bytes of the current block that are still to be read. */
static size_t left_in_block(const tale_reader *reader) {
  uint32_t end = reader->block == reader->chain.last ? reader->chain.used : TALE_BLOCK_ROOM;
  return end - reader->at;
}

int tale_reader_get(tale_reader *reader, void *data, size_t len) {
  unsigned char *to = data;
  while (len > 0) {
    if (reader->block == 0 || reader->store->failed) return 0;
    size_t left = left_in_block(reader);
    size_t part = len < left ? len : left;
    memcpy(to, reader->bytes + sizeof(uint32_t) + reader->at, part);
    reader->at += (uint32_t)part;
    to += part;
    len -= part;
    if (len == 0) return 1;
    if (reader->block == reader->chain.last) return 0;
    uint32_t next;
    memcpy(&next, reader->bytes, sizeof next);
    load(reader, next);
  }
  return 1;
}

/* tale_store.h - where the packets of open connections wait until their tale is told: strings of
 * bytes in one temporary file, any number at once, each growing at its end and dropped as a whole.
 * Memory holds nothing but the three numbers of a tale_chain. */
#ifndef TCPTALE_EXAMPLES_TALE_STORE_H
#define TCPTALE_EXAMPLES_TALE_STORE_H

#include <stddef.h>
#include <stdint.h>

enum {
  TALE_BLOCK = 1024, /* bytes of the file that a chain takes at a time */
  TALE_BLOCK_ROOM = TALE_BLOCK - sizeof(uint32_t) /* of them, the chain's own */
};

/* One string of bytes; all 0 is an empty one. */
typedef struct tale_chain {
  uint32_t first; /* blocks, numbered from 1 */
  uint32_t last;
  uint32_t used; /* bytes in the last block */
} tale_chain;

typedef struct tale_store {
  int fd;
  int failed;           /* the file could not be written or read: bytes are missing */
  uint32_t block_count; /* ever made */
  uint32_t free_first;  /* blocks to use again */
} tale_store;

/* A place in a chain that is being read. */
typedef struct tale_reader {
  tale_store *store;
  tale_chain chain;
  uint32_t block;
  uint32_t at;
  unsigned char bytes[TALE_BLOCK];
} tale_reader;

/* 0 where the temporary file cannot be made. */
int tale_store_init(tale_store *store);
void tale_store_clear(tale_store *store);

void tale_store_append(tale_store *store, tale_chain *chain, const void *data, size_t len);

/* Gives the chain's blocks back; it is empty then. */
void tale_store_drop(tale_store *store, tale_chain *chain);

void tale_reader_begin(tale_reader *reader, tale_store *store, const tale_chain *chain);

/* The next `len` bytes; 0 at the end. */
int tale_reader_get(tale_reader *reader, void *data, size_t len);

#endif

/* pairs.h - a table from the two ends of a connection to a record of the caller's, for the example
 * programs. Both directions find the same record. Its memory is bounded: past `limit` connections
 * the oldest makes room. */
#ifndef TCPTALE_EXAMPLES_PAIRS_H
#define TCPTALE_EXAMPLES_PAIRS_H

#include <stddef.h>
#include <stdint.h>

typedef struct pairs pairs;

/* The two ends in an order that does not depend on who sends. No padding: compared as bytes. */
typedef struct pair_key {
  uint8_t low[16], high[16];
  uint16_t low_port, high_port;
  uint32_t version;
} pair_key;

/* Writes the key; addresses are 16 bytes, those of IPv4 padded with zeros. Returns 1 where the
 * sender is the high end, 0 where it is the low one. */
int pair_key_make(pair_key *key, unsigned version, const uint8_t *src, unsigned src_port,
                  const uint8_t *dst, unsigned dst_port);

/* NULL: no memory. */
pairs *pairs_new(size_t record_bytes, uint32_t limit);
void pairs_free(pairs *table);

/* The record, or NULL. Good until the next call of pairs_add. */
void *pairs_find(const pairs *table, const pair_key *key);

/* A new, zeroed record for a key that pairs_find does not find. NULL: no memory. */
void *pairs_add(pairs *table, const pair_key *key);

#endif

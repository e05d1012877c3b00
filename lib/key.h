/* key.h - a connection's key as the tracker keeps it. Nearly every connection is told by two IPv4
 * addresses and two ports: twelve bytes, in the record's first line. Whatever needs more (IPv6, a
 * scope, tags or tunnels as part of the key) is wide: its twelve bytes hold a digest and the
 * ports, the whole key stands at the record's end. Endpoints are ordered as in tcptale_flow_key.
 * Floor 4. */
#ifndef TCPTALE_LIB_KEY_H
#define TCPTALE_LIB_KEY_H

#include <stddef.h>
#include <string.h>

#include "tcptale/flow.h"

#include "gist.h"

/* The bytes of a wide key: tcptale_flow_key from `scope` on. */
#define TCPTALE_KEY_WIDE_BYTES (sizeof(tcptale_flow_key) - offsetof(tcptale_flow_key, scope))

struct tcptale_brief_key {
  uint32_t addr[2]; /* as the bytes lie in the packet; wide: the two halves of a keyed digest */
  uint16_t port[2];
};

/* A key, where it hashes to, and who sent the packet that it was read from. */
struct tcptale_key {
  struct tcptale_brief_key brief;
  uint32_t hash;
  uint32_t from; /* the sender's place in the key: 0 or 1 */
  uint32_t is_wide;
  tcptale_flow_key whole; /* where is_wide is 1, else not written */
};

/* What the hashes of one tracker depend on. */
struct tcptale_key_secret {
  uint64_t word[10];
  uint8_t siphash[16];
};

/* Makes the secret out of a configuration's hash_key. */
void tcptale_key_secret_init(struct tcptale_key_secret *secret, const uint8_t hash_key[16]);

/* Reads the key of a decoded packet, whose gist is `gist`. 0 where it has none: no TCP, or no
 * addresses. `flags`: TCPTALE_KEY_. */
int tcptale_key_of(struct tcptale_key *key, const tcptale_packet *packet,
                   const struct tcptale_gist *gist, uint64_t scope, uint32_t flags,
                   const struct tcptale_key_secret *secret);

/* The same from a gist, for a key without scope and flags. */
void tcptale_key_of_gist(struct tcptale_key *key, const struct tcptale_gist *gist,
                         const struct tcptale_key_secret *secret);

/* The hash of a key that is kept. */
uint32_t tcptale_key_hash(const struct tcptale_brief_key *brief, int is_wide,
                          const struct tcptale_key_secret *secret);

/* Whether a brief key says the same as `key`'s; where that is wide the whole one decides. */
static inline int tcptale_key_is_brief(const struct tcptale_key *key,
                                       const struct tcptale_brief_key *brief) {
  return memcmp(&key->brief, brief, sizeof *brief) == 0;
}

#endif

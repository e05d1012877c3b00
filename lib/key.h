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

#include "bytes.h"
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

/* The same from a gist, for a key without scope and flags; of IPv6. */
void tcptale_key_read_v6(struct tcptale_key *key, const struct tcptale_gist *gist,
                         const uint64_t *word);

/* Numbers of 32 bits, multiplied in pairs with secret words added, collide in the upper half of the
 * sum with a chance of 2^-32 for whoever does not know the words (Thorup, strongly universal
 * hashing); this last step only spreads what is left of the order of neighbouring addresses. */
static inline uint64_t tcptale_key_spread(uint64_t sum) {
  return (sum ^ sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t tcptale_key_hash_ports(const struct tcptale_brief_key *key,
                                              const uint64_t word[2]) {
  return word[0] * ((uint32_t)key->port[0] << 16 | key->port[1]) + word[1];
}

static inline void tcptale_key_set_ports(struct tcptale_key *key, uint32_t from,
                                         const struct tcptale_gist *g) {
  key->from = from;
  key->brief.port[0] = from ? g->dst_port : g->src_port;
  key->brief.port[1] = from ? g->src_port : g->dst_port;
}

static inline uint32_t tcptale_key_hash_v4(const struct tcptale_brief_key *key,
                                           const uint64_t *word) {
  uint64_t sum = (word[0] + key->addr[0]) * (word[1] + key->addr[1]);
  return (uint32_t)(tcptale_key_spread(sum + tcptale_key_hash_ports(key, word + 8)) >> 32);
}

static inline void tcptale_key_read_v4(struct tcptale_key *key, const struct tcptale_gist *g,
                                       const uint64_t *word) {
  struct tcptale_brief_key *brief = &key->brief;
  uint32_t src = tcptale_be32(g->src), dst = tcptale_be32(g->dst);
  uint32_t from = src > dst || (src == dst && g->src_port > g->dst_port);
  memcpy(&brief->addr[0], from ? g->dst : g->src, 4);
  memcpy(&brief->addr[1], from ? g->src : g->dst, 4);
  tcptale_key_set_ports(key, from, g);
  key->is_wide = 0;
  key->hash = tcptale_key_hash_v4(brief, word);
}

/* The same from a gist, for a key without scope and flags. */
static inline void tcptale_key_of_gist(struct tcptale_key *key, const struct tcptale_gist *gist,
                                       const struct tcptale_key_secret *secret) {
  if (gist->ip_version == 4) tcptale_key_read_v4(key, gist, secret->word);
  else tcptale_key_read_v6(key, gist, secret->word);
}

/* The hash of a key that is kept. */
uint32_t tcptale_key_hash(const struct tcptale_brief_key *brief, int is_wide,
                          const struct tcptale_key_secret *secret);

/* Whether a brief key says the same as `key`'s; where that is wide the whole one decides. */
static inline int tcptale_key_is_brief(const struct tcptale_key *key,
                                       const struct tcptale_brief_key *brief) {
  return memcmp(&key->brief, brief, sizeof *brief) == 0;
}

#endif

/* key.h - a connection's key as the tracker keeps it: twelve bytes in the first line of its card,
 * and a tail behind the card. Two IPv4 addresses and two ports have none. Those of IPv6 have the
 * last four bytes of each address in the twelve, the first twelve of each in the tail. Whatever
 * needs more (a scope, tags or tunnels as part of the key) is wide: a digest and the ports, and all
 * of the key as tail. Endpoints are ordered as in tcptale_flow_key. Floor 4. */
#ifndef TCPTALE_LIB_KEY_H
#define TCPTALE_LIB_KEY_H

#include <stddef.h>
#include <string.h>

#include "tcptale/flow.h"

#include "bytes.h"
#include "gist.h"

/* What a key is made of, and so its tail; two bits where it is kept. */
enum tcptale_key_kind {
  TCPTALE_KEY_V4 = 0,  /* no tail */
  TCPTALE_KEY_V6 = 1,  /* the first TCPTALE_KEY_V6_HIGH bytes of both addresses */
  TCPTALE_KEY_WIDE = 2 /* tcptale_flow_key from `scope` on */
};

#define TCPTALE_KEY_V6_HIGH    12
#define TCPTALE_KEY_V6_BYTES   ((size_t)2 * TCPTALE_KEY_V6_HIGH)
#define TCPTALE_KEY_WIDE_BYTES (sizeof(tcptale_flow_key) - offsetof(tcptale_flow_key, scope))

struct tcptale_brief_key {
  uint32_t addr[2]; /* bytes of the packet: the last four; wide: the two halves of a keyed digest */
  uint32_t ports;   /* the first in the upper half */
};

/* A key, where it hashes to, and who sent the packet that it was read from. */
struct tcptale_key {
  struct tcptale_brief_key brief;
  uint32_t hash;
  uint32_t from; /* the sender's place in the key: 0 or 1 */
  uint32_t kind; /* enum tcptale_key_kind */
  union {        /* as the kind says; of IPv4 nothing is written */
    uint8_t v6_high[2][TCPTALE_KEY_V6_HIGH];
    tcptale_flow_key whole;
  };
};

/* What the hashes of one tracker depend on. */
struct tcptale_key_secret {
  uint64_t word[10];
  uint8_t siphash[16];
};

/* Makes the secret out of a configuration's hash_key. */
void tcptale_key_secret_init(struct tcptale_key_secret *secret, const uint8_t hash_key[16]);

/* Reads the key of a decoded packet. 0 where it has none: no TCP, or no addresses. `flags`: those
 * of tcptale_flow_key_of. */
int tcptale_key_of(struct tcptale_key *key, const tcptale_packet *packet, uint64_t scope,
                   uint32_t flags, const struct tcptale_key_secret *secret);

/* The key of two ends of IPv6; as tcptale_key_of_ends. */
int tcptale_key_read_v6(struct tcptale_key *key, const struct tcptale_gist_ends *ends,
                        const uint64_t *word);

/* Numbers of 32 bits, multiplied in pairs with secret words added, collide in the upper half of the
 * sum with a chance of 2^-32 for whoever does not know the words (Thorup, strongly universal
 * hashing); this last step only spreads what is left of the order of neighbouring addresses. */
static inline uint64_t tcptale_key_spread(uint64_t sum) {
  return (sum ^ sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t tcptale_key_hash_ports(uint32_t ports, const uint64_t word[2]) {
  return word[0] * ports + word[1];
}

/* The ports as the other end would write them. */
static inline uint32_t tcptale_key_turned(uint32_t ports) {
  return ports << 16 | ports >> 16;
}

static inline uint16_t tcptale_key_port(const struct tcptale_brief_key *key, uint32_t at) {
  return (uint16_t)(key->ports >> (at ? 0 : 16));
}

/* Sets the ports in the key's order. */
static inline void tcptale_key_set_ports(struct tcptale_key *key, uint32_t from, uint32_t ports) {
  uint32_t turn = 16 * from;
  key->from = from;
  key->brief.ports = ports << turn | ports >> (-turn & 31);
}

static inline uint32_t tcptale_key_hash_v4(const struct tcptale_brief_key *key,
                                           const uint64_t *word) {
  uint64_t sum = (word[0] + key->addr[0]) * (word[1] + key->addr[1]);
  return (uint32_t)(tcptale_key_spread(sum + tcptale_key_hash_ports(key->ports, word + 8)) >> 32);
}

/* Sets the key of two IPv4 addresses in network order, the sender's first. They are turned as one
 * number: which end comes first is as good as random, so nothing may branch on it. */
static inline void tcptale_key_set_v4(struct tcptale_key *key, const uint8_t addresses[8],
                                      uint32_t ports, uint32_t from, const uint64_t *word) {
  uint64_t pair;
  uint32_t turn = 32 * from;
  memcpy(&pair, addresses, sizeof pair);
  pair = pair << turn | pair >> (-turn & 63);
  memcpy(key->brief.addr, &pair, sizeof pair);
  tcptale_key_set_ports(key, from, ports);
  key->kind = TCPTALE_KEY_V4;
  key->hash = tcptale_key_hash_v4(&key->brief, word);
}

/* The key of two ends that have one address, of IPv4; as tcptale_key_of_ends. */
int tcptale_key_read_own(struct tcptale_key *key, const uint8_t addresses[8], uint32_t ports,
                         const uint64_t *word);

/* The key of two ends that have different addresses; 0: they have one. */
static TCPTALE_INLINE int tcptale_key_try_v4(struct tcptale_key *key,
                                             const struct tcptale_gist_ends *ends,
                                             const uint64_t *word) {
  uint64_t there = tcptale_be64(ends->addresses), back = there << 32 | there >> 32;
  if (there == back) return 0;
  tcptale_key_set_v4(key, ends->addresses, ends->ports, there > back, word);
  return 1;
}

static inline int tcptale_key_read_v4(struct tcptale_key *key, const struct tcptale_gist_ends *ends,
                                      const uint64_t *word) {
  return tcptale_key_try_v4(key, ends, word) ||
         tcptale_key_read_own(key, ends->addresses, ends->ports, word);
}

/* Copies a key of IPv4. */
static TCPTALE_INLINE void tcptale_key_copy_v4(struct tcptale_key *to,
                                               const struct tcptale_key *from) {
  memcpy(to->brief.addr, from->brief.addr, sizeof to->brief.addr);
  to->brief.ports = from->brief.ports;
  to->hash = from->hash;
  to->from = from->from;
  to->kind = TCPTALE_KEY_V4;
}

/* The key of who sends and who receives, without scope and flags. 0: both ends are one (LAND), so
 * that the key does not tell who sends. */
static inline int tcptale_key_of_ends(struct tcptale_key *key, const struct tcptale_gist_ends *ends,
                                      const struct tcptale_key_secret *secret) {
  return ends->ip_version == 4 ? tcptale_key_read_v4(key, ends, secret->word)
                               : tcptale_key_read_v6(key, ends, secret->word);
}

/* The hash of a kept key that has a tail. */
uint32_t tcptale_key_hash_tailed(const struct tcptale_brief_key *brief, uint32_t kind,
                                 const uint8_t *tail, const struct tcptale_key_secret *secret);

/* The hash of a key that is kept. */
static inline uint32_t tcptale_key_hash(const struct tcptale_brief_key *brief, uint32_t kind,
                                        const uint8_t *tail,
                                        const struct tcptale_key_secret *secret) {
  return kind == TCPTALE_KEY_V4 ? tcptale_key_hash_v4(brief, secret->word)
                                : tcptale_key_hash_tailed(brief, kind, tail, secret);
}

static inline size_t tcptale_key_tail_bytes(uint32_t kind) {
  if (kind == TCPTALE_KEY_V6) return TCPTALE_KEY_V6_BYTES;
  return kind == TCPTALE_KEY_WIDE ? TCPTALE_KEY_WIDE_BYTES : 0;
}

/* What is to be kept of it beside its brief key. */
static inline const uint8_t *tcptale_key_tail(const struct tcptale_key *key) {
  const uint8_t *whole = (const uint8_t *)&key->whole, *v6 = (const uint8_t *)key->v6_high;
  return key->kind == TCPTALE_KEY_WIDE ? whole + offsetof(tcptale_flow_key, scope) : v6;
}

/* Most have no tail to copy. */
static inline void tcptale_key_copy_tail(uint8_t *to, const uint8_t *tail, uint32_t kind) {
  if (kind != TCPTALE_KEY_V4) memcpy(to, tail, tcptale_key_tail_bytes(kind));
}

static inline int tcptale_key_is_tail_v6(const uint8_t *a, const uint8_t *b) {
  uint64_t x[TCPTALE_KEY_V6_BYTES / 8], y[TCPTALE_KEY_V6_BYTES / 8];
  memcpy(x, a, sizeof x);
  memcpy(y, b, sizeof y);
  return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
}

/* Whether a kind and a tail are `key`'s. */
static inline int tcptale_key_has_tail(const struct tcptale_key *key, uint32_t kind,
                                       const uint8_t *tail) {
  if (kind != key->kind) return 0;
  if (kind == TCPTALE_KEY_V4) return 1;
  if (kind == TCPTALE_KEY_V6) return tcptale_key_is_tail_v6(tail, tcptale_key_tail(key));
  return memcmp(tail, tcptale_key_tail(key), TCPTALE_KEY_WIDE_BYTES) == 0;
}

/* Whether a brief key says the same as `key`'s; kind and tail decide then. As two numbers: not
 * every compiler makes two comparisons of a memcmp of twelve bytes. */
static inline int tcptale_key_is_brief(const struct tcptale_key *key,
                                       const struct tcptale_brief_key *brief) {
  uint64_t own, other;
  memcpy(&own, key->brief.addr, sizeof own);
  memcpy(&other, brief->addr, sizeof other);
  return own == other && key->brief.ports == brief->ports;
}

/* The hash and the sender's place as one number: tells directions of connections apart. */
static inline uint64_t tcptale_key_flow(const struct tcptale_key *key) {
  uint64_t flow;
  _Static_assert(offsetof(struct tcptale_key, from) == offsetof(struct tcptale_key, hash) + 4,
                 "they are one number");
  memcpy(&flow, (const uint8_t *)key + offsetof(struct tcptale_key, hash), sizeof flow);
  return flow;
}

#endif

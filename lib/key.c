/* key.c - see key.h. Floor 4. */
#include "key.h"

#include "bytes.h"
#include "siphash.h"

/* The words come from the caller's secret by its own hash, so that they are as good as random. */
void tcptale_key_secret_init(struct tcptale_key_secret *secret, const uint8_t hash_key[16]) {
  memcpy(secret->siphash, hash_key, sizeof secret->siphash);
  for (uint64_t i = 0; i < 4; i++) {
    struct tcptale_siphash s = tcptale_siphash_begin(hash_key);
    tcptale_siphash_word(&s, i);
    secret->word[i] = tcptale_siphash_end(&s, 1);
  }
}

/* Multiplied in pairs with secret words added, 96 bits collide in 32 of the sum with a chance of
 * 2^-32 for whoever does not know the words (Thorup, strongly universal hashing); the last steps
 * only spread what is left of the order of neighbouring addresses. */
static uint32_t hash_brief(const struct tcptale_brief_key *key,
                           const struct tcptale_key_secret *secret) {
  const uint64_t *word = secret->word;
  uint32_t ports = (uint32_t)key->port[0] << 16 | key->port[1];
  uint64_t sum = (word[0] + key->addr[0]) * (word[1] + key->addr[1]) + word[2] * ports + word[3];
  sum = (sum ^ sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(sum >> 32);
}

static void read_brief(struct tcptale_key *key, const tcptale_packet *p,
                       const struct tcptale_key_secret *secret) {
  uint32_t src = tcptale_be32(p->src), dst = tcptale_be32(p->dst);
  uint32_t from = src > dst || (src == dst && p->src_port > p->dst_port);
  memcpy(&key->brief.addr[from], p->src, 4);
  memcpy(&key->brief.addr[1 - from], p->dst, 4);
  key->brief.port[from] = p->src_port;
  key->brief.port[1 - from] = p->dst_port;
  key->from = from;
  key->is_wide = 0;
  key->hash = hash_brief(&key->brief, secret);
}

static int read_wide(struct tcptale_key *key, const tcptale_packet *p, uint64_t scope,
                     uint32_t flags, const struct tcptale_key_secret *secret) {
  key->whole.struct_size = sizeof key->whole;
  if (tcptale_flow_key_of(p, scope, flags, &key->whole, &key->from) != TCPTALE_OK) return 0;
  uint64_t digest = tcptale_flow_hash(&key->whole, secret->siphash);
  key->brief.addr[0] = (uint32_t)(digest >> 32);
  key->brief.addr[1] = (uint32_t)digest;
  memcpy(key->brief.port, key->whole.port, sizeof key->brief.port);
  key->is_wide = 1;
  key->hash = (uint32_t)digest;
  return 1;
}

int tcptale_key_of(struct tcptale_key *key, const tcptale_packet *packet, uint64_t scope,
                   uint32_t flags, const struct tcptale_key_secret *secret) {
  if (!(packet->layers & TCPTALE_LAYER_TCP)) return 0;
  int is_brief = packet->ip_version == 4 && scope == 0 && flags == 0;
  if (!is_brief) return read_wide(key, packet, scope, flags, secret);
  read_brief(key, packet, secret);
  return 1;
}

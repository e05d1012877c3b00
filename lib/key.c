/* key.c - see key.h. Floor 4. */
#include "key.h"

#include "siphash.h"

enum { WORDS = 10 };

/* The words come from the caller's secret by its own hash, so that they are as good as random. */
void tcptale_key_secret_init(struct tcptale_key_secret *secret, const uint8_t hash_key[16]) {
  memcpy(secret->siphash, hash_key, sizeof secret->siphash);
  for (uint64_t i = 0; i < WORDS; i++) {
    struct tcptale_siphash s = tcptale_siphash_begin(hash_key);
    tcptale_siphash_word(&s, i);
    secret->word[i] = tcptale_siphash_end(&s, 1);
  }
}

static uint32_t word_at(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static uint32_t hash_v6(const struct tcptale_brief_key *key, const uint8_t *high,
                        const uint64_t *word) {
  uint64_t sum = tcptale_key_hash_ports(key->ports, word + 8);
  for (uint32_t i = 0; i < 3; i++)
    sum += (word[2 * i] + word_at(high + 4 * i)) *
           (word[2 * i + 1] + word_at(high + TCPTALE_KEY_V6_HIGH + 4 * i));
  sum += (word[6] + key->addr[0]) * (word[7] + key->addr[1]);
  return (uint32_t)(tcptale_key_spread(sum) >> 32);
}

uint32_t tcptale_key_hash_tailed(const struct tcptale_brief_key *brief, uint32_t kind,
                                 const uint8_t *tail, const struct tcptale_key_secret *secret) {
  return kind == TCPTALE_KEY_WIDE ? brief->addr[0] : hash_v6(brief, tail, secret->word);
}

static void set_digest(struct tcptale_key *key, uint64_t digest) {
  key->kind = TCPTALE_KEY_WIDE;
  key->brief.addr[0] = (uint32_t)(digest >> 32);
  key->brief.addr[1] = (uint32_t)digest;
  key->hash = (uint32_t)(digest >> 32);
}

int tcptale_key_read_own(struct tcptale_key *key, const uint8_t addresses[8], uint32_t ports,
                         const uint64_t *word) {
  uint32_t turned = tcptale_key_turned(ports);
  tcptale_key_set_v4(key, addresses, ports, ports > turned, word);
  return ports != turned;
}

static void set_v6(struct tcptale_key *key, uint32_t at, const uint8_t *address) {
  memcpy(key->v6_high[at], address, TCPTALE_KEY_V6_HIGH);
  key->brief.addr[at] = word_at(address + TCPTALE_KEY_V6_HIGH);
}

int tcptale_key_read_v6(struct tcptale_key *key, const struct tcptale_gist_ends *ends,
                        const uint64_t *word) {
  const uint8_t *src = ends->addresses, *dst = src + 16;
  uint64_t there = tcptale_be64(src), back = tcptale_be64(dst);
  uint32_t turned = tcptale_key_turned(ends->ports);
  if (there == back) there = tcptale_be64(src + 8), back = tcptale_be64(dst + 8);
  uint32_t from = there > back;
  if (there == back) from = ends->ports > turned;
  key->kind = TCPTALE_KEY_V6;
  set_v6(key, from, src);
  set_v6(key, 1 - from, dst);
  tcptale_key_set_ports(key, from, ends->ports);
  key->hash = hash_v6(&key->brief, key->v6_high[0], word);
  return there != back || ends->ports != turned;
}

/* With a scope, tags or a tunnel. */
static int read_more(struct tcptale_key *key, const tcptale_packet *p, uint64_t scope,
                     uint32_t flags, const struct tcptale_key_secret *secret) {
  key->whole.struct_size = sizeof key->whole;
  if (tcptale_flow_key_of(p, scope, flags, &key->whole, &key->from) != TCPTALE_OK) return 0;
  key->brief.ports = (uint32_t)key->whole.port[0] << 16 | key->whole.port[1];
  set_digest(key, tcptale_flow_hash(&key->whole, secret->siphash));
  return 1;
}

int tcptale_key_of(struct tcptale_key *key, const tcptale_packet *packet, uint64_t scope,
                   uint32_t flags, const struct tcptale_key_secret *secret) {
  if (!(packet->layers & TCPTALE_LAYER_TCP) || packet->ip_version == 0) return 0;
  if (scope != 0 || flags != 0) return read_more(key, packet, scope, flags, secret);
  uint8_t addresses[32];
  size_t len = packet->ip_version == 4 ? 4 : 16;
  memcpy(addresses, packet->src, len);
  memcpy(addresses + len, packet->dst, len);
  struct tcptale_gist_ends ends = {addresses, (uint32_t)packet->src_port << 16 | packet->dst_port,
                                   packet->ip_version};
  tcptale_key_of_ends(key, &ends, secret); /* one of both ends is as good as the other */
  return 1;
}

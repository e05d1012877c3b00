/* key.c - see key.h. Floor 4. */
#include "key.h"

#include "bytes.h"
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

/* Numbers of 32 bits, multiplied in pairs with secret words added, collide in the upper half of the
 * sum with a chance of 2^-32 for whoever does not know the words (Thorup, strongly universal
 * hashing); this last step only spreads what is left of the order of neighbouring addresses. */
static uint64_t spread(uint64_t sum) {
  return (sum ^ sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_ports(const struct tcptale_brief_key *key, const uint64_t word[2]) {
  return word[0] * ((uint32_t)key->port[0] << 16 | key->port[1]) + word[1];
}

static void set_ports(struct tcptale_key *key, uint32_t from, const struct tcptale_gist *g) {
  key->from = from;
  key->brief.port[0] = from ? g->dst_port : g->src_port;
  key->brief.port[1] = from ? g->src_port : g->dst_port;
}

static uint32_t hash_v4(const struct tcptale_brief_key *key, const uint64_t *word) {
  uint64_t sum = (word[0] + key->addr[0]) * (word[1] + key->addr[1]);
  return (uint32_t)(spread(sum + hash_ports(key, word + 8)) >> 32);
}

uint32_t tcptale_key_hash(const struct tcptale_brief_key *brief, int is_wide,
                          const struct tcptale_key_secret *secret) {
  return is_wide ? brief->addr[0] : hash_v4(brief, secret->word);
}

static void read_v4(struct tcptale_key *key, const struct tcptale_gist *g, const uint64_t *word) {
  struct tcptale_brief_key *brief = &key->brief;
  uint32_t src = tcptale_be32(g->src), dst = tcptale_be32(g->dst);
  uint32_t from = src > dst || (src == dst && g->src_port > g->dst_port);
  memcpy(&brief->addr[0], from ? g->dst : g->src, 4);
  memcpy(&brief->addr[1], from ? g->src : g->dst, 4);
  set_ports(key, from, g);
  key->is_wide = 0;
  key->hash = hash_v4(brief, word);
}

static uint32_t word_at(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static void set_digest(struct tcptale_key *key, uint64_t digest) {
  key->is_wide = 1;
  key->brief.addr[0] = (uint32_t)(digest >> 32);
  key->brief.addr[1] = (uint32_t)digest;
  key->hash = (uint32_t)(digest >> 32);
}

static void read_v6(struct tcptale_key *key, const struct tcptale_gist *g, const uint64_t *word) {
  int order = memcmp(g->src, g->dst, 16);
  uint32_t from = order > 0 || (order == 0 && g->src_port > g->dst_port);
  tcptale_flow_key *whole = &key->whole;
  *whole = (tcptale_flow_key){.struct_size = sizeof *whole, .ip_version = 6};
  memcpy(whole->addr[from], g->src, 16);
  memcpy(whole->addr[1 - from], g->dst, 16);
  set_ports(key, from, g);
  memcpy(whole->port, key->brief.port, sizeof whole->port);
  uint64_t sum = hash_ports(&key->brief, word + 8);
  for (uint32_t i = 0; i < 4; i++)
    sum += (word[2 * i] + word_at(whole->addr[0] + 4 * i)) *
           (word[2 * i + 1] + word_at(whole->addr[1] + 4 * i));
  set_digest(key, spread(sum));
}

void tcptale_key_of_gist(struct tcptale_key *key, const struct tcptale_gist *gist,
                         const struct tcptale_key_secret *secret) {
  if (gist->ip_version == 4) read_v4(key, gist, secret->word);
  else read_v6(key, gist, secret->word);
}

/* With a scope, tags or a tunnel. */
static int read_more(struct tcptale_key *key, const tcptale_packet *p, uint64_t scope,
                     uint32_t flags, const struct tcptale_key_secret *secret) {
  key->whole.struct_size = sizeof key->whole;
  if (tcptale_flow_key_of(p, scope, flags, &key->whole, &key->from) != TCPTALE_OK) return 0;
  memcpy(key->brief.port, key->whole.port, sizeof key->brief.port);
  set_digest(key, tcptale_flow_hash(&key->whole, secret->siphash));
  return 1;
}

int tcptale_key_of(struct tcptale_key *key, const tcptale_packet *packet,
                   const struct tcptale_gist *gist, uint64_t scope, uint32_t flags,
                   const struct tcptale_key_secret *secret) {
  if (!(packet->layers & TCPTALE_LAYER_TCP) || packet->ip_version == 0) return 0;
  if (scope != 0 || flags != 0) return read_more(key, packet, scope, flags, secret);
  tcptale_key_of_gist(key, gist, secret);
  return 1;
}

/* defrag.c - fragments to datagrams: whose a fragment is, how long it is waited for, what is
 * refused. The bytes are datagram.c's. Floor 4. */
#include "defrag.h"

#include <stdlib.h>
#include <string.h>

#include "datagram.h"
#include "flow.h"
#include "fragment.h"
#include "siphash.h"
#include "util.h"

enum {
  SCRATCH_BYTES = 65536,
  LEAST_MEMORY = 512 * 1024,
  LEAST_BUCKETS = 64,
  MOST_BUCKETS = 16384,
  MOST_FRAGMENTS = 8192,
  DEFAULT_FRAGMENTS = 64,
  EXPIRE_PER_PUSH = 8, /* more than come in, so a backlog shrinks */
  ALIGNMENT = 64
};

/* What tells datagrams apart (RFC 791 3.2, RFC 8200 4.5); compared as bytes, so without holes.
 * The protocol is IPv4's alone: fragments of one IPv6 datagram may differ in it. */
struct key {
  uint64_t scope;
  uint8_t src[16];
  uint8_t dst[16];
  uint32_t id;
  uint32_t vlan;
  uint32_t tunnel;
  uint16_t ip_version;
  uint16_t protocol;
};

_Static_assert(sizeof(struct key) == 56, "no padding");

/* A datagram that is waited for; or refused: then its bytes are gone, and so is every later
 * fragment of it until it times out (RFC 5722). */
struct entry {
  struct key key;
  uint64_t born_ns;
  uint64_t first_index;
  uint32_t chain; /* next of the same bucket */
  uint32_t older;
  uint32_t newer;
  uint32_t header; /* the decoded fragment at offset 0: a block with a tcptale_packet */
  uint32_t fragments;
  uint16_t refused;
  uint16_t tiny; /* frag_tiny was reported */
  struct tcptale_datagram datagram;
};

#define ENTRY_CLASS  TCPTALE_ARENA_448
#define HEADER_CLASS TCPTALE_ARENA_256

_Static_assert(sizeof(struct entry) <= 384, "an entry fits its block");
_Static_assert(sizeof(tcptale_packet) <= 256, "a packet fits its block");

static struct entry *entry_at(const struct tcptale_defrag *d, uint32_t ref) {
  return tcptale_arena_at(d->arena, ref);
}

static void note(tcptale_defrag_result *result, uint32_t anomaly) {
  result->anomalies_frag |= (uint64_t)1 << (anomaly - TCPTALE_ANOMALY_FRAG_OVERLAP);
}

/* Index and list. */

static struct key key_of(const struct tcptale_defrag *d, const tcptale_packet *packet,
                         uint64_t scope) {
  struct key key;
  key.scope = scope;
  memcpy(key.src, packet->src, sizeof key.src);
  memcpy(key.dst, packet->dst, sizeof key.dst);
  key.id = packet->ip_id;
  key.vlan = tcptale_flow_vlan(packet, d->config.key_flags);
  key.tunnel = tcptale_flow_tunnel(packet, d->config.key_flags);
  key.ip_version = packet->ip_version;
  key.protocol = packet->ip_version == 4 ? packet->ip_protocol : 0;
  return key;
}

static uint32_t *bucket_of(const struct tcptale_defrag *d, const struct key *key) {
  return &d->bucket[tcptale_siphash13(d->config.hash_key, key, sizeof *key) & d->bucket_mask];
}

static uint32_t find(const struct tcptale_defrag *d, const struct key *key) {
  uint32_t ref = *bucket_of(d, key);
  while (ref != TCPTALE_ARENA_NONE && memcmp(&entry_at(d, ref)->key, key, sizeof *key) != 0)
    ref = entry_at(d, ref)->chain;
  return ref;
}

static void link_entry(struct tcptale_defrag *d, uint32_t ref) {
  struct entry *entry = entry_at(d, ref);
  uint32_t *bucket = bucket_of(d, &entry->key);
  entry->chain = *bucket;
  *bucket = ref;
  entry->older = d->newest;
  entry->newer = TCPTALE_ARENA_NONE;
  if (d->newest == TCPTALE_ARENA_NONE) d->oldest = ref;
  else entry_at(d, d->newest)->newer = ref;
  d->newest = ref;
  d->entries++;
}

static void unlink_entry(struct tcptale_defrag *d, uint32_t ref) {
  struct entry *entry = entry_at(d, ref);
  uint32_t *at = bucket_of(d, &entry->key);
  while (*at != ref) at = &entry_at(d, *at)->chain;
  *at = entry->chain;
  if (entry->older == TCPTALE_ARENA_NONE) d->oldest = entry->newer;
  else entry_at(d, entry->older)->newer = entry->newer;
  if (entry->newer == TCPTALE_ARENA_NONE) d->newest = entry->older;
  else entry_at(d, entry->newer)->older = entry->older;
  d->entries--;
}

/* Memory. */

static void give(struct tcptale_defrag *d, uint32_t ref, enum tcptale_arena_class cls) {
  tcptale_arena_release(d->arena, ref);
  d->used_bytes -= tcptale_arena_class_size(cls);
}

/* Releases all that an entry holds; it is as good as new, or refused, after it. */
static void empty(struct tcptale_defrag *d, struct entry *entry) {
  size_t chunk = tcptale_arena_class_size(TCPTALE_DATAGRAM_CHUNK_CLASS);
  d->used_bytes -= chunk * tcptale_datagram_release(d->arena, &entry->datagram);
  if (entry->header != TCPTALE_ARENA_NONE) give(d, entry->header, HEADER_CLASS);
  entry->header = TCPTALE_ARENA_NONE;
}

static void forget(struct tcptale_defrag *d, uint32_t ref) {
  struct entry *entry = entry_at(d, ref);
  if (!entry->refused) d->pending--;
  empty(d, entry);
  unlink_entry(d, ref);
  give(d, ref, ENTRY_CLASS);
}

static void refuse(struct tcptale_defrag *d, uint32_t ref) {
  struct entry *entry = entry_at(d, ref);
  empty(d, entry);
  entry->refused = 1;
  d->pending--;
}

/* Drops the oldest entry other than `keep`. */
static int make_room(struct tcptale_defrag *d, uint32_t keep) {
  uint32_t ref = d->oldest;
  if (ref != TCPTALE_ARENA_NONE && ref == keep) ref = entry_at(d, ref)->newer;
  if (ref == TCPTALE_ARENA_NONE) return 0;
  if (!entry_at(d, ref)->refused) d->forced_out++;
  forget(d, ref);
  return 1;
}

static uint32_t take(struct tcptale_defrag *d, enum tcptale_arena_class cls, uint32_t keep) {
  size_t size = tcptale_arena_class_size(cls);
  do {
    if (d->config.memory_bytes - d->used_bytes < size) continue;
    uint32_t ref = tcptale_arena_alloc(d->arena, cls);
    if (ref == TCPTALE_ARENA_NONE) continue;
    d->used_bytes += size;
    return ref;
  } while (make_room(d, keep));
  return TCPTALE_ARENA_NONE;
}

/* Time. */

static int too_old(const struct tcptale_defrag *d, uint32_t ref) {
  return d->now_ns - entry_at(d, ref)->born_ns > d->config.timeout_ns;
}

static void time_out(struct tcptale_defrag *d, uint32_t ref) {
  if (!entry_at(d, ref)->refused) d->timed_out++;
  forget(d, ref);
}

/* Time never goes back: an earlier `ts_ns` fires nothing and makes nothing older. */
static void expire(struct tcptale_defrag *d, uint64_t ts_ns, uint32_t budget) {
  d->now_ns = tcptale_max_u64(d->now_ns, ts_ns);
  while (budget-- > 0 && d->oldest != TCPTALE_ARENA_NONE && too_old(d, d->oldest))
    time_out(d, d->oldest);
}

/* One fragment. */

struct arrival {
  const tcptale_packet *packet;
  tcptale_defrag_result *result;
  uint64_t index;
  uint32_t policy;
  uint32_t ref; /* its entry */
  struct entry *entry;
  struct tcptale_fragment fragment;
};

/* The datagram is no longer believed. Where overlaps are forbidden, later fragments of it are
 * refused too; else they begin anew, as they do in a host. */
static void drop(struct tcptale_defrag *d, const struct arrival *a, uint32_t anomaly) {
  note(a->result, anomaly);
  if (a->policy == TCPTALE_FRAG_DISCARD) refuse(d, a->ref);
  else forget(d, a->ref);
}

static uint32_t new_entry(struct tcptale_defrag *d, const struct key *key, uint64_t index) {
  while (d->entries >= d->config.max_datagrams) make_room(d, TCPTALE_ARENA_NONE);
  uint32_t ref = take(d, ENTRY_CLASS, TCPTALE_ARENA_NONE);
  if (ref == TCPTALE_ARENA_NONE) return ref;
  struct entry *entry = entry_at(d, ref);
  memset(entry, 0, sizeof *entry);
  entry->key = *key;
  entry->born_ns = d->now_ns;
  entry->first_index = index;
  tcptale_datagram_init(&entry->datagram);
  link_entry(d, ref);
  d->pending++;
  return ref;
}

static uint32_t find_or_begin(struct tcptale_defrag *d, const struct key *key, uint64_t index) {
  uint32_t ref = find(d, key);
  if (ref != TCPTALE_ARENA_NONE && too_old(d, ref)) {
    time_out(d, ref);
    ref = TCPTALE_ARENA_NONE;
  }
  return ref == TCPTALE_ARENA_NONE ? new_entry(d, key, index) : ref;
}

/* Gets all memory that the fragment needs, so that storing cannot fail. */
static int reserve(struct tcptale_defrag *d, struct arrival *a) {
  struct tcptale_datagram *datagram = &a->entry->datagram;
  uint32_t number = tcptale_datagram_lacks(datagram, &a->fragment);
  while (number < TCPTALE_DATAGRAM_CHUNKS) {
    uint32_t ref = take(d, TCPTALE_DATAGRAM_CHUNK_CLASS, a->ref);
    if (ref == TCPTALE_ARENA_NONE) return 0;
    tcptale_datagram_grant(d->arena, datagram, number, ref);
    number = tcptale_datagram_lacks(datagram, &a->fragment);
  }
  if (a->fragment.offset != 0 || a->entry->header != TCPTALE_ARENA_NONE) return 1;
  a->entry->header = take(d, HEADER_CLASS, a->ref);
  return a->entry->header != TCPTALE_ARENA_NONE;
}

enum verdict {
  VERDICT_STORE = 1, /* it brings something, and there is room */
  VERDICT_COPY = 2,  /* it is there already */
  VERDICT_GONE = 3   /* the datagram was dropped for it */
};

static enum verdict refuse_for_limit(struct tcptale_defrag *d, const struct arrival *a) {
  d->forced_out++;
  refuse(d, a->ref);
  return VERDICT_GONE;
}

static enum verdict judge(struct tcptale_defrag *d, struct arrival *a) {
  struct entry *entry = a->entry;
  if (!tcptale_datagram_agrees(&entry->datagram, &a->fragment)) {
    drop(d, a, TCPTALE_ANOMALY_FRAG_INCONSISTENT);
    return VERDICT_GONE;
  }
  uint32_t relation = tcptale_datagram_compare(d->arena, &entry->datagram, &a->fragment);
  if (relation & TCPTALE_DATAGRAM_COPY) return VERDICT_COPY;
  if (relation & TCPTALE_DATAGRAM_CONFLICT) note(a->result, TCPTALE_ANOMALY_FRAG_CONFLICT);
  if (relation & TCPTALE_DATAGRAM_OVERLAP) note(a->result, TCPTALE_ANOMALY_FRAG_OVERLAP);
  if (relation & TCPTALE_DATAGRAM_OVERLAP && a->policy == TCPTALE_FRAG_DISCARD) {
    refuse(d, a->ref);
    return VERDICT_GONE;
  }
  if (entry->fragments >= d->config.max_fragments) return refuse_for_limit(d, a);
  return reserve(d, a) ? VERDICT_STORE : refuse_for_limit(d, a);
}

static void store(struct tcptale_defrag *d, struct arrival *a) {
  struct entry *entry = a->entry;
  int leads = tcptale_datagram_store(d->arena, &entry->datagram, &a->fragment, a->policy);
  entry->fragments++;
  if (!leads || a->fragment.offset != 0) return;
  tcptale_packet *header = tcptale_arena_at(d->arena, entry->header);
  memcpy(header, a->packet, sizeof *header);
  header->struct_size = sizeof *header;
}

/* All is there: hands the datagram out. The header at offset 0 is the datagram's, so its length
 * decides whether the whole is too long. */
static void finish(struct tcptale_defrag *d, const struct arrival *a) {
  const struct entry *entry = a->entry;
  tcptale_defrag_result *result = a->result;
  memcpy(&result->first, tcptale_arena_at(d->arena, entry->header), sizeof result->first);
  if (entry->datagram.end > tcptale_fragment_longest(&result->first)) {
    drop(d, a, TCPTALE_ANOMALY_FRAG_INCONSISTENT);
    return;
  }
  tcptale_datagram_assemble(d->arena, &entry->datagram, d->scratch);
  result->complete = 1;
  result->first_index = entry->first_index;
  result->last_index = a->index;
  result->fragment_count = entry->fragments;
  result->len = entry->datagram.end;
  result->data = d->scratch;
  forget(d, a->ref);
}

/* Reports a tiny fragment once per datagram. IPv6 goes further: without its header chain in the
 * first fragment a datagram is dropped (RFC 7112 5). Returns 0 then. */
static int look_at_headers(struct tcptale_defrag *d, struct arrival *a) {
  if (!tcptale_fragment_is_tiny(a->packet, &a->fragment)) return 1;
  if (a->packet->ip_version == 6 && a->fragment.offset == 0) {
    drop(d, a, TCPTALE_ANOMALY_FRAG_TINY);
    return 0;
  }
  if (!a->entry->tiny) note(a->result, TCPTALE_ANOMALY_FRAG_TINY);
  a->entry->tiny = 1;
  return 1;
}

/* A fragment whose datagram is known. One that the capture cut is not stored: its datagram times
 * out. */
static void receive(struct tcptale_defrag *d, struct arrival *a) {
  if (a->entry->refused || a->fragment.data == NULL) return;
  if (!look_at_headers(d, a)) return;
  switch (judge(d, a)) {
  case VERDICT_GONE: return;
  case VERDICT_STORE: store(d, a); break;
  case VERDICT_COPY:
    if (a->fragment.last) a->entry->datagram.end = a->entry->datagram.top;
    break;
  }
  if (tcptale_datagram_complete(&a->entry->datagram)) finish(d, a);
}

static void push(struct tcptale_defrag *d, struct arrival *a, uint64_t scope) {
  const tcptale_packet *packet = a->packet;
  struct key key = key_of(d, packet, scope);
  a->policy = packet->ip_version == 4 ? d->config.policy_v4 : d->config.policy_v6;
  a->ref = find_or_begin(d, &key, a->index);
  if (a->ref == TCPTALE_ARENA_NONE) {
    d->forced_out++;
    return;
  }
  a->entry = entry_at(d, a->ref);
  receive(d, a);
}

int tcptale_defrag_push(tcptale_defrag *defrag, const tcptale_packet *packet, const uint8_t *data,
                        uint64_t scope, uint64_t index, uint64_t ts_ns,
                        tcptale_defrag_result *result) {
  if (defrag == NULL || packet == NULL || data == NULL || result == NULL) return TCPTALE_ERR_ARG;
  if (result->struct_size < sizeof *result || packet->struct_size < sizeof *packet)
    return TCPTALE_ERR_ARG;
  if (!(packet->layers & TCPTALE_LAYER_FRAGMENT)) return TCPTALE_ERR_ARG;
  if (packet->ip_version != 4 && packet->ip_version != 6) return TCPTALE_ERR_ARG;

  struct arrival a = {.packet = packet, .result = result, .index = index};

  uint64_t timed_out = defrag->timed_out;
  uint64_t forced_out = defrag->forced_out;
  tcptale_defrag_result_init(result, result->struct_size);
  expire(defrag, ts_ns, EXPIRE_PER_PUSH);
  if (tcptale_fragment_read(packet, data, &a.fragment)) push(defrag, &a, scope);
  else note(result, TCPTALE_ANOMALY_FRAG_INCONSISTENT);
  if (defrag->timed_out != timed_out) note(result, TCPTALE_ANOMALY_FRAG_TIMEOUT);
  if (defrag->forced_out != forced_out) note(result, TCPTALE_ANOMALY_FRAG_LIMIT);
  return TCPTALE_OK;
}

int tcptale_defrag_expire(tcptale_defrag *defrag, uint64_t ts_ns, uint32_t budget) {
  if (defrag == NULL) return TCPTALE_ERR_ARG;
  uint64_t before = defrag->timed_out;
  expire(defrag, ts_ns, budget);
  return (int)(defrag->timed_out - before);
}

uint32_t tcptale_defrag_pending(const tcptale_defrag *defrag) {
  return defrag == NULL ? 0 : defrag->pending;
}

int tcptale_defrag_relieve(struct tcptale_defrag *defrag) {
  return make_room(defrag, TCPTALE_ARENA_NONE);
}

void tcptale_defrag_clear(struct tcptale_defrag *defrag) {
  while (defrag->oldest != TCPTALE_ARENA_NONE) forget(defrag, defrag->oldest);
}

/* Beginning and end. */

static uint32_t bucket_count(const tcptale_defrag_config *config) {
  uint32_t count = LEAST_BUCKETS;
  while (count < config->max_datagrams && count < MOST_BUCKETS) count *= 2;
  return count;
}

size_t tcptale_defrag_fixed_bytes(const tcptale_defrag_config *config) {
  return SCRATCH_BYTES + bucket_count(config) * sizeof(uint32_t);
}

void tcptale_defrag_init(struct tcptale_defrag *defrag, struct tcptale_arena *arena,
                         const tcptale_defrag_config *config, void *fixed) {
  memset(defrag, 0, sizeof *defrag);
  defrag->arena = arena;
  defrag->scratch = fixed;
  defrag->bucket = (uint32_t *)(void *)((uint8_t *)fixed + SCRATCH_BYTES);
  defrag->bucket_mask = bucket_count(config) - 1;
  defrag->config = *config;
  if (config->max_fragments == 0) defrag->config.max_fragments = DEFAULT_FRAGMENTS;
  memset(defrag->bucket, 0, bucket_count(config) * sizeof *defrag->bucket);
}

int tcptale_defrag_config_init(tcptale_defrag_config *config, size_t struct_size) {
  if (config == NULL || struct_size < sizeof *config || struct_size > UINT32_MAX)
    return TCPTALE_ERR_ARG;
  memset(config, 0, struct_size);
  config->struct_size = (uint32_t)struct_size;
  config->policy_v4 = TCPTALE_POLICY_FIRST;
  config->policy_v6 = TCPTALE_FRAG_DISCARD;
  config->max_datagrams = 1024;
  config->max_fragments = DEFAULT_FRAGMENTS;
  config->key_flags = TCPTALE_KEY_VLAN | TCPTALE_KEY_TUNNEL;
  config->timeout_ns = 30 * (uint64_t)1000000000;
  config->memory_bytes = 4 * 1024 * 1024;
  return TCPTALE_OK;
}

int tcptale_defrag_result_init(tcptale_defrag_result *result, size_t struct_size) {
  if (result == NULL || struct_size < sizeof *result || struct_size > UINT32_MAX)
    return TCPTALE_ERR_ARG;
  memset(result, 0, struct_size);
  result->struct_size = (uint32_t)struct_size;
  result->first.struct_size = sizeof result->first;
  return TCPTALE_OK;
}

static int is_policy(uint32_t policy) {
  return policy == TCPTALE_FRAG_DISCARD ||
         (policy >= TCPTALE_POLICY_FIRST && policy <= TCPTALE_POLICY_BSD_RIGHT);
}

/* A larger struct is of a later release: good as long as it asks for nothing that is not known
 * here. */
static int is_known(const tcptale_defrag_config *config) {
  if (config->struct_size < sizeof *config) return 0;
  for (size_t at = sizeof *config; at < config->struct_size; at++)
    if (((const uint8_t *)config)[at] != 0) return 0;
  return 1;
}

int tcptale_defrag_config_valid(const tcptale_defrag_config *config) {
  const uint32_t flags = TCPTALE_KEY_VLAN | TCPTALE_KEY_TUNNEL;
  return is_known(config) && is_policy(config->policy_v4) && is_policy(config->policy_v6) &&
         config->max_datagrams > 0 && config->max_fragments <= MOST_FRAGMENTS &&
         (config->key_flags & ~flags) == 0 && config->memory_bytes <= SIZE_MAX;
}

/* The one block of a defragmenter that stands alone: this, its fixed memory, pages. `defrag` is
 * first, so its address is the owner's. */
struct owner {
  struct tcptale_defrag defrag;
  struct tcptale_arena arena;
  void *block; /* as it came; the owner is at the next multiple of 64 */
};

int tcptale_defrag_new(tcptale_defrag **out, const tcptale_defrag_config *config) {
  if (out == NULL || config == NULL || !tcptale_defrag_config_valid(config)) return TCPTALE_ERR_ARG;
  if (config->memory_bytes < LEAST_MEMORY) return TCPTALE_ERR_NOMEM;
  size_t size = (size_t)config->memory_bytes;
  uint8_t *block = malloc(size);
  if (block == NULL) return TCPTALE_ERR_NOMEM;

  size_t skip = (ALIGNMENT - (uintptr_t)block % ALIGNMENT) % ALIGNMENT;
  size_t head = (sizeof(struct owner) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  struct owner *owner = (struct owner *)(void *)(block + skip);
  uint8_t *fixed = block + skip + head;
  head += tcptale_defrag_fixed_bytes(config);
  memset(owner, 0, sizeof *owner);
  if (tcptale_arena_init(&owner->arena, owner, size - skip, head) == 0) {
    free(block);
    return TCPTALE_ERR_NOMEM;
  }
  owner->block = block;
  tcptale_defrag_init(&owner->defrag, &owner->arena, config, fixed);
  *out = &owner->defrag;
  return TCPTALE_OK;
}

void tcptale_defrag_free(tcptale_defrag *defrag) {
  if (defrag != NULL) free(((struct owner *)(void *)defrag)->block);
}

/* For tests. */

static size_t held_bytes(const struct tcptale_defrag *d, const struct entry *entry) {
  size_t bytes = tcptale_arena_class_size(ENTRY_CLASS);
  if (entry->header != TCPTALE_ARENA_NONE) bytes += tcptale_arena_class_size(HEADER_CLASS);
  for (int i = 0; i < TCPTALE_DATAGRAM_CHUNKS; i++)
    if (entry->datagram.chunk[i] != TCPTALE_ARENA_NONE)
      bytes += tcptale_arena_class_size(TCPTALE_DATAGRAM_CHUNK_CLASS);
  return tcptale_datagram_check(d->arena, &entry->datagram) ? bytes : 0;
}

int tcptale_defrag_check(const struct tcptale_defrag *defrag) {
  uint32_t entries = 0, pending = 0, older = TCPTALE_ARENA_NONE;
  uint64_t used = 0, born = 0;
  for (uint32_t ref = defrag->oldest; ref != TCPTALE_ARENA_NONE;
       ref = entry_at(defrag, ref)->newer) {
    const struct entry *entry = entry_at(defrag, ref);
    if (entry->older != older || entry->born_ns < born || find(defrag, &entry->key) != ref)
      return 0;
    if (held_bytes(defrag, entry) == 0) return 0;
    used += held_bytes(defrag, entry);
    born = entry->born_ns;
    older = ref;
    entries++;
    pending += !entry->refused;
  }
  return defrag->newest == older && defrag->entries == entries && defrag->pending == pending &&
         defrag->used_bytes == used && used <= defrag->config.memory_bytes;
}

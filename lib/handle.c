/* handle.c - the public object around the tracking: one block of memory, cut into the tracker,
 * its index and the arena; what can be asked of a tracker and of a connection; control from
 * inside callbacks. Floor 22. */
#include "tracker.h"

#include <stdlib.h>
#include <string.h>

#include "later.h"
#include "limits.h"
#include "pack.h"
#include "settings.h"
#include "shape.h"
#include "tell.h"
#include "usual.h"

#define ALIGN ((size_t)64)

static size_t aligned(size_t n) {
  return (n + ALIGN - 1) & ~(ALIGN - 1);
}

/* tell.c's way up to the index: a connection can be found from its first callback on. */
static void enlist(struct tcptale_conn_env *env, struct tcptale_conn *conn) {
  tcptale_roster_enlist(&env->tracker->roster, env, conn);
}

/* A connection is worth more than the oldest incomplete datagram. */
static int relieve(struct tcptale_conn_env *env) {
  if (!tcptale_defrag_relieve(&env->tracker->defrag)) return 0;
  tcptale_tell_anomaly(env, NULL, TCPTALE_ANOMALY_FRAG_LIMIT, TCPTALE_NO_DIR, 0, 0);
  return 1;
}

/* What becomes a connection after all needs a place among them. */
static void admit(struct tcptale_conn_env *env, int half_open) {
  tcptale_limits_admit(&env->tracker->roster, env, half_open);
}

static void begin_env(struct tcptale_tracker *t, const tcptale_config *config,
                      const tcptale_callbacks *callbacks, void *user) {
  struct tcptale_conn_env *env = &t->env;
  env->config = *config;
  env->tracker = t;
  env->enlist = enlist;
  env->admit = admit;
  env->relieve = relieve;
  env->usual_idle_ns = tcptale_usual_idle_ns(config);
  tcptale_key_secret_init(&env->secret, config->hash_key);
  env->emit.callbacks = *callbacks;
  env->emit.user = user;
  env->emit.arena = &env->arena;
  env->stream.arena = &env->arena;
  env->stream.sink = &tcptale_tell_sink;
  env->stream.ctx = env;
  tcptale_settings_stream(config, &env->stream.config);
  env->usual_is_wanted = tcptale_fold_is_wanted(env);
}

/* What frames are read by, as the configuration says, and into. */
static void begin_reading(struct tcptale_tracker *t, const tcptale_config *config) {
  if (config->flags & TCPTALE_CONFIG_KEY_VLAN) t->key_flags |= TCPTALE_KEY_VLAN;
  if (config->flags & TCPTALE_CONFIG_KEY_TUNNEL) t->key_flags |= TCPTALE_KEY_TUNNEL;
  if (config->checksum != TCPTALE_CHECKSUM_IGNORE) t->decode_flags |= TCPTALE_DECODE_CHECKSUM;
  t->wants_gists =
      t->key_flags == 0 && config->history_bytes == 0 && !t->env.emit.callbacks.on_segment;
  t->reads_alone = t->wants_gists && !(t->decode_flags & TCPTALE_DECODE_CHECKSUM);
  for (int i = 0; i <= TCPTALE_AHEAD; i++) tcptale_packet_init(&t->ahead[i], sizeof t->ahead[i]);
  tcptale_defrag_result_init(&t->datagram, sizeof t->datagram);
}

/* Cuts the block: the tracker, two indexes, the defragmenter's fixed part, room to unpack a
 * datagram, the arena. */
static int lay_out(struct tcptale_tracker **out, uint8_t *base, size_t len, tcptale_config *config,
                   const tcptale_callbacks *callbacks, void *user) {
  config->memory_bytes = len;
  tcptale_defrag_config defrag;
  tcptale_settings_defrag(config, &defrag);
  size_t index_at = aligned(sizeof(struct tcptale_tracker));
  size_t defrag_at = index_at + aligned(tcptale_roster_bytes(config));
  size_t unpacked_at = defrag_at + aligned(tcptale_defrag_fixed_bytes(&defrag));
  size_t arena_at = unpacked_at + aligned(TCPTALE_UNPACKED_MOST);
  struct tcptale_tracker *t = (struct tcptale_tracker *)(void *)base;
  if (arena_at >= len) return TCPTALE_ERR_NOMEM;
  memset(t, 0, sizeof *t);
  if (tcptale_arena_init(&t->env.arena, base, len, arena_at) < 4) return TCPTALE_ERR_NOMEM;
  begin_env(t, config, callbacks, user);
  begin_reading(t, config);
  t->later.over = TCPTALE_FEW;
  t->later.next = t->look;
  tcptale_roster_init(&t->roster, &t->env, base + index_at);
  if (!tcptale_shape_init(&t->roster, &t->env)) return TCPTALE_ERR_NOMEM;
  tcptale_defrag_init(&t->defrag, &t->env.arena, &defrag, base + defrag_at);
  t->unpacked = base + unpacked_at;
  *out = t;
  return TCPTALE_OK;
}

static int make(tcptale_tracker **out, tcptale_config *config, const tcptale_callbacks *callbacks,
                void *user, void *block, size_t len) {
  uint8_t *base = block;
  size_t skip = (ALIGN - (uintptr_t)base % ALIGN) % ALIGN;
  if (len < TCPTALE_MEMORY_LEAST) return TCPTALE_ERR_NOMEM;
  struct tcptale_tracker *t = NULL;
  int result = lay_out(&t, base + skip, len - skip, config, callbacks, user);
  if (result != TCPTALE_OK) return result;
  t->block = block;
  *out = t;
  return TCPTALE_OK;
}

static int read_arguments(tcptale_tracker **out, const tcptale_config *config,
                          const tcptale_callbacks *callbacks, tcptale_config *own,
                          tcptale_callbacks *table) {
  if (!out) return TCPTALE_ERR_ARG;
  int result = tcptale_settings_read(own, config);
  return result == TCPTALE_OK ? tcptale_settings_callbacks(table, callbacks) : result;
}

int tcptale_tracker_new_in(tcptale_tracker **out, const tcptale_config *config,
                           const tcptale_callbacks *callbacks, void *user, void *block,
                           size_t len) {
  tcptale_config own;
  tcptale_callbacks table;
  int result = read_arguments(out, config, callbacks, &own, &table);
  if (result != TCPTALE_OK) return result;
  if (!block) return TCPTALE_ERR_ARG;
  return make(out, &own, &table, user, block, len);
}

int tcptale_tracker_new_with(tcptale_tracker **out, const tcptale_config *config,
                             const tcptale_callbacks *callbacks, void *user, tcptale_alloc_fn alloc,
                             tcptale_free_fn release, void *alloc_user) {
  tcptale_config own;
  tcptale_callbacks table;
  int result = read_arguments(out, config, callbacks, &own, &table);
  if (result != TCPTALE_OK) return result;
  if (!alloc || !release) return TCPTALE_ERR_ARG;
  if (own.memory_bytes < TCPTALE_MEMORY_LEAST || own.memory_bytes > SIZE_MAX)
    return TCPTALE_ERR_NOMEM;
  void *block = alloc((size_t)own.memory_bytes, alloc_user);
  if (!block) return TCPTALE_ERR_NOMEM;
  result = make(out, &own, &table, user, block, (size_t)own.memory_bytes);
  if (result != TCPTALE_OK) {
    release(block, alloc_user);
    return result;
  }
  (*out)->release = release;
  (*out)->release_user = alloc_user;
  return TCPTALE_OK;
}

static void *from_malloc(size_t len, void *user) {
  (void)user;
  return malloc(len);
}

static void to_free(void *block, void *user) {
  (void)user;
  free(block);
}

int tcptale_tracker_new(tcptale_tracker **out, const tcptale_config *config,
                        const tcptale_callbacks *callbacks, void *user) {
  return tcptale_tracker_new_with(out, config, callbacks, user, from_malloc, to_free, NULL);
}

int tcptale_tracker_free(tcptale_tracker *t) {
  if (!t) return TCPTALE_OK;
  int result = tcptale_tracker_flush(t);
  if (result != TCPTALE_OK) return result;
  if (t->release) t->release(t->block, t->release_user);
  return TCPTALE_OK;
}

int tcptale_tracker_stop(tcptale_tracker *t) {
  if (!t) return TCPTALE_ERR_ARG;
  t->env.emit.stopped = 1;
  return TCPTALE_OK;
}

int tcptale_tracker_stats_read(const tcptale_tracker *t, tcptale_tracker_stats *stats) {
  if (!t || !stats || stats->struct_size < sizeof *stats) return TCPTALE_ERR_ARG;
  uint32_t size = stats->struct_size;
  tcptale_later_settle_apart(
      t->env.tracker); /* which nobody can see: `t` is const to him, not to us */
  memset(stats, 0, size);
  *stats = t->stats;
  stats->struct_size = size;
  stats->open_now = tcptale_roster_open(&t->roster);
  stats->half_open_now = tcptale_roster_half_open(&t->roster);
  stats->lingering_now = t->roster.count[TCPTALE_CLASS_CLOSED];
  stats->opened = t->env.last_id;
  stats->closed = t->env.closed;
  stats->evicted = t->roster.evicted;
  stats->bad_checksums = t->env.bad_checksums;
  stats->dup_frames = t->env.dup_frames;
  stats->anomalies = t->env.emit.anomalies;
  stats->memory_bytes = t->env.config.memory_bytes;
  stats->memory_used = tcptale_arena_fixed_bytes(&t->env.arena) + t->env.arena.used_bytes;
  return TCPTALE_OK;
}

/* ---- connections ---- */

/* Whose connection a handle is: not of one that is packed. */
static struct tcptale_conn_env *env_of(const tcptale_conn *handle) {
  const struct tcptale_card *card = tcptale_card_of(handle);
  if (!card) return &handle->tracker->env;
  uint8_t *arena = (uint8_t *)tcptale_arena_of(card);
  return (struct tcptale_conn_env *)(void *)(arena - offsetof(struct tcptale_conn_env, arena));
}

/* The card of a folded connection, NULL of another. Nothing of it is put off any more (later.h). */
static struct tcptale_card *settled_card_of(const tcptale_conn *handle) {
  struct tcptale_card *card = tcptale_card_of(handle);
  if (card) tcptale_later_settle_apart(env_of(handle)->tracker);
  return card;
}

/* What a handle stands for: a record, or one in `view` that says what a card, or what is packed,
 * says. A packed one has no streams, so what is asked of these ends at their flags. */
static const struct tcptale_conn *look_at(const tcptale_conn *handle, struct tcptale_view *view) {
  const struct tcptale_packed *packed = tcptale_packed_of(handle);
  struct tcptale_card *card = settled_card_of(handle);
  if (packed) return tcptale_packed_view(packed, view);
  if (!card) return handle;
  tcptale_unfold(env_of(handle), card, &view->conn);
  return &view->conn;
}

/* Of a connection that is packed or folded. */
static uint64_t *user_of(const tcptale_conn *handle) {
  struct tcptale_packed *packed = tcptale_packed_of(handle);
  struct tcptale_card *card = tcptale_card_of(handle);
  if (packed) return &packed->user;
  return card ? &card->user : &handle->card->user;
}

tcptale_conn *tcptale_tracker_find(tcptale_tracker *t, uint64_t id) {
  if (!t || id == 0) return NULL;
  tcptale_later_settle_apart(t);
  uint32_t ref = tcptale_roster_look_id(&t->roster, &t->env, id);
  if (tcptale_roster_is_packed(ref))
    return tcptale_packed_handle(tcptale_roster_packed(&t->env, ref));
  if (ref == 0) return NULL;
  struct tcptale_card *card = tcptale_roster_card(&t->env, ref);
  struct tcptale_conn *conn = tcptale_roster_record(&t->env, card);
  int is_closed = conn ? conn->phase == TCPTALE_PHASE_CLOSED : card->cls == TCPTALE_CLASS_CLOSED;
  if (is_closed) return NULL;
  return conn ? conn : tcptale_card_handle(card);
}

uint64_t tcptale_conn_id(const tcptale_conn *handle) {
  struct tcptale_view view;
  return handle ? look_at(handle, &view)->id : 0;
}

int tcptale_conn_endpoints(const tcptale_conn *handle, tcptale_endpoints *endpoints) {
  struct tcptale_view view;
  if (!handle || !endpoints || endpoints->struct_size < sizeof *endpoints) return TCPTALE_ERR_ARG;
  tcptale_tell_endpoints(look_at(handle, &view), endpoints);
  return TCPTALE_OK;
}

int tcptale_conn_state(const tcptale_conn *handle, uint32_t direction) {
  struct tcptale_view view;
  if (!handle || direction > TCPTALE_S2C) return TCPTALE_ERR_ARG;
  return look_at(handle, &view)->ends[direction].state;
}

static void read_queued(const struct tcptale_conn *conn, uint32_t d, tcptale_conn_stats *stats) {
  const struct tcptale_half *half = &conn->ends[d].half;
  if (!tcptale_end_has(&conn->ends[d], TCPTALE_END_BASED)) return;
  stats->queued_bytes[d] = tcptale_half_queued_bytes(&conn->tracker->env.stream, half);
  stats->queued_segments[d] = tcptale_half_queued_segments(&conn->tracker->env.stream, half);
}

int tcptale_conn_stats_read(const tcptale_conn *handle, tcptale_conn_stats *stats) {
  struct tcptale_view view;
  if (!handle || !stats || stats->struct_size < sizeof *stats) return TCPTALE_ERR_ARG;
  const struct tcptale_conn *conn = look_at(handle, &view);
  uint32_t size = stats->struct_size;
  memset(stats, 0, size);
  stats->struct_size = size;
  stats->role =
      tcptale_conn_has(conn, TCPTALE_CONN_ROLE_KNOWN) ? TCPTALE_ROLE_KNOWN : TCPTALE_ROLE_GUESS;
  stats->first_ns = conn->first_ns;
  stats->last_ns = conn->last_ns;
  for (uint32_t d = 0; d < 2; d++) {
    const struct tcptale_end *end = &conn->ends[d];
    stats->packets[d] = end->packets;
    stats->payload_bytes[d] = end->payload_bytes;
    stats->delivered[d] = end->delivered;
    stats->missing[d] = end->missing;
    read_queued(conn, d, stats);
  }
  return TCPTALE_OK;
}

uint64_t tcptale_conn_user(const tcptale_conn *handle) {
  return handle ? *user_of(handle) : 0;
}

int tcptale_conn_set_user(tcptale_conn *handle, uint64_t value) {
  if (!handle) return TCPTALE_ERR_ARG;
  *user_of(handle) = value;
  return TCPTALE_OK;
}

/* ---- wishes ---- */

/* A direction that has not begun yet only takes the mark along. Where it waited for something the
 * connection is due later now, and its timer may go by that before the next step: that is to set it
 * anew. */
static void discard(struct tcptale_conn *conn, uint32_t direction) {
  struct tcptale_end *end = &conn->ends[direction];
  if (end->half.flags & TCPTALE_HALF_WAITING) conn->due_ns = UINT64_MAX;
  if (tcptale_end_has(end, TCPTALE_END_BASED) && conn->phase != TCPTALE_PHASE_CLOSED)
    tcptale_half_discard(&conn->tracker->env.stream, &end->half);
  else end->half.flags |= TCPTALE_HALF_DISCARDING;
}

int tcptale_conn_ignore(tcptale_conn *handle) {
  if (!handle) return TCPTALE_ERR_ARG;
  struct tcptale_packed *packed = tcptale_packed_of(handle);
  struct tcptale_card *card = settled_card_of(handle);
  for (uint32_t d = 0; d < 2; d++) tcptale_conn_stop_data(handle, d);
  if (packed) tcptale_packed_ignore(packed);
  else if (card) card->is_ignored = 1;
  else handle->flags |= TCPTALE_CONN_IGNORED;
  return TCPTALE_OK;
}

int tcptale_conn_stop_data(tcptale_conn *handle, uint32_t direction) {
  if (!handle || direction > TCPTALE_S2C) return TCPTALE_ERR_ARG;
  struct tcptale_packed *packed = tcptale_packed_of(handle);
  struct tcptale_card *card = settled_card_of(handle);
  if (packed) {
    tcptale_packed_stop_data(packed, direction);
  } else if (card) {
    card->discards = (card->discards | 1u << direction) & 3u;
    card->is_going = 0;
  } else {
    discard(handle, direction);
  }
  return TCPTALE_OK;
}

/* Four bits a direction. */
static uint8_t with_policy(uint8_t policies, uint32_t direction, uint32_t policy) {
  uint32_t shift = 4 * direction;
  return (uint8_t)((policies & ~(15u << shift)) | policy << shift);
}

int tcptale_conn_set_policy(tcptale_conn *handle, uint32_t direction, uint32_t policy) {
  if (!handle || direction > TCPTALE_S2C) return TCPTALE_ERR_ARG;
  if (policy < TCPTALE_POLICY_FIRST || policy > TCPTALE_POLICY_BSD_RIGHT) return TCPTALE_ERR_ARG;
  struct tcptale_packed *packed = tcptale_packed_of(handle);
  struct tcptale_card *card = settled_card_of(handle);
  if (packed) packed->policies = with_policy(packed->policies, direction, policy);
  else if (card) card->policies = with_policy((uint8_t)card->policies, direction, policy);
  else handle->ends[direction].half.policy = (uint8_t)policy;
  return TCPTALE_OK;
}

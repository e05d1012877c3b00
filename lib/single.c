/* single.c - tcptale_stream, the public unit: one direction in a block of its own, for callers
 * that have sequence numbers and bytes but no tracker. It checks arguments, counts anomalies,
 * refuses calls from inside a callback, and turns findings into events. Invariant: `busy` is set
 * exactly while half.h may call back. Floor 5. */
#include <stdlib.h>
#include <string.h>

#include "tcptale/stream.h"
#include "stream.h"
#include "util.h"

#define MEMORY_MIN  ((uint64_t)256 * 1024)
#define BLOCK_ALIGN ((size_t)64)

/* Further off than the largest window reaches, a number is not believed (rule R3). */
#define FAR ((int64_t)1 << 30)
/* No window is known here: a stream that is used alone reaches as far as one without scale does. */
#define FAR_SLACK ((int64_t)65535)

#define CODES 160u

struct tcptale_stream {
  struct tcptale_half half;
  struct tcptale_stream_env env;
  struct tcptale_arena arena;
  tcptale_stream_callbacks callbacks;
  void *user;
  void *block;     /* what was allocated; this object lies at its first aligned byte */
  uint64_t now_ns; /* the latest time seen: time does not go back */
  uint64_t index;  /* of the packet of the running call */
  uint64_t count[CODES];
  uint32_t busy;
  uint32_t over; /* stopped or finished */
  uint32_t mute; /* stopped: no further event */
};

int tcptale_stream_config_init(tcptale_stream_config *config, size_t struct_size) {
  if (config == NULL || struct_size < sizeof *config || struct_size > UINT32_MAX)
    return TCPTALE_ERR_ARG;
  memset(config, 0, struct_size);
  config->struct_size = (uint32_t)struct_size;
  config->policy = TCPTALE_POLICY_FIRST;
  config->delivery = TCPTALE_DELIVER_ARRIVAL;
  config->urgent = TCPTALE_URGENT_INLINE;
  config->queue_segments = 8192;
  config->queue_bytes = (uint64_t)8 << 20;
  config->async_hole_bytes = (uint64_t)64 << 10;
  config->async_hole_ns = (uint64_t)5000000000;
  config->reorder_hold_ns = (uint64_t)10000000;
  config->reorder_hold_count = 3;
  config->memory_bytes = (uint64_t)16 << 20;
  return TCPTALE_OK;
}

int tcptale_stream_callbacks_init(tcptale_stream_callbacks *callbacks, size_t struct_size) {
  if (callbacks == NULL || struct_size < sizeof *callbacks || struct_size > UINT32_MAX)
    return TCPTALE_ERR_ARG;
  memset(callbacks, 0, struct_size);
  callbacks->struct_size = (uint32_t)struct_size;
  return TCPTALE_OK;
}

/* The sink: findings become events. */

static void on_data(void *ctx, uint64_t offset, const uint8_t *data, uint32_t len,
                    uint64_t from_index, uint64_t from_ts_ns) {
  struct tcptale_stream *stream = ctx;
  tcptale_data_event event = {.index = stream->index,
                              .ts_ns = stream->now_ns,
                              .len = len,
                              .offset = offset,
                              .from_index = from_index,
                              .from_ts_ns = from_ts_ns,
                              .data = data};

  if (stream->callbacks.on_data != NULL && !stream->mute)
    stream->callbacks.on_data(&event, stream->user);
}

static void on_gap(void *ctx, uint64_t offset, uint64_t len, uint32_t why) {
  struct tcptale_stream *stream = ctx;
  tcptale_gap_event event = {
      .index = stream->index, .ts_ns = stream->now_ns, .why = why, .offset = offset, .len = len};

  if (stream->callbacks.on_gap != NULL && !stream->mute)
    stream->callbacks.on_gap(&event, stream->user);
}

static void on_half_close(void *ctx, uint64_t offset) {
  struct tcptale_stream *stream = ctx;
  tcptale_half_close_event event = {
      .index = stream->index, .ts_ns = stream->now_ns, .offset = offset};

  if (stream->callbacks.on_half_close != NULL && !stream->mute)
    stream->callbacks.on_half_close(&event, stream->user);
}

static int is_power_of_ten(uint64_t n) {
  while (n >= 10 && n % 10 == 0) n /= 10;
  return n == 1;
}

static void on_anomaly(void *ctx, uint32_t code, uint64_t offset, uint64_t len,
                       const uint8_t *data) {
  struct tcptale_stream *stream = ctx;
  uint64_t count = ++stream->count[code < CODES ? code : 0];
  tcptale_anomaly_event event = {.index = stream->index,
                                 .ts_ns = stream->now_ns,
                                 .code = code,
                                 .offset = offset,
                                 .len = len,
                                 .count = count,
                                 .data = data};

  if (stream->callbacks.on_anomaly != NULL && !stream->mute && is_power_of_ten(count))
    stream->callbacks.on_anomaly(&event, stream->user);
}

static const struct tcptale_stream_sink sink = {on_data, on_gap, on_half_close, on_anomaly};

/* The object. */

static int config_is_good(const tcptale_stream_config *config) {
  return config->policy >= TCPTALE_POLICY_FIRST && config->policy <= TCPTALE_POLICY_BSD_RIGHT &&
         config->delivery >= TCPTALE_DELIVER_ARRIVAL && config->delivery <= TCPTALE_DELIVER_ACKED &&
         config->urgent >= TCPTALE_URGENT_INLINE && config->urgent <= TCPTALE_URGENT_GAP &&
         config->one_sided <= 1 && config->queue_segments > 0 && config->queue_bytes > 0;
}

int tcptale_stream_new(tcptale_stream **out, const tcptale_stream_config *config,
                       const tcptale_stream_callbacks *callbacks, void *user, uint32_t first_seq) {
  tcptale_stream *stream;
  tcptale_stream_config own;
  tcptale_stream_callbacks table;
  uint8_t *block;
  size_t size, shift;

  if (out == NULL || config == NULL || callbacks == NULL) return TCPTALE_ERR_ARG;
  if (!tcptale_copy_in(&own, sizeof own, config, config->struct_size) || !config_is_good(&own) ||
      !tcptale_copy_in(&table, sizeof table, callbacks, callbacks->struct_size))
    return TCPTALE_ERR_ARG;
  if (own.memory_bytes < MEMORY_MIN || own.memory_bytes > SIZE_MAX) return TCPTALE_ERR_NOMEM;
  size = (size_t)own.memory_bytes;
  block = malloc(size);
  if (block == NULL) return TCPTALE_ERR_NOMEM;
  shift = (BLOCK_ALIGN - (uintptr_t)block % BLOCK_ALIGN) % BLOCK_ALIGN;
  stream = (tcptale_stream *)(void *)(block + shift);
  memset(stream, 0, sizeof *stream);
  stream->block = block;
  stream->callbacks = table;
  stream->user = user;
  stream->env.arena = &stream->arena;
  stream->env.sink = &sink;
  stream->env.ctx = stream;
  stream->env.config = own;
  tcptale_arena_init(&stream->arena, stream, size - shift, sizeof *stream);
  tcptale_half_init(&stream->env, &stream->half, first_seq);
  *out = stream;
  return TCPTALE_OK;
}

/* Opens a call that may call back; `index` and `ts_ns` name its packet. */
static int enter(tcptale_stream *stream, uint64_t index, uint64_t ts_ns) {
  if (stream == NULL) return TCPTALE_ERR_ARG;
  if (stream->busy) return TCPTALE_ERR_REENTRANT;
  if (stream->over) return TCPTALE_ERR_STOPPED;
  stream->busy = 1;
  stream->index = index;
  stream->now_ns = tcptale_max_u64(stream->now_ns, ts_ns);
  return TCPTALE_OK;
}

static int leave(tcptale_stream *stream) {
  stream->busy = 0;
  return stream->over ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
}

/* What a segment is. Keep-alives and numbers that are not believed go no further. */
static uint32_t judge(const tcptale_stream *stream, const struct tcptale_piece *piece) {
  int64_t distance = piece->offset - (int64_t)stream->half.next;

  if (distance > FAR + FAR_SLACK || -distance > FAR + FAR_SLACK) return TCPTALE_SEGMENT_OUTSIDE;
  if (tcptale_half_is_keepalive(&stream->env, &stream->half, piece->offset, piece->len,
                                piece->flags))
    return TCPTALE_SEGMENT_KEEPALIVE;
  if (piece->flags & TCPTALE_PUSH_PROVISIONAL) return TCPTALE_SEGMENT_ZWP;
  return tcptale_half_classify(&stream->env, &stream->half, piece->offset, piece->len,
                               piece->flags);
}

int tcptale_stream_push(tcptale_stream *stream, uint32_t seq, const uint8_t *data, size_t cap_len,
                        size_t len, uint32_t flags, uint16_t urgent, uint64_t index, uint64_t ts_ns,
                        uint32_t *verdict) {
  struct tcptale_piece piece = {.data = data, .flags = flags, .urgent = urgent, .index = index};
  uint32_t what;
  int result;

  if (cap_len > len || (data == NULL && cap_len > 0) || len > (size_t)FAR || flags > 7)
    return TCPTALE_ERR_ARG;
  result = enter(stream, index, ts_ns);
  if (result != TCPTALE_OK) return result;
  piece.offset = tcptale_half_offset(&stream->half, seq);
  piece.len = (uint32_t)len;
  piece.cap_len = (uint32_t)cap_len;
  piece.ts_ns = stream->now_ns;
  what = judge(stream, &piece);
  if (verdict != NULL) *verdict = what;
  if (what == TCPTALE_SEGMENT_OUTSIDE)
    on_anomaly(stream, TCPTALE_ANOMALY_SEQ_IMPLAUSIBLE, 0, 0, NULL);
  else if (what != TCPTALE_SEGMENT_KEEPALIVE)
    tcptale_half_push(&stream->env, &stream->half, &piece);
  tcptale_half_tick(&stream->env, &stream->half, stream->now_ns, 1);
  return leave(stream);
}

int tcptale_stream_ack(tcptale_stream *stream, uint32_t ack, uint64_t index, uint64_t ts_ns) {
  int result = enter(stream, index, ts_ns);
  int64_t offset, top;

  if (result != TCPTALE_OK) return result;
  offset = tcptale_half_offset(&stream->half, ack);
  top = (int64_t)tcptale_half_seen(&stream->env, &stream->half);
  if (offset > top + FAR + FAR_SLACK) {
    on_anomaly(stream, TCPTALE_ANOMALY_ACK_IMPLAUSIBLE, 0, 0, NULL);
  } else {
    if (offset > top && (uint64_t)offset > stream->half.acked)
      on_anomaly(stream, TCPTALE_ANOMALY_ACK_UNSEEN,
                 tcptale_half_told(&stream->half, (uint64_t)top), (uint64_t)(offset - top), NULL);
    tcptale_half_ack(&stream->env, &stream->half, offset, stream->now_ns);
  }
  tcptale_half_tick(&stream->env, &stream->half, stream->now_ns, 1);
  return leave(stream);
}

int tcptale_stream_expire(tcptale_stream *stream, uint64_t ts_ns) {
  int result = enter(stream, 0, ts_ns);

  if (result != TCPTALE_OK) return result;
  tcptale_half_tick(&stream->env, &stream->half, stream->now_ns, 0);
  return leave(stream);
}

int tcptale_stream_finish(tcptale_stream *stream) {
  int result = enter(stream, 0, 0);

  if (result != TCPTALE_OK) return result;
  tcptale_half_settle(&stream->env, &stream->half);
  stream->busy = 0;
  result = stream->over ? TCPTALE_ERR_STOPPED : TCPTALE_OK;
  stream->over = 1;
  return result;
}

int tcptale_stream_stop(tcptale_stream *stream) {
  if (stream == NULL) return TCPTALE_ERR_ARG;
  tcptale_half_discard(&stream->env, &stream->half);
  stream->over = 1;
  stream->mute = 1;
  return TCPTALE_OK;
}

uint64_t tcptale_stream_next(const tcptale_stream *stream) {
  return stream == NULL ? 0 : tcptale_half_told(&stream->half, stream->half.next);
}

uint64_t tcptale_stream_queued_bytes(const tcptale_stream *stream) {
  return stream == NULL ? 0 : tcptale_half_queued_bytes(&stream->env, &stream->half);
}

uint32_t tcptale_stream_queued_segments(const tcptale_stream *stream) {
  return stream == NULL ? 0 : tcptale_half_queued_segments(&stream->env, &stream->half);
}

int tcptale_stream_free(tcptale_stream *stream) {
  if (stream == NULL) return TCPTALE_OK;
  if (stream->busy) return TCPTALE_ERR_REENTRANT;
  free(stream->block);
  return TCPTALE_OK;
}

/* The public stream as an object: arguments, results, verdicts, provenance, calls from inside a
 * callback, and the embedded direction where only the tracker can reach it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "stream_log.h"

static tcptale_stream *make(struct stream_log *log, const tcptale_stream_config *config,
                            uint32_t first_seq) {
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream;

  memset(log, 0, sizeof *log);
  log->tiled = 1;
  stream_log_callbacks(&callbacks);
  cr_assert_eq(tcptale_stream_new(&stream, config, &callbacks, log, first_seq), TCPTALE_OK);
  return stream;
}

static void defaults(tcptale_stream_config *config) {
  cr_assert_eq(tcptale_stream_config_init(config, sizeof *config), TCPTALE_OK);
  config->memory_bytes = 1 << 20;
}

static int push(tcptale_stream *stream, uint32_t seq, const char *text, uint32_t flags,
                uint32_t *verdict) {
  return tcptale_stream_push(stream, seq, (const uint8_t *)text, strlen(text), strlen(text), flags,
                             0, 1, 1, verdict);
}

Test(stream_api, bad_arguments_are_refused) {
  static struct stream_log log;
  tcptale_stream_config config, bad;
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream = NULL;

  defaults(&config);
  tcptale_stream_callbacks_init(&callbacks, sizeof callbacks);
  cr_assert_eq(tcptale_stream_config_init(NULL, sizeof config), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_config_init(&bad, sizeof bad - 1), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_callbacks_init(&callbacks, 3), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_new(NULL, &config, &callbacks, NULL, 0), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_new(&stream, NULL, &callbacks, NULL, 0), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_new(&stream, &config, NULL, NULL, 0), TCPTALE_ERR_ARG);
  for (int i = 0; i < 7; i++) {
    bad = config;
    if (i == 0) bad.struct_size = 8;
    if (i == 1) bad.policy = 0;
    if (i == 2) bad.policy = 10;
    if (i == 3) bad.delivery = 3;
    if (i == 4) bad.urgent = 5;
    if (i == 5) bad.queue_segments = 0;
    if (i == 6) bad.one_sided = 2;
    cr_assert_eq(tcptale_stream_new(&stream, &bad, &callbacks, NULL, 0), TCPTALE_ERR_ARG, "row %d",
                 i);
  }
  bad = config;
  bad.memory_bytes = 256 * 1024 - 1;
  cr_assert_eq(tcptale_stream_new(&stream, &bad, &callbacks, NULL, 0), TCPTALE_ERR_NOMEM);
  cr_assert_null(stream);
  stream = make(&log, &config, 1);
  cr_assert_eq(tcptale_stream_push(stream, 1, NULL, 1, 1, 0, 0, 1, 1, NULL), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_push(stream, 1, (const uint8_t *)"ab", 2, 1, 0, 0, 1, 1, NULL),
               TCPTALE_ERR_ARG);
  cr_assert_eq(push(stream, 1, "a", 8, NULL), TCPTALE_ERR_ARG);
  cr_assert_eq(push(NULL, 1, "a", 0, NULL), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_ack(NULL, 1, 1, 1), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_stop(NULL), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_stream_next(NULL), 0);
  tcptale_stream_free(stream);
  tcptale_stream_free(NULL);
}

/* Every callback is absent: the positions are followed all the same. */
Test(stream_api, callbacks_may_all_be_missing) {
  tcptale_stream_config config;
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream;

  defaults(&config);
  tcptale_stream_callbacks_init(&callbacks, sizeof callbacks);
  cr_assert_eq(tcptale_stream_new(&stream, &config, &callbacks, NULL, 1), TCPTALE_OK);
  push(stream, 5, "ef", 0, NULL);
  cr_assert_eq(tcptale_stream_queued_bytes(stream), 2);
  cr_assert_eq(tcptale_stream_queued_segments(stream), 1);
  push(stream, 1, "abc", 0, NULL);
  cr_assert_eq(tcptale_stream_next(stream), 3);
  push(stream, 2000000000, "x", 0, NULL);
  push(stream, 7, "", TCPTALE_PUSH_FIN, NULL);
  cr_assert_eq(tcptale_stream_finish(stream), TCPTALE_OK);
  cr_assert_eq(tcptale_stream_next(stream), 6);
  cr_assert_eq(tcptale_stream_queued_segments(stream), 0);
  cr_assert_eq(push(stream, 7, "g", 0, NULL), TCPTALE_ERR_STOPPED);
  cr_assert_eq(tcptale_stream_ack(stream, 7, 1, 1), TCPTALE_ERR_STOPPED);
  cr_assert_eq(tcptale_stream_finish(stream), TCPTALE_ERR_STOPPED);
  tcptale_stream_free(stream);
}

static int inner_results[4];

static void call_from_inside(const tcptale_data_event *event, void *user) {
  tcptale_stream *stream = *(tcptale_stream **)user;
  (void)event;
  inner_results[0] = push(stream, 9, "z", 0, NULL);
  inner_results[1] = tcptale_stream_ack(stream, 9, 1, 1);
  inner_results[2] = tcptale_stream_expire(stream, 9);
  inner_results[3] = tcptale_stream_finish(stream);
}

Test(stream_api, feeding_from_inside_a_callback_is_refused) {
  tcptale_stream_config config;
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream;

  defaults(&config);
  tcptale_stream_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_data = call_from_inside;
  cr_assert_eq(tcptale_stream_new(&stream, &config, &callbacks, &stream, 1), TCPTALE_OK);
  cr_assert_eq(push(stream, 1, "abc", 0, NULL), TCPTALE_OK);
  for (int i = 0; i < 4; i++) cr_assert_eq(inner_results[i], TCPTALE_ERR_REENTRANT, "call %d", i);
  cr_assert_eq(tcptale_stream_next(stream), 3);
  tcptale_stream_free(stream);
}

Test(stream_api, a_verdict_says_what_a_segment_was) {
  static const struct {
    uint32_t ack; /* comes first; 0: none */
    uint32_t seq;
    const char *text;
    uint32_t flags;
    uint32_t verdict;
  } row[] = {
      {0, 1, "abcd", 0, TCPTALE_SEGMENT_IN_ORDER},
      {0, 5, "", 0, TCPTALE_SEGMENT_IN_ORDER},
      {0, 1, "abcd", 0, TCPTALE_SEGMENT_RETRANSMISSION},
      {5, 1, "abcd", 0, TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION},
      {0, 3, "cdef", 0, TCPTALE_SEGMENT_IN_ORDER},
      {0, 9, "ij", 0, TCPTALE_SEGMENT_OUT_OF_ORDER},
      {0, 9, "ij", 0, TCPTALE_SEGMENT_RETRANSMISSION},
      {0, 9, "ijk", 0, TCPTALE_SEGMENT_OUT_OF_ORDER},
      {0, 7, "gh", 0, TCPTALE_SEGMENT_OUT_OF_ORDER},
      {0, 11, "k", 0, TCPTALE_SEGMENT_RETRANSMISSION},
      {12, 11, "k", 0, TCPTALE_SEGMENT_KEEPALIVE},
      {0, 11, "", 0, TCPTALE_SEGMENT_KEEPALIVE},
      {0, 12, "l", TCPTALE_PUSH_PROVISIONAL, TCPTALE_SEGMENT_ZWP},
      {0, 12, "l", TCPTALE_PUSH_PROVISIONAL, TCPTALE_SEGMENT_ZWP},
      {13, 13, "", TCPTALE_PUSH_FIN, TCPTALE_SEGMENT_IN_ORDER},
      {0, 13, "", TCPTALE_PUSH_FIN, TCPTALE_SEGMENT_RETRANSMISSION},
      {14, 13, "", TCPTALE_PUSH_FIN, TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION},
      {0, 0x50000000, "far", 0, TCPTALE_SEGMENT_OUTSIDE},
  };
  static const uint32_t delivery[] = {TCPTALE_DELIVER_ARRIVAL, TCPTALE_DELIVER_ACKED};
  static struct stream_log log;
  tcptale_stream_config config;

  for (int d = 0; d < 2; d++) {
    tcptale_stream *stream;
    defaults(&config);
    config.delivery = delivery[d];
    stream = make(&log, &config, 1);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
      uint32_t verdict = 0;
      if (row[i].ack != 0) tcptale_stream_ack(stream, row[i].ack, 1, 1);
      push(stream, row[i].seq, row[i].text, row[i].flags, &verdict);
      cr_assert_eq(verdict, row[i].verdict, "row %zu, delivery %d: %u", i, d, verdict);
    }
    cr_assert_eq(log.told, 12);
    cr_assert_eq(memcmp(log.bytes, "abcdefghijkl", 12), 0);
    tcptale_stream_free(stream);
  }
}

static tcptale_data_event seen[8];
static int seen_count;

static void see(const tcptale_data_event *event, void *user) {
  (void)user;
  if (seen_count < 8) seen[seen_count++] = *event;
}

Test(stream_api, bytes_say_which_packet_brought_them) {
  tcptale_stream_config config;
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream;

  defaults(&config);
  tcptale_stream_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_data = see;
  tcptale_stream_new(&stream, &config, &callbacks, NULL, 1);
  tcptale_stream_push(stream, 3, (const uint8_t *)"cd", 2, 2, 0, 0, 7, 700, NULL);
  tcptale_stream_push(stream, 1, (const uint8_t *)"ab", 2, 2, 0, 0, 8, 650, NULL);
  cr_assert_eq(seen_count, 2);
  cr_assert(seen[0].index == 8 && seen[0].ts_ns == 700 && seen[0].from_index == 8);
  cr_assert(seen[1].index == 8 && seen[1].ts_ns == 700 && seen[1].from_index == 7 &&
            seen[1].from_ts_ns == 700);
  tcptale_stream_free(stream);
}

/* S26: 70,000 urgent bytes; after 65,535 they stay in the stream, and that is told. */
Test(stream_api, urgent_bytes_have_a_limit) {
  static struct stream_log log;
  tcptale_stream_config config;

  for (uint32_t urgent = TCPTALE_URGENT_INLINE; urgent <= TCPTALE_URGENT_GAP; urgent++) {
    tcptale_stream *stream;
    uint64_t closed_up = urgent == TCPTALE_URGENT_OOB || urgent == TCPTALE_URGENT_DROP ? 65535 : 0;
    defaults(&config);
    config.urgent = urgent;
    stream = make(&log, &config, 1);
    for (uint32_t i = 0; i < 70000; i++) {
      log.text[0] = '\0';
      tcptale_stream_push(stream, 1 + i, (const uint8_t *)"u", 1, 1, TCPTALE_PUSH_URGENT, 1, 1, 1,
                          NULL);
      cr_assert_eq(strstr(log.text, "urgent_limit") != NULL,
                   i == 65535 || i == 65544 || i == 65634 || i == 66534, "mode %u, byte %u: %s",
                   urgent, i, log.text);
    }
    cr_assert_eq(tcptale_stream_next(stream), 70000 - closed_up, "mode %u", urgent);
    cr_assert(log.tiled);
    tcptale_stream_free(stream);
  }
}

/* S16: 5 GiB in steps of the largest window; offsets and gaps are exact above 2^32. */
Test(stream_api, offsets_are_exact_beyond_four_gibibytes) {
  static struct stream_log log;
  tcptale_stream_config config;
  tcptale_stream *stream;
  uint64_t step = (uint64_t)65535 << 14;

  defaults(&config);
  config.reorder_hold_ns = 0;
  stream = make(&log, &config, 0xfffffff0);
  push(stream, 0xfffffff0, "ab", 0, NULL);
  for (uint64_t i = 1; i <= 5; i++) {
    tcptale_stream_ack(stream, 0xfffffff0 + (uint32_t)(i * step), 1, 1);
    push(stream, 0xfffffff0 + (uint32_t)(i * step), "xy", 0, NULL);
    cr_assert_eq(tcptale_stream_next(stream), i * step + 2);
  }
  cr_assert(log.tiled);
  cr_assert_eq(log.told, 5 * step + 2);
  cr_assert_not_null(strstr(log.text, "G4294901762+1073725438 acked"));
  tcptale_stream_free(stream);
}

/* S01, MM1: one byte at a time is the same as all at once. */
Test(stream_api, a_thousand_single_bytes_are_one_text) {
  static struct stream_log log;
  tcptale_stream_config config;
  tcptale_stream *stream;

  defaults(&config);
  stream = make(&log, &config, 0xfffffe00);
  for (uint32_t i = 0; i < 1000; i++) {
    char text[2] = {(char)('a' + i % 26), '\0'};
    push(stream, 0xfffffe00 + i, text, 0, NULL);
  }
  cr_assert(log.tiled && log.told == 1000);
  for (uint32_t i = 0; i < 1000; i++) cr_assert_eq(log.bytes[i], 'a' + i % 26);
  tcptale_stream_free(stream);
}

/* The embedded direction. */

struct inside {
  struct tcptale_stream_env env;
  struct tcptale_arena arena;
  struct tcptale_half half;
  uint8_t *block;
  int discard_at; /* event at which the direction is discarded; 0: never */
  int events;
  uint64_t data, gaps, nomem, discarded, conflict, after_fin, closes;
};

static void count(struct inside *in) {
  if (++in->events == in->discard_at) tcptale_half_discard(&in->env, &in->half);
}

static void in_data(void *ctx, uint64_t offset, const uint8_t *data, uint32_t len, uint64_t from,
                    uint64_t ts) {
  struct inside *in = ctx;
  volatile uint8_t sum = 0;
  (void)offset;
  (void)from;
  (void)ts;
  in->data += len;
  count(in);
  for (uint32_t i = 0; i < len; i++) sum = (uint8_t)(sum + data[i]); /* they must still be there */
}

static void in_gap(void *ctx, uint64_t offset, uint64_t len, uint32_t why) {
  (void)offset;
  (void)why;
  ((struct inside *)ctx)->gaps += len;
  count(ctx);
}

static void in_half_close(void *ctx, uint64_t offset) {
  (void)offset;
  ((struct inside *)ctx)->closes++;
  count(ctx);
}

static void in_anomaly(void *ctx, uint32_t code, uint64_t offset, uint64_t len,
                       const uint8_t *data) {
  struct inside *in = ctx;
  (void)offset;
  (void)data;
  if (code == TCPTALE_ANOMALY_NOMEM) in->nomem += len;
  if (code == TCPTALE_ANOMALY_DISCARDED) in->discarded += len;
  if (code == TCPTALE_ANOMALY_OVERLAP_CONFLICT) in->conflict += len;
  if (code == TCPTALE_ANOMALY_DATA_AFTER_FIN) in->after_fin += len;
  count(in);
}

static const struct tcptale_stream_sink INSIDE = {in_data, in_gap, in_half_close, in_anomaly};

static void inside_begin(struct inside *in, size_t pages) {
  memset(in, 0, sizeof *in);
  in->block = aligned_alloc(64, pages * TCPTALE_ARENA_PAGE);
  tcptale_arena_init(&in->arena, in->block, pages * TCPTALE_ARENA_PAGE, 0);
  tcptale_stream_config_init(&in->env.config, sizeof in->env.config);
  in->env.arena = &in->arena;
  in->env.sink = &INSIDE;
  in->env.ctx = in;
  tcptale_half_init(&in->env, &in->half, 100);
}

static void inside_end(struct inside *in) {
  tcptale_half_release(&in->env, &in->half);
  cr_assert_eq(in->arena.used_bytes, 0);
  free(in->block);
}

static void put(struct inside *in, int64_t offset, const char *text, uint32_t flags) {
  struct tcptale_piece piece = {
      .offset = offset, .data = (const uint8_t *)text, .flags = flags, .ts_ns = 1};
  piece.len = piece.cap_len = (uint32_t)strlen(text);
  tcptale_half_push(&in->env, &in->half, &piece);
}

Test(half, the_hot_part_is_small) {
  cr_assert_leq(sizeof(struct tcptale_half), 56);
  cr_assert_leq(sizeof(struct tcptale_segment), 64);
  cr_assert_leq(sizeof(struct tcptale_cold), 96);
}

/* Discarded at each event in turn, while queued bytes are being handed over: nothing is told of
 * bytes after it, nothing stays in memory, and the position goes on to the FIN. */
Test(half, discarding_from_inside_keeps_only_the_position) {
  static const uint32_t delivery[] = {TCPTALE_DELIVER_ARRIVAL, TCPTALE_DELIVER_ACKED};

  for (int d = 0; d < 2; d++) {
    for (int at = 1; at < 10; at++) {
      struct inside in;
      uint64_t data;
      inside_begin(&in, 8);
      in.env.config.history_bytes = 4096;
      in.env.config.delivery = delivery[d];
      tcptale_half_init(&in.env, &in.half, 100);
      in.discard_at = at;
      tcptale_half_ack(&in.env, &in.half, 0, 1);
      put(&in, 2, "cdef", 0);
      put(&in, 4, "XYgh", 0);
      put(&in, 10, "kl", 0);
      put(&in, 0, "ab", 0);
      tcptale_half_ack(&in.env, &in.half, 5, 1);
      tcptale_half_ack(&in.env, &in.half, 12, 1);
      tcptale_half_tick(&in.env, &in.half, 1, 9);
      data = in.data + in.gaps;
      if (in.half.flags & TCPTALE_HALF_DISCARDING)
        cr_assert_eq(in.arena.used_bytes, 0, "event %d", at);
      put(&in, 12, "mn", 0);
      put(&in, 14, "", TCPTALE_PUSH_FIN);
      tcptale_half_ack(&in.env, &in.half, 15, 1);
      tcptale_half_settle(&in.env, &in.half);
      if (in.events > at) cr_assert(in.data + in.gaps == data || data == 12, "event %d", at);
      cr_assert_eq(in.half.next, 14, "event %d, delivery %d", at, d);
      cr_assert_eq(in.closes, 1, "event %d, delivery %d", at, d);
      inside_end(&in);
    }
  }
}

/* Discarded by the very report that a limit was hit. */
Test(half, discarding_at_a_limit_stores_nothing) {
  struct inside in;
  inside_begin(&in, 8);
  in.env.config.queue_segments = 1;
  in.discard_at = 1;
  put(&in, 2, "c", 0);
  put(&in, 4, "e", 0);
  cr_assert_eq(in.events, 1);
  cr_assert_eq(in.arena.used_bytes, 0);
  inside_end(&in);
}

/* Bytes above a FIN are reported once: when they come, or when the FIN drops them. */
Test(half, bytes_after_the_fin_are_reported_once) {
  struct inside in;
  inside_begin(&in, 8);
  put(&in, 6, "before", 0);
  put(&in, 4, "", TCPTALE_PUSH_FIN);
  cr_assert_eq(in.after_fin, 0);
  put(&in, 12, "while", 0);
  cr_assert_eq(in.after_fin, 5);
  put(&in, 0, "abcd", 0);
  cr_assert_eq(in.after_fin, 11);
  cr_assert_eq(in.closes, 1);
  cr_assert_eq(in.data, 4);
  inside_end(&in);
}

/* Trouble that is over costs nothing more. */
Test(half, memory_comes_back_when_nothing_waits) {
  struct inside in;
  inside_begin(&in, 8);
  put(&in, 2, "cd", 0);
  cr_assert_gt(in.arena.used_bytes, 0);
  put(&in, 0, "ab", 0);
  cr_assert_eq(in.arena.used_bytes, 0);
  inside_end(&in);
}

Test(half, a_policy_may_change_on_the_way) {
  struct inside in;
  inside_begin(&in, 8);
  put(&in, 2, "cdef", 0);
  in.half.policy = TCPTALE_POLICY_LAST;
  put(&in, 3, "XY", 0);
  cr_assert_eq(tcptale_half_queued_segments(&in.env, &in.half), 3);
  cr_assert_eq(tcptale_half_queued_bytes(&in.env, &in.half), 4);
  cr_assert_eq(in.conflict, 2);
  put(&in, 0, "ab", 0);
  cr_assert_eq(in.data, 6);
  inside_end(&in);
}

/* The arena is in other hands: in-order bytes flow, early ones are refused and missed later, never
 * silently. */
Test(half, without_memory_bytes_in_order_still_flow) {
  static const uint32_t delivery[] = {TCPTALE_DELIVER_ARRIVAL, TCPTALE_DELIVER_ACKED};

  for (int d = 0; d < 2; d++) {
    struct inside in;
    uint32_t hogged[64];
    uint32_t n = 0;
    inside_begin(&in, 4);
    in.env.config.delivery = delivery[d];
    in.env.config.history_bytes = 4096;
    tcptale_half_init(&in.env, &in.half, 100);
    while (n < 64 &&
           (hogged[n] = tcptale_arena_alloc(&in.arena, TCPTALE_ARENA_4096)) != TCPTALE_ARENA_NONE)
      n++;
    put(&in, 0, "ab", 0);
    cr_assert_eq(in.data, 2, "delivery %d", d);
    put(&in, 4, "ef", 0);
    cr_assert_eq(in.nomem, 2, "delivery %d", d);
    put(&in, 2, "cd", 0);
    cr_assert_eq(in.data, 4, "delivery %d", d);
    tcptale_half_ack(&in.env, &in.half, 6, 1);
    put(&in, 6, "", TCPTALE_PUSH_FIN);
    tcptale_half_settle(&in.env, &in.half);
    cr_assert_eq(in.gaps, 2, "delivery %d", d);
    for (uint32_t i = 0; i < n; i++) tcptale_arena_release(&in.arena, hogged[i]);
    inside_end(&in);
  }
}

/* Memory runs out while a hole is open: the hole is given up, the bytes above it leave. */
Test(half, a_full_arena_costs_the_lowest_hole) {
  struct inside in;
  static char text[1401];
  int64_t offset = 10;

  memset(text, 'x', 1400);
  inside_begin(&in, 5);
  tcptale_half_ack(&in.env, &in.half, 0, 1);
  for (int i = 0; i < 100; i++, offset += 1400) put(&in, offset, text, 0);
  cr_assert_eq(in.gaps, 10);
  cr_assert_eq(in.data, 140000);
  cr_assert_eq(in.nomem, 0);
  inside_end(&in);
}

/* A frame that the capture holds twice is compared and not delivered. */
Test(half, a_second_copy_is_only_compared) {
  struct inside in;
  struct tcptale_piece copy = {
      .offset = 0, .data = (const uint8_t *)"aXcdefgY", .len = 8, .cap_len = 8};

  inside_begin(&in, 8);
  in.env.config.history_bytes = 100;
  put(&in, 0, "abcd", 0);
  put(&in, 6, "gh", 0);
  tcptale_half_compare(&in.env, &in.half, &copy);
  cr_assert_eq(in.conflict, 2);
  cr_assert_eq(in.half.next, 4);
  inside_end(&in);
}

/* A gap of another time is forgotten: its late bytes count as delivered, and are not compared with
 * others. */
Test(half, old_gaps_are_forgotten_without_a_false_alarm) {
  struct inside in;
  inside_begin(&in, 16);
  in.env.config.history_bytes = 65536;
  in.env.config.reorder_hold_ns = 0;
  for (int64_t i = 0; i < 40; i++) {
    put(&in, 4 * i + 2, "zz", 0);
    tcptale_half_ack(&in.env, &in.half, 4 * i + 4, 1);
  }
  cr_assert_eq(in.gaps, 80);
  in.events = 0;
  put(&in, 0, "aazz", 0);
  cr_assert_eq(in.events, 0);
  put(&in, 4 * 39, "aazz", 0);
  cr_assert_eq(in.events, 1);
  cr_assert_eq(in.conflict, 0);
  inside_end(&in);
}

/* Bytes in the ring are exact to its very edge, and it wraps. */
Test(half, history_compares_exactly_what_it_keeps) {
  struct inside in;
  static char text[3001];

  inside_begin(&in, 16);
  in.env.config.history_bytes = 4096;
  memset(text, 'x', 3000);
  for (int64_t i = 0; i < 10; i++) put(&in, 3000 * i, text, 0);
  put(&in, 30000 - 4096, "y", 0);
  cr_assert_eq(in.conflict, 1);
  put(&in, 30000 - 4097, "yy", 0);
  cr_assert_eq(in.conflict, 2);
  put(&in, 30000 - 4097, "y", 0);
  cr_assert_eq(in.conflict, 2);
  put(&in, 29999, "yz", 0);
  cr_assert_eq(in.conflict, 3);
  cr_assert_eq(in.data, 30001);
  inside_end(&in);
}

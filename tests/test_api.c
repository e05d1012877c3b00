/* The tracker as an object: how it is made, what arguments are refused, what can be asked of it,
 * and that its memory comes back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tape.h"
#include "tcptale/packet.h"

#define TALK "HS; c P 1+3\"abc\"/1; s P 1+3\"xyz\"/4; c P 4+3\"def\"/4; s P 4+3\"uvw\"/7; bye"

/* ---- making one ---- */

Test(api, struct_sizes) {
  struct {
    tcptale_config config;
    uint8_t more[24];
  } longer = {0};
  struct {
    tcptale_callbacks callbacks;
    uint8_t more[16];
  } table = {0};
  tcptale_tracker *t = NULL;

  cr_expect_eq(tcptale_config_init(NULL, sizeof longer), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_config_init(&longer.config, sizeof longer.config - 1), TCPTALE_ERR_ARG);
  cr_assert_eq(tcptale_config_init(&longer.config, sizeof longer), TCPTALE_OK);
  cr_assert_eq(tcptale_callbacks_init(&table.callbacks, sizeof table), TCPTALE_OK);
  cr_expect_eq(tcptale_callbacks_init(&table.callbacks, 4), TCPTALE_ERR_ARG);
  longer.config.memory_bytes = TCPTALE_MEMORY_LEAST;
  cr_assert_eq(tcptale_tracker_new(&t, &longer.config, &table.callbacks, NULL), TCPTALE_OK);
  tcptale_tracker_free(t);
  for (size_t i = 0; i < sizeof longer.more; i++) {
    t = NULL;
    longer.more[i] = 1;
    cr_expect_eq(tcptale_tracker_new(&t, &longer.config, NULL, NULL), TCPTALE_ERR_ARG, "%zu", i);
    cr_expect_null(t);
    longer.more[i] = 0;
  }
  table.more[15] = 0x80;
  cr_expect_eq(tcptale_tracker_new(&t, &longer.config, &table.callbacks, NULL), TCPTALE_ERR_ARG);
  table.more[15] = 0;
  for (uint32_t size = 0; size < sizeof longer.config; size++) {
    longer.config.struct_size = size;
    cr_expect_eq(tcptale_tracker_new(&t, &longer.config, NULL, NULL), TCPTALE_ERR_ARG, "%u", size);
  }
  longer.config.struct_size = sizeof longer.config;
  table.callbacks.struct_size = sizeof table.callbacks - 1;
  cr_expect_eq(tcptale_tracker_new(&t, &longer.config, &table.callbacks, NULL), TCPTALE_ERR_ARG);
}

Test(api, config_ranges) {
#define AT(member) offsetof(tcptale_config, member)
  static const struct {
    const char *name;
    size_t at;
    uint32_t good[2]; /* first and last */
    uint32_t bad[2];
  } ROWS[] = {
      {"flags", AT(flags), {0, 0xff}, {0x100, 0x80000000}},
      {"checksum", AT(checksum), {1, 3}, {0, 4}},
      {"rst_policy", AT(rst_policy), {1, 3}, {0, 4}},
      {"policy[0]", AT(policy), {1, 9}, {0, 10}},
      {"policy[1]", AT(policy) + 4, {1, 9}, {0, 10}},
      {"frag_policy_v4", AT(frag_policy_v4), {1, 9}, {0, 10}},
      {"frag_policy_v6", AT(frag_policy_v6), {1, 9}, {0, 10}},
      {"frag_policy_v6", AT(frag_policy_v6), {32, 32}, {31, 33}},
      {"delivery", AT(delivery), {1, 2}, {0, 3}},
      {"urgent", AT(urgent), {1, 4}, {0, 5}},
      {"queue_segments", AT(queue_segments), {1, UINT32_MAX}, {0, 0}},
      {"timer_budget", AT(timer_budget), {1, INT32_MAX}, {0, 0x80000000}},
      {"max_connections", AT(max_connections), {0, UINT32_MAX}, {0, 0}},
      {"history_bytes", AT(history_bytes), {0, UINT32_MAX}, {0, 0}},
  };

  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    for (int n = 0; n < 4; n++) {
      tcptale_tracker *t = NULL;
      tcptale_config config;
      uint32_t value = n < 2 ? ROWS[i].good[n] : ROWS[i].bad[n - 2];
      int is_good = n < 2 || (value == ROWS[i].good[0]);
      tcptale_config_init(&config, sizeof config);
      config.memory_bytes = TCPTALE_MEMORY_LEAST;
      memcpy((uint8_t *)&config + ROWS[i].at, &value, sizeof value);
      cr_expect_eq(tcptale_tracker_new(&t, &config, NULL, NULL),
                   is_good ? TCPTALE_OK : TCPTALE_ERR_ARG, "%s = %u", ROWS[i].name, value);
      cr_expect_eq(t != NULL, is_good, "%s = %u", ROWS[i].name, value);
      tcptale_tracker_free(t);
    }
  }
}

static void feed_talk(tcptale_tracker *t) {
  static struct script_steps steps;

  if (steps.count == 0)
    tape_render(&steps, TALK "; c S 0 src=2:7; c P 9+50/1 src=2:8; s P 70+50/9 dst=2:8");
  cr_expect_eq(tape_feed(t, &steps), TCPTALE_OK);
}

/* A block of any size, at any alignment, is refused for want of memory or works. */
Test(api, new_in_blocks_of_every_size) {
  enum { MOST = 3 << 19 };
  uint8_t *block = malloc(MOST + 128);
  size_t made = 0;

  cr_assert_not_null(block);
  for (size_t len = 0; len <= MOST; len += len < 4096 ? 61 : 8111) {
    size_t skip = len % 67;
    tcptale_tracker *t = NULL;
    int result;
    memset(block, 0xa5, MOST + 128);
    result = tcptale_tracker_new_in(&t, NULL, NULL, NULL, block + skip, len);
    cr_expect(result == TCPTALE_OK || result == TCPTALE_ERR_NOMEM, "%zu: %d", len, result);
    if (len < TCPTALE_MEMORY_LEAST) cr_expect_eq(result, TCPTALE_ERR_NOMEM, "%zu", len);
    if (len >= TCPTALE_MEMORY_LEAST + 64) cr_expect_eq(result, TCPTALE_OK, "%zu", len);
    if (result == TCPTALE_OK) {
      feed_talk(t);
      made++;
      cr_expect_eq(tcptale_tracker_free(t), TCPTALE_OK);
    }
    for (size_t i = 0; i < 64; i++) cr_assert_eq(block[skip + len + i], 0xa5, "%zu: overrun", len);
  }
  cr_expect_gt(made, 50);
  free(block);
}

struct heap {
  int given, taken, refuse;
  size_t len;
  void *block;
};

static void *give(size_t len, void *user) {
  struct heap *heap = user;

  heap->given++;
  heap->len = len;
  heap->block = heap->refuse ? NULL : malloc(len);
  return heap->block;
}

static void take(void *block, void *user) {
  struct heap *heap = user;

  heap->taken++;
  cr_expect_eq(block, heap->block);
  free(block);
}

Test(api, one_allocation_in_all) {
  struct heap heap = {0};
  tcptale_tracker *t = NULL;
  tcptale_config config;

  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = 600001;
  cr_assert_eq(tcptale_tracker_new_with(&t, &config, NULL, NULL, give, take, &heap), TCPTALE_OK);
  feed_talk(t);
  tcptale_tracker_flush(t);
  feed_talk(t);
  cr_expect_eq(heap.given, 1);
  cr_expect_eq(heap.len, 600001);
  cr_expect_eq(heap.taken, 0);
  cr_expect_eq(tcptale_tracker_free(t), TCPTALE_OK);
  cr_expect_eq(heap.given, 1);
  cr_expect_eq(heap.taken, 1);

  heap = (struct heap){.refuse = 1}; /* X20: the only allocation that there is, refused */
  t = NULL;
  cr_expect_eq(tcptale_tracker_new_with(&t, &config, NULL, NULL, give, take, &heap),
               TCPTALE_ERR_NOMEM);
  cr_expect_null(t);
  cr_expect_eq(heap.taken, 0);

  heap = (struct heap){0};
  config.memory_bytes = TCPTALE_MEMORY_LEAST - 1;
  cr_expect_eq(tcptale_tracker_new_with(&t, &config, NULL, NULL, give, take, &heap),
               TCPTALE_ERR_NOMEM);
  cr_expect_eq(heap.given, heap.taken);
  config.memory_bytes = TCPTALE_MEMORY_LEAST;
  cr_expect_eq(tcptale_tracker_new_with(&t, &config, NULL, NULL, NULL, take, &heap),
               TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_new_with(&t, &config, NULL, NULL, give, NULL, &heap),
               TCPTALE_ERR_ARG);
  cr_expect_eq(heap.given, heap.taken);
}

/* ---- arguments ---- */

Test(api, null_is_refused) {
  tcptale_tracker *t = NULL;
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  tcptale_conn_stats conn_stats = {.struct_size = sizeof conn_stats};
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW};
  tcptale_packet packet;
  uint8_t block[64];

  cr_assert_eq(tcptale_tracker_new(&t, NULL, NULL, NULL), TCPTALE_OK);
  tcptale_packet_init(&packet, sizeof packet);
  cr_expect_eq(tcptale_tracker_new(NULL, NULL, NULL, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_new_in(&t, NULL, NULL, NULL, NULL, 1 << 20), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_new_in(NULL, NULL, NULL, NULL, block, 64), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_feed(NULL, &frame, 1, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_feed(t, NULL, 1, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_feed(t, NULL, 0, NULL), TCPTALE_OK);
  cr_expect_eq(tcptale_tracker_feed(t, &frame, 1, NULL), TCPTALE_OK, "no bytes need no pointer");
  cr_expect_eq(tcptale_tracker_prefetch(t, &frame), TCPTALE_OK);
  cr_expect_eq(tcptale_tracker_prefetch(NULL, &frame), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_prefetch(t, NULL), TCPTALE_ERR_ARG);
  frame.cap_len = 1;
  cr_expect_eq(tcptale_tracker_feed(t, &frame, 1, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_prefetch(t, &frame), TCPTALE_ERR_ARG);
  frame.cap_len = 0;
  frame.struct_size--;
  cr_expect_eq(tcptale_tracker_feed(t, &frame, 1, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_prefetch(t, &frame), TCPTALE_ERR_ARG);
  frame.struct_size++;
  cr_expect_eq(tcptale_tracker_feed_packet(NULL, &packet, &frame), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_feed_packet(t, NULL, &frame), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_feed_packet(t, &packet, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_expire(NULL, 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_flush(NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_stop(NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_free(NULL), TCPTALE_OK);
  cr_expect_eq(tcptale_tracker_stats_read(NULL, &stats), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tracker_stats_read(t, NULL), TCPTALE_ERR_ARG);
  stats.struct_size--;
  cr_expect_eq(tcptale_tracker_stats_read(t, &stats), TCPTALE_ERR_ARG);
  cr_expect_null(tcptale_tracker_find(NULL, 1));
  cr_expect_eq(tcptale_conn_id(NULL), 0);
  cr_expect_eq(tcptale_conn_endpoints(NULL, &ends), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_state(NULL, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_stats_read(NULL, &conn_stats), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_user(NULL), 0);
  cr_expect_eq(tcptale_conn_set_user(NULL, 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_ignore(NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_stop_data(NULL, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_set_policy(NULL, 0, TCPTALE_POLICY_LAST), TCPTALE_ERR_ARG);
  tcptale_tracker_free(t);
}

/* ---- getters ---- */

Test(api, getters) {
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  tcptale_conn_stats seen = {.struct_size = sizeof seen};
  struct script_steps steps;
  struct tape tape;
  tcptale_conn *conn;

  tape_begin(&tape, 0);
  tape_render(&steps, "HS; c P 1+3/1; c P 9+5/1; s P 1+4/4; c S 0 src=2:7; c PA 1+3/1 badsum");
  tape_feed(tape_tracker(&tape, NULL), &steps);
  conn = tcptale_tracker_find(tape.tracker, 1);
  cr_assert_not_null(conn);
  cr_expect_eq(tcptale_conn_state(conn, TCPTALE_C2S), TCPTALE_STATE_ESTABLISHED);
  cr_expect_eq(tcptale_conn_state(conn, TCPTALE_S2C), TCPTALE_STATE_ESTABLISHED);
  cr_expect_eq(tcptale_conn_state(conn, 2), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_stop_data(conn, 2), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_set_policy(conn, 2, 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_set_policy(conn, 0, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_set_policy(conn, 0, 10), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_endpoints(conn, &ends), TCPTALE_OK);
  cr_expect_eq(ends.role, TCPTALE_ROLE_KNOWN);
  cr_expect_eq(ends.ip_version, 4);
  cr_expect_eq(ends.addr[0][0], 10);
  cr_expect_neq(ends.addr[0][3], ends.addr[1][3]);
  cr_expect_eq(tcptale_conn_stats_read(conn, &seen), TCPTALE_OK);
  cr_expect_eq(seen.packets[0], 4);
  cr_expect_eq(seen.packets[1], 2);
  cr_expect_eq(seen.payload_bytes[0], 8);
  cr_expect_eq(seen.delivered[0], 3);
  cr_expect_eq(seen.queued_bytes[0], 5);
  cr_expect_eq(seen.queued_segments[0], 1);
  cr_expect_eq(seen.delivered[1], 4);
  cr_expect_eq(seen.missing[0] + seen.missing[1] + seen.queued_bytes[1], 0);
  cr_expect_eq(seen.first_ns, steps.items[0].frame.ts_ns);
  cr_expect_eq(seen.last_ns, steps.items[5].frame.ts_ns);
  cr_expect_eq(tcptale_tracker_stats_read(tape.tracker, &stats), TCPTALE_OK);
  cr_expect_eq(stats.frames, 8);
  cr_expect_eq(stats.segments, 8);
  cr_expect_eq(stats.opened, 2);
  cr_expect_eq(stats.closed, 0);
  cr_expect_eq(stats.open_now, 2);
  cr_expect_eq(stats.half_open_now, 1);
  cr_expect_eq(stats.bad_checksums, 1);
  cr_expect_leq(stats.memory_bytes, 1 << 20);
  cr_expect_gt(stats.memory_bytes, (1 << 20) - 64, "all of it but what alignment takes");
  cr_expect_leq(stats.memory_used, stats.memory_bytes);
  tcptale_tracker_flush(tape.tracker);
  cr_expect_null(tcptale_tracker_find(tape.tracker, 1));
  tcptale_tracker_stats_read(tape.tracker, &stats);
  cr_expect_eq(stats.opened, stats.closed);
  cr_expect_eq(stats.open_now + stats.half_open_now + stats.lingering_now, 0);
  cr_expect_null(tape_end(&tape));
  script_steps_free(&steps);
  tape_wipe(&tape);
}

/* After a flush all that connections used is given back, whatever they did. */
Test(api, memory_comes_back) {
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  struct script_steps steps;
  struct tape tape;
  uint64_t idle;

  tape_begin(&tape, 0);
  tape_render(&steps, "HS; c P 9+900/1; s P 9+900/1; c S 0+40 src=2:9; c P 1+9/1 badsum src=2:8;"
                      "s SA 0+9/1 dst=2:7; c FA 3/1; c S 77/1; c R 12/1; c P 10+7/1 src=3:1");
  tape_tracker(&tape, NULL);
  tcptale_tracker_stats_read(tape.tracker, &stats);
  idle = stats.memory_used;
  for (int i = 0; i < 50; i++) {
    tape_feed(tape.tracker, &steps);
    tcptale_tracker_stats_read(tape.tracker, &stats);
    cr_expect_gt(stats.memory_used, idle);
    tcptale_tracker_flush(tape.tracker);
    tcptale_tracker_stats_read(tape.tracker, &stats);
    cr_expect_leq(stats.memory_used, idle + 128, "round %d: %llu more", i,
                  (unsigned long long)(stats.memory_used - idle));
  }
  cr_expect_null(tape_end(&tape));
  script_steps_free(&steps);
  tape_wipe(&tape);
}

/* Decoded by the caller, or by the tracker: the same. */
Test(api, feed_packet_is_feed) {
  const char *text = "HS; c P 1+30/1; c P 61+9/1 frag=0-24,24-; s A 1/31; s P 1+9/31 badsum; bye";
  struct tape fed, decoded;
  struct script_steps steps;

  tape_begin(&fed, TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS);
  tape_run(&fed, NULL, text);
  tape_begin(&decoded, TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS);
  tape_render(&steps, text);
  tape_tracker(&decoded, NULL);
  for (size_t i = 0; i < steps.count; i++) {
    const tcptale_frame *f = &steps.items[i].frame;
    tcptale_packet packet;
    tcptale_packet_init(&packet, sizeof packet);
    tcptale_decode(&packet, f->link_type, f->data, f->cap_len, f->wire_len,
                   TCPTALE_DECODE_CHECKSUM);
    cr_expect_eq(tcptale_tracker_feed_packet(decoded.tracker, &packet, f), TCPTALE_OK);
  }
  cr_expect_null(tape_end(&decoded));
  cr_expect(tape_equal(&fed, &decoded, "feed_packet"));
  script_steps_free(&steps);
  tape_wipe(&fed);
  tape_wipe(&decoded);
}

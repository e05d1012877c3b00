/* test_found.c - bugs of the tracker as an object that were found, each a test named for what
 * broke. Those that a conversation can show are in scripts/found.txt. */
#include <criterion/criterion.h>

#include <string.h>

#include "build.h"
#include "tcptale.h"

enum { SYN = TCPTALE_TCP_SYN, ACK = TCPTALE_TCP_ACK };

static tcptale_tracker *tracker;
static uint64_t now, frame_index;
static uint32_t opened, closed, found_in_open, timeouts, evicted;
static uint64_t delivered[2];
static int64_t rtt_ns, syn_synack_ns;
static uint32_t stamp; /* TSval of what is fed; 0: no timestamps */
static int stop_at_close;

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  (void)user;
  opened++;
  if (tcptale_tracker_find(tracker, event->conn_id) == conn) found_in_open++;
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  (void)conn;
  (void)user;
  rtt_ns = event->rtt_ns;
  syn_synack_ns = event->syn_synack_ns;
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  (void)conn;
  (void)user;
  delivered[event->direction] += event->len;
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn;
  (void)user;
  closed++;
  if (event->why == TCPTALE_CLOSE_TIMEOUT) timeouts++;
  if (event->why == TCPTALE_CLOSE_EVICTED) evicted++;
  if (stop_at_close) tcptale_tracker_stop(tracker);
}

static void begin(const tcptale_config *config) {
  tcptale_callbacks calls;
  tcptale_callbacks_init(&calls, sizeof calls);
  calls.on_open = on_open;
  calls.on_established = on_established;
  calls.on_data = on_data;
  calls.on_close = on_close;
  now = 1000000000;
  frame_index = opened = closed = found_in_open = timeouts = evicted = 0;
  delivered[0] = delivered[1] = 0;
  stop_at_close = 0;
  stamp = 0;
  cr_assert_eq(tcptale_tracker_new(&tracker, config, &calls, NULL), TCPTALE_OK);
}

/* NOP, NOP, timestamps; no echo. */
static void write_stamp(uint8_t options[12]) {
  static const uint8_t kinds[12] = {1, 1, 8, 10};
  memcpy(options, kinds, sizeof kinds);
  for (int i = 0; i < 4; i++) options[4 + i] = (uint8_t)(stamp >> (24 - 8 * i));
}

/* A segment of the client (from `port`) or the server, 1 ms after the last. */
static void feed(int from_server, uint16_t port, uint16_t flags, uint32_t seq, uint32_t ack,
                 size_t len) {
  static uint8_t frame[BUILD_ROOM], payload[4000], options[12];
  struct build_segment segment = {
      .version = 4, .seq = seq, .ack = ack, .flags = flags, .window = 65535};
  segment.src[0] = segment.dst[0] = 10;
  segment.src[3] = from_server ? 2 : 1;
  segment.dst[3] = from_server ? 1 : 2;
  segment.src_port = from_server ? 80 : port;
  segment.dst_port = from_server ? port : 80;
  segment.payload = payload;
  segment.payload_len = len;
  segment.ip_id = (uint16_t)(frame_index + 1);
  write_stamp(options);
  segment.options = options;
  segment.option_len = stamp ? sizeof options : 0;
  size_t size = build_frame(frame, sizeof frame, &segment);
  tcptale_frame f = {
      sizeof f, TCPTALE_LINK_RAW, (uint32_t)size, (uint32_t)size, now, ++frame_index, 0, frame};
  tcptale_tracker_feed(tracker, &f, 1, NULL);
  now += 1000000;
}

static void handshake(uint16_t port) {
  feed(0, port, SYN, 0, 0, 0);
  feed(1, port, SYN | ACK, 0, 1, 0);
  feed(0, port, ACK, 1, 1, 0);
}

/* A stop from the close of a connection that was evicted: the one that it made room for was closed,
 * never opened. */
Test(found, a_stop_inside_an_eviction_opens_nothing) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.max_connections = 1;
  begin(&config);
  stop_at_close = 1;
  feed(0, 1000, SYN, 1, 0, 0);
  feed(0, 1001, SYN, 1, 0, 0);
  tcptale_tracker_free(tracker);
  cr_expect_eq(opened, 1u);
  cr_expect_eq(closed, 1u);
}

/* With the memory full, the candidates of a new connection took the room of its own record: use
 * after free. */
Test(found, a_new_connection_does_not_evict_itself) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  for (config.memory_bytes = 524288; config.memory_bytes <= 2097152;
       config.memory_bytes += 262144) {
    begin(&config);
    for (uint16_t port = 1; port < 20000; port++) handshake(port);
    cr_expect_eq(opened, 19999u);
    tcptale_tracker_free(tracker);
    cr_expect_eq(closed, 19999u);
    cr_expect_gt(evicted, 0u);
  }
}

Test(found, a_connection_can_be_found_from_its_first_callback_on) {
  begin(NULL);
  feed(0, 1000, SYN, 1, 0, 0);
  feed(0, 1001, ACK, 1, 1, 10);
  cr_expect_eq(found_in_open, 2u);
  tcptale_tracker_free(tracker);
}

/* Fed a second time after a flush, a capture was all frames seen twice. */
Test(found, a_flush_forgets_the_frames_that_were_seen) {
  begin(NULL);
  for (int round = 0; round < 2; round++) {
    now = 1000000000;
    frame_index = 0;
    handshake(1000);
    feed(0, 1000, ACK, 1, 1, 100);
    tcptale_tracker_flush(tracker);
  }
  cr_expect_eq(delivered[0], 200u);
  tcptale_tracker_free(tracker);
}

/* After one frame from the end of time every connection timed out at its second packet. */
Test(found, a_clock_at_its_end_stands_still) {
  begin(NULL);
  now = UINT64_MAX;
  feed(0, 1000, SYN, 0, 0, 0);
  now = 5000000000u;
  handshake(1001);
  tcptale_tracker_free(tracker);
  cr_expect_eq(timeouts, 0u);
  cr_expect_eq(opened, 2u);
}

/* A SYN+ACK that was captured before its SYN gave a negative time. */
Test(found, no_time_is_negative) {
  begin(NULL);
  feed(1, 1000, SYN | ACK, 0, 1, 0);
  feed(0, 1000, SYN, 0, 0, 0);
  feed(0, 1000, ACK, 1, 1, 0);
  cr_expect_eq(syn_synack_ns, -1);
  tcptale_tracker_free(tracker);
}

/* Closed connections were counted from ids and open ones, doubtful ones among them: 2^64 - 1. */
Test(found, closed_connections_are_counted_when_they_close) {
  begin(NULL);
  static uint8_t frame[BUILD_ROOM];
  struct build_segment segment = {.version = 4, .flags = SYN, .src_port = 1, .dst_port = 2};
  segment.tcp_sum = BUILD_SUM_BAD;
  size_t size = build_frame(frame, sizeof frame, &segment);
  tcptale_frame f = {sizeof f, TCPTALE_LINK_RAW, (uint32_t)size, (uint32_t)size, 1, 1, 0, frame};
  tcptale_tracker_feed(tracker, &f, 1, NULL);
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_tracker_stats_read(tracker, &stats);
  cr_expect_eq(stats.closed, 0u);
  cr_expect_eq(stats.open_now, 0u);
  tcptale_tracker_flush(tracker);
  tcptale_tracker_stats_read(tracker, &stats);
  cr_expect_eq(stats.bad_checksums, 1u);
  tcptale_tracker_free(tracker);
}

/* A caller's packet with the highest anomaly bit set was shifted by the width of its type. */
Test(found, every_anomaly_bit_of_a_packet_ends) {
  begin(NULL);
  static uint8_t frame[BUILD_ROOM];
  struct build_segment segment = {.version = 4, .flags = SYN, .src_port = 1, .dst_port = 2};
  size_t size = build_frame(frame, sizeof frame, &segment);
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_decode(&packet, TCPTALE_LINK_RAW, frame, size, size, 0);
  packet.anomalies |= 0x80000000u;
  tcptale_frame f = {sizeof f, TCPTALE_LINK_RAW, (uint32_t)size, (uint32_t)size, 1, 1, 0, frame};
  cr_expect_eq(tcptale_tracker_feed_packet(tracker, &packet, &f), TCPTALE_OK);
  tcptale_tracker_free(tracker);
  cr_expect_eq(opened, 1u);
}

/* A segment larger than its queue may be was stored all the same. */
Test(found, one_segment_cannot_break_the_limit_of_its_queue) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.queue_bytes = 100;
  config.delivery = TCPTALE_DELIVER_ACKED;
  begin(&config);
  handshake(1000);
  feed(0, 1000, ACK, 1, 1, 4000);
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_conn_stats_read(tcptale_tracker_find(tracker, 1), &stats), TCPTALE_OK);
  cr_expect_leq(stats.queued_bytes[0], 100u);
  cr_expect_eq(delivered[0], 4000u);
  tcptale_tracker_free(tracker);
}

/* Half-open connections of doubtful checksum: they count as closed until they are answered. */
static void feed_doubtful(uint32_t count) {
  static uint8_t frame[BUILD_ROOM];
  for (uint32_t i = 0; i < count; i++) {
    struct build_segment segment = {.version = 4, .flags = SYN, .tcp_sum = BUILD_SUM_BAD};
    segment.src[0] = 9;
    segment.src_port = (uint16_t)(1000 + i);
    segment.dst_port = 80;
    size_t size = build_frame(frame, sizeof frame, &segment);
    tcptale_frame f = {
        sizeof f, TCPTALE_LINK_RAW, (uint32_t)size, (uint32_t)size, now, ++frame_index, 0, frame};
    tcptale_tracker_feed(tracker, &f, 1, NULL);
  }
}

/* More closed connections than are remembered: the oldest was forgotten as its timer was moved, and
 * then fed the segment at hand; its timer ran on in whoever got its memory, without end. */
Test(found, a_connection_is_not_forgotten_under_its_own_segment, .timeout = 30) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.closed_ns = 2 * config.half_open_ns;
  begin(&config);
  uint64_t due_ns = now + config.half_open_ns;
  handshake(1000);
  feed(0, 1000, ACK | TCPTALE_TCP_FIN, 1, 1, 0);
  feed(1, 1000, ACK | TCPTALE_TCP_FIN, 1, 2, 0);
  feed(0, 1000, ACK, 2, 2, 0);
  cr_assert_eq(closed, 1u);
  feed_doubtful(20000);
  now = due_ns;
  feed(0, 1000, ACK, 2, 2, 0);
  for (uint16_t port = 2000; port < 2008; port++) feed(0, port, ACK, 1, 1, 100);
  now += 10 * config.established_ns;
  while (tcptale_tracker_expire(tracker, now) > 0) {
  }
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_tracker_stats_read(tracker, &stats);
  cr_expect_eq(opened, 9u);
  cr_expect_eq(closed, 9u);
  cr_expect_eq(stats.lingering_now, 0u);
  tcptale_tracker_free(tracker);
}

/* Answered calls all wanted more memory as their timers moved; those that got none were never due
 * again. */
Test(found, answered_calls_end_in_time_however_little_memory_is_left, .timeout = 30) {
  enum { CALLS = 700 };
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = TCPTALE_MEMORY_LEAST;
  config.max_half_open = CALLS;
  begin(&config);
  for (uint16_t i = 0; i < CALLS; i++) feed(0, (uint16_t)(1000 + i), SYN, 0, 0, 0);
  now += 3000000000;
  uint64_t answer_ns = now;
  for (uint16_t i = 0; i < CALLS; i++) feed(1, (uint16_t)(1000 + i), SYN | ACK, 0, 1, 0);
  cr_expect_eq(closed, 0u);
  while (tcptale_tracker_expire(tracker, answer_ns + config.half_open_ns - 1) > 0) {
  }
  cr_expect_eq(closed, 0u);
  while (tcptale_tracker_expire(tracker, now + config.half_open_ns) > 0) {
  }
  cr_expect_eq(timeouts, (uint32_t)CALLS);
  tcptale_tracker_free(tracker);
}

/* A RST that was refuted was still held against the connection: a SYN at its end opened the next
 * one. */
Test(found, a_refuted_reset_frees_no_ports) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.history_bytes = 4096; /* so that its record stays */
  begin(&config);
  handshake(1000);
  feed(0, 1000, TCPTALE_TCP_RST, 1, 0, 0);
  feed(0, 1000, ACK, 1, 1, 100);
  feed(0, 1000, ACK | TCPTALE_TCP_FIN, 101, 1, 0);
  feed(1, 1000, ACK | TCPTALE_TCP_FIN, 1, 102, 0);
  cr_expect_eq(closed, 0u);
  feed(0, 1000, SYN, 50, 0, 0);
  cr_expect_eq(opened, 1u);
  cr_expect_eq(closed, 0u);
  tcptale_tracker_free(tracker);
}

#define DAY_NS (86400 * UINT64_C(1000000000))

/* A card counted a handshake's time modulo 2^52 ns. */
Test(found, a_handshake_may_take_longer_than_a_card_counts) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.half_open_ns = 400 * DAY_NS;
  begin(&config);
  feed(0, 1000, SYN, 0, 0, 0);
  now += 100 * DAY_NS;
  feed(1, 1000, SYN | ACK, 0, 1, 0);
  feed(0, 1000, ACK, 1, 1, 0);
  cr_expect_eq(syn_synack_ns, (int64_t)(100 * DAY_NS) + 1000000);
  feed(0, 1001, SYN, 0, 0, 0);
  feed(1, 1001, SYN | ACK, 0, 1, 0);
  now += 100 * DAY_NS;
  feed(0, 1001, ACK, 1, 1, 0);
  cr_expect_eq(rtt_ns, (int64_t)(100 * DAY_NS) + 2000000);
  tcptale_tracker_free(tracker);
}

/* RFC 7323 5.5: after 24 days a timestamp may look older than the last one. The first end to speak
 * was believed, and the silence of the other one forgotten with it. */
Test(found, both_ends_may_be_silent_for_long) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.established_ns = 60 * DAY_NS;
  begin(&config);
  stamp = 900000;
  handshake(1000);
  feed(0, 1000, ACK, 1, 1, 100);
  feed(1, 1000, ACK, 1, 101, 100);
  feed(0, 1000, ACK, 101, 101, 0);
  now += 25 * DAY_NS;
  stamp = 901000;
  feed(1, 1000, ACK, 101, 101, 100);
  stamp = 800000;
  feed(0, 1000, ACK, 101, 201, 100);
  cr_expect_eq(delivered[0], 200u);
  cr_expect_eq(delivered[1], 200u);
  tcptale_tracker_free(tracker);
}

/* Between two segments: the timer moved to when the connection was due now, but it was taken to be
 * set for when that had been, so a later hole was not given up until a segment came. */
Test(found, a_hole_is_given_up_in_time_after_the_other_direction_was_stopped) {
  begin(NULL);
  handshake(1000);
  feed(0, 1000, ACK, 101, 1, 100);
  feed(1, 1000, ACK, 101, 201, 100);
  cr_assert_eq(tcptale_conn_stop_data(tcptale_tracker_find(tracker, 1), TCPTALE_C2S), TCPTALE_OK);
  now += 1000000000;
  tcptale_tracker_expire(tracker, now);
  feed(0, 1000, ACK, 201, 201, 0);
  cr_expect_eq(delivered[1], 0u);
  tcptale_tracker_expire(tracker, now + 1000000000);
  cr_expect_eq(delivered[1], 100u);
  tcptale_tracker_free(tracker);
}

static uint64_t memory_used(void) {
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_tracker_stats_read(tracker, &stats), TCPTALE_OK);
  return stats.memory_used;
}

/* Without timestamps there are none that 24 days make doubtful: the connection needed a record,
 * which it kept, as one of its ends was closed. */
Test(found, silence_without_timestamps_is_usual) {
  enum { FIN = TCPTALE_TCP_FIN };
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.established_ns = 60 * DAY_NS;
  begin(&config);
  handshake(1000);
  feed(0, 1000, ACK, 1, 1, 20);
  feed(0, 1000, ACK | FIN, 21, 1, 0);
  feed(1, 1000, ACK | FIN, 1, 21, 0);
  now += 25 * DAY_NS;
  uint64_t before = memory_used();
  feed(0, 1000, ACK, 22, 2, 0);
  cr_expect_eq(memory_used(), before);
  tcptale_tracker_free(tracker);
}

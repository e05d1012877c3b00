/* Attacks on memory and time (section J of the catalogue), scaled so that all of them take seconds:
 * the one block is never exceeded, nor are the numbers of connections, who has to go goes in the
 * order that tracker.h names, everything that is dropped is told, every connection gets its close,
 * and established ones live through it. Work is bounded by what can be counted: events, records
 * that time out in a call, queued segments. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "tape.h"
#include "tracker.h"

/* Floods are this much smaller where each packet costs more: with sanitizers, and under valgrind
 * (TEST_QUICK). */
static uint32_t scale(void) {
#if defined(__SANITIZE_ADDRESS__)
  return 10;
#else
  return getenv("TEST_QUICK") ? 50 : 1;
#endif
}

#define MS_NS     UINT64_C(1000000)
#define SECOND_NS (1000 * MS_NS)

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

/* ---- a tracker under attack ---- */

struct siege {
  struct tape tape;
  tcptale_config config;
  tcptale_tracker_stats stats;
  uint64_t now_ns;
  uint64_t index;
  uint64_t scope;      /* of the frames that are fed */
  uint64_t events;     /* of any kind */
  uint32_t most_event; /* caused by one frame */
  uint64_t flow_bytes; /* delivered */
  int watched;         /* look at the limits after each frame */
};

static struct siege siege;
static uint8_t bytes[BUILD_ROOM];

static void count_event(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                        const uint8_t *data) {
  (void)conn, (void)data;
  siege.events++;
  if (event->kind == TAPE_DATA) siege.flow_bytes += event->len;
  if (tape->count > 4096) tape->count = 0; /* counted by kind below, not kept */
}

static uint64_t told[TAPE_SEGMENT + 1];
static uint64_t closes[TCPTALE_CLOSE_END + 1];

static void tally(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                  const uint8_t *data) {
  told[event->kind]++;
  if (event->kind == TAPE_CLOSE) closes[event->code]++;
  count_event(tape, conn, event, data);
}

static void begin(void) {
  memset(told, 0, sizeof told);
  memset(closes, 0, sizeof closes);
  siege.stats.struct_size = sizeof siege.stats;
  siege.now_ns = 1000 * SECOND_NS;
  siege.watched = 1;
  tape_begin(&siege.tape, TAPE_ANOMALIES);
  siege.tape.hook = tally;
  tape_tracker(&siege.tape, &siege.config);
}

static void set_up(void) {
  memset(&siege, 0, sizeof siege);
  tcptale_config_init(&siege.config, sizeof siege.config);
  siege.config.memory_bytes = 8 << 20;
}

static void look(void) {
  uint32_t most = siege.config.max_connections;
  uint32_t half = siege.config.max_half_open;

  tcptale_tracker_stats_read(siege.tape.tracker, &siege.stats);
  cr_assert_leq(siege.stats.memory_used, siege.stats.memory_bytes);
  cr_assert_leq(siege.stats.memory_bytes, siege.config.memory_bytes);
  if (most) cr_assert_leq(siege.stats.open_now, most);
  if (half) cr_assert_leq(siege.stats.half_open_now, half);
  cr_assert_eq(siege.stats.opened - siege.stats.closed, siege.stats.open_now);
}

static void feed(size_t len) {
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW};
  uint64_t before = siege.events;

  cr_assert_gt(len, 0);
  frame.cap_len = frame.wire_len = (uint32_t)len;
  frame.data = bytes;
  frame.ts_ns = siege.now_ns;
  frame.index = ++siege.index;
  frame.scope = siege.scope;
  cr_assert_eq(tcptale_tracker_feed(siege.tape.tracker, &frame, 1, NULL), TCPTALE_OK);
  if (siege.events - before > siege.most_event)
    siege.most_event = (uint32_t)(siege.events - before);
  if (siege.watched) look();
}

/* One segment of flow `flow`, whose ports and addresses follow from its number. */
static struct build_segment segment_of(uint32_t flow, int from_server, unsigned flags) {
  struct build_segment s = {.version = 4, .flags = (uint16_t)flags, .window = 60000};
  uint8_t client[4] = {10, (uint8_t)(flow >> 24), (uint8_t)(flow >> 16), 1};
  uint8_t server[4] = {192, 0, 2, 1};

  memcpy(from_server ? s.dst : s.src, client, 4);
  memcpy(from_server ? s.src : s.dst, server, 4);
  s.src_port = from_server ? 80 : (uint16_t)(flow & 0xffff);
  s.dst_port = from_server ? (uint16_t)(flow & 0xffff) : 80;
  s.ip_id = (uint16_t)siege.index;
  return s;
}

static void send_bytes(uint32_t flow, int from_server, unsigned flags, uint32_t seq, uint32_t ack,
                       uint32_t len) {
  static const uint8_t zeros[66000];
  struct build_segment s = segment_of(flow, from_server, flags);

  s.seq = seq;
  s.ack = ack;
  s.payload = zeros;
  s.payload_len = len;
  feed(build_frame(bytes, sizeof bytes, &s));
}

static void shake_hands(uint32_t flow) {
  send_bytes(flow, 0, SYN, 1000, 0, 0);
  send_bytes(flow, 1, SYN | ACK, 5000, 1001, 0);
  send_bytes(flow, 0, ACK, 1001, 5001, 0);
}

/* Everybody is closed in the end, every eviction was told, and the laws hold. */
static void end(void) {
  const char *law;

  look();
  cr_expect_leq(closes[TCPTALE_CLOSE_EVICTED], siege.stats.evicted);
  tcptale_tracker_flush(siege.tape.tracker);
  look();
  cr_expect_eq(siege.stats.open_now, 0);
  cr_expect_eq(siege.stats.opened, siege.stats.closed);
  cr_expect_eq(told[TAPE_OPEN], told[TAPE_CLOSE]);
  cr_expect_eq(told[TAPE_OPEN], siege.stats.opened);
  cr_expect_eq(siege.tape.anomalies[TCPTALE_ANOMALY_EVICTED], closes[TCPTALE_CLOSE_EVICTED],
               "every eviction is told twice: as anomaly and as close");
  law = tape_end(&siege.tape);
  cr_expect_null(law, "%s", law);
  tape_wipe(&siege.tape);
}

enum { GOOD_FLOWS = 200, GOOD_BASE = 0x7f000000 };

/* X01: a flood of SYNs; established connections with traffic now and then live through it. */
Test(limits, x01_syn_flood, .init = set_up, .timeout = 120) {
  uint32_t sent[GOOD_FLOWS] = {0};

  siege.config.max_half_open = 3000;
  begin();
  for (uint32_t i = 0; i < GOOD_FLOWS; i++) shake_hands(GOOD_BASE + i);
  for (uint32_t n = 0; n < 1000000 / scale(); n++) {
    send_bytes(n, 0, SYN, n * 7919, 0, 0);
    siege.now_ns += 10000;
    if (n % 50 == 0) {
      uint32_t i = n / 50 % GOOD_FLOWS;
      send_bytes(GOOD_BASE + i, 0, PSH | ACK, 1001 + sent[i], 5001, 10);
      sent[i] += 10;
    }
  }
  cr_expect_eq(siege.flow_bytes, 10 * (1000000 / scale() / 50), "all of theirs was told");
  cr_expect_eq(told[TAPE_ESTABLISHED], GOOD_FLOWS);
  for (uint32_t i = 0; i < GOOD_FLOWS; i++)
    cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, i + 1), "flow %u", i);
  cr_expect_lt(siege.most_event, 8);
  end();
}

/* Who somebody was when he opened, by id: what opened lately. */
enum { LATELY = 4096 };
static tcptale_endpoints opened_as[LATELY];

static tcptale_endpoints ends_of(const tcptale_conn *conn) {
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  cr_assert_eq(tcptale_conn_endpoints(conn, &ends), TCPTALE_OK);
  return ends;
}

static void compare_ends(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                         const uint8_t *data) {
  if (event->kind == TAPE_OPEN) opened_as[event->conn % LATELY] = ends_of(conn);
  if (event->kind == TAPE_CLOSE) {
    tcptale_endpoints ends = ends_of(conn);
    cr_assert_eq(memcmp(&ends, &opened_as[event->conn % LATELY], sizeof ends), 0, "of %llu",
                 (unsigned long long)event->conn);
  }
  tally(tape, conn, event, data);
}

enum calling { CALL_V4, CALL_V6, CALL_SCOPED, CALL_ANSWER, CALLINGS };

/* A SYN, or a SYN+ACK to nothing. */
static void call_in(uint32_t n, enum calling how) {
  struct build_segment s = segment_of(n, 0, how == CALL_ANSWER ? SYN | ACK : SYN);

  if (how == CALL_V6) {
    s.version = 6;
    memcpy(s.src + 12, &n, sizeof n);
  }
  siege.scope = how == CALL_SCOPED;
  feed(build_frame(bytes, sizeof bytes, &s));
  siege.scope = 0;
}

/* Runs of each, and in between any. */
static enum calling calling_of(uint32_t n) {
  uint32_t any = n * 2654435761u >> 28;
  return any < 3 ? CALL_V4 + any % CALLINGS : n / 500 % CALLINGS;
}

static uint64_t memory_used(void) {
  look();
  return siege.stats.memory_used;
}

/* Calls push each other out, with keys of every length: each goes as whom it came, and all of the
 * memory comes back. */
static void flood_of_all(uint32_t count, uint64_t step_ns) {
  siege.config.max_half_open = 300;
  begin();
  siege.tape.hook = compare_ends;
  uint64_t used = memory_used();
  for (uint32_t n = 0; n < count; n++) {
    siege.now_ns += step_ns;
    call_in(n, calling_of(n));
  }
  cr_expect_gt(memory_used(), used);
  tcptale_tracker_flush(siege.tape.tracker);
  cr_expect_eq(memory_used(), used);
  end();
}

Test(limits, x01_flood_of_all_keys, .init = set_up) {
  flood_of_all(20000, 1000);
  cr_expect_eq(closes[TCPTALE_CLOSE_EVICTED], 19700);
}

/* The same where they are due at the next tick of the wheel, or in this one. */
Test(limits, x01_flood_that_does_not_wait, .init = set_up) {
  siege.config.half_open_ns = 0;
  flood_of_all(20000, 1024);
  cr_expect_gt(closes[TCPTALE_CLOSE_EVICTED], 1000);
  cr_expect_gt(closes[TCPTALE_CLOSE_TIMEOUT], 1000);
}

/* One that is not to wait, and comes at a tick, ends before the next is looked at; one that waits
 * for a nanosecond ends at the tick behind. */
Test(limits, a_call_that_is_due_when_it_comes, .init = set_up) {
  for (uint64_t waits_ns = 0; waits_ns <= 1; waits_ns++) {
    set_up();
    siege.config.half_open_ns = waits_ns;
    begin();
    siege.now_ns = UINT64_C(1) << 40;
    call_in(1, CALL_V4);
    call_in(2, CALL_V4);
    cr_expect_eq(closes[TCPTALE_CLOSE_TIMEOUT], 1 - waits_ns);
    siege.now_ns += UINT64_C(1) << 20;
    call_in(3, CALL_V4);
    cr_expect_eq(closes[TCPTALE_CLOSE_TIMEOUT], 2);
    end();
  }
}

/* While fewer than 256 others wait a call has room for the card that it may become, and else half
 * of that, whoever was pushed out for it. */
Test(limits, x01_flood_takes_as_much_as_its_calls, .init = set_up) {
  static const uint32_t MOST[] = {255, 256, 257, 300};

  for (int from_small = 0; from_small <= 1; from_small++) {
    for (size_t i = 0; i < sizeof MOST / sizeof *MOST; i++) {
      set_up();
      siege.config.max_half_open = MOST[i];
      begin();
      uint64_t used = memory_used();
      for (uint32_t n = 0; from_small && n < MOST[i]; n++) call_in(n, CALL_ANSWER);
      for (uint32_t n = 1000; n < 2000; n++) call_in(n, CALL_V4);
      cr_expect_eq(memory_used() - used, MOST[i] * (MOST[i] <= 256 ? 128u : 64u), "%u", MOST[i]);
      end();
    }
  }
}

static uint32_t stops_at; /* TAPE_ */

static void stop_at_eviction(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                             const uint8_t *data) {
  tally(tape, conn, event, data);
  if (event->kind == stops_at && siege.index > 700) tcptale_tracker_stop(tape->tracker);
}

/* The user stops as one is pushed out: the call for which that was does not come. */
Test(limits, x01_flood_is_stopped, .init = set_up) {
  static const uint32_t KINDS[] = {TAPE_ANOMALY, TAPE_CLOSE};

  for (size_t i = 0; i < 2; i++) {
    struct build_segment s = segment_of(701, 0, SYN);
    tcptale_frame frame = {
        .struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW, .data = bytes, .index = 701};
    set_up();
    siege.config.max_half_open = 300;
    stops_at = KINDS[i];
    begin();
    siege.tape.hook = stop_at_eviction;
    uint64_t used = memory_used();
    for (uint32_t n = 0; n < 700; n++) call_in(n, CALL_V4);
    siege.index = 701;
    frame.cap_len = frame.wire_len = (uint32_t)build_frame(bytes, sizeof bytes, &s);
    frame.ts_ns = siege.now_ns;
    cr_expect_eq(tcptale_tracker_feed(siege.tape.tracker, &frame, 1, NULL), TCPTALE_ERR_STOPPED);
    cr_expect_eq(told[TAPE_OPEN], 700);
    cr_expect_eq(memory_used() - used, 299 * 64u);
    cr_expect_eq(siege.stats.opened, 700);
    cr_expect_eq(siege.stats.open_now, 299);
    cr_expect_null(tape_end(&siege.tape));
    tape_wipe(&siege.tape);
  }
}

static uint32_t told_after_stop[TAPE_SEGMENT + 1];

static void stop_at_first_close(struct tape *tape, tcptale_conn *conn,
                                const struct tape_event *event, const uint8_t *data) {
  if (told[TAPE_CLOSE] > 0) told_after_stop[event->kind]++;
  tally(tape, conn, event, data);
  if (told[TAPE_CLOSE] > 0) tcptale_tracker_stop(tape->tracker);
}

/* One frame pushes out two, as pages are short; the user stops at the first: of the second only the
 * close is told. */
Test(limits, x01_stopped_where_two_go, .init = set_up) {
  int result = TCPTALE_OK;

  siege.config.memory_bytes = 1 << 20;
  siege.config.max_half_open = 100000;
  siege.config.pressure_half_open_ns = siege.config.half_open_ns;
  memset(told_after_stop, 0, sizeof told_after_stop);
  begin();
  for (uint32_t i = 0; i < 30; i++) shake_hands(i);
  for (uint32_t i = 0; i < 390; i++) send_bytes(i % 30, 0, ACK, 3001 + i / 30 * 2000, 5001, 1300);
  siege.tape.hook = stop_at_first_close;
  for (uint32_t n = 1000; n < 100000 && result == TCPTALE_OK; n++) {
    struct build_segment s = segment_of(n, 0, SYN);
    tcptale_frame frame = {
        .struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW, .data = bytes, .index = n};
    frame.cap_len = frame.wire_len = (uint32_t)build_frame(bytes, sizeof bytes, &s);
    frame.ts_ns = siege.now_ns;
    result = tcptale_tracker_feed(siege.tape.tracker, &frame, 1, NULL);
  }
  cr_expect_eq(result, TCPTALE_ERR_STOPPED);
  cr_expect_eq(told_after_stop[TAPE_CLOSE], 1, "%u", told_after_stop[TAPE_CLOSE]);
  cr_expect_eq(told_after_stop[TAPE_ANOMALY], 0);
  cr_expect_eq(told_after_stop[TAPE_OPEN], 0);
  cr_expect_null(tape_end(&siege.tape));
  tape_wipe(&siege.tape);
}

/* Bytes that wait fill the pages in the midst of a flood: the next call finds nine tenths full,
 * whoever is pushed out for it, and one that is idle too long then ends with him. */
Test(limits, x01_flood_and_queued_bytes, .init = set_up) {
  uint32_t n = 1000;
  uint64_t before, used;

  siege.config.memory_bytes = 1 << 20;
  siege.config.max_half_open = 300;
  siege.config.pressure_half_open_ns = 1;
  begin();
  const struct tcptale_tracker *t = siege.tape.tracker;
  used = memory_used();
  for (uint32_t i = 0; i < 30; i++) shake_hands(i);
  for (; n < 2000; n++) call_in(n, CALL_V4);
  for (uint32_t i = 0; tcptale_arena_pages_left(&t->env.arena) >= t->roster.pages_least; i++) {
    send_bytes(i % 30, 0, ACK, 3001 + i / 30 * 2000, 5001, 1300);
    siege.now_ns += 1000;
  }
  cr_assert_not(t->env.pressure, "nobody has looked yet");
  before = closes[TCPTALE_CLOSE_EVICTED];
  call_in(n, CALL_V4);
  cr_expect_eq(closes[TCPTALE_CLOSE_EVICTED], before + 1);
  cr_expect_eq(closes[TCPTALE_CLOSE_TIMEOUT], 1);
  tcptale_tracker_flush(siege.tape.tracker);
  cr_expect_eq(memory_used(), used);
  end();
}

/* The same without a limit but memory: half-open ones go first. */
Test(limits, x01_syn_flood_until_memory_is_full, .init = set_up, .timeout = 120) {
  siege.config.memory_bytes = 1 << 20;
  siege.config.half_open_ns = siege.config.pressure_half_open_ns = 1000 * SECOND_NS;
  begin();
  for (uint32_t i = 0; i < 100; i++) shake_hands(GOOD_BASE + i);
  for (uint32_t n = 0; n < 20000; n++) send_bytes(n, 0, SYN, n * 7919, 0, 0);
  look();
  cr_expect_gt(siege.stats.evicted, 10000);
  for (uint32_t i = 0; i < 100; i++)
    cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, i + 1), "flow %u", i);
  end();
}

/* X02: a flood of established ones: the one idle longest goes. */
Test(limits, x02_established_flood, .init = set_up) {
  siege.config.max_connections = 100;
  begin();
  for (uint32_t n = 0; n < 1500; n++) {
    shake_hands(n);
    siege.now_ns += MS_NS;
    if (n % 10 == 0) send_bytes(0, 0, PSH | ACK, 1001 + n / 10, 5001, 1); /* never idle */
  }
  cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, 1), "the busy one stays");
  cr_expect_null(tcptale_tracker_find(siege.tape.tracker, 2), "the idle ones go");
  cr_expect_null(tcptale_tracker_find(siege.tape.tracker, 1300));
  cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, 1490));
  cr_expect_eq(closes[TCPTALE_CLOSE_EVICTED], 1400);
  end();
}

/* Who goes first: closed and remembered, half-open, midstream of one side, then the others. */
Test(limits, order_of_eviction, .init = set_up) {
  static const uint64_t WHO[] = {2, 3, 4}; /* ids, in the order of going */

  siege.config.max_connections = 4;
  begin();
  shake_hands(1);
  send_bytes(2, 0, SYN, 0, 0, 0);
  send_bytes(3, 0, PSH | ACK, 1, 1, 5);
  shake_hands(4);
  for (uint32_t n = 0; n < 2; n++) {
    shake_hands(10 + n);
    cr_expect_null(tcptale_tracker_find(siege.tape.tracker, WHO[n]), "%llu was to go",
                   (unsigned long long)WHO[n]);
    cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, WHO[n + 1]));
    cr_expect_not_null(tcptale_tracker_find(siege.tape.tracker, 1));
  }
  cr_expect_eq(closes[TCPTALE_CLOSE_EVICTED], 2);
  end();
}

Test(limits, what_is_closed_goes_before_all, .init = set_up) {
  uint64_t lingering;

  siege.config.memory_bytes = TCPTALE_MEMORY_LEAST;
  siege.config.closed_ns = siege.config.reset_ns = 1000 * SECOND_NS;
  siege.config.max_half_open = 100000;
  begin();
  for (uint32_t n = 0; n < 200; n++) {
    shake_hands(n);
    send_bytes(n, 0, FIN | ACK, 1001, 5001, 0);
    send_bytes(n, 1, FIN | ACK, 5001, 1002, 0);
    send_bytes(n, 0, ACK, 1002, 5002, 0);
  }
  look();
  lingering = siege.stats.lingering_now;
  cr_expect_gt(lingering, 50);
  cr_expect_eq(siege.stats.open_now, 0);
  for (uint32_t n = 0; siege.stats.evicted == 0 && n < 5000; n++)
    send_bytes(0x10000 + n, 0, SYN, 9, 0, 0);
  cr_expect_eq(siege.stats.lingering_now, 0, "none is remembered when the first open one goes");
  end();
}

/* X03: nobody can choose keys that collide under a secret hash key; under a known one nothing
 * breaks either. */
Test(limits, x03_many_flows_are_found, .init = set_up) {
  begin();
  siege.watched = 0;
  for (uint32_t n = 0; n < 5000; n++) shake_hands(n);
  for (uint32_t n = 0; n < 5000; n++) send_bytes(n, 0, PSH | ACK, 1001, 5001, 1);
  look();
  cr_expect_eq(siege.stats.opened, 5000, "each was found again");
  cr_expect_eq(siege.flow_bytes, 5000);
  end();
}

/* ---- one direction's queue ---- */

struct order_row {
  const char *name;
  uint32_t (*place)(uint32_t n, uint32_t count); /* of the n-th piece */
};

static uint32_t ascending(uint32_t n, uint32_t count) {
  (void)count;
  return 2 * n + 1;
}

static uint32_t descending(uint32_t n, uint32_t count) {
  return 2 * (count - n) - 1;
}

static uint32_t alternating(uint32_t n, uint32_t count) {
  return n % 2 ? 2 * (count - n / 2) - 1 : n + 1;
}

/* X04, X05, X06: every other byte, in several orders, then one segment over all of them (X08). */
Test(limits, x04_to_x08_tiny_pieces, .init = set_up) {
  static const struct order_row ROWS[] = {
      {"ascending", ascending}, {"descending", descending}, {"alternating", alternating}};
  enum { COUNT = 20000 };

  for (size_t i = 0; i < 3; i++) {
    set_up();
    begin();
    siege.watched = 0;
    shake_hands(1);
    for (uint32_t n = 0; n < COUNT; n++)
      send_bytes(1, 0, ACK, 1001 + ROWS[i].place(n, COUNT), 5001, 1);
    look();
    cr_expect_geq(siege.tape.anomalies[TCPTALE_ANOMALY_SEG_LIMIT], 1, "%s", ROWS[i].name);
    send_bytes(1, 0, ACK, 1001, 5001, 2 * COUNT);
    tcptale_tracker_flush(siege.tape.tracker);
    cr_expect_geq(siege.flow_bytes, COUNT / 2, "%s", ROWS[i].name);
    end();
  }
}

/* X10: pieces far ahead are charged for what they are, not for the distance. */
Test(limits, x10_far_ahead, .init = set_up) {
  uint64_t before;

  begin();
  shake_hands(1);
  look();
  before = siege.stats.memory_used;
  for (uint32_t n = 0; n < 50; n++) send_bytes(1, 0, ACK, 1001 + 1000 * (n + 1), 5001, 1);
  look();
  cr_expect_lt(siege.stats.memory_used - before, 50 * 256 + 8192);
  cr_expect_eq(told[TAPE_GAP], 0);
  end();
}

/* X21: one side of a transfer is seen, with a hole at its beginning: what waits stays within the
 * limit. */
Test(limits, x21_one_sided_elephant, .init = set_up, .timeout = 120) {
  uint32_t seq = 1001;
  uint64_t most = 0;

  begin();
  siege.watched = 0;
  send_bytes(1, 0, PSH | ACK, seq, 5001, 1000);
  for (uint32_t n = 0; n < 100000 / scale(); n++, seq += 10000) {
    if (n % 1000 == 0) seq += 5000; /* lost */
    send_bytes(1, 0, ACK, seq + 1000, 5001, 10000);
    look();
    if (siege.stats.memory_used > most) most = siege.stats.memory_used;
  }
  cr_expect_lt(most, (1 << 19) + 8 * siege.config.async_hole_bytes, "%llu bytes",
               (unsigned long long)most);
  cr_expect_geq(told[TAPE_GAP], 100 / scale() - 1);
  cr_expect_geq(siege.flow_bytes, UINT64_C(10000) * (100000 / scale()) - 200000);
  end();
}

/* The limits of a queue, and what is told when they are hit. */
Test(limits, queue_limits_give_gaps, .init = set_up) {
  static const struct {
    uint32_t segments;
    uint64_t queue;
    uint32_t code;
  } ROWS[] = {{5, 8 << 20, TCPTALE_ANOMALY_SEG_LIMIT}, {8192, 3000, TCPTALE_ANOMALY_BYTE_LIMIT}};

  for (size_t i = 0; i < 2; i++) {
    set_up();
    siege.config.queue_segments = ROWS[i].segments;
    siege.config.queue_bytes = ROWS[i].queue;
    begin();
    shake_hands(1);
    for (uint32_t n = 0; n < 100; n++) {
      tcptale_conn_stats stats = {.struct_size = sizeof stats};
      send_bytes(1, 0, ACK, 1011 + 510 * n, 5001, 500);
      tcptale_conn_stats_read(tcptale_tracker_find(siege.tape.tracker, 1), &stats);
      cr_assert_leq(stats.queued_bytes[0], ROWS[i].queue);
      cr_assert_leq(stats.queued_segments[0], ROWS[i].segments);
    }
    cr_expect_gt(siege.tape.anomalies[ROWS[i].code], 0);
    cr_expect_gt(told[TAPE_GAP], 50);
    end();
  }
}

/* All the memory full of queued bytes: told as nomem or budget, and bytes in order still go
 * through. */
Test(limits, memory_full_of_queued_bytes, .init = set_up) {
  siege.config.memory_bytes = 1 << 20;
  begin();
  for (uint32_t n = 0; n < 60; n++) shake_hands(n);
  for (uint32_t n = 0; n < 60 * 40; n++)
    send_bytes(n % 60, 0, ACK, 1101 + n / 60 * 1400, 5001, 1300);
  look();
  cr_expect_gt(siege.tape.anomalies[TCPTALE_ANOMALY_NOMEM] + told[TAPE_GAP], 0);
  siege.flow_bytes = 0;
  shake_hands(1000);
  send_bytes(1000, 0, PSH | ACK, 1001, 5001, 100);
  send_bytes(1000, 1, PSH | ACK, 5001, 1101, 100);
  cr_expect_geq(siege.flow_bytes, 200);
  end();
}

/* ---- storms ---- */

/* X11, X12, X13: the same segment over and over; flags of every kind: nothing grows, little is
 * told. */
Test(limits, x11_to_x13_storms, .init = set_up, .timeout = 120) {
  static const struct {
    const char *name;
    unsigned flags;
    uint32_t seq;
    uint32_t len;
  } ROWS[] = {{"retransmissions", PSH | ACK, 1001, 100},
              {"SYN", SYN, 77, 0},
              {"SYN+ACK", SYN | ACK, 78, 0},
              {"FIN", FIN | ACK, 1001, 0},
              {"RST in the window", RST, 1500, 0},
              {"exact RST", RST | ACK, 1001, 0},
              {"data without ACK", PSH, 1001, 100},
              {"nothing", 0, 1001, 0},
              {"out of the window", ACK, 200000, 50},
              {"old ACK", ACK, 1001, 50}};

  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    uint64_t before, events;
    set_up();
    begin();
    siege.watched = 0;
    shake_hands(1);
    for (uint32_t n = 0; n < 200; n++)
      send_bytes(1, 0, ROWS[i].flags, ROWS[i].seq, 5001, ROWS[i].len);
    look();
    before = siege.stats.memory_used;
    events = siege.events;
    for (uint32_t n = 0; n < 50000 / scale(); n++) {
      send_bytes(1, 0, ROWS[i].flags, ROWS[i].seq, 5001, ROWS[i].len);
      siege.now_ns += 1000;
    }
    look();
    cr_expect_leq(siege.stats.memory_used, before + 8192, "%s", ROWS[i].name);
    cr_expect_leq(siege.events - events, 20, "%s: %llu events", ROWS[i].name,
                  (unsigned long long)(siege.events - events));
    end();
  }
}

/* X14, X15, X16: as many options, extension headers and tunnels as fit. */
Test(limits, x14_to_x16_header_bombs, .init = set_up) {
  uint8_t options[40];
  size_t len;

  begin();
  for (int kind = 0; kind < 3; kind++) {
    struct build_segment s = segment_of(1, 0, SYN);
    for (size_t i = 0; i < sizeof options; i++)
      options[i] = kind == 0 ? 1 : kind == 1 ? (i % 2 ? 2 : 77) : (uint8_t)(i % 2 ? 0 : 254);
    s.options = options;
    s.option_len = sizeof options;
    feed(build_frame(bytes, sizeof bytes, &s));
  }
  memset(bytes, 0, sizeof bytes); /* IPv6: hop-by-hop options in hop-by-hop options */
  bytes[0] = 0x60;
  for (len = 40; len < 60000; len += 8) bytes[len] = 0;
  bytes[4] = (uint8_t)((len - 40) >> 8), bytes[5] = (uint8_t)(len - 40);
  feed(len);
  for (len = 0; len < 60000; len += 20) { /* IPv4 in IPv4 in ... */
    uint8_t *ip = bytes + len;
    memset(ip, 0, 20);
    ip[0] = 0x45, ip[2] = (uint8_t)((60000 - len) >> 8), ip[3] = (uint8_t)(60000 - len), ip[9] = 4;
  }
  feed(60000);
  cr_expect_geq(siege.tape.anomalies[TCPTALE_ANOMALY_TOO_MANY_LAYERS], 1);
  end();
}

/* ---- time ---- */

/* X17: idle flows, then the clock jumps: a call ends no more than timer_budget, and all end in the
 * end. */
Test(limits, x17_clock_jump, .init = set_up, .timeout = 120) {
  uint32_t flows = 20000 / scale();
  uint64_t before;
  int expired;
  uint32_t calls = 0;

  siege.config.memory_bytes = 64 << 20;
  siege.config.timer_budget = 50;
  begin();
  siege.watched = 0;
  for (uint32_t n = 0; n < flows; n++) shake_hands(n);
  siege.now_ns += 10 * 365 * 86400 * SECOND_NS;
  before = told[TAPE_CLOSE];
  send_bytes(0x20000000, 0, SYN, 1, 0, 0);
  cr_expect_leq(told[TAPE_CLOSE] - before, 51, "a packet");
  siege.now_ns -= 9 * 365 * 86400 * SECOND_NS; /* back: nothing is undone, nothing fires twice */
  do {
    before = told[TAPE_CLOSE];
    expired = tcptale_tracker_expire(siege.tape.tracker, siege.now_ns);
    cr_assert_geq(expired, 0);
    cr_assert_leq(expired, 50);
    cr_assert_leq(told[TAPE_CLOSE] - before, 50);
    calls++;
  } while (expired == 50);
  cr_expect_eq(closes[TCPTALE_CLOSE_TIMEOUT], flows);
  cr_expect_geq(calls, flows / 50 - 1);
  look();
  cr_expect_eq(siege.stats.open_now, 1);
  end();
}

/* X18: a packet of each flow in turn, so that every timer is set anew all the time: none fires,
 * none is lost. */
Test(limits, x18_timer_churn, .init = set_up, .timeout = 120) {
  enum { FLOWS = 2000 };
  uint32_t rounds = 100 / scale();

  siege.config.established_ns = 20 * SECOND_NS;
  begin();
  siege.watched = 0;
  for (uint32_t n = 0; n < FLOWS; n++) shake_hands(n);
  for (uint32_t r = 0; r < rounds; r++)
    for (uint32_t n = 0; n < FLOWS; n++) {
      send_bytes(n, 0, PSH | ACK, 1001 + r, 5001, 1);
      siege.now_ns += 9 * MS_NS; /* 18 s a round */
    }
  cr_expect_eq(told[TAPE_CLOSE], 0);
  cr_expect_eq(siege.flow_bytes, FLOWS * rounds);
  siege.now_ns += 21 * SECOND_NS;
  while (tcptale_tracker_expire(siege.tape.tracker, siege.now_ns) > 0) {
  }
  cr_expect_eq(closes[TCPTALE_CLOSE_TIMEOUT], FLOWS);
  end();
}

static void ignore_it(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                      const uint8_t *data) {
  if (event->kind == TAPE_DATA && event->offset > 1000) tcptale_conn_ignore(conn);
  tally(tape, conn, event, data);
}

/* X19: a connection is dropped from inside its own data event while more of it waits. */
Test(limits, x19_dropped_while_it_speaks, .init = set_up) {
  uint64_t before;

  begin();
  siege.tape.hook = ignore_it;
  shake_hands(1);
  look();
  before = siege.stats.memory_used;
  for (uint32_t n = 40; n > 0; n--) send_bytes(1, 0, ACK, 1001 + n * 1000, 5001, 1000);
  send_bytes(1, 0, ACK, 1001, 5001, 1000);
  look();
  cr_expect_leq(siege.stats.memory_used, before + 4096, "what waited is given back");
  cr_expect_eq(siege.flow_bytes, 3000);
  end();
}

/* X22: fragments of datagrams that are never completed. */
Test(limits, x22_fragment_flood, .init = set_up, .timeout = 120) {
  begin();
  siege.watched = 0;
  shake_hands(1);
  for (uint32_t n = 0; n < 20000; n++) {
    struct build_segment s = segment_of(n % 7, 0, PSH | ACK);
    uint8_t payload[600] = {0};
    s.payload = payload;
    s.payload_len = sizeof payload;
    s.ip_id = (uint16_t)(n / 3 + 1);
    feed(build_fragment(bytes, sizeof bytes, &s, 8 * (n % 60) + 16, 8 * (n % 60) + 24, 1));
    if (n % 64 == 0) look();
  }
  look();
  cr_expect_gt(siege.tape.anomalies[TCPTALE_ANOMALY_FRAG_LIMIT], 0);
  send_bytes(1, 0, PSH | ACK, 1001, 5001, 100);
  cr_expect_eq(siege.flow_bytes, 100, "what is not in fragments goes through");
  end();
}

/* X23: flows of one packet each. */
Test(limits, x23_flows_of_one_packet, .init = set_up, .timeout = 120) {
  static const unsigned FLAGS[] = {SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST | ACK};

  siege.config.memory_bytes = 1 << 20;
  begin();
  for (uint32_t n = 0; n < 200000 / scale(); n++) {
    send_bytes(n, n & 1, FLAGS[n % 6], n * 31, n * 17, n % 6 > 2 ? n % 100 : 0);
    siege.now_ns += n % 1000 * 10;
  }
  cr_expect_lt(siege.most_event, 40, "%u events of one packet", siege.most_event);
  end();
}

/* test_later.c - what a frame that was fed alone changes is put off until the next call begins, or
 * somebody looks (lib/later.h). Two trackers get the same frames, one puts off and the other does
 * not; whoever asks in between, or from a callback, hears the same of both. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "build.h"
#include "tcptale.h"
#include "tracker.h"

enum { FRAMES = 30000, CONNS = 5, STEPS = 9, ROOM = 128 };
enum { HASTY, PATIENT };
enum { SYN = TCPTALE_TCP_SYN, ACK = TCPTALE_TCP_ACK, FIN = TCPTALE_TCP_FIN, RST = TCPTALE_TCP_RST };

/* Which callbacks are set: some of what is put off is not where it would be told. */
enum hears { NOTHING, BYTES, ENDS, ALL, HEARS };

static const struct step {
  uint32_t dir;
  uint16_t flags;
  uint32_t seq, ack, len;
} SCRIPT[STEPS] = {{0, SYN, 0, 0, 0},         {1, SYN | ACK, 0, 1, 0},   {0, ACK, 1, 1, 0},
                   {0, ACK, 1, 1, 30},        {1, ACK, 1, 31, 40},       {0, ACK, 31, 41, 0},
                   {0, FIN | ACK, 31, 41, 0}, {1, FIN | ACK, 41, 32, 9}, {0, ACK, 32, 51, 0}};

static uint32_t seed = 7;

static uint32_t random_below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)seed * n >> 32);
}

struct side {
  tcptale_tracker *tracker;
  uint64_t digest;
};

static struct side side[2];

static void add(struct side *s, const void *bytes, size_t len) {
  const uint8_t *b = bytes;
  for (size_t i = 0; i < len; i++) s->digest = (s->digest ^ b[i]) * UINT64_C(0x100000001b3);
}

static void add_number(struct side *s, uint64_t number) {
  add(s, &number, sizeof number);
}

/* All that can be asked of a connection. */
static void ask(struct side *s, const tcptale_conn *conn) {
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_conn_stats_read(conn, &stats), TCPTALE_OK);
  add(s, &stats, sizeof stats);
  for (uint32_t d = 0; d < 2; d++) add_number(s, (uint64_t)tcptale_conn_state(conn, d));
  add_number(s, tcptale_conn_id(conn));
}

/* Whoever hears of it finds it, though it may have to enter the indexes yet. */
static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  struct side *s = user;
  ask(s, conn);
  add(s, event, sizeof *event);
  if (event->index % 3 == 0) cr_assert_eq(tcptale_tracker_find(s->tracker, event->conn_id), conn);
  if (event->index % 17 == 0) tcptale_conn_ignore(conn);
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  ask(user, conn);
  add_number(user, (uint64_t)event->rtt_ns);
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  add_number(user, event->offset);
  add_number(user, event->len);
  if (event->index % 3 == 0) ask(user, conn);
  if (event->index % 13 == 0) tcptale_conn_stop_data(conn, event->direction);
}

static void on_half_close(tcptale_conn *conn, const tcptale_half_close_event *event, void *user) {
  ask(user, conn);
  add_number(user, event->offset);
  if (event->index % 11 == 0) tcptale_conn_ignore(conn);
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  ask(user, conn);
  add_number(user, event->why);
  add(user, event->delivered, sizeof event->delivered);
}

static void begin(enum hears hears, uint32_t checksum) {
  tcptale_callbacks calls;
  tcptale_config config;
  tcptale_callbacks_init(&calls, sizeof calls);
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = 4 << 20;
  config.flags = TCPTALE_CONFIG_ONE_A_CALL;
  config.max_connections = TCPTALE_FEW + 1;
  config.checksum = checksum;
  if (hears != NOTHING) calls.on_data = on_data;
  if (hears >= ENDS) calls.on_close = on_close;
  if (hears >= ENDS) calls.on_open = on_open;
  if (hears == ALL) calls.on_half_close = on_half_close;
  if (hears == ALL) calls.on_established = on_established;
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(tcptale_tracker_new(&side[i].tracker, &config, &calls, &side[i]), TCPTALE_OK);
    side[i].digest = 0;
    side[i].tracker->later.over = i == PATIENT ? 0 : UINT32_MAX;
    side[i].tracker->roster.unberthed = i == PATIENT ? 0 : UINT32_MAX;
    cr_assert_gt(side[i].tracker->roster.berths.places, 0u);
  }
}

/* The next frame of one of the connections, which begin anew, twice on the same ports. Sometimes it
 * was there before, comes too early, or is a RST. */
static uint32_t build(uint32_t conn, uint8_t *out) {
  static uint32_t at[CONNS], round[CONNS];
  uint32_t chance = random_below(100), n = at[conn], isn = conn * 77777 + 1000 * round[conn];
  uint16_t port = (uint16_t)(5000 + conn + CONNS * (round[conn] / 2 % 500));
  if (chance < 4 && n > 0) n--;
  else if (chance < 7 && n + 1 < STEPS) n++;
  else at[conn] = (n + 1) % STEPS;
  if (chance >= 7 && at[conn] == 0) round[conn]++;
  const struct step *step = &SCRIPT[n];
  struct build_segment s = {.version = 4, .ethernet = 1, .window = 9000, .flags = step->flags};
  if (chance == 99 && n > 2) s.flags = RST | ACK;
  s.src[0] = s.dst[0] = 10;
  s.src[3] = (uint8_t)(1 + step->dir);
  s.dst[3] = (uint8_t)(2 - step->dir);
  s.src_port = step->dir ? 80 : port;
  s.dst_port = step->dir ? port : 80;
  s.seq = isn + step->seq;
  s.ack = step->flags & ACK ? isn + step->ack : 0;
  s.payload = (const uint8_t *)"The tale of two hosts, and what they said to each other.";
  s.payload_len = s.flags & RST ? 0 : step->len;
  return (uint32_t)build_frame(out, ROOM, &s);
}

static void ask_tracker(struct side *s) {
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_tracker_stats_read(s->tracker, &stats), TCPTALE_OK);
  stats.memory_used = stats.memory_bytes = 0; /* their blocks lie elsewhere */
  add(s, &stats, sizeof stats);
}

/* Somebody looks, or does something else with the tracker. */
static void look(struct side *s, uint32_t what, uint64_t ts_ns) {
  if (what < 2) ask_tracker(s);
  if (what == 2) add_number(s, (uint64_t)tcptale_tracker_expire(s->tracker, ts_ns));
  if (what < 2) return;
  tcptale_conn *conn = tcptale_tracker_find(s->tracker, s->tracker->env.last_id - what % 4);
  if (conn) ask(s, conn);
  if (conn && what == 4) tcptale_conn_ignore(conn);
}

/* The part of an Ethernet frame with IPv4 that begins `from` bytes into its segment, which is put
 * together somewhere else than where frames are read to. */
static void feed_fragment(struct side *s, const tcptale_frame *whole, uint32_t from, uint32_t to) {
  enum { ETHERNET = 14, IP = 20 };
  uint8_t data[ROOM];
  uint32_t len = to - from, is_last = to + ETHERNET + IP == whole->cap_len;
  memcpy(data, whole->data, ETHERNET + IP);
  memcpy(data + ETHERNET + IP, whole->data + ETHERNET + IP + from, len);
  data[16] = 0;
  data[17] = (uint8_t)(IP + len);
  data[20] = is_last ? 0 : 0x20;
  data[21] = (uint8_t)(from / 8);
  data[24] = data[25] = 0;
  uint16_t sum = tcptale_checksum(data + ETHERNET, IP);
  data[24] = (uint8_t)(sum >> 8);
  data[25] = (uint8_t)sum;
  tcptale_frame part = *whole;
  part.data = data;
  part.cap_len = part.wire_len = ETHERNET + IP + len;
  cr_assert_eq(tcptale_tracker_feed(s->tracker, &part, 1, NULL), TCPTALE_OK);
}

/* Feeds a frame, alone, decoded, with one that is nothing, or in fragments. */
static void feed(struct side *s, const tcptale_frame *frame, uint32_t how) {
  if (how == 0) {
    tcptale_packet packet;
    tcptale_packet_init(&packet, sizeof packet);
    tcptale_decode(&packet, frame->link_type, frame->data, frame->cap_len, frame->wire_len, 0);
    cr_assert_eq(tcptale_tracker_feed_packet(s->tracker, &packet, frame), TCPTALE_OK);
    return;
  }
  if (how == 1) {
    feed_fragment(s, frame, 0, 16);
    feed_fragment(s, frame, 16, frame->cap_len - 34);
    return;
  }
  tcptale_frame two[2] = {*frame, *frame};
  two[1].cap_len = 0;
  cr_assert_eq(tcptale_tracker_feed(s->tracker, two, how == 2 ? 2 : 1, NULL), TCPTALE_OK);
}

static void run(enum hears hears, uint32_t checksum) {
  begin(hears, checksum);
  uint8_t data[ROOM];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame.data = data;
  for (uint32_t n = 0; n < FRAMES; n++) {
    uint32_t what = random_below(25), how = random_below(12);
    frame.index = n + 1;
    frame.ts_ns += random_below(100) == 0 ? UINT64_C(20000000000) : 1000000;
    frame.cap_len = frame.wire_len = build(random_below(CONNS), data);
    for (int i = 0; i < 2; i++) feed(&side[i], &frame, how);
    memset(data, 0xee, sizeof data); /* what was fed is the caller's again */
    for (int i = 0; i < 2 && what < 7; i++) look(&side[i], what, frame.ts_ns);
    cr_assert_eq(side[HASTY].digest, side[PATIENT].digest, "%d: frame %u", (int)hears, n + 1);
  }
  for (int i = 0; i < 2; i++) {
    ask_tracker(&side[i]);
    cr_expect_gt(side[i].tracker->env.last_id, FRAMES / 30u);
    tcptale_tracker_free(side[i].tracker);
  }
  cr_expect_eq(side[HASTY].digest, side[PATIENT].digest, "%d", (int)hears);
}

Test(later, nobody_notices) {
  for (int hears = NOTHING; hears < HEARS; hears++) {
    run((enum hears)hears, TCPTALE_CHECKSUM_VERIFY);
    run((enum hears)hears, TCPTALE_CHECKSUM_IGNORE);
  }
}

/* The end of the input comes right behind a frame. */
Test(later, end_of_the_input) {
  uint8_t data[ROOM];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame.data = data;
  begin(ALL, TCPTALE_CHECKSUM_IGNORE);
  for (uint32_t n = 0; n < 5000; n++) {
    frame.index = n + 1;
    frame.ts_ns += 1000;
    frame.cap_len = frame.wire_len = build(n % 2, data);
    for (int i = 0; i < 2; i++) feed(&side[i], &frame, 3);
    if (random_below(8) > 0) continue;
    for (int i = 0; i < 2; i++) tcptale_tracker_flush(side[i].tracker);
  }
  for (int i = 0; i < 2; i++) tcptale_tracker_free(side[i].tracker);
  cr_expect_eq(side[HASTY].digest, side[PATIENT].digest);
}

/* It is put off, and done at the next call. */
Test(later, waits_for_the_next_call) {
  uint8_t data[ROOM];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame.data = data;
  seed = 3; /* no oddities among the first */
  begin(NOTHING, TCPTALE_CHECKSUM_IGNORE);
  struct tcptale_tracker *t = side[PATIENT].tracker;
  uint32_t entered = 0, stepped = 0, answered = 0, completed = 0, ended = 0, closed = 0;
  for (uint32_t n = 0; n < 2000; n++) {
    frame.ts_ns += 1000;
    frame.cap_len = frame.wire_len = build(0, data);
    feed(&side[PATIENT], &frame, 3);
    stepped += t->later.step.card != NULL;
    entered += t->later.what == TCPTALE_LATER_ENTER;
    answered += t->later.what == TCPTALE_LATER_ANSWER;
    completed += t->later.what == TCPTALE_LATER_ESTABLISH;
    ended += t->later.what == TCPTALE_LATER_END;
    closed += t->later.what == TCPTALE_LATER_LINGER;
    if (n % 7 != 0) continue;
    cr_expect_eq(tcptale_tracker_expire(t, 0), 0);
    cr_expect(t->later.step.card == NULL && t->later.what == TCPTALE_LATER_NOTHING);
  }
  cr_expect(entered > 50 && stepped > 300 && answered > 50 && completed > 50 && ended > 100 &&
                closed > 100,
            "%u %u %u %u %u %u", entered, stepped, answered, completed, ended, closed);
  for (int i = 0; i < 2; i++) tcptale_tracker_free(side[i].tracker);
}

/* A frame alone on a page that nobody may touch once the call is over. */
static void feed_and_take_away(struct side *s, const tcptale_frame *frame) {
  uint8_t *page = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tcptale_frame fed = *frame;
  cr_assert_neq(page, MAP_FAILED);
  memcpy(page, frame->data, frame->cap_len);
  fed.data = page;
  cr_assert_eq(tcptale_tracker_feed(s->tracker, &fed, 1, NULL), TCPTALE_OK);
  cr_assert_eq(mprotect(page, ROOM, PROT_NONE), 0);
}

/* Of a frame that is no TCP nothing is read that an earlier one left behind. */
Test(later, odd_frames_touch_no_others) {
  enum { ETHERNET = 14, PROTOCOL = 9, UDP = 17 };
  uint8_t data[ROOM];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame.data = data;
  begin(ALL, TCPTALE_CHECKSUM_IGNORE);
  for (uint32_t n = 0; n < 3000; n++) {
    frame.ts_ns += 1000;
    frame.cap_len = frame.wire_len = build(random_below(CONNS), data);
    if (n % 4 > 1) data[ETHERNET + PROTOCOL] = UDP;
    for (int i = 0; i < 2; i++) feed_and_take_away(&side[i], &frame);
  }
  for (int i = 0; i < 2; i++) tcptale_tracker_free(side[i].tracker);
  cr_expect_eq(side[HASTY].digest, side[PATIENT].digest);
}

/* test_step.c - what is not usual of a segment is seen on the short way (lib/step.h), and where its
 * connection is guessed to lie (lib/berth.h). Each talk goes the long way, the short one, and the
 * short one with its connections at their berths and what changes put off; all tell the same. */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "tape.h"
#include "tcptale.h"
#include "tracker.h"

enum { SYN = TCPTALE_TCP_SYN, ACK = TCPTALE_TCP_ACK, FIN = TCPTALE_TCP_FIN };
enum { ROOM = 256, FRAMES = 12 };
enum way { LONG, SHORT, BERTHED, WAYS };

/* Sequence numbers count from those of the SYNs; that of an acknowledgement from the other's. */
struct said {
  uint32_t dir;
  uint16_t flags;
  uint32_t seq, ack, len;
  uint16_t window;
  uint8_t mac;
};

struct talk {
  const char *what;
  uint32_t code; /* an anomaly that it leads to; 0: none that is asked for */
  struct said said[FRAMES];
};

#define SHAKE                                                                                      \
  {0, SYN, 0, 0, 0, 500, 1}, {1, SYN | ACK, 0, 1, 0, 500, 1}, {                                    \
    0, ACK, 1, 1, 0, 500, 1                                                                        \
  }

static const struct talk TALKS[] = {
    {"bytes run past the window",
     TCPTALE_ANOMALY_OUT_OF_WINDOW,
     {SHAKE,
      {0, ACK, 1, 1, 120, 500, 1},
      {0, ACK, 700, 1, 20, 500, 1},
      {1, ACK, 1, 121, 0, 500, 1}}},
    {"some of them do",
     0,
     {SHAKE,
      {0, ACK, 1, 1, 120, 500, 1},
      {0, ACK, 121, 1, 120, 500, 1},
      {0, ACK, 241, 1, 120, 500, 1},
      {0, ACK, 361, 1, 120, 500, 1},
      {0, ACK, 481, 1, 120, 500, 1},
      {1, ACK, 1, 601, 30, 500, 1}}},
    {"another link address",
     TCPTALE_ANOMALY_MAC_CHANGE,
     {SHAKE, {0, ACK, 1, 1, 20, 500, 1}, {0, ACK, 21, 1, 20, 500, 9}, {1, ACK, 1, 41, 20, 500, 1}}},
    {"a byte below where a direction seemed to begin",
     0,
     {{0, ACK, 1000, 500, 0, 900, 1},
      {1, ACK, 500, 1000, 0, 900, 1},
      {0, ACK, 1000, 500, 0, 901, 1},
      {1, ACK, 500, 1000, 0, 901, 1},
      {0, ACK, 980, 500, 20, 900, 1},
      {0, ACK, 1000, 500, 20, 900, 1},
      {1, ACK, 500, 1020, 40, 900, 1}}},
    {"bytes right where it seemed to begin",
     0,
     {{0, ACK, 1000, 500, 0, 900, 1},
      {1, ACK, 500, 1000, 0, 900, 1},
      {0, ACK, 1000, 500, 0, 901, 1},
      {1, ACK, 500, 1000, 0, 901, 1},
      {0, ACK, 1000, 500, 20, 900, 1},
      {0, ACK, 980, 500, 20, 900, 1}}},
    {"acknowledgements from far away",
     0,
     {SHAKE,
      {0, ACK, 1, 1, 20, 500, 1},
      {0, ACK, 21, 0x80000001u, 20, 500, 1},
      {0, ACK, 41, 0x80000002u, 20, 500, 1},
      {0, ACK, 61, 0x7fffffffu, 0, 500, 1},
      {0, ACK, 61, 0xc0000001u, 20, 500, 1},
      {1, ACK, 1, 21, 20, 500, 1}}},
    {"more was acknowledged than was seen",
     0,
     {SHAKE,
      {1, ACK, 1, 101, 0, 500, 1},
      {0, ACK, 1, 1, 20, 500, 1},
      {1, ACK, 1, 101, 20, 500, 1},
      {0, ACK, 21, 21, 20, 500, 1}}},
    {"segments before, and again",
     0,
     {{0, SYN, 0, 0, 0, 500, 1},
      {0, ACK, 1, 1, 20, 500, 1},
      {1, SYN | ACK, 0, 1, 0, 500, 1},
      {1, SYN | ACK, 0, 1, 0, 500, 1},
      {0, ACK, 1, 1, 0, 500, 1},
      {1, SYN | ACK, 0, 1, 0, 500, 1},
      {0, ACK, 1, 1, 20, 500, 1}}},
    {"both end, and one goes on",
     0,
     {SHAKE,
      {0, ACK | FIN, 1, 1, 20, 500, 1},
      {1, ACK, 1, 22, 20, 500, 1},
      {1, ACK | FIN, 21, 22, 0, 500, 1},
      {0, ACK, 22, 22, 20, 500, 1},
      {0, ACK, 22, 22, 0, 500, 1}}},
};

static int feed(tcptale_tracker *t, const struct build_segment *segment, uint64_t index,
                uint64_t ts_ns) {
  uint8_t data[ROOM];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame.index = index;
  frame.ts_ns = ts_ns;
  frame.data = data;
  frame.cap_len = frame.wire_len = (uint32_t)build_frame(data, ROOM, segment);
  cr_assert_gt(frame.cap_len, 0u);
  return tcptale_tracker_feed(t, &frame, 1, NULL);
}

/* What one side says; the client's address ends in `last`. */
static struct build_segment segment_of(const struct said *said, uint8_t last) {
  struct build_segment s = {
      .version = 4, .ethernet = 1, .src = {10, 0, 0, 1}, .dst = {10, 0, 0, 2}};
  uint32_t isn[2] = {0x7ffffff0u, 1000};
  s.src[3] = said->dir ? 200 : last;
  s.dst[3] = said->dir ? last : 200;
  s.src_port = said->dir ? 80 : 5000;
  s.dst_port = said->dir ? 5000 : 80;
  s.flags = said->flags;
  s.window = said->window;
  s.mac = said->mac;
  s.seq = isn[said->dir] + said->seq;
  s.ack = said->flags & ACK ? isn[1 - said->dir] + said->ack : 0;
  static const uint8_t zeros[ROOM];
  s.payload = zeros;
  s.payload_len = said->len;
  return s;
}

static void put(tcptale_tracker *t, const struct said *said, uint8_t last, uint64_t index) {
  struct build_segment s = segment_of(said, last);
  cr_assert_eq(feed(t, &s, index, index * 1000000), TCPTALE_OK);
}

static tcptale_tracker *begin(struct tape *tape, enum way way) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = 4 << 20;
  config.flags = TCPTALE_CONFIG_ONE_A_CALL;
  config.max_connections = TCPTALE_FEW + 1;
  config.checksum = TCPTALE_CHECKSUM_IGNORE;
  tape_begin(tape, TAPE_PLACES | TAPE_ANOMALIES | (way == LONG ? TAPE_SEGMENTS : 0u));
  tcptale_tracker *t = tape_tracker(tape, &config);
  if (way == BERTHED) t->roster.unberthed = t->later.over = 0;
  return t;
}

/* The client's address comes before the server's in the key, or behind it. */
static void tell(struct tape *tape, enum way way, const struct talk *talk, uint8_t client) {
  tcptale_tracker *t = begin(tape, way);
  uint64_t index = 0;
  for (uint32_t i = 0; i < FRAMES && talk->said[i].flags; i++)
    put(t, &talk->said[i], client, ++index);
  cr_expect_null(tape_end(tape), "%s", talk->what);
}

Test(step, what_is_not_usual) {
  static struct tape tape[WAYS];
  for (size_t i = 0; i < sizeof TALKS / sizeof *TALKS; i++)
    for (uint32_t client = 100; client <= 210; client += 110) {
      const struct talk *talk = &TALKS[i];
      for (int way = LONG; way < WAYS; way++)
        tell(&tape[way], (enum way)way, talk, (uint8_t)client);
      cr_expect(talk->code == 0 || tape[LONG].anomalies[talk->code] > 0, "%s", talk->what);
      tape_drop_segments(&tape[LONG]);
      for (int way = SHORT; way < WAYS; way++)
        cr_expect(tape_equal(&tape[LONG], &tape[way], talk->what), "%s: %d", talk->what, way);
      for (int way = LONG; way < WAYS; way++) tape_wipe(&tape[way]);
    }
}

/* A frame of IPv6 whose key is as that of IPv4 before it, but for what IPv4 has not. */
Test(step, another_key_at_the_berth) {
  static struct tape tape;
  tcptale_tracker *t = begin(&tape, BERTHED);
  const struct said shake[] = {SHAKE, {0, ACK, 1, 1, 20, 500, 1}, {0, ACK, 21, 1, 20, 500, 1}};
  for (uint32_t i = 0; i < 5; i++) put(t, &shake[i], 100, i + 1);
  cr_assert_eq(t->roster.berths.used, 1u);
  struct build_segment s = segment_of(&(struct said){0, ACK, 41, 1, 20, 500, 1}, 100);
  s.version = 6;
  memcpy(s.src + 12, s.src, 4);
  memcpy(s.dst + 12, s.dst, 4);
  s.src[0] = s.dst[0] = 0x20;
  for (int i = 0; i < 2; i++) cr_assert_eq(feed(t, &s, 6, 6000000), TCPTALE_OK);
  tcptale_conn *first = tcptale_tracker_find(t, 1);
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_conn_stats_read(first, &stats), TCPTALE_OK);
  cr_expect_eq(stats.payload_bytes[TCPTALE_C2S], 40u);
  cr_expect_neq(tcptale_tracker_find(t, 2), NULL);
  tape_end(&tape);
  tape_wipe(&tape);
}

/* Who has no address at all has no berth, as a berth that begins with zeros is free. */
Test(step, no_berth_without_addresses) {
  static struct tape tape;
  tcptale_tracker *t = begin(&tape, BERTHED);
  for (uint16_t port = 1; port <= 50; port++) {
    struct build_segment s = {.version = 4, .ethernet = 1, .flags = SYN, .src_port = port};
    s.dst_port = 100;
    cr_assert_eq(feed(t, &s, port, port * 1000u), TCPTALE_OK);
  }
  for (uint64_t id = 1; id <= 50; id++)
    cr_assert_eq(tcptale_conn_id(tcptale_tracker_find(t, id)), id);
  cr_expect_eq(t->roster.berths.used, 0u);
  tape_end(&tape);
  tape_wipe(&tape);
}

/* ---- a stop by a timer ---- */

static uint32_t bytes_heard;

static void count_bytes(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  (void)conn, (void)user;
  bytes_heard += event->len;
}

static void stop(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn, (void)event;
  tcptale_tracker_stop(*(tcptale_tracker **)user);
}

/* The frame that shows that a connection's time is over is not told once its end stopped all. */
Test(step, tells_nothing_after_a_stop) {
  static tcptale_tracker *t;
  tcptale_config config;
  tcptale_callbacks calls;
  tcptale_config_init(&config, sizeof config);
  tcptale_callbacks_init(&calls, sizeof calls);
  config.checksum = TCPTALE_CHECKSUM_IGNORE;
  config.half_open_ns = 3000000;
  calls.on_data = count_bytes;
  calls.on_close = stop;
  cr_assert_eq(tcptale_tracker_new(&t, &config, &calls, &t), TCPTALE_OK);
  t->later.over = 0;
  const struct said shake[] = {SHAKE, {0, ACK, 1, 1, 20, 500, 1}};
  for (uint32_t i = 0; i < 4; i++) put(t, &shake[i], 100, i + 1);
  put(t, &(struct said){0, SYN, 0, 0, 0, 500, 1}, 101, 5);
  cr_assert_eq(bytes_heard, 20u);
  struct build_segment s = segment_of(&(struct said){0, ACK, 21, 1, 20, 500, 1}, 100);
  cr_expect_eq(feed(t, &s, 6, 50000000), TCPTALE_ERR_STOPPED);
  cr_expect_eq(bytes_heard, 20u);
  tcptale_tracker_free(t);
}

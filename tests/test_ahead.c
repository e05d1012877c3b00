/* test_ahead.c - frames that are read ahead of being taken, with so many connections that what
 * these lie in is fetched too: the same is told as frame by frame, and a stop counts the frames
 * that were taken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "tcptale.h"
#include "tracker.h"

enum { CONNS = 4500, STEPS = 9, FRAMES = CONNS * STEPS, ROOM = 140 };
_Static_assert((int)CONNS > (int)TCPTALE_FEW, "else nothing is prefetched");
enum { SYN = TCPTALE_TCP_SYN, ACK = TCPTALE_TCP_ACK, FIN = TCPTALE_TCP_FIN };

/* Further apart than the struct is long, as a caller's own may be. */
struct wide {
  tcptale_frame frame;
  uint64_t own;
};

/* What each connection sends, step by step. */
static const struct step {
  int from_server;
  uint16_t flags;
  uint32_t seq, ack, len;
} SCRIPT[STEPS] = {{0, SYN, 0, 0, 0},         {1, SYN | ACK, 0, 1, 0},   {0, ACK, 1, 1, 0},
                   {0, ACK, 1, 1, 30},        {1, ACK, 1, 31, 40},       {1, ACK, 11, 31, 30},
                   {0, FIN | ACK, 31, 41, 0}, {1, FIN | ACK, 41, 32, 0}, {0, ACK, 32, 42, 0}};

static uint8_t bytes[FRAMES][ROOM];
static struct wide frames[FRAMES];

/* IPv4, some in VLANs, and every fifth IPv6; every eleventh is no Ethernet frame, which has to be
 * decoded. */
static size_t build(uint32_t conn, const struct step *step, uint8_t *out) {
  static const uint8_t payload[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  struct build_segment s = {.version = conn % 5 ? 4 : 6, .flags = step->flags, .window = 60000};
  uint8_t *client = step->from_server ? s.dst : s.src, *server = step->from_server ? s.src : s.dst;
  client[0] = server[0] = 10;
  client[2] = (uint8_t)(conn >> 8);
  client[3] = (uint8_t)conn;
  s.src_port = step->from_server ? 80 : 5000;
  s.dst_port = step->from_server ? 5000 : 80;
  s.seq = conn * 77777 + step->seq;
  s.ack = step->flags & ACK ? conn * 77777 + step->ack : 0;
  s.ethernet = conn % 11 != 0;
  s.vlan = s.ethernet && conn % 7 == 0 ? 5 : 0;
  s.payload = payload;
  s.payload_len = step->len;
  return build_frame(out, ROOM, &s);
}

/* All connections take a step in turn, in another order each time; some frames are there twice. */
static void build_all(void) {
  for (uint32_t n = 0; n < FRAMES; n++) {
    uint32_t step = n / CONNS, conn = (uint32_t)(((uint64_t)n * (2 * step + 7)) % CONNS);
    if (n % 97 == 1 && step > 0) conn = (uint32_t)(((uint64_t)(n - 1) * (2 * step + 7)) % CONNS);
    tcptale_frame *f = &frames[n].frame;
    memset(f, 0, sizeof *f);
    f->struct_size = sizeof frames[n];
    f->link_type = conn % 11 ? TCPTALE_LINK_ETHERNET : TCPTALE_LINK_RAW;
    f->cap_len = f->wire_len = (uint32_t)build(conn, &SCRIPT[step], bytes[n]);
    f->ts_ns = 1000000000 + (uint64_t)n * 1000;
    f->index = n + 1;
    f->data = bytes[n];
  }
}

/* What was heard, as one number; where to stop; which frame to announce from callbacks. */
struct heard {
  tcptale_tracker *tracker;
  uint64_t digest;
  uint64_t stop_at;
  uint32_t opened, closed;
  int announces;
  int hears_segments; /* then every frame is decoded */
};

static void note(struct heard *heard, const uint64_t *numbers, size_t count, uint64_t index) {
  const tcptale_frame *any = &frames[heard->digest % FRAMES].frame;
  if (heard->announces) cr_assert_eq(tcptale_tracker_prefetch(heard->tracker, any), TCPTALE_OK);
  for (size_t i = 0; i < count; i++)
    heard->digest = (heard->digest ^ numbers[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
  if (index != 0 && index == heard->stop_at) tcptale_tracker_stop(heard->tracker);
}
#define NOTE(event, ...)                                                                           \
  do {                                                                                             \
    uint64_t numbers[] = {(event)->conn_id, (event)->index, (event)->ts_ns, __VA_ARGS__};          \
    note(user, numbers, sizeof numbers / sizeof *numbers, (event)->index);                         \
  } while (0)

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  (void)conn;
  ((struct heard *)user)->opened++;
  NOTE(event, event->how, event->endpoints.addr[0][3], event->endpoints.port[1]);
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  (void)conn;
  NOTE(event, (uint64_t)event->rtt_ns, (uint64_t)event->syn_synack_ns);
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  (void)conn;
  NOTE(event, event->direction, event->offset, event->len, event->data[0], event->from_index);
}

static void on_half_close(tcptale_conn *conn, const tcptale_half_close_event *event, void *user) {
  (void)conn;
  NOTE(event, event->direction, event->offset);
}

static void on_gap(tcptale_conn *conn, const tcptale_gap_event *event, void *user) {
  (void)conn;
  NOTE(event, event->direction, event->offset, event->len, event->why);
}

static void on_segment(tcptale_conn *conn, const tcptale_segment_event *event, void *user) {
  (void)conn;
  NOTE(event, event->direction, event->seq, event->ack, event->len, event->verdict);
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn;
  ((struct heard *)user)->closed++;
  NOTE(event, event->why, event->delivered[0], event->delivered[1], event->missing[0],
       event->missing[1]);
}

static void on_anomaly(tcptale_conn *conn, const tcptale_anomaly_event *event, void *user) {
  (void)conn;
  NOTE(event, event->code, event->direction, event->offset, event->len);
}

static void make_tracker(struct heard *heard, uint32_t checksum) {
  tcptale_config config;
  tcptale_callbacks calls;
  tcptale_config_init(&config, sizeof config);
  config.checksum = checksum;
  tcptale_callbacks_init(&calls, sizeof calls);
  calls.on_open = on_open;
  calls.on_established = on_established;
  calls.on_data = on_data;
  calls.on_gap = on_gap;
  calls.on_half_close = on_half_close;
  calls.on_close = on_close;
  calls.on_anomaly = on_anomaly;
  if (heard->hears_segments) calls.on_segment = on_segment;
  cr_assert_eq(tcptale_tracker_new(&heard->tracker, &config, &calls, heard), TCPTALE_OK);
}

/* Feeds all in batches; returns the frames that were taken. */
static size_t feed_all(struct heard *heard, size_t batch, uint32_t checksum) {
  make_tracker(heard, checksum);
  size_t taken = 0;
  for (int result = TCPTALE_OK; taken < FRAMES && result == TCPTALE_OK;) {
    size_t count = FRAMES - taken < batch ? FRAMES - taken : batch, consumed;
    result = tcptale_tracker_feed(heard->tracker, &frames[taken].frame, count, &consumed);
    cr_assert(result == TCPTALE_OK || (heard->stop_at && result == TCPTALE_ERR_STOPPED));
    cr_assert(consumed == count || result == TCPTALE_ERR_STOPPED);
    taken += consumed;
  }
  return taken;
}

Test(ahead, batches_of_many_connections, .timeout = 300) {
  static const size_t SIZES[] = {2, 3, 15, 16, 17, 31, 33, 100, 1000, FRAMES};
  build_all();
  for (uint32_t checksum = TCPTALE_CHECKSUM_AUTO; checksum <= TCPTALE_CHECKSUM_IGNORE; checksum++) {
    struct heard one = {0};
    cr_assert_eq(feed_all(&one, 1, checksum), FRAMES);
    tcptale_tracker_free(one.tracker);
    cr_expect_eq(one.opened, CONNS);
    cr_expect_eq(one.closed, CONNS);
    size_t least = checksum == TCPTALE_CHECKSUM_AUTO ? 0 : 8; /* else the two largest */
    for (size_t i = least; i < sizeof SIZES / sizeof *SIZES; i++) {
      struct heard many = {0};
      cr_assert_eq(feed_all(&many, SIZES[i], checksum), FRAMES);
      tcptale_tracker_free(many.tracker);
      cr_expect_eq(many.digest, one.digest, "batches of %zu", SIZES[i]);
    }
  }
}

/* Nothing: what is no whole frame, no frame of ours, or nonsense. */
static void announce_rubbish(tcptale_tracker *tracker, size_t n) {
  tcptale_frame f = frames[n].frame;
  f.cap_len %= 1 + (uint32_t)n % 61;
  cr_assert_eq(tcptale_tracker_prefetch(tracker, &f), TCPTALE_OK);
  f.link_type = 4711;
  cr_assert_eq(tcptale_tracker_prefetch(tracker, &f), TCPTALE_OK);
  f = (tcptale_frame){.struct_size = sizeof f, .link_type = TCPTALE_LINK_ETHERNET};
  cr_assert_eq(tcptale_tracker_prefetch(tracker, &f), TCPTALE_OK);
}

/* Announces each frame when it is `behind` the one that is fed, and rubbish with it. Returns what
 * was heard. */
static uint64_t feed_announced(struct heard heard, size_t behind, int rubbish, uint32_t checksum) {
  make_tracker(&heard, checksum);
  for (size_t n = 0; n < FRAMES; n++) {
    if (n + behind < FRAMES)
      cr_assert_eq(tcptale_tracker_prefetch(heard.tracker, &frames[n + behind].frame), TCPTALE_OK);
    if (rubbish) announce_rubbish(heard.tracker, n);
    cr_assert_eq(tcptale_tracker_feed(heard.tracker, &frames[n].frame, 1, NULL), TCPTALE_OK);
  }
  tcptale_tracker_free(heard.tracker);
  return heard.digest;
}

Test(ahead, announced_frames, .timeout = 300) {
  build_all();
  for (uint32_t checksum = TCPTALE_CHECKSUM_AUTO; checksum <= TCPTALE_CHECKSUM_IGNORE; checksum++) {
    struct heard one = {0};
    cr_assert_eq(feed_all(&one, 1, checksum), FRAMES);
    tcptale_tracker_free(one.tracker);
    size_t step = checksum == TCPTALE_CHECKSUM_AUTO ? 3 : 8;
    const struct heard plain = {0}, announces = {.announces = 1};
    for (size_t behind = 0; behind < 20; behind += step)
      cr_expect_eq(feed_announced(plain, behind, 0, checksum), one.digest, "%zu behind", behind);
    cr_expect_eq(feed_announced(announces, 8, 0, checksum), one.digest);
    cr_expect_eq(feed_announced(plain, 8, 1, checksum), one.digest);
  }
}

/* Where segments are told no frame goes by its gist. */
Test(ahead, frames_that_are_all_decoded, .timeout = 300) {
  build_all();
  struct heard one = {.hears_segments = 1}, many = {.hears_segments = 1};
  const struct heard announced = {.hears_segments = 1};
  cr_assert_eq(feed_all(&one, 1, TCPTALE_CHECKSUM_AUTO), FRAMES);
  tcptale_tracker_free(one.tracker);
  cr_assert_eq(feed_all(&many, 100, TCPTALE_CHECKSUM_AUTO), FRAMES);
  tcptale_tracker_free(many.tracker);
  cr_expect_eq(many.digest, one.digest);
  cr_expect_eq(feed_announced(announced, 8, 0, TCPTALE_CHECKSUM_AUTO), one.digest);
}

/* Batches read ahead in the same tracker, and one of their callbacks announces frames. */
Test(ahead, announced_within_batches, .timeout = 300) {
  build_all();
  struct heard one = {0}, many = {.announces = 1};
  cr_assert_eq(feed_all(&one, 1, TCPTALE_CHECKSUM_AUTO), FRAMES);
  tcptale_tracker_free(one.tracker);
  cr_assert_eq(feed_all(&many, 100, TCPTALE_CHECKSUM_AUTO), FRAMES);
  tcptale_tracker_free(many.tracker);
  cr_expect_eq(many.digest, one.digest);
}

/* Wherever in a lot the user stops: the frame at hand is the last that is taken. */
Test(ahead, stop_among_many_connections, .timeout = 300) {
  build_all();
  for (uint64_t at = 3 * CONNS + 40; at < 3 * CONNS + 74; at++) {
    struct heard heard = {.stop_at = at};
    size_t taken = feed_all(&heard, 64, TCPTALE_CHECKSUM_IGNORE);
    int is_told = taken < FRAMES; /* a frame that is there twice tells nothing */
    cr_expect(!is_told || taken == at, "stopped at %zu instead of %u", taken, (unsigned)at);
    cr_expect(is_told || at % 97 == 2, "%u", (unsigned)at);
    tcptale_tracker_free(heard.tracker);
  }
}

/* A block may stand for something else once the frames before were taken: what was found in it is a
 * hint. */
Test(ahead, blocks_that_change_hands) {
  static const struct step END[] = {
      {0, FIN | ACK, 1, 1, 0}, {1, FIN | ACK, 1, 2, 0}, {0, ACK, 2, 2, 0}};
  enum { OPEN = TCPTALE_FEW + 104, NEW = 17 };
  static uint8_t late[NEW][ROOM];
  static tcptale_frame batch[NEW];
  tcptale_tracker *tracker;
  tcptale_frame f = {.struct_size = sizeof f, .link_type = TCPTALE_LINK_ETHERNET, .ts_ns = 1};
  uint8_t data[ROOM];
  f.data = data;
  cr_assert_eq(tcptale_tracker_new(&tracker, NULL, NULL, NULL), TCPTALE_OK);
  for (uint32_t conn = 1; conn <= OPEN; conn++)
    for (uint32_t step = 0; step < (conn == OPEN ? 6 : 3); step++) {
      f.cap_len = f.wire_len =
          (uint32_t)build(conn * 11 + 1, step < 3 ? &SCRIPT[step] : &END[step - 3], data);
      cr_assert_eq(tcptale_tracker_feed(tracker, &f, 1, NULL), TCPTALE_OK);
    }
  /* The first lets the closed one go, the last is on its ports. */
  for (uint32_t n = 0; n < NEW; n++) {
    uint32_t conn = n + 1 < NEW ? OPEN + 1 + n : OPEN;
    batch[n] = f;
    batch[n].ts_ns = UINT64_C(32000000000) + n;
    batch[n].data = late[n];
    batch[n].cap_len = batch[n].wire_len = (uint32_t)build(conn * 11 + 1, &SCRIPT[0], late[n]);
  }
  cr_assert_eq(tcptale_tracker_feed(tracker, batch, NEW, NULL), TCPTALE_OK);
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_tracker_stats_read(tracker, &stats), TCPTALE_OK);
  cr_expect_eq(stats.open_now, OPEN - 1 + NEW);
  tcptale_tracker_free(tracker);
}

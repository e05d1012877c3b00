/* Calls that nobody has answered are packed: nobody can tell, but by what they cost. */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "pack.h"
#include "tape.h"
#include "tcptale/packet.h"
#include "tracker.h"

#define SECOND_NS UINT64_C(1000000000)

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

static uint8_t bytes[BUILD_ROOM];

/* ---- the same by every getter ---- */

struct look {
  tcptale_endpoints endpoints;
  tcptale_conn_stats stats;
  uint64_t id;
  uint64_t user;
  int state[2];
};

static void take_look(tcptale_conn *conn, struct look *look) {
  memset(look, 0, sizeof *look);
  look->endpoints.struct_size = sizeof look->endpoints;
  look->stats.struct_size = sizeof look->stats;
  cr_assert_eq(tcptale_conn_endpoints(conn, &look->endpoints), TCPTALE_OK);
  cr_assert_eq(tcptale_conn_stats_read(conn, &look->stats), TCPTALE_OK);
  look->id = tcptale_conn_id(conn);
  look->user = tcptale_conn_user(conn);
  for (uint32_t d = 0; d < 2; d++) look->state[d] = tcptale_conn_state(conn, d);
}

/* The verdict on a first segment comes after it took effect, on the record itself. */
static void look_at_verdict(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                            const uint8_t *data) {
  (void)data;
  if (event->kind == TAPE_OPEN) tcptale_conn_set_user(conn, UINT64_C(0x123456789abcdef0));
  if (event->kind == TAPE_SEGMENT && conn) take_look(conn, tape->hook_user);
}

Test(pack, tells_the_same_as_the_record) {
  static const char *FIRST[] = {"c S 0",
                                "c S 0 mss=1460 wscale=7 sackok ts=77,0",
                                "c S 0 wscale=14 w=5",
                                "c S 0 md5",
                                "s SA 0/1",
                                "s SA 0/1 wscale=0 ts=9,8",
                                "c S 0 src=2:7 dst=1:8",
                                "c S 0 badsum"};

  for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++) {
    struct look whole, packed;
    struct script_steps steps;
    struct tape tape;
    tape_begin(&tape, TAPE_SEGMENTS);
    tape.hook = look_at_verdict;
    tape.hook_user = &whole;
    tape_render(&steps, FIRST[i]);
    cr_assert_eq(tape_feed(tape_tracker(&tape, NULL), &steps), TCPTALE_OK);
    tcptale_conn *conn = tcptale_tracker_find(tape.tracker, 1);
    if (conn) {
      take_look(conn, &packed);
      cr_expect(memcmp(&whole, &packed, sizeof whole) == 0, "%s", FIRST[i]);
    }
    cr_expect_eq(conn != NULL, strstr(FIRST[i], "badsum") == NULL, "%s", FIRST[i]);
    cr_expect_null(tape_end(&tape));
    tape_wipe(&tape);
    script_steps_free(&steps);
  }
}

/* ---- the same byte for byte ---- */

struct copy {
  struct tcptale_view view;
  struct tcptale_handshake hs;
};

static struct tcptale_card *card_of(struct copy *copy) {
  return (struct tcptale_card *)(void *)copy->view.card;
}

static void copy_at_verdict(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                            const uint8_t *data) {
  struct copy *copy = tape->hook_user;
  (void)data;
  if (event->kind == TAPE_OPEN) tcptale_conn_set_policy(conn, TCPTALE_S2C, TCPTALE_POLICY_SOLARIS);
  if (event->kind != TAPE_SEGMENT) return;
  memset(copy, 0, sizeof *copy);
  copy->view.conn = *conn;
  memcpy(copy->view.card, conn->card, tcptale_card_bytes(conn->card->key_kind));
  copy->hs = *tcptale_handshake_of(&conn->tracker->env, conn);
}

/* What only the tracker's lists know, and what the record speaks for, is not the connection's
 * own. */
static void clear_places(struct copy *copy) {
  struct tcptale_card *card = card_of(copy);
  struct tcptale_brief_key key = card->key;
  unsigned kind = card->key_kind;
  uint64_t user = card->user;
  memset(card, 0, sizeof *card);
  card->key = key;
  card->key_kind = kind & 3u;
  card->user = user;
  copy->view.conn.card = NULL;
  copy->view.conn.handshake = 0;
  copy->view.conn.due_ns = 0;
}

static void expect_same_again(struct tcptale_tracker *t, const struct tcptale_packed *packed,
                              struct copy *whole, const char *what) {
  struct copy again;
  memset(&again, 0, sizeof again);
  tcptale_unpack(&t->env, packed, card_of(&again), &again.view.conn, &again.hs);
  clear_places(&again);
  clear_places(whole);
  cr_expect(memcmp(&again, whole, sizeof again) == 0, "%s", what);
}

Test(pack, unpacks_to_the_same_bytes) {
  static const char *FIRST[] = {"c S 0",
                                "c S 0 mss=1460 wscale=7 sackok ts=77,0",
                                "c S 0 wscale=14 w=5 src=2:9",
                                "c S 0 md5",
                                "s SA 0/1",
                                "s SA 0/1 wscale=0 ts=9,8",
                                "s SA 0/1 src=0:70",
                                "c SEW 0 wscale=3"};

  for (size_t i = 0; i < 2 * sizeof FIRST / sizeof *FIRST; i++) {
    const char *text = FIRST[i / 2];
    struct copy whole;
    struct script_steps steps;
    struct tape tape;
    tcptale_config config;
    tcptale_config_init(&config, sizeof config);
    if (i % 2) config.flags |= TCPTALE_CONFIG_KEY_VLAN; /* a wide key */
    tape_begin(&tape, TAPE_SEGMENTS);
    tape.hook = copy_at_verdict;
    tape.hook_user = &whole;
    tape_render(&steps, text);
    cr_assert_eq(tape_feed(tape_tracker(&tape, &config), &steps), TCPTALE_OK);
    const struct tcptale_packed *packed = tcptale_packed_of(tcptale_tracker_find(tape.tracker, 1));
    cr_expect_not_null(packed, "%s is packed", text);
    if (packed) expect_same_again(tape.tracker, packed, &whole, text);
    cr_expect_null(tape_end(&tape));
    tape_wipe(&tape);
    script_steps_free(&steps);
  }
}

/* Whatever is odd about a first segment, or not all there is, stays a record. */
Test(pack, leaves_odd_ones_alone) {
  static const char *TALKS[] = {"c S 0+3",  "c S 0; c S 0",    "c S 0; c S 500",
                                "c S 0/-7", "c S 0; s SA 0/9", "c A 1/1",
                                "HS",       "c S 0; s SA 0/1"};

  for (size_t i = 0; i < sizeof TALKS / sizeof *TALKS; i++) {
    struct script_steps steps;
    struct tape tape;
    tape_begin(&tape, 0);
    tape_render(&steps, TALKS[i]);
    cr_assert_eq(tape_feed(tape_tracker(&tape, NULL), &steps), TCPTALE_OK);
    tcptale_conn *conn = tcptale_tracker_find(tape.tracker, 1);
    cr_expect_not_null(conn, "%s", TALKS[i]);
    cr_expect_null(tcptale_packed_of(conn), "%s", TALKS[i]);
    cr_expect_null(tape_end(&tape));
    tape_wipe(&tape);
    script_steps_free(&steps);
  }
}

/* ---- the same when it goes on ---- */

static void wish_user(tcptale_conn *conn) {
  tcptale_conn_set_user(conn, 99);
}

static void wish_nothing(tcptale_conn *conn) {
  cr_expect_eq(tcptale_conn_ignore(conn), TCPTALE_OK);
}

static void wish_no_client_data(tcptale_conn *conn) {
  cr_expect_eq(tcptale_conn_stop_data(conn, TCPTALE_C2S), TCPTALE_OK);
}

static void wish_last(tcptale_conn *conn) {
  cr_expect_eq(tcptale_conn_set_policy(conn, TCPTALE_C2S, TCPTALE_POLICY_LAST), TCPTALE_OK);
  cr_expect_eq(tcptale_conn_set_policy(conn, TCPTALE_S2C, TCPTALE_POLICY_HPUX10), TCPTALE_OK);
  cr_expect_eq(tcptale_conn_set_policy(conn, TCPTALE_S2C, 77), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_conn_stop_data(conn, 2), TCPTALE_ERR_ARG);
}

static void wish_in_open(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                         const uint8_t *data) {
  void (**wish)(tcptale_conn *) = tape->hook_user;
  (void)data;
  if (event->kind == TAPE_OPEN) (*wish)(conn);
}

/* The wish comes while the connection opens (early), or between two packets, when it is packed. */
static void run_with(struct tape *tape, void (*wish)(tcptale_conn *), int early) {
  struct script_steps first, rest;
  tape_begin(tape, TAPE_PLACES | TAPE_ANOMALIES);
  if (early) tape->hook = wish_in_open;
  tape->hook_user = &wish;
  tape_render(&first, "c S 0 wscale=3 ts=5,0");
  tape_render(&rest, "~c S 0; s SA 0/1 wscale=2 ts=6,5; c A 1/1 ts=7,6; c P 5+4\"late\"/1 ts=7,6;"
                     "c P 3+4\"xxxx\"/1 ts=7,6; c P 1+4\"1234\"/1 ts=7,6; s P 1+3/9 ts=7,6");
  tape_tracker(tape, NULL);
  cr_assert_eq(tape_feed(tape->tracker, &first), TCPTALE_OK);
  if (!early) wish(tcptale_tracker_find(tape->tracker, 1));
  cr_assert_eq(tape_feed(tape->tracker, &rest), TCPTALE_OK);
  if (wish == wish_user)
    cr_expect_eq(tcptale_conn_user(tcptale_tracker_find(tape->tracker, 1)), 99);
  tape_end(tape);
  script_steps_free(&first);
  script_steps_free(&rest);
}

Test(pack, takes_wishes) {
  static void (*const WISHES[])(tcptale_conn *) = {wish_user, wish_nothing, wish_no_client_data,
                                                   wish_last};

  for (size_t i = 0; i < sizeof WISHES / sizeof *WISHES; i++) {
    struct tape early, late;
    run_with(&early, WISHES[i], 1);
    run_with(&late, WISHES[i], 0);
    cr_expect(tape_equal(&early, &late, "wishes"), "wish %zu", i);
    cr_expect_gt(early.count, 1);
    tape_wipe(&early);
    tape_wipe(&late);
  }
}

/* ---- what it costs ---- */

static size_t build(uint32_t flow, int version, int from_server, unsigned flags, uint32_t seq,
                    uint32_t ack, uint32_t len) {
  static const uint8_t zeros[128];
  struct build_segment s = {.version = version, .flags = (uint16_t)flags, .window = 60000};
  uint8_t client[16] = {10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8), (uint8_t)flow};
  uint8_t server[16] = {192, 0, 2, 1};
  memcpy(from_server ? s.dst : s.src, client, 16);
  memcpy(from_server ? s.src : s.dst, server, 16);
  s.src_port = from_server ? 80 : 5000;
  s.dst_port = from_server ? 5000 : 80;
  s.seq = seq;
  s.ack = ack;
  s.payload = zeros;
  s.payload_len = len;
  return build_frame(bytes, sizeof bytes, &s);
}

struct siege {
  tcptale_tracker *tracker;
  uint64_t now_ns;
  int version;
  uint64_t evicted_half_open;
  uint64_t evicted_other;
};

static void count_evicted(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  struct siege *siege = user;
  if (event->why != TCPTALE_CLOSE_EVICTED) return;
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  tcptale_conn_stats_read(conn, &stats);
  if (stats.packets[0] + stats.packets[1] == 1) siege->evicted_half_open++;
  else siege->evicted_other++;
}

static void begin(struct siege *siege, const tcptale_config *config, int version) {
  tcptale_callbacks callbacks;
  tcptale_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_close = count_evicted;
  *siege = (struct siege){.now_ns = 1000 * SECOND_NS, .version = version};
  cr_assert_eq(tcptale_tracker_new(&siege->tracker, config, &callbacks, siege), TCPTALE_OK);
}

static void feed(struct siege *siege, uint32_t flow, int from_server, unsigned flags, uint32_t seq,
                 uint32_t ack, uint32_t len) {
  size_t n = build(flow, siege->version, from_server, flags, seq, ack, len);
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW};
  frame.cap_len = frame.wire_len = (uint32_t)n;
  frame.data = bytes;
  frame.ts_ns = siege->now_ns;
  cr_assert_eq(tcptale_tracker_feed(siege->tracker, &frame, 1, NULL), TCPTALE_OK);
}

static void shake_hands(struct siege *siege, uint32_t flow) {
  feed(siege, flow, 0, SYN, 1000, 0, 0);
  feed(siege, flow, 1, SYN | ACK, 5000, 1001, 0);
  feed(siege, flow, 0, ACK, 1001, 5001, 0);
}

static tcptale_tracker_stats stats_of(const struct siege *siege) {
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tcptale_tracker_stats_read(siege->tracker, &stats), TCPTALE_OK);
  return stats;
}

/* One half-open connection takes one cache line, whatever came before; half of one more with IPv6.
 * While fewer than 256 wait, which are 128 SYNs here, one takes the room of an established one. */
Test(pack, bytes_of_a_half_open_connection) {
  for (int version = 4; version <= 6; version += 2) {
    struct siege siege;
    begin(&siege, NULL, version);
    uint64_t before = stats_of(&siege).memory_used;
    for (uint32_t n = 0; n < 1000; n++) {
      if (n & 1) feed(&siege, n, 0, SYN, n, 0, 0);
      else feed(&siege, n, 1, SYN | ACK, n, 7, 0);
      if (n % 10 == 0) shake_hands(&siege, 100000 + n);
    }
    for (uint32_t n = 0; n < 1000; n += 10) feed(&siege, 100000 + n, 0, FIN | ACK, 1001, 5001, 0);
    cr_expect_eq(stats_of(&siege).half_open_now, 1000);
    siege.now_ns += SECOND_NS;
    for (uint32_t n = 0; n < 1000; n += 10) {
      feed(&siege, 100000 + n, 1, FIN | ACK, 5001, 1002, 0);
      feed(&siege, 100000 + n, 0, ACK, 1002, 5002, 0);
    }
    siege.now_ns += 31 * SECOND_NS; /* what is closed is forgotten */
    while (tcptale_tracker_expire(siege.tracker, siege.now_ns) > 0) {
    }
    cr_expect_eq(stats_of(&siege).open_now, 1000);
    cr_expect_eq(stats_of(&siege).memory_used - before, (version == 4 ? 64000 : 96000) + 128 * 64);
    tcptale_tracker_free(siege.tracker);
  }
}

/* With the default limits, and with a tracker full of established connections, SYNs push out
 * SYNs. */
Test(pack, flood_pushes_out_none_but_its_own, .timeout = 60) {
  enum { GOOD = 500, FLOOD = 100000 };
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = 4 << 20;
  struct siege siege;
  begin(&siege, &config, 4);
  for (uint32_t n = 0; n < GOOD; n++) shake_hands(&siege, 0x800000 + n);
  for (uint32_t n = 0; n < FLOOD; n++) {
    feed(&siege, n, 0, SYN, n * 7919, 0,
         n % 5 == 0 ? 3 : 0); /* some with data: these are not packed */
    siege.now_ns += 1000;
  }
  tcptale_tracker_stats stats = stats_of(&siege);
  cr_expect_gt(siege.evicted_half_open, FLOOD / 2);
  cr_expect_eq(siege.evicted_other, 0);
  cr_expect_eq(stats.open_now - stats.half_open_now, GOOD);
  for (uint64_t id = 1; id <= GOOD; id++)
    cr_assert_not_null(tcptale_tracker_find(siege.tracker, id));
  tcptale_tracker_free(siege.tracker);
}

/* They end when their time has come, oldest first, as many in a call as the budget allows. */
Test(pack, time_out_in_order) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.timer_budget = 30;
  struct siege siege;
  begin(&siege, &config, 4);
  for (uint32_t n = 0; n < 100; n++) {
    feed(&siege, n, 0, SYN, n, 0, n % 3 ? 0 : 5); /* packed or not */
    siege.now_ns += SECOND_NS / 10;
  }
  uint64_t end_ns = siege.now_ns + 60 * SECOND_NS;
  for (uint32_t left = 100; left > 0;) {
    int n = tcptale_tracker_expire(siege.tracker, end_ns);
    cr_assert(n > 0 && n <= 30);
    left -= (uint32_t)n;
    cr_expect_eq(stats_of(&siege).half_open_now, left);
    for (uint64_t id = 1; id <= 100; id++)
      cr_assert_eq(tcptale_tracker_find(siege.tracker, id) != NULL, id > 100 - left);
  }
  cr_expect_eq(tcptale_tracker_expire(siege.tracker, end_ns), 0);
  tcptale_tracker_free(siege.tracker);
}

/* What is wished of every third call before its answer, while more wait than have room to become a
 * card in place. */
static void wish_early(struct siege *siege, uint64_t id) {
  tcptale_conn *conn = tcptale_tracker_find(siege->tracker, id);
  cr_assert_not_null(conn);
  cr_assert_eq(tcptale_conn_set_user(conn, id << 32), TCPTALE_OK);
  cr_assert_eq(tcptale_conn_set_policy(conn, TCPTALE_S2C, TCPTALE_POLICY_LAST), TCPTALE_OK);
  if (id % 3 == 0) cr_assert_eq(tcptale_conn_stop_data(conn, TCPTALE_C2S), TCPTALE_OK);
}

/* The server's answer, and 100 bytes of both. */
static void answer(struct siege *siege, uint32_t flow) {
  feed(siege, flow, 1, SYN | ACK, 5000, 1001, 0);
  feed(siege, flow, 0, ACK, 1001, 5001, 0);
  feed(siege, flow, 0, ACK, 1001, 5001, 100);
  feed(siege, flow, 1, ACK, 5001, 1101, 100);
}

static void expect_answered(struct siege *siege, uint64_t id, uint64_t called_ns) {
  struct look look;
  tcptale_conn *conn = tcptale_tracker_find(siege->tracker, id);
  cr_assert_not_null(conn);
  take_look(conn, &look);
  cr_expect_eq(look.user, id << 32);
  cr_expect_eq(look.stats.first_ns, called_ns);
  cr_expect_eq(look.endpoints.addr[0][3], (id - 1) & 255);
  cr_expect_eq(look.stats.packets[TCPTALE_C2S], 3);
  cr_expect_eq(look.stats.delivered[TCPTALE_C2S], id % 3 == 0 ? 0 : 100);
  cr_expect_eq(look.stats.delivered[TCPTALE_S2C], 100);
  cr_expect_eq(look.state[TCPTALE_S2C], TCPTALE_STATE_ESTABLISHED);
}

/* However many wait, and in whatever order they are answered: what was said and wished before is
 * kept, who is not answered ends when its time has come, and all memory is given back. */
Test(pack, answers_reach_calls_with_and_without_room) {
  enum { CALLS = 700 };
  for (int version = 4; version <= 6; version += 2) {
    struct siege siege;
    begin(&siege, NULL, version);
    uint64_t before = stats_of(&siege).memory_used, called_ns = siege.now_ns;
    for (uint32_t n = 0; n < CALLS; n++) feed(&siege, n, 0, SYN, 1000, 0, 0);
    for (uint64_t id = 1; id <= CALLS; id++) wish_early(&siege, id);
    siege.now_ns += SECOND_NS;
    for (uint32_t i = 0; i < CALLS; i++)
      if (i % 5) answer(&siege, i * 3 % CALLS);
    cr_expect_eq(stats_of(&siege).half_open_now, CALLS / 5);
    for (uint32_t i = 0; i < CALLS; i++)
      if (i % 5) expect_answered(&siege, i * 3 % CALLS + 1, called_ns);
    siege.now_ns = called_ns + 61 * SECOND_NS;
    while (tcptale_tracker_expire(siege.tracker, siege.now_ns) > 0) {
    }
    cr_expect_eq(stats_of(&siege).half_open_now, 0);
    cr_expect_eq(stats_of(&siege).open_now, CALLS - CALLS / 5);
    tcptale_tracker_flush(siege.tracker);
    cr_expect_eq(stats_of(&siege).memory_used, before);
    tcptale_tracker_free(siege.tracker);
  }
}

/* One established connection with nothing waiting: its record; and with its share of the indexes,
 * how many a tracker holds. */
Test(pack, bytes_of_an_idle_connection, .timeout = 60) {
  for (int version = 4; version <= 6; version += 2) {
    tcptale_config config;
    tcptale_config_init(&config, sizeof config);
    config.memory_bytes = 8 << 20;
    struct siege siege;
    begin(&siege, &config, version);
    uint64_t before = stats_of(&siege).memory_used, share = version == 4 ? 128 : 160;
    for (uint32_t n = 0; n < 1000; n++) shake_hands(&siege, n);
    cr_expect_eq(stats_of(&siege).memory_used - before, 1000 * share);
    for (uint32_t n = 1000; siege.evicted_other == 0; n++) shake_hands(&siege, n);
    cr_expect_geq(stats_of(&siege).open_now, config.memory_bytes / (version == 4 ? 175 : 192), "%u",
                  stats_of(&siege).open_now);
    tcptale_tracker_free(siege.tracker);
  }
}

/* The indexes have room for those that may be open, and for half as many that linger. */
Test(pack, bytes_of_a_share_of_the_indexes) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = UINT64_C(1) << 32;
  for (uint32_t open = 1000; open < 1000000; open += open / 50) {
    config.max_connections = open;
    size_t records = open + open / 2 + 64, len = tcptale_roster_bytes(&config);
    cr_expect_geq(len, 12 * records, "%u: %zu", open, len);
    cr_expect_leq(len, 15 * records, "%u: %zu", open, len);
  }
}

/* ---- which keys are one ---- */

enum { FLOWS = 6 };

/* Flow 0, and some that differ from it in one byte: of the first twelve or the last four of an
 * address. */
static void set_addresses(uint32_t flow, uint8_t client[16], uint8_t server[16]) {
  static const uint8_t FROM[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  static const uint8_t TO[16] = {0x20, 1, 0xd, 0xb8, 9, 9, 9, 9, 8, 8, 8, 8, 7, 7, 7, 7};
  memcpy(client, FROM, 16);
  memcpy(server, TO, 16);
  if (flow == 1) client[0] ^= 1;
  if (flow == 2) client[11] ^= 1;
  if (flow == 3) client[12] ^= 1;
  if (flow == 4) server[15] ^= 0x80;
  if (flow == 5) server[4] ^= 0x80;
}

/* How a segment comes; without a link header it is decoded, with one its gist is read. */
struct way {
  int ethernet;
  int vlan;
  uint64_t scope;
};

/* The step of a handshake: 0, 1 or 2. */
static void feed_step(struct siege *siege, uint32_t flow, int step, const struct way *way) {
  static const uint16_t FLAGS[3] = {SYN, SYN | ACK, ACK};
  struct build_segment s = {.version = 6, .flags = FLAGS[step], .window = 60000};
  s.ethernet = way->ethernet;
  s.vlan = way->vlan;
  s.src_port = s.dst_port = 5000; /* so only the addresses say who sends */
  s.seq = step == 1 ? 5000 : 1000 + (step == 2);
  s.ack = step == 1 ? 1001 : step == 2 ? 5001 : 0;
  if (step == 1) set_addresses(flow, s.dst, s.src);
  else set_addresses(flow, s.src, s.dst);
  tcptale_frame frame = {.struct_size = sizeof frame, .ts_ns = siege->now_ns};
  frame.cap_len = frame.wire_len = (uint32_t)build_frame(bytes, sizeof bytes, &s);
  frame.link_type = way->ethernet ? TCPTALE_LINK_ETHERNET : TCPTALE_LINK_RAW;
  frame.scope = way->scope;
  frame.data = bytes;
  cr_assert_eq(tcptale_tracker_feed(siege->tracker, &frame, 1, NULL), TCPTALE_OK);
}

/* The key that segments of the client have: V6. */
static void read_key(const struct siege *siege, uint32_t flow, struct tcptale_key *key) {
  uint8_t addresses[32];
  set_addresses(flow, addresses, addresses + 16);
  struct tcptale_gist_ends ends = {addresses, 5000u << 16 | 5000u, 6};
  cr_assert(tcptale_key_of_ends(key, &ends, &siege->tracker->env.secret));
}

/* A connection is found by its own key alone, though its brief key may be another's, too. */
static void expect_apart(const struct siege *siege) {
  const struct tcptale_roster *roster = &siege->tracker->roster;
  const struct tcptale_conn_env *env = &siege->tracker->env;
  for (uint32_t i = 0; i < FLOWS; i++) {
    struct tcptale_key key, other;
    read_key(siege, i, &key);
    uint32_t ref = tcptale_roster_look(roster, env, &key);
    cr_assert_neq(ref, 0);
    cr_expect_eq(ref, tcptale_roster_look_id(roster, env, i + 1));
    for (uint32_t j = 0; j < FLOWS; j++) {
      read_key(siege, j, &other);
      int is_one =
          tcptale_key_is_brief(&other, &key.brief) && tcptale_roster_has_key(env, ref, &other);
      cr_expect_eq(is_one, i == j, "%u and %u", i, j);
    }
    key.kind = TCPTALE_KEY_V4;
    cr_expect_not(tcptale_roster_has_key(env, ref, &key));
  }
}

static void expect_ends(const struct siege *siege, uint64_t id, uint32_t flow) {
  uint8_t client[16], server[16];
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  set_addresses(flow, client, server);
  cr_assert_eq(tcptale_conn_endpoints(tcptale_tracker_find(siege->tracker, id), &ends), TCPTALE_OK);
  cr_expect_eq(ends.ip_version, 6);
  cr_expect_arr_eq(ends.addr[0], client, 16, "flow %u", flow);
  cr_expect_arr_eq(ends.addr[1], server, 16, "flow %u", flow);
}

/* All are forgotten, so each was found in the index by the hash of what was kept of its key. */
static void expect_gone(struct siege *siege, uint64_t before) {
  for (int i = 0; i < 2; i++) {
    siege->now_ns += 400 * 86400 * SECOND_NS;
    while (tcptale_tracker_expire(siege->tracker, siege->now_ns) > 0) {
    }
  }
  cr_expect_eq(stats_of(siege).open_now, 0);
  cr_expect_eq(stats_of(siege).memory_used, before);
  cr_expect_eq(siege->tracker->roster.by_key.used, 0);
  tcptale_tracker_free(siege->tracker);
}

/* Called, answered, established; and however a segment is read, its key is the same. */
Test(pack, ipv6_connections_are_told_by_every_byte) {
  for (int steps = 1; steps <= 3; steps++) {
    struct siege siege;
    begin(&siege, NULL, 6);
    uint64_t before = stats_of(&siege).memory_used;
    for (uint32_t flow = 0; flow < FLOWS; flow++)
      for (int step = 0; step < steps; step++)
        feed_step(&siege, flow, step, &(struct way){.ethernet = (flow + (uint32_t)step) % 2});
    cr_expect_eq(stats_of(&siege).open_now, FLOWS);
    cr_expect_eq(stats_of(&siege).half_open_now, steps == 3 ? 0 : FLOWS);
    expect_apart(&siege);
    for (uint32_t flow = 0; flow < FLOWS; flow++) expect_ends(&siege, flow + 1, flow);
    expect_gone(&siege, before);
  }
}

static uint32_t kind_at(const struct siege *siege, uint64_t id) {
  const struct tcptale_conn_env *env = &siege->tracker->env;
  uint32_t ref = tcptale_roster_look_id(&siege->tracker->roster, env, id);
  if (tcptale_roster_is_packed(ref))
    return tcptale_packed_key_kind(tcptale_roster_packed(env, ref));
  return tcptale_roster_card(env, ref)->key_kind;
}

/* One pair of addresses and ports comes in so many ways: each is a connection. */
static void expect_parted(const tcptale_config *config, const struct way *ways, uint32_t n,
                          int steps) {
  struct siege siege;
  begin(&siege, config, 6);
  uint64_t before = stats_of(&siege).memory_used;
  int by_tag = (config->flags & TCPTALE_CONFIG_KEY_VLAN) != 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t kind = by_tag || ways[i].scope ? TCPTALE_KEY_WIDE : TCPTALE_KEY_V6;
    for (int step = 0; step < steps; step++) feed_step(&siege, 0, step, &ways[i]);
    cr_assert_eq(stats_of(&siege).open_now, i + 1);
    cr_expect_eq(kind_at(&siege, i + 1), kind, "way %u", i);
    expect_ends(&siege, i + 1, 0);
  }
  cr_expect_eq(stats_of(&siege).half_open_now, steps == 3 ? 0 : n);
  expect_gone(&siege, before);
}

Test(pack, scopes_and_tags_part_ipv6_connections) {
  static const struct way SCOPES[] = {{1, 0, 0}, {0, 0, 7}, {1, 0, 8}, {0, 0, UINT64_C(7) << 32}};
  static const struct way TAGS[] = {{0, 0, 0}, {1, 5, 0}, {1, 6, 0}, {1, 5, 7}, {1, 0, 7}};
  for (int steps = 1; steps <= 3; steps++) {
    tcptale_config config;
    tcptale_config_init(&config, sizeof config);
    expect_parted(&config, SCOPES, sizeof SCOPES / sizeof *SCOPES, steps);
    config.flags |= TCPTALE_CONFIG_KEY_VLAN;
    expect_parted(&config, TAGS, sizeof TAGS / sizeof *TAGS, steps);
  }
}

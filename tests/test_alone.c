/* A frame that is fed alone has its key read before anything else is known about it (lib/ahead.h).
 * Here are frames that only look as if that were their key, in the middle of connections that have
 * it: fed alone, in batches and decoded they lead to the same events and the same counts. */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "guard.h"
#include "tape.h"
#include "tcptale.h"

enum { FRAMES = 40000, ROOM = 128, PORTS = 3, ETHERNET = 14 };

enum way { ALONE, BATCHES, DECODED };

static uint8_t bytes[FRAMES][ROOM];
static tcptale_frame frames[FRAMES];
static uint32_t seed = 11;

static uint32_t random_below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)seed * n >> 32);
}

/* What two hosts say in a connection, over and over, on few ports. */
static const struct step {
  uint32_t dir;
  uint16_t flags;
  uint32_t seq; /* from the first */
  uint32_t ack;
  uint32_t len;
} steps[] = {
    {0, TCPTALE_TCP_SYN, 0, 0, 0},
    {1, TCPTALE_TCP_SYN | TCPTALE_TCP_ACK, 0, 1, 0},
    {0, TCPTALE_TCP_ACK, 1, 1, 0},
    {0, TCPTALE_TCP_ACK, 1, 1, 16},
    {1, TCPTALE_TCP_ACK, 1, 17, 16},
    {0, TCPTALE_TCP_ACK, 17, 17, 4},
    {0, TCPTALE_TCP_ACK | TCPTALE_TCP_FIN, 21, 17, 0},
    {1, TCPTALE_TCP_ACK | TCPTALE_TCP_FIN, 17, 22, 0},
    {0, TCPTALE_TCP_ACK, 22, 18, 0},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static size_t build(uint8_t *out, uint32_t conn, const struct step *step) {
  static const uint8_t client[4] = {8, 0, 69, 1}, server[4] = {10, 0, 0, 2};
  uint16_t port = (uint16_t)(1234 + conn % PORTS);
  struct build_segment segment = {.version = 4,
                                  .ethernet = 1,
                                  .window = 8000,
                                  .flags = step->flags,
                                  .src_port = step->dir ? 80 : port,
                                  .dst_port = step->dir ? port : 80,
                                  .seq = 5000 * conn + step->seq,
                                  .ack = step->ack ? 5000 * conn + step->ack : 0,
                                  .payload = (const uint8_t *)"0123456789abcdef",
                                  .payload_len = step->len};
  memcpy(segment.src, step->dir ? server : client, 4);
  memcpy(segment.dst, step->dir ? client : server, 4);
  return build_frame(out, ROOM, &segment);
}

/* What makes a frame another than it looks like. */
static void disguise(tcptale_frame *frame, uint8_t *data) {
  uint8_t *ip = data + ETHERNET;
  switch (random_below(10)) {
  case 0: ip[0] = 0x46; break; /* its ports are where options are */
  case 1: ip[9] = 17; break;
  case 2: ip[6] = 0x20; break;                /* a fragment */
  case 3: memcpy(ip + 16, ip + 12, 4); break; /* LAND */
  case 4: memcpy(ip + 16, ip + 12, 4), memcpy(ip + 22, ip + 20, 2); break;
  case 5: frame->scope = 7; break;
  case 6: frame->cap_len = frame->cap_len < 54 ? frame->cap_len : 53 + random_below(2); break;
  case 7: /* the source address is where a type was */
    frame->link_type = TCPTALE_LINK_RAW;
    memmove(data, ip, frame->cap_len -= ETHERNET);
    frame->wire_len = frame->cap_len;
    break;
  case 8: frame->link_type = TCPTALE_LINK_LINUX_SLL; break;
  case 9: data[13] = 6; break; /* ARP, it says */
  }
}

/* Each of the conversation's frames comes behind one that says the same, but is another. */
static void make_frames(void) {
  for (uint32_t i = 0; i < FRAMES; i++) {
    uint32_t len = (uint32_t)build(bytes[i], i / 2 / STEPS, &steps[i / 2 % STEPS]);
    cr_assert(len > 0);
    frames[i] = (tcptale_frame){.struct_size = sizeof frames[i],
                                .link_type = TCPTALE_LINK_ETHERNET,
                                .cap_len = len,
                                .wire_len = len,
                                .ts_ns = (i + 1) * UINT64_C(300000),
                                .index = i + 1};
    if (i % 2 == 0) disguise(&frames[i], bytes[i]);
    frames[i].data = bytes[i];
  }
}

static int feed_alone(tcptale_tracker *tracker, const tcptale_frame *frame) {
  tcptale_frame copy = *frame;
  size_t taken = 9;
  copy.data = guard_copy(frame->data, frame->cap_len);
  int result = tcptale_tracker_feed(tracker, &copy, 1, &taken);
  cr_assert_eq(taken, 1);
  return result;
}

static int feed_decoded(tcptale_tracker *tracker, const tcptale_frame *frame) {
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_decode(&packet, frame->link_type, frame->data, frame->cap_len, frame->wire_len, 0);
  return tcptale_tracker_feed_packet(tracker, &packet, frame);
}

static tcptale_tracker_stats feed(struct tape *tape, enum way way) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.checksum = TCPTALE_CHECKSUM_IGNORE;
  tape_begin(tape, TAPE_PLACES | TAPE_ANOMALIES);
  tcptale_tracker *tracker = tape_tracker(tape, &config);
  for (size_t i = 0; i < FRAMES; i += way == BATCHES ? 50 : 1) {
    int result = way == BATCHES ? tcptale_tracker_feed(tracker, &frames[i], 50, NULL)
                 : way == ALONE ? feed_alone(tracker, &frames[i])
                                : feed_decoded(tracker, &frames[i]);
    cr_assert_eq(result, TCPTALE_OK);
  }
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_tracker_stats_read(tracker, &stats);
  cr_expect_null(tape_end(tape));
  return stats;
}

Test(ahead, frames_that_are_not_what_they_look_like) {
  static struct tape alone, batches, decoded;
  make_frames();
  tcptale_tracker_stats a = feed(&alone, ALONE), b = feed(&batches, BATCHES),
                        d = feed(&decoded, DECODED);
  cr_expect(tape_count(&alone, TAPE_DATA, TAPE_ANY) > 1000);
  cr_expect(tape_count(&alone, TAPE_CLOSE, TAPE_ANY) > 1000);
  cr_expect(tape_equal(&alone, &batches, "alone, in batches"));
  cr_expect(tape_equal(&alone, &decoded, "alone, decoded"));
  cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
  cr_expect_eq(memcmp(&a, &d, sizeof a), 0);
  tape_wipe(&alone), tape_wipe(&batches), tape_wipe(&decoded);
}

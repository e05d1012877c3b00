/* test_gist.c - a gist that is read straight from a frame says what the decoder says of it, or is
 * not read. */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "gist.h"
#include "guard.h"
#include "key.h"

enum { ROUNDS = 60000, OPTIONS = 40 };

static uint32_t seed = 5;

static uint32_t random_below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)seed * n >> 32);
}

/* As most systems write those of a SYN. */
static const uint8_t COMMON[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7};

static int read_gist(struct tcptale_gist *gist, struct tcptale_gist_ends *ends, const uint8_t *data,
                     size_t len, int verify) {
  uint32_t cap_len = (uint32_t)len;
  if (!tcptale_gist_is_v4(data, cap_len))
    return tcptale_gist_of_other(gist, ends, data, cap_len, verify);
  *ends = tcptale_gist_ends_of_v4(data);
  return tcptale_gist_of_v4(gist, data, cap_len, verify);
}

/* 0: both ends are one, which is odd, so it is decoded after all. */
static int expect_key(const struct tcptale_gist_ends *ends, const tcptale_packet *packet) {
  static const struct tcptale_key_secret secret = {.word = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31}};
  struct tcptale_key a, b;
  int is_known = tcptale_key_of_ends(&a, ends, &secret);
  cr_assert(tcptale_key_of(&b, packet, 0, 0, &secret));
  cr_assert_eq(ends->ip_version, packet->ip_version);
  if (!is_known) return 0;
  cr_assert(a.hash == b.hash && a.from == b.from && a.kind == b.kind);
  cr_assert(tcptale_key_is_brief(&a, &b.brief));
  cr_assert(tcptale_key_has_tail(&a, b.kind, tcptale_key_tail(&b)));
  return 1;
}

/* Returns the kind that was read; ODD: none was. */
static uint32_t expect_same(const uint8_t *frame, size_t len, int verify) {
  const uint8_t *data = guard_copy(frame, len); /* nothing behind it may be read */
  struct tcptale_gist read, decoded;
  struct tcptale_gist_ends ends;
  memset(&read, 0xa5, sizeof read);
  if (!read_gist(&read, &ends, data, len, verify)) return TCPTALE_GIST_ODD;
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_decode(&packet, TCPTALE_LINK_ETHERNET, data, len, len,
                 verify ? TCPTALE_DECODE_CHECKSUM : 0);
  cr_assert(packet.layers & TCPTALE_LAYER_TCP);
  tcptale_gist_of_packet(&decoded, &packet, data);
  if (!expect_key(&ends, &packet)) return TCPTALE_GIST_ODD;
  cr_assert_eq(memcmp(&read.said, &decoded.said, sizeof read.said), 0);
  cr_assert(read.kind == decoded.kind && read.wscale == decoded.wscale);
  cr_assert(read.has_timestamps == decoded.has_timestamps && read.good_sum == decoded.good_sum);
  cr_assert_eq(read.cap_len, decoded.cap_len);
  cr_assert(read.mac == decoded.mac && read.mac != 0);
  cr_assert(read.ttl == decoded.ttl && read.ip_version == decoded.ip_version);
  cr_assert(read.cap_len == 0 || read.payload == decoded.payload);
  return read.kind;
}

/* Options one behind the other, some of them wrong, and the rest NOP; returns their length. */
static size_t make_options(uint8_t out[OPTIONS]) {
  static const uint8_t SOME[][10] = {{2, 4, 1, 2}, {4, 2},     {3, 3, 14}, {3, 3, 15}, {3, 2},
                                     {5, 10},      {8, 10, 9}, {1},        {0},        {8, 9},
                                     {30, 4},      {19, 10},   {2, 3, 1}};
  static const uint8_t LEN[] = {4, 2, 3, 3, 2, 10, 10, 1, 1, 9, 4, 10, 3};
  size_t at = 0, room = 4 * random_below(OPTIONS / 4 + 1);
  memset(out, 1, OPTIONS);
  for (uint32_t which; at < room && random_below(8) != 0; at += LEN[which]) {
    which = random_below(sizeof LEN);
    if (at + LEN[which] > room) break;
    memcpy(out + at, SOME[which], LEN[which]);
  }
  return room;
}

static struct build_segment make_segment(uint8_t options[OPTIONS]) {
  static const uint16_t FLAGS[] = {0x02, 0x12, 0x10, 0x18,  0x11, 0x14,
                                   0x04, 0x30, 0xc2, 0x152, 0x03};
  static const uint8_t STAMPS[12] = {1, 1, 8, 10, 0, 0, 0, 9, 0xff, 0xfe, 0, 1};
  static const uint8_t PAYLOAD[64];
  struct build_segment s = {.version = random_below(3) ? 4 : 6, .ethernet = 1, .options = options};
  s.flags = FLAGS[random_below(sizeof FLAGS / sizeof *FLAGS)];
  s.src[0] = s.dst[0] = (uint8_t)random_below(3);
  s.src[3] = s.dst[3] = 9;
  s.dst[1] = (uint8_t)random_below(2);
  s.src_port = (uint16_t)random_below(3);
  s.dst_port = (uint16_t)random_below(3);
  s.seq = random_below(UINT32_MAX);
  s.ack = random_below(2) ? random_below(UINT32_MAX) : 0;
  s.window = (uint16_t)random_below(65536);
  s.ttl = (uint8_t)random_below(256);
  s.mac = (uint8_t)random_below(256);
  s.vlan = random_below(4) ? 0 : 7;
  s.tcp_sum = random_below(8) ? BUILD_SUM_GOOD : BUILD_SUM_BAD;
  s.payload = PAYLOAD;
  s.payload_len = random_below(3) ? 0 : random_below(sizeof PAYLOAD);
  s.trailer_len = random_below(8);
  s.option_len = make_options(options);
  if (random_below(3) == 0) memcpy(options, STAMPS, s.option_len = sizeof STAMPS);
  if (random_below(3) == 0) memcpy(options, COMMON, s.option_len = sizeof COMMON);
  return s;
}

/* Frames of all kinds; some damaged in a byte, or cut. */
Test(gist, says_what_the_decoder_says) {
  uint32_t kinds[3] = {0};
  for (int round = 0; round < ROUNDS; round++) {
    uint8_t options[OPTIONS], frame[256];
    struct build_segment s = make_segment(options);
    size_t len = build_frame(frame, sizeof frame, &s);
    cr_assert_neq(len, 0);
    if (random_below(2)) frame[random_below((uint32_t)len)] ^= (uint8_t)(1u << random_below(8));
    if (random_below(8) == 0) len = random_below((uint32_t)len + 1);
    kinds[expect_same(frame, len, (int)random_below(2))]++;
  }
  for (int kind = 0; kind < 3; kind++) cr_expect_gt(kinds[kind], ROUNDS / 40u, "kind %d", kind);
}

/* The order that most systems write is read at once: whichever bit of it is another. */
Test(gist, every_bit_of_common_options) {
  uint8_t options[sizeof COMMON], frame[128];
  struct build_segment s = {.version = 4, .flags = 2, .ethernet = 1, .options = options};
  s.option_len = sizeof options;
  s.dst[0] = 1;
  uint32_t calls = 0;
  for (uint32_t bit = 0; bit < 8 * sizeof COMMON; bit++) {
    memcpy(options, COMMON, sizeof options);
    options[bit / 8] ^= (uint8_t)(1u << bit % 8);
    calls += expect_same(frame, build_frame(frame, sizeof frame, &s), 1) == TCPTALE_GIST_CALL;
  }
  cr_expect_geq(calls, 16 + 64, "those of the two numbers alone make so many");
}

/* Link addresses that differ in the last byte alone, as those of neighbours do, have digests of
 * their own. */
Test(gist, neighbours_differ) {
  uint8_t address[6] = {2, 0, 0, 0, 0, 0};
  static uint8_t is_taken[65536];
  for (int last = 0; last < 256; last++) {
    address[5] = (uint8_t)last;
    cr_expect_not(is_taken[tcptale_fields_mac(address)]++, "%d", last);
  }
}

/* What a caller made up, or took back, is odd whatever else it says of itself. */
Test(gist, believes_no_packet_that_contradicts_itself) {
  uint8_t options[OPTIONS], frame[256];
  struct build_segment s = make_segment(options);
  s.version = 4;
  s.flags = TCPTALE_TCP_ACK;
  s.option_len = 0;
  s.payload_len = 20;
  s.src[0] = 1;
  s.dst[0] = 2;
  s.tcp_sum = BUILD_SUM_GOOD;
  size_t len = build_frame(frame, sizeof frame, &s);
  tcptale_packet packet, other;
  struct tcptale_gist gist;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_decode(&packet, TCPTALE_LINK_ETHERNET, frame, len, len, TCPTALE_DECODE_CHECKSUM);
  tcptale_gist_of_packet(&gist, &packet, frame);
  cr_assert_eq(gist.kind, TCPTALE_GIST_PLAIN);
  other = packet;
  other.tcp_csum = TCPTALE_CSUM_BAD;
  tcptale_gist_of_packet(&gist, &other, frame);
  cr_expect_eq(gist.kind, TCPTALE_GIST_ODD);
  other = packet;
  other.ip_csum = TCPTALE_CSUM_BAD;
  tcptale_gist_of_packet(&gist, &other, frame);
  cr_expect_eq(gist.kind, TCPTALE_GIST_ODD);
  other = packet;
  other.payload_unsent = 4;
  tcptale_gist_of_packet(&gist, &other, frame);
  cr_expect_eq(gist.kind, TCPTALE_GIST_ODD);
}

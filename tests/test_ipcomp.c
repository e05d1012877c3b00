/* Compressed datagrams (RFC 3173): unpacked, they go the way of any packet; what cannot be unpacked
 * is left alone. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "guard.h"
#include "tape.h"
#include "tcptale/packet.h"

enum { TRANSPORT, TUNNEL };

/* A segment "hello" in a datagram of IP version `version`. */
static struct build_segment plain(int version, uint32_t seq) {
  struct build_segment s = {.version = version, .src_port = 1, .dst_port = 2, .seq = seq};
  s.flags = TCPTALE_TCP_ACK, s.ack = 1, s.window = 1000, s.ip_id = (uint16_t)seq;
  s.src[0] = s.dst[0] = 10, s.src[15] = 1, s.dst[3] = 2;
  s.payload = (const uint8_t *)"hello", s.payload_len = 5;
  return s;
}

static void put16(uint8_t *at, size_t value) {
  at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value;
}

/* The datagram of `s`, its payload, or all of it, as one stored block behind an IPComp header. */
static size_t compressed(uint8_t *out, const struct build_segment *s, int mode, uint32_t cpi) {
  uint8_t whole[256];
  size_t len = build_frame(whole, sizeof whole, s), head = s->version == 4 ? 20 : 40;
  const uint8_t *inner = mode == TUNNEL ? whole : whole + head;
  size_t inner_len = mode == TUNNEL ? len : len - head;
  uint8_t *p = out + head;
  memcpy(out, whole, head);
  *p++ = mode == TRANSPORT ? 6 : s->version == 4 ? 4 : 41;
  *p++ = 0;
  put16(p, cpi);
  p[2] = 1;
  p[3] = (uint8_t)inner_len, p[4] = 0;
  p[5] = (uint8_t)~inner_len, p[6] = 0xff;
  memcpy(p + 7, inner, inner_len);
  if (s->version == 4) {
    put16(out + 2, head + 9 + inner_len);
    out[9] = 108;
    put16(out + 10, 0);
    put16(out + 10, build_checksum(out, 20, 0));
  } else {
    put16(out + 4, 9 + inner_len);
    out[6] = 108;
  }
  return head + 9 + inner_len;
}

static tcptale_packet decode(const uint8_t *data, size_t cap_len, size_t wire_len) {
  tcptale_packet p;
  tcptale_packet_init(&p, sizeof p);
  tcptale_decode(&p, TCPTALE_LINK_RAW, data, cap_len, wire_len, TCPTALE_DECODE_CHECKSUM);
  return p;
}

Test(ipcomp, unpacked) {
  uint8_t bytes[256], out[256];
  for (int version = 4; version <= 6; version += 2) {
    for (int mode = TRANSPORT; mode <= TUNNEL; mode++) {
      struct build_segment s = plain(version, 7);
      size_t len = compressed(bytes, &s, mode, 0xeed1), head = version == 4 ? 20 : 40;
      size_t inner = len - head - 9, ip = mode == TUNNEL ? head : 0;
      uint8_t *data = guard_copy(bytes, len);
      tcptale_packet p = decode(data, len, len);
      cr_assert_eq(p.stop_reason, TCPTALE_STOP_COMPRESSED);
      cr_expect(p.ip_header_len == head + 4 && p.ip_payload_len == inner + 5);
      cr_assert_eq(tcptale_decode_unpacked(&p, data, out, inner, TCPTALE_DECODE_CHECKSUM),
                   (int)inner);
      cr_expect(p.stop_reason == TCPTALE_STOP_NONE && p.seq == 7 && p.payload_len == 5);
      cr_expect(p.tcp_offset == ip && p.payload_offset == ip + 20 && p.tunnel_count == mode);
      cr_expect(p.tcp_csum == TCPTALE_CSUM_GOOD && p.ip_csum == TCPTALE_CSUM_GOOD);
      cr_expect(p.layers & TCPTALE_LAYER_IPCOMP && p.flags & TCPTALE_PACKET_REASSEMBLED);
      cr_expect_eq(memcmp(p.dst, s.dst, version == 4 ? 4 : 16), 0);
      cr_expect_eq(memcmp(out + p.payload_offset, "hello", 5), 0);
      cr_expect_eq(tcptale_decode_unpacked(&p, data, out, inner, 0), TCPTALE_ERR_ARG, "only once");
    }
  }
}

static int unpack(const uint8_t *bytes, size_t cap_len, size_t wire_len, size_t room) {
  uint8_t out[256];
  uint8_t *data = guard_copy(bytes, cap_len);
  tcptale_packet p = decode(data, cap_len, wire_len), before = p;
  int result = tcptale_decode_unpacked(&p, data, out, room, 0);
  if (result < 0) cr_expect_eq(memcmp(&p, &before, sizeof p), 0, "unchanged");
  return result;
}

Test(ipcomp, what_cannot_be_unpacked) {
  uint8_t bytes[256];
  struct build_segment s = plain(4, 7);
  size_t len = compressed(bytes, &s, TRANSPORT, 2);
  static const struct {
    uint32_t cpi;
    int result;
  } cpis[] = {{0, TCPTALE_ERR_NOT_FOUND},
              {1, TCPTALE_ERR_NOT_FOUND},
              {2, 25},
              {3, TCPTALE_ERR_NOT_FOUND},
              {4, TCPTALE_ERR_NOT_FOUND},
              {63, TCPTALE_ERR_NOT_FOUND},
              {255, TCPTALE_ERR_NOT_FOUND},
              {256, 25},
              {0xffff, 25}};
  for (size_t i = 0; i < sizeof cpis / sizeof cpis[0]; i++) {
    put16(bytes + 22, cpis[i].cpi);
    cr_expect_eq(unpack(bytes, len, len, 256), cpis[i].result, "CPI %u", cpis[i].cpi);
  }
  cr_expect_eq(unpack(bytes, len, len, 24), TCPTALE_ERR_NOT_FOUND, "more than there is room for");
  for (size_t cap = 24; cap < len; cap++)
    cr_expect_eq(unpack(bytes, cap, len, 256), TCPTALE_ERR_NOT_FOUND, "%zu of it captured", cap);
  bytes[24] = 7;
  cr_expect_eq(unpack(bytes, len, len, 256), TCPTALE_ERR_NOT_FOUND, "another compression");

  uint8_t out[8];
  tcptale_packet p = decode(bytes, 10, 10);
  cr_expect_eq(tcptale_decode_unpacked(&p, bytes, out, 8, 0), TCPTALE_ERR_ARG, "it stopped before");
  p = decode(bytes, len, len);
  cr_expect_eq(tcptale_decode_unpacked(&p, bytes, NULL, 8, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_decode_unpacked(&p, NULL, out, 8, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_decode_unpacked(&p, bytes, out, 8, 2), TCPTALE_ERR_ARG, "unknown flag");
  p.ip_payload_offset = p.cap_len + 1;
  cr_expect_eq(tcptale_decode_unpacked(&p, bytes, out, 8, 0), TCPTALE_ERR_ARG, "a packet made up");
}

/* ---- through the tracker ---- */

static void feed(tcptale_tracker *t, const uint8_t *bytes, size_t len) {
  static uint64_t index;
  index++;
  tcptale_frame f = {
      sizeof f, TCPTALE_LINK_RAW, (uint32_t)len, (uint32_t)len, index * 1000000, index, 0, bytes};
  tcptale_tracker_feed(t, &f, 1, NULL);
}

/* The IPv4 datagram in two fragments. */
static void feed_in_fragments(tcptale_tracker *t, const uint8_t *bytes, size_t len) {
  enum { HEAD = 20, FIRST = 16 };
  uint8_t part[256];
  for (int last = 0; last < 2; last++) {
    size_t from = last ? FIRST : 0, size = last ? len - HEAD - FIRST : FIRST;
    memcpy(part, bytes, HEAD);
    memcpy(part + HEAD, bytes + HEAD + from, size);
    put16(part + 2, HEAD + size);
    put16(part + 6, (last ? 0 : 0x2000u) | from / 8);
    put16(part + 10, 0);
    put16(part + 10, build_checksum(part, HEAD, 0));
    feed(t, part, HEAD + size);
  }
}

static size_t delivered(const struct tape *tape) {
  size_t bytes = 0;
  for (size_t i = 0; i < tape->count; i++)
    if (tape->events[i].kind == TAPE_DATA) bytes += tape->events[i].len;
  return bytes;
}

/* Plain, compressed, compressed and then in fragments: one connection with all the bytes. */
static size_t tell(uint32_t flags) {
  struct tape tape;
  uint8_t bytes[256];
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.flags = flags;
  tape_begin(&tape, 0);
  tcptale_tracker *t = tape_tracker(&tape, &config);
  for (uint32_t i = 0; i < 4; i++) {
    struct build_segment s = plain(4, 1 + i * 5);
    size_t len = i == 0 ? build_frame(bytes, sizeof bytes, &s)
                        : compressed(bytes, &s, i == 1 ? TUNNEL : TRANSPORT, 2);
    if (i == 3) feed_in_fragments(t, bytes, len);
    else feed(t, bytes, len);
  }
  const char *broken = tape_end(&tape);
  cr_expect_null(broken, "%s", broken ? broken : "");
  size_t sum = delivered(&tape);
  tape_wipe(&tape);
  return sum;
}

Test(ipcomp, goes_the_way_of_any_packet) {
  cr_expect_eq(tell(0), 20u);
  cr_expect_eq(tell(TCPTALE_CONFIG_NO_UNPACK), 5u);
  cr_expect_eq(tell(TCPTALE_CONFIG_NO_DEFRAG), 15u);
}

/* What is odd in an unpacked segment is told of its connection; a wrong checksum counts. */
Test(ipcomp, checksums_count_inside) {
  struct tape tape;
  uint8_t bytes[256];
  tape_begin(&tape, TAPE_ANOMALIES);
  tcptale_tracker *t = tape_tracker(&tape, NULL);
  for (uint32_t i = 0; i < 3; i++) {
    struct build_segment s = plain(4, 1 + i * 5);
    size_t len = compressed(bytes, &s, TRANSPORT, 2);
    if (i == 1) bytes[len - 1] ^= 1;
    if (i == 2) bytes[10] ^= 1;
    feed(t, bytes, len);
  }
  tape_end(&tape);
  cr_expect_eq(delivered(&tape), 5u);
  cr_expect_eq(tape.anomalies[TCPTALE_ANOMALY_BAD_TCP_CSUM], 1u);
  cr_expect_eq(tape.anomalies[TCPTALE_ANOMALY_BAD_IP_CSUM], 1u);
  tape_wipe(&tape);
}

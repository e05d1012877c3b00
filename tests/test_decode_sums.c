/* Checksums as the decoder sees them (rule R21, D13), over segments whose sums tests/build.c makes,
 * and over datagrams that were in fragments. */
#include <criterion/criterion.h>

#include "tcptale/checksum.h"
#include "tcptale/packet.h"

#include "build.h"
#include "guard.h"

#define A(name) (1u << TCPTALE_ANOMALY_##name)

static struct build_segment plain(int version, const uint8_t *payload, size_t len) {
  struct build_segment s = {
      .version = version, .src_port = 1, .dst_port = 2, .flags = TCPTALE_TCP_ACK};
  s.src[0] = version == 4 ? 10 : 0x20;
  s.dst[0] = s.src[0];
  s.src[3] = 1;
  s.dst[3] = 2;
  s.payload = payload;
  s.payload_len = len;
  return s;
}

static tcptale_packet decode(const uint8_t *data, size_t cap_len, size_t wire_len, uint32_t flags) {
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  cr_assert_eq(tcptale_decode(&packet, TCPTALE_LINK_RAW, data, cap_len, wire_len, flags),
               TCPTALE_OK);
  return packet;
}

/* Lengths odd and even, none and large; every state of the TCP sum. */
Test(decode_sums, tcp) {
  static uint8_t payload[60000], frame[BUILD_ROOM];
  static const size_t lengths[] = {0, 1, 2, 3, 1459, 1460, 60000};
  static const uint32_t want[] = {TCPTALE_CSUM_GOOD, TCPTALE_CSUM_BAD, TCPTALE_CSUM_PARTIAL};
  static const uint32_t anomaly[] = {0, A(BAD_TCP_CSUM), A(CSUM_OFFLOAD)};
  for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 31 + 7);
  for (int version = 4; version <= 6; version += 2)
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
      for (uint32_t sum = BUILD_SUM_GOOD; sum <= BUILD_SUM_PARTIAL; sum++) {
        struct build_segment s = plain(version, payload, lengths[i]);
        s.tcp_sum = (enum build_sum)sum;
        size_t len = build_frame(frame, sizeof frame, &s);
        tcptale_packet p = decode(guard_copy(frame, len), len, len, TCPTALE_DECODE_CHECKSUM);
        cr_expect_eq(p.tcp_csum, want[sum], "v%d, %zu bytes: %s", version, lengths[i],
                     tcptale_checksum_name(p.tcp_csum));
        cr_expect_eq(p.ip_csum, TCPTALE_CSUM_GOOD);
        cr_expect_eq(p.anomalies, anomaly[sum], "v%d, %zu bytes", version, lengths[i]);
        cr_expect_eq(p.payload_len, lengths[i]);
        p = decode(frame, len, len, 0);
        cr_expect(p.tcp_csum == TCPTALE_CSUM_UNCHECKED && p.ip_csum == TCPTALE_CSUM_UNCHECKED &&
                  p.anomalies == 0);
        if (lengths[i] == 0) continue;
        p = decode(frame, len - 1, len, TCPTALE_DECODE_CHECKSUM);
        cr_expect(p.tcp_csum == TCPTALE_CSUM_UNVERIFIABLE && p.anomalies == 0, "cut by one byte");
      }
}

/* A sum of the pseudo header without the length: the hardware is to cut the segment, too. */
Test(decode_sums, tcp_to_be_cut) {
  uint8_t frame[128];
  for (int version = 4; version <= 6; version += 2) {
    struct build_segment s = plain(version, (const uint8_t *)"hello", 5);
    size_t len = build_frame(frame, sizeof frame, &s), ip_len = version == 4 ? 20 : 40;
    uint64_t pseudo = tcptale_checksum_pseudo(s.src, s.dst, version == 4 ? 4 : 16, 6, 0);
    uint16_t sum = tcptale_checksum_fold(pseudo);
    for (uint16_t off = 0; off < 2; off++) {
      frame[ip_len + 16] = (uint8_t)((sum + off) >> 8);
      frame[ip_len + 17] = (uint8_t)(sum + off);
      tcptale_packet p = decode(frame, len, len, TCPTALE_DECODE_CHECKSUM);
      cr_expect_eq(p.tcp_csum, off ? TCPTALE_CSUM_BAD : TCPTALE_CSUM_PARTIAL, "v%d", version);
      cr_expect_eq(p.anomalies, off ? A(BAD_TCP_CSUM) : A(CSUM_OFFLOAD), "v%d", version);
    }
  }
}

/* A change of any one bit of a segment is noticed. */
Test(decode_sums, any_bit) {
  uint8_t frame[128];
  const uint8_t payload[] = "abc";
  for (int version = 4; version <= 6; version += 2) {
    struct build_segment s = plain(version, payload, 3);
    size_t len = build_frame(frame, sizeof frame, &s);
    for (size_t bit = 0; bit < len * 8; bit++) {
      frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
      tcptale_packet p = decode(frame, len, len, TCPTALE_DECODE_CHECKSUM);
      int fine = (p.layers & TCPTALE_LAYER_TCP) && p.ip_csum == TCPTALE_CSUM_GOOD &&
                 p.tcp_csum == TCPTALE_CSUM_GOOD;
      /* Class, flow label and hop limit of IPv6 are under no checksum. */
      int covered = version == 4 || (bit >= 4 && bit < 8) || (bit >= 32 && bit / 8 != 7);
      cr_expect_eq(fine, !covered, "v%d: bit %zu", version, bit);
      frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
  }
}

Test(decode_sums, ip) {
  static const uint32_t want[] = {TCPTALE_CSUM_GOOD, TCPTALE_CSUM_BAD, 0, TCPTALE_CSUM_PARTIAL};
  static const uint32_t anomaly[] = {0, A(BAD_IP_CSUM), 0, A(CSUM_OFFLOAD)};
  uint8_t frame[128];
  for (uint32_t sum = BUILD_SUM_GOOD; sum <= BUILD_SUM_ZERO; sum++) {
    if (sum == BUILD_SUM_PARTIAL) continue;
    struct build_segment s = plain(4, NULL, 0);
    s.ip_sum = (enum build_sum)sum;
    size_t len = build_frame(frame, sizeof frame, &s);
    tcptale_packet p = decode(frame, len, len, TCPTALE_DECODE_CHECKSUM);
    cr_expect_eq(p.ip_csum, want[sum], "%s", tcptale_checksum_name(p.ip_csum));
    cr_expect_eq(p.tcp_csum, TCPTALE_CSUM_GOOD);
    cr_expect_eq(p.anomalies, anomaly[sum]);
  }
}

/* An IP length of 0: the sum goes over what the frame holds. */
Test(decode_sums, without_ip_length) {
  static const uint32_t want[] = {TCPTALE_CSUM_GOOD, TCPTALE_CSUM_BAD, TCPTALE_CSUM_PARTIAL};
  uint8_t frame[128];
  for (uint32_t sum = BUILD_SUM_GOOD; sum <= BUILD_SUM_PARTIAL; sum++) {
    struct build_segment s = plain(4, (const uint8_t *)"hello", 5);
    s.zero_ip_length = 1;
    s.tcp_sum = (enum build_sum)sum;
    size_t len = build_frame(frame, sizeof frame, &s);
    tcptale_packet p = decode(frame, len, len, TCPTALE_DECODE_CHECKSUM);
    cr_expect_eq(p.tcp_csum, want[sum], "%u: %s", sum, tcptale_checksum_name(p.tcp_csum));
    cr_expect(p.flags & TCPTALE_PACKET_LENGTH_FROM_FRAME);
    cr_expect(p.anomalies & A(CSUM_OFFLOAD));
  }
}

/* Puts a routing header of three addresses' room into an IPv6 segment made for `final`, with
 * another address in the IP header. */
static size_t build_routed(uint8_t *frame, const struct build_segment *s, uint8_t type,
                           uint8_t segments_left, size_t final_at) {
  enum { V6 = 40, ROUTING = 56 };
  uint8_t made[256];
  size_t len = build_frame(made, sizeof made, s);
  memcpy(frame, made, V6);
  memset(frame + V6, 0, ROUTING);
  memcpy(frame + V6 + ROUTING, made + V6, len - V6);
  frame[5] = (uint8_t)(frame[5] + ROUTING);
  frame[6] = 43;
  frame[V6] = 6;
  frame[V6 + 1] = ROUTING / 8 - 1;
  frame[V6 + 2] = type;
  frame[V6 + 3] = segments_left;
  if (segments_left > 0) {
    memcpy(frame + V6 + final_at, frame + 24, 16);
    frame[39] ^= 0xff;
  }
  return len + ROUTING;
}

/* D13: TCP's sum covers the final destination (RFC 8200 8.1), which is where the type says. */
Test(decode_sums, routing_header) {
  static const struct {
    uint8_t type, segments_left;
    size_t final_at;
    uint32_t csum, anomalies;
  } rows[] = {
      {0, 2, 40, TCPTALE_CSUM_GOOD, A(IP_OPT_ROUTE)},
      {0, 0, 0, TCPTALE_CSUM_GOOD, A(IP_OPT_ROUTE)},
      {0, 2, 8, TCPTALE_CSUM_BAD, A(IP_OPT_ROUTE) | A(BAD_TCP_CSUM)},
      {2, 1, 8, TCPTALE_CSUM_GOOD, A(IP_OPT_ROUTE)},
      {4, 2, 8, TCPTALE_CSUM_GOOD, A(IP_OPT_ROUTE)},
      {4, 0, 0, TCPTALE_CSUM_GOOD, 0},
      {3, 2, 8, TCPTALE_CSUM_UNVERIFIABLE, A(IP_OPT_ROUTE)},
  };
  uint8_t frame[256];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct build_segment s = plain(6, (const uint8_t *)"hello", 5);
    size_t len = build_routed(frame, &s, rows[i].type, rows[i].segments_left, rows[i].final_at);
    tcptale_packet p = decode(guard_copy(frame, len), len, len, TCPTALE_DECODE_CHECKSUM);
    cr_expect_eq(p.tcp_csum, rows[i].csum, "row %zu: %s", i, tcptale_checksum_name(p.tcp_csum));
    cr_expect_eq(p.anomalies, rows[i].anomalies, "row %zu: %x", i, p.anomalies);
    cr_expect_eq(memcmp(p.dst, frame + 24, 16), 0, "the header's destination stays");
  }
}

/* A loose source route that is not at its end: the last address is covered, not the header's. */
Test(decode_sums, source_route) {
  enum { V4 = 20, OPTION = 12 };
  uint8_t made[128], frame[128];
  struct build_segment s = plain(4, (const uint8_t *)"hello", 5);
  size_t len = build_frame(made, sizeof made, &s);
  memcpy(frame, made, V4);
  memcpy(frame + V4 + OPTION, made + V4, len - V4);
  guard_hex(frame + V4, OPTION, "01 830b04 09090909 00000000");
  memcpy(frame + V4 + 8, frame + 16, 4);
  frame[16] = 11;
  frame[0] = 0x48;
  frame[3] = (uint8_t)(frame[3] + OPTION);
  frame[10] = frame[11] = 0;
  uint16_t sum = build_checksum(frame, V4 + OPTION, 0);
  frame[10] = (uint8_t)(sum >> 8);
  frame[11] = (uint8_t)sum;
  tcptale_packet p =
      decode(guard_copy(frame, len + OPTION), len + OPTION, len + OPTION, TCPTALE_DECODE_CHECKSUM);
  cr_expect(p.ip_csum == TCPTALE_CSUM_GOOD && p.tcp_csum == TCPTALE_CSUM_GOOD);
  cr_expect(p.dst[0] == 11 && p.anomalies == A(IP_OPT_ROUTE));
}

static tcptale_packet first_fragment(const struct build_segment *s) {
  uint8_t frame[256];
  size_t len = build_fragment(frame, sizeof frame, s, 0, 16, 1);
  tcptale_packet p = decode(frame, len, len, TCPTALE_DECODE_CHECKSUM);
  cr_assert(p.stop_reason == TCPTALE_STOP_FRAGMENT && p.ip_payload_len == 16 &&
            p.tcp_csum == TCPTALE_CSUM_UNCHECKED);
  cr_assert(p.flags & TCPTALE_PACKET_MORE_FRAGMENTS);
  return p;
}

Test(decode_sums, reassembled) {
  uint8_t whole[256];
  for (int version = 4; version <= 6; version += 2) {
    struct build_segment s = plain(version, (const uint8_t *)"hello world", 11);
    size_t header = version == 4 ? 20 : 40, len = build_frame(whole, sizeof whole, &s);
    tcptale_packet p = first_fragment(&s);
    uint8_t *data = guard_copy(whole + header, len - header);
    cr_assert_eq(tcptale_decode_reassembled(&p, data, len - header, TCPTALE_DECODE_CHECKSUM),
                 TCPTALE_OK);
    tcptale_packet direct = decode(whole, len, len, TCPTALE_DECODE_CHECKSUM);
    cr_expect(p.stop_reason == TCPTALE_STOP_NONE && p.tcp_csum == TCPTALE_CSUM_GOOD &&
              p.ip_csum == TCPTALE_CSUM_GOOD);
    cr_expect(p.flags == TCPTALE_PACKET_REASSEMBLED && p.frag_offset == 0 &&
              !(p.layers & TCPTALE_LAYER_FRAGMENT));
    cr_expect(p.seq == direct.seq && p.src_port == 1 && p.payload_len == 11 && p.payload_cap == 11);
    cr_expect(p.tcp_offset == 0 && p.payload_offset == 20 && p.ip_payload_len == len - header);
    cr_expect_eq(p.ip_total_len, len, "v%d: %u", version, p.ip_total_len);
    cr_expect_eq(memcmp(p.src, direct.src, 32), 0);

    p = first_fragment(&s);
    data[21] ^= 1;
    tcptale_decode_reassembled(&p, data, len - header, TCPTALE_DECODE_CHECKSUM);
    cr_expect(p.tcp_csum == TCPTALE_CSUM_BAD && p.anomalies == A(BAD_TCP_CSUM));

    p = first_fragment(&s);
    tcptale_decode_reassembled(&p, data, 12, TCPTALE_DECODE_CHECKSUM);
    cr_expect(p.stop_reason == TCPTALE_STOP_MALFORMED && p.stop_layer == TCPTALE_LAYER_TCP &&
              p.seq == 0);
  }
}

/* A tunnel inside of a datagram that was in fragments: its own IP header counts from the
 * datagram. */
Test(decode_sums, reassembled_tunnel) {
  uint8_t bytes[256], inner[128];
  struct build_segment s = plain(4, (const uint8_t *)"hello", 5);
  size_t len = guard_hex(bytes, sizeof bytes,
                         "4500 001c 0007 2000 40 2f 0000 0a000001 0a000002 0000 0800 00000000");
  tcptale_packet p = decode(bytes, len, len, TCPTALE_DECODE_CHECKSUM);
  cr_assert_eq(p.stop_reason, TCPTALE_STOP_FRAGMENT);
  size_t inner_len = build_frame(inner, sizeof inner, &s);
  guard_hex(bytes, sizeof bytes, "00000800");
  memcpy(bytes + 4, inner, inner_len);
  cr_assert_eq(tcptale_decode_reassembled(&p, guard_copy(bytes, inner_len + 4), inner_len + 4,
                                          TCPTALE_DECODE_CHECKSUM),
               TCPTALE_OK);
  cr_expect(p.stop_reason == TCPTALE_STOP_NONE && (p.layers & TCPTALE_LAYER_GRE) &&
            p.tunnel_count == 1);
  cr_expect(p.ip_offset == 4 && p.tcp_offset == 24 && p.payload_len == 5);
  cr_expect(p.tcp_csum == TCPTALE_CSUM_GOOD && p.ip_csum == TCPTALE_CSUM_GOOD);
}

/* The decoder over every way to TCP that it knows (tests/frames.c): what it says of whole frames,
 * of all their prefixes, at every alignment, and with every byte damaged. */
#include <criterion/criterion.h>

#include "tcptale/packet.h"

#include "frames.h"
#include "guard.h"

enum { ROOM = 512, BITS = 8 };

static tcptale_packet decode_at(uint32_t link_type, const uint8_t *data, size_t cap_len,
                                size_t wire_len) {
  tcptale_packet packet;
  cr_assert_eq(tcptale_packet_init(&packet, sizeof packet), TCPTALE_OK);
  cr_assert_eq(tcptale_decode(&packet, link_type, data, cap_len, wire_len, TCPTALE_DECODE_CHECKSUM),
               TCPTALE_OK);
  return packet;
}

/* What holds for any bytes: nothing that the packet names lies outside of what was captured, and
 * reason, layer, bits and anomalies tell the same. */
static void expect_consistent(const tcptale_packet *p, const char *name) {
  uint32_t cap = p->cap_len;
  cr_expect_leq(p->stop_offset, cap, "%s", name);
  cr_expect_leq(p->layer_count, TCPTALE_LAYER_LIMIT, "%s", name);
  cr_expect_leq(p->vlan_count, 4, "%s", name);
  cr_expect_eq(p->stop_reason == TCPTALE_STOP_NONE, (p->layers & TCPTALE_LAYER_TCP) != 0, "%s",
               name);
  cr_expect_eq(p->stop_reason == TCPTALE_STOP_NONE, p->stop_layer == 0, "%s", name);
  cr_expect_eq(p->stop_reason == TCPTALE_STOP_FRAGMENT, (p->layers & TCPTALE_LAYER_FRAGMENT) != 0,
               "%s", name);
  if (p->stop_reason == TCPTALE_STOP_TRUNCATED)
    cr_expect(p->anomalies & 1u << TCPTALE_ANOMALY_TRUNCATED, "%s", name);
  if (p->stop_reason == TCPTALE_STOP_MALFORMED)
    cr_expect(p->anomalies & 1u << TCPTALE_ANOMALY_MALFORMED, "%s", name);
  if (p->ip_version != 0) {
    cr_expect_leq(p->ip_offset, cap, "%s", name);
    cr_expect_leq(p->ip_header_len, cap - p->ip_offset, "%s", name);
    cr_expect_leq(p->ip_payload_offset, cap, "%s", name);
    cr_expect_eq(p->ip_header_len, p->ip_payload_offset - p->ip_offset, "%s", name);
    cr_expect_eq(p->ip_total_len, p->ip_header_len + p->ip_payload_len, "%s", name);
  }
  if (!(p->layers & TCPTALE_LAYER_TCP)) {
    cr_expect(p->src_port == 0 && p->tcp_header_len == 0 && p->payload_len == 0 && p->options == 0,
              "%s", name);
    return;
  }
  cr_expect_leq(p->tcp_offset, cap, "%s", name);
  cr_expect_leq(p->tcp_header_len, cap - p->tcp_offset, "%s", name);
  cr_expect_eq(p->payload_offset, p->tcp_offset + p->tcp_header_len, "%s", name);
  cr_expect_leq(p->payload_cap, cap - p->payload_offset, "%s", name);
  cr_expect_leq(p->payload_cap, p->payload_len, "%s", name);
  cr_expect_eq(p->payload_cap < p->payload_len, (p->flags & TCPTALE_PACKET_CUT) != 0, "%s", name);
}

static void expect_whole(const struct frame_row *row, const uint8_t *data, size_t len) {
  tcptale_packet p = decode_at(row->link_type, data, len, len);
  cr_expect_eq(p.stop_reason, TCPTALE_STOP_NONE, "%s: %s at %u", row->name,
               tcptale_stop_name(p.stop_reason), p.stop_offset);
  cr_expect_eq(p.layers, row->layers | TCPTALE_LAYER_TCP, "%s: layers %x", row->name, p.layers);
  cr_expect_eq(p.tunnel_count, row->tunnel_count, "%s: %u tunnels", row->name, p.tunnel_count);
  cr_expect_eq(p.vlan_count, row->vlan_count, "%s: %u tags", row->name, p.vlan_count);
  cr_expect_eq(p.tunnel_id, row->tunnel_id, "%s: tunnel %u", row->name, p.tunnel_id);
  cr_expect(p.src_port == 1234 && p.dst_port == 80 && p.seq == 1 && p.ack == 2, "%s", row->name);
  cr_expect(p.tcp_flags == 0x018 && p.window == 0x2000, "%s", row->name);
  cr_expect(p.payload_len == 5 && p.payload_cap == 5, "%s: %u bytes", row->name, p.payload_len);
  if (p.payload_cap == 5)
    cr_expect_eq(memcmp(data + p.payload_offset, "hello", 5), 0, "%s", row->name);
  cr_expect_eq(p.src[0], p.ip_version == 4 ? 10 : 0x20, "%s", row->name);
  cr_expect_eq(p.dst[p.ip_version == 4 ? 3 : 15], 2, "%s", row->name);
  uint32_t wrong_sums = 1u << TCPTALE_ANOMALY_BAD_TCP_CSUM | 1u << TCPTALE_ANOMALY_CSUM_OFFLOAD;
  cr_expect_eq(p.anomalies & ~wrong_sums, 0, "%s: anomalies %x", row->name, p.anomalies);
  expect_consistent(&p, row->name);
}

Test(decode, every_way_to_tcp) {
  uint8_t bytes[ROOM];
  for (unsigned i = 0; i < frame_row_count; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, frame_rows[i].hex);
    expect_whole(&frame_rows[i], guard_copy(bytes, len), len);
  }
}

/* A cut frame keeps every layer that was whole, and says that the capture ended, wherever that
 * is. */
static void expect_prefix(const struct frame_row *row, const uint8_t *bytes, size_t len,
                          size_t wire, const tcptale_packet *whole) {
  tcptale_packet p = decode_at(row->link_type, guard_copy(bytes, len), len, wire);
  expect_consistent(&p, row->name);
  cr_expect_eq(p.layers & ~whole->layers, 0, "%s: %zu bytes", row->name, len);
  if (len < whole->payload_offset) {
    cr_expect_eq(p.stop_reason, TCPTALE_STOP_TRUNCATED, "%s: %zu bytes give %s at %s", row->name,
                 len, tcptale_stop_name(p.stop_reason), tcptale_layer_name(p.stop_layer));
  } else if (wire > len) {
    cr_expect_eq(p.payload_len, 5, "%s: %zu bytes", row->name, len);
    size_t there = len - whole->payload_offset;
    cr_expect_eq(p.payload_cap, there < 5 ? there : 5, "%s: %zu bytes", row->name, len);
  }
}

Test(decode, every_prefix) {
  uint8_t bytes[ROOM];
  for (unsigned i = 0; i < frame_row_count; i++) {
    const struct frame_row *row = &frame_rows[i];
    size_t len = guard_hex(bytes, sizeof bytes, row->hex);
    tcptale_packet whole = decode_at(row->link_type, bytes, len, len);
    uint32_t layers = 0;
    for (size_t n = 0; n < len; n++) {
      expect_prefix(row, bytes, n, len, &whole);
      expect_prefix(row, bytes, n, n, &whole);
      tcptale_packet p = decode_at(row->link_type, bytes, n, len);
      cr_expect_eq(layers & ~p.layers, 0, "%s: byte %zu takes layers away", row->name, n);
      layers = p.layers;
    }
  }
}

Test(decode, every_alignment) {
  static uint8_t room[ROOM + 8];
  uint8_t bytes[ROOM];
  for (unsigned i = 0; i < frame_row_count; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, frame_rows[i].hex);
    tcptale_packet whole = decode_at(frame_rows[i].link_type, bytes, len, len);
    for (size_t offset = 0; offset < 8; offset++) {
      memcpy(room + offset, bytes, len);
      tcptale_packet p = decode_at(frame_rows[i].link_type, room + offset, len, len);
      cr_expect_eq(memcmp(&p, &whole, sizeof p), 0, "%s at %zu", frame_rows[i].name, offset);
    }
  }
}

/* Each bit turned, and each byte set to its extremes, in the whole frame and in one cut in the
 * middle. */
Test(decode, every_byte_damaged) {
  uint8_t bytes[ROOM];
  for (unsigned i = 0; i < frame_row_count; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, frame_rows[i].hex);
    for (size_t at = 0; at < len; at++) {
      uint8_t kept = bytes[at];
      for (int damage = 0; damage < BITS + 2; damage++) {
        bytes[at] = (uint8_t)(damage < BITS ? kept ^ 1 << damage : damage == BITS ? 0 : 0xff);
        tcptale_packet p = decode_at(frame_rows[i].link_type, guard_copy(bytes, len), len, len);
        expect_consistent(&p, frame_rows[i].name);
        size_t half = (at + len) / 2;
        p = decode_at(frame_rows[i].link_type, guard_copy(bytes, half), half, len);
        expect_consistent(&p, frame_rows[i].name);
      }
      bytes[at] = kept;
    }
  }
}

/* No link type, known or not, reads what is not there. */
Test(decode, every_link_type_with_any_frame) {
  uint8_t bytes[ROOM];
  for (uint32_t link_type = 0; link_type < 300; link_type++)
    for (unsigned i = 0; i < frame_row_count; i++) {
      size_t len = guard_hex(bytes, sizeof bytes, frame_rows[i].hex);
      tcptale_packet p = decode_at(link_type, guard_copy(bytes, len), len, len);
      expect_consistent(&p, frame_rows[i].name);
      if (strcmp(tcptale_link_name(link_type), "unknown") == 0)
        cr_expect(p.stop_reason == TCPTALE_STOP_UNSUPPORTED && p.stop_layer == TCPTALE_LAYER_LINK);
    }
}

/* What is left in a packet by the one before does not show. */
Test(decode, packets_are_forgotten) {
  uint8_t bytes[ROOM];
  tcptale_packet reused;
  tcptale_packet_init(&reused, sizeof reused);
  for (unsigned i = 0; i < frame_row_count; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, frame_rows[i].hex);
    tcptale_decode(&reused, frame_rows[i].link_type, bytes, len, len, TCPTALE_DECODE_CHECKSUM);
    tcptale_packet fresh = decode_at(frame_rows[i].link_type, bytes, len, len);
    cr_expect_eq(memcmp(&reused, &fresh, sizeof fresh), 0, "%s", frame_rows[i].name);
  }
}

Test(decode, arguments) {
  tcptale_packet p;
  uint8_t byte = 0x45;
  cr_expect_eq(tcptale_packet_init(NULL, sizeof p), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_packet_init(&p, sizeof p - 1), TCPTALE_ERR_ARG);
  memset(&p, 0, sizeof p);
  cr_expect_eq(tcptale_decode(&p, 1, &byte, 1, 1, 0), TCPTALE_ERR_ARG, "not initialised");
  cr_expect_eq(tcptale_packet_init(&p, sizeof p), TCPTALE_OK);
  cr_expect_eq(tcptale_decode(NULL, 1, &byte, 1, 1, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_decode(&p, 1, NULL, 1, 1, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_decode(&p, 1, &byte, 1, 1, 2), TCPTALE_ERR_ARG, "unknown flag");
  cr_expect_eq(tcptale_decode_tcp(&p, NULL, 1, 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_decode_reassembled(&p, &byte, 1, 0), TCPTALE_ERR_ARG, "no fragment");
  cr_expect_eq(tcptale_decode(&p, 1, NULL, 0, 0, TCPTALE_DECODE_CHECKSUM), TCPTALE_OK);
  cr_expect(p.stop_reason == TCPTALE_STOP_TRUNCATED && p.stop_layer == TCPTALE_LAYER_LINK);
  cr_expect_eq(tcptale_decode(&p, 1, &byte, 1, 0, 0), TCPTALE_OK);
  cr_expect_eq(p.wire_len, 1, "no shorter than what was captured");
}

/* A caller with a longer struct keeps what it has behind the part that is known here. */
Test(decode, longer_struct) {
  struct {
    tcptale_packet packet;
    uint64_t later;
  } own;
  memset(&own, 0xff, sizeof own);
  uint8_t bytes[ROOM];
  size_t len = guard_hex(bytes, sizeof bytes, frame_rows[0].hex);
  cr_expect_eq(tcptale_packet_init(&own.packet, sizeof own), TCPTALE_OK);
  cr_expect_eq(own.later, 0);
  cr_expect_eq(tcptale_decode(&own.packet, 1, bytes, len, len, 0), TCPTALE_OK);
  cr_expect_eq(own.packet.struct_size, sizeof own);
  cr_expect_eq(own.later, 0);
}

/* What a frame of Ethernet gives is what its IP packet gives alone, but for the offsets and what
 * Ethernet says: the usual frame is taken in one go, an IP packet header by header. */
static void expect_same_as_ip(const uint8_t *bytes, size_t len, size_t wire) {
  enum { ETHERNET = 14 };
  tcptale_packet frame = decode_at(TCPTALE_LINK_ETHERNET, bytes, len, wire);
  tcptale_packet ip =
      decode_at(TCPTALE_LINK_IPV4, bytes + ETHERNET, len - ETHERNET, wire - ETHERNET);
  cr_expect_eq(frame.layers, ip.layers | TCPTALE_LAYER_LINK);
  ip.layers = frame.layers;
  ip.layer_count++;
  ip.link_type = frame.link_type;
  ip.ether_type = 0x0800;
  ip.flags |= TCPTALE_PACKET_HAS_ETHER;
  memcpy(ip.link_dst, bytes, 6);
  memcpy(ip.link_src, bytes + 6, 6);
  uint32_t *moved[] = {&ip.cap_len,           &ip.wire_len,       &ip.stop_offset, &ip.ip_offset,
                       &ip.ip_payload_offset, &ip.payload_offset, &ip.tcp_offset};
  uint32_t there[] = {1,
                      1,
                      ip.stop_reason != TCPTALE_STOP_NONE,
                      ip.ip_version != 0,
                      ip.ip_version != 0,
                      (ip.layers & TCPTALE_LAYER_TCP) != 0,
                      (ip.layers & TCPTALE_LAYER_TCP) != 0};
  for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++) *moved[i] += there[i] * ETHERNET;
  cr_expect_eq(memcmp(&frame, &ip, sizeof ip), 0, "%zu of %zu bytes", len, wire);
}

Test(decode, usual_frames_are_no_exception) {
  static const char *const frames[] = {
      F_ETHER,
      F_MAC "0800 " F_V4("0039",
                         "06") "04d2 0050 00000001 00000002 8018 2000 0000 0000 0101080a 00000001 "
                               "00000002 " F_DATA "0000",
      F_MAC
      "0800 " F_V4("002c", "06") "04d2 0050 00000001 00000002 6002 2000 0000 0000 020405b4 0000"};
  uint8_t bytes[ROOM];
  for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, frames[i]);
    for (size_t n = 14; n <= len; n++) {
      expect_same_as_ip(guard_copy(bytes, n), n, n);
      expect_same_as_ip(guard_copy(bytes, n), n, len);
    }
    for (size_t at = 14; at < len; at++) {
      uint8_t kept = bytes[at];
      for (int value = 0; value < 256; value++) {
        bytes[at] = (uint8_t)value;
        expect_same_as_ip(bytes, len, len);
      }
      bytes[at] = kept;
    }
  }
}

Test(decode, from_ip_and_from_tcp) {
  uint8_t bytes[ROOM];
  tcptale_packet p;
  tcptale_packet_init(&p, sizeof p);
  size_t len = guard_hex(bytes, sizeof bytes, F_IP6);
  cr_expect_eq(tcptale_decode_ip(&p, bytes, len, len, 0), TCPTALE_OK);
  cr_expect(p.layers == (TCPTALE_LAYER_IPV6 | TCPTALE_LAYER_TCP) && p.payload_len == 5 &&
            p.tcp_offset == 40);
  len = guard_hex(bytes, sizeof bytes, F_TCP F_DATA);
  cr_expect_eq(tcptale_decode_tcp(&p, bytes, len - 2, len), TCPTALE_OK);
  cr_expect(p.layers == TCPTALE_LAYER_TCP && p.payload_len == 5 && p.payload_cap == 3 &&
            p.ip_version == 0);
  cr_expect_eq(p.tcp_csum, TCPTALE_CSUM_UNCHECKED);
}

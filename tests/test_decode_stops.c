/* Frames that the decoder does not follow to TCP, or follows with a remark: what it says of each,
 * where, and what it keeps. Section C of the semantics. */
#include <criterion/criterion.h>

#include "tcptale/packet.h"

#include "frames.h"
#include "guard.h"

#define L(name)    TCPTALE_LAYER_##name
#define STOP(name) TCPTALE_STOP_##name
#define A(name)    (1u << TCPTALE_ANOMALY_##name)
#define ETHER      TCPTALE_LINK_ETHERNET
#define MAC4       F_MAC "0800 "
#define MAC6       F_MAC "86dd "
#define IP4        (L(LINK) | L(IPV4))
#define IP6        (L(LINK) | L(IPV6))
#define EXT        (L(LINK) | L(IPV6) | L(IPV6_EXT))

struct stop_row {
  const char *name;
  uint32_t link_type;
  const char *hex;
  uint32_t reason;
  uint32_t layer;
  uint32_t offset;
  uint32_t layers;
  uint32_t anomalies;
};

static const struct stop_row rows[] = {
    {"unknown link", 147, F_ETHER, STOP(UNSUPPORTED), L(LINK), 0, 0, 0},
    {"nothing", ETHER, "", STOP(TRUNCATED), L(LINK), 0, 0, A(TRUNCATED)},
    {"arp", ETHER, F_MAC "0806 0001", STOP(NOT_TCP), L(LINK), 0, L(LINK), 0},
    {"unknown ethertype", ETHER, F_MAC "1234 00", STOP(UNSUPPORTED), L(LINK), 0, L(LINK), 0},
    {"unknown below tag", ETHER, F_MAC "8100 0001 1234 00", STOP(UNSUPPORTED), L(VLAN), 14,
     L(LINK) | L(VLAN), 0},
    {"spanning tree", ETHER, F_MAC "0026 424203 0000", STOP(NOT_TCP), L(LLC), 14, L(LINK) | L(LLC),
     0},
    {"netbios", ETHER, F_MAC "0026 f0f003 0000", STOP(UNSUPPORTED), L(LLC), 14, L(LINK) | L(LLC),
     0},
    {"cisco snap", ETHER, F_MAC "0026 aaaa03 00000c 2000", STOP(UNSUPPORTED), L(LLC), 14,
     L(LINK) | L(LLC), 0},
    {"802.3 length too small", ETHER, F_MAC "0006 aaaa03 000000 0800 " F_IP4, STOP(MALFORMED),
     L(LLC), 14, L(LINK), A(MALFORMED)},
    {"pppoe version", ETHER, F_MAC "8864 2100 0001 002f 0021 " F_IP4, STOP(MALFORMED), L(PPPOE), 14,
     L(LINK), A(MALFORMED)},
    {"pppoe discovery", ETHER, F_MAC "8863 1109 0000 0004 0101 0000", STOP(NOT_TCP), L(LINK), 0,
     L(LINK), 0},
    {"pppoe padt", ETHER, F_MAC "8864 11a7 0001 0000", STOP(NOT_TCP), L(PPPOE), 14, L(LINK), 0},
    {"pppoe length", ETHER, F_MAC "8864 1100 0001 0001 0021 " F_IP4, STOP(MALFORMED), L(PPPOE), 14,
     L(LINK), A(MALFORMED)},
    {"lcp", ETHER, F_MAC "8864 1100 0001 0006 c021 0900 0004", STOP(NOT_TCP), L(PPPOE), 14,
     L(LINK) | L(PPPOE), 0},
    {"ppp multilink", TCPTALE_LINK_PPP, "ff03 003d 0000", STOP(UNSUPPORTED), L(LINK), 0, L(LINK),
     0},
    {"null, unknown family", TCPTALE_LINK_NULL, "07000000 " F_IP4, STOP(UNSUPPORTED), L(LINK), 0,
     L(LINK), 0},
    {"802.11 beacon", TCPTALE_LINK_80211, F_WIFI("8000"), STOP(NOT_TCP), L(LINK), 0, 0, 0},
    {"802.11 ack", TCPTALE_LINK_80211, "d400 0000 02000000000a", STOP(NOT_TCP), L(LINK), 0, 0, 0},
    {"802.11 null", TCPTALE_LINK_80211, F_WIFI("4801"), STOP(NOT_TCP), L(LINK), 0, 0, 0},
    {"802.11 protected", TCPTALE_LINK_80211, F_WIFI("0841") F_SNAP F_IP4, STOP(UNSUPPORTED),
     L(LINK), 0, 0, 0},
    {"802.11 fragment", TCPTALE_LINK_80211, F_WIFI("0805") F_SNAP F_IP4, STOP(UNSUPPORTED), L(LINK),
     0, 0, 0},
    {"802.11 bundle", TCPTALE_LINK_80211, F_WIFI("8801") "8000 " F_SNAP F_IP4, STOP(UNSUPPORTED),
     L(LINK), 0, 0, 0},
    {"802.11 version", TCPTALE_LINK_80211, F_WIFI("0901"), STOP(MALFORMED), L(LINK), 0, 0,
     A(MALFORMED)},
    {"radiotap version", TCPTALE_LINK_80211_RADIOTAP, "0100 0800 00000000 " F_WIFI("0801"),
     STOP(MALFORMED), L(LINK), 0, 0, A(MALFORMED)},
    {"radiotap length", TCPTALE_LINK_80211_RADIOTAP, "0000 0700 00000000 " F_WIFI("0801"),
     STOP(MALFORMED), L(LINK), 0, 0, A(MALFORMED)},

    /* D04: IPv4 lengths. */
    {"IPv4 version", ETHER, MAC4 F_IP6, STOP(MALFORMED), L(IPV4), 14, L(LINK), A(MALFORMED)},
    {"raw, neither", TCPTALE_LINK_RAW, "75", STOP(TRUNCATED), L(IPV4), 0, 0, A(TRUNCATED)},
    {"IPv4 header length", ETHER,
     MAC4 "44"
          "00 002d 0001 4000 40 06 0000 0a000001 0a000002 " F_TCP,
     STOP(MALFORMED), L(IPV4), 14, L(LINK), A(MALFORMED)},
    {"IPv4 total below header", ETHER,
     MAC4 "4600 0017 0001 4000 40 06 0000 0a000001 0a000002 01010101 " F_TCP, STOP(MALFORMED),
     L(IPV4), 14, L(LINK), A(MALFORMED)},
    {"total leaves no tcp", ETHER, MAC4 F_V4("0027", "06") F_TCP F_DATA, STOP(MALFORMED), L(TCP),
     34, IP4, A(MALFORMED)},
    {"frame leaves no tcp", ETHER, MAC4 F_V4("002d", "06") "04d2 0050", STOP(TRUNCATED), L(TCP), 34,
     IP4, A(TRUNCATED) | A(MALFORMED)},
    {"udp", ETHER, MAC4 F_V4("001e", "11") "0035 0035 000a 0000 0000", STOP(NOT_TCP), L(UDP), 34,
     IP4 | L(UDP), 0},
    {"udp length", ETHER, MAC4 F_V4("001e", "11") "0035 0035 0007 0000 0000", STOP(MALFORMED),
     L(UDP), 34, IP4, A(MALFORMED)},
    {"sctp", ETHER, MAC4 F_V4("0018", "84") "00000000", STOP(NOT_TCP), L(IPV4), 14, IP4, 0},
    {"esp", ETHER, MAC4 F_V4("0018", "32") "00000000", STOP(UNSUPPORTED), L(IPV4), 14, IP4, 0},
    {"ipcomp", ETHER, MAC4 F_V4("0018", "6c") "06000002", STOP(COMPRESSED), L(IPCOMP), 34,
     IP4 | L(IPCOMP), 0},
    {"ipcomp cut", ETHER, MAC4 F_V4("0018", "6c") "060000", STOP(TRUNCATED), L(IPCOMP), 34, IP4,
     A(TRUNCATED) | A(MALFORMED)},
    {"ipcomp too short", ETHER, MAC4 F_V4("0017", "6c") "06000002", STOP(MALFORMED), L(IPCOMP), 34,
     IP4, A(MALFORMED)},
    {"hop by hop is no business of IPv4", ETHER,
     MAC4 F_V4("0035", "00") "0600 0104 00000000 " F_TCP F_DATA, STOP(NOT_TCP), L(IPV4), 14, IP4,
     0},

    /* D16: ICMP quotes a segment; it is none. */
    {"icmp", ETHER, MAC4 F_V4("0049", "01") "0301 0000 00000000 " F_IP4, STOP(NOT_TCP), L(ICMP), 34,
     IP4 | L(ICMP), 0},
    {"icmpv6", ETHER, MAC6 F_V6("0049", "3a") "0100 0000 00000000 " F_IP6, STOP(NOT_TCP), L(ICMP),
     54, IP6 | L(ICMP), 0},

    /* D08: IPv6. */
    {"IPv6 version", ETHER, MAC6 F_IP4 "00000000000000000000", STOP(MALFORMED), L(IPV6), 14,
     L(LINK), A(MALFORMED)},
    {"no next header", ETHER, MAC6 F_V6("0019", "3b") F_TCP F_DATA, STOP(NOT_TCP), L(IPV6), 14, IP6,
     0},
    {"no next header, no length", ETHER, MAC6 F_V6("0000", "3b") "0000", STOP(NOT_TCP), L(IPV6), 14,
     IP6, 0},
    {"nine extension headers", ETHER,
     MAC6 F_V6("0061",
               "3c") "3c00 0104 00000000 3c00 0104 00000000 3c00 0104 00000000 3c00 0104 00000000 "
                     "3c00 0104 00000000 3c00 0104 00000000 3c00 0104 00000000 3c00 0104 00000000 "
                     "0600 0104 00000000 " F_TCP F_DATA,
     STOP(TOO_DEEP), L(IPV6_EXT), 118, EXT, A(TOO_MANY_LAYERS)},
    {"extension beyond payload", ETHER, MAC6 F_V6("0008", "00") "0601 0104 00000000 " F_TCP,
     STOP(MALFORMED), L(IPV6_EXT), 54, IP6, A(MALFORMED)},
    {"extension at the end", ETHER, MAC6 F_V6("0008", "00") "0600 0104 00000000 " F_TCP,
     STOP(MALFORMED), L(TCP), 62, EXT, A(MALFORMED)},
    {"ah too short", ETHER, MAC4 F_V4("0035", "33") "0600 0000 00000001 " F_TCP F_DATA,
     STOP(MALFORMED), L(AH), 34, IP4, A(MALFORMED)},
    {"jumbo too small", ETHER, MAC6 F_V6("0000", "00") "0600 c204 0000ffff " F_TCP, STOP(MALFORMED),
     L(IPV6), 14, L(LINK), A(MALFORMED)},

    /* D10. */
    {"data offset 4", ETHER,
     MAC4 F_V4("0028", "06") "04d2 0050 00000001 00000002 4018 2000 0000 0000", STOP(MALFORMED),
     L(TCP), 34, IP4, A(MALFORMED)},
    {"data offset beyond", ETHER,
     MAC4 F_V4("0028", "06") "04d2 0050 00000001 00000002 6018 2000 0000 0000 00000000",
     STOP(MALFORMED), L(TCP), 34, IP4, A(MALFORMED)},

    /* Tunnels: what is outside stays. */
    {"gre routing", ETHER, MAC4 F_V4("0049", "2f") "4000 0800 00000000 " F_IP4, STOP(UNSUPPORTED),
     L(GRE), 34, IP4, 0},
    {"gre version 1", ETHER, MAC4 F_V4("0049", "2f") "2001 880b 00000000 " F_IP4, STOP(UNSUPPORTED),
     L(GRE), 34, IP4, 0},
    {"gre, unknown protocol", ETHER, MAC4 F_V4("0045", "2f") "0000 0102 " F_IP4, STOP(UNSUPPORTED),
     L(GRE), 34, IP4 | L(GRE), 0},
    {"erspan version", ETHER,
     MAC4 F_V4("005f", "2f") "1000 88be 00000001 3001 002a 00000001 " F_ETHER, STOP(UNSUPPORTED),
     L(ERSPAN), 42, IP4 | L(GRE), 0},
    {"vxlan without id", ETHER,
     MAC4 F_V4("005f", "11") "c000 12b5 004b 0000 00000000 00002a00 " F_ETHER, STOP(NOT_TCP),
     L(UDP), 34, IP4 | L(UDP), 0},
    {"vxlan, half a header", ETHER, MAC4 F_V4("0020", "11") "c000 12b5 000c 0000 08000000",
     STOP(MALFORMED), L(VXLAN), 42, IP4 | L(UDP), A(MALFORMED)},
    {"geneve version", ETHER,
     MAC4 F_V4("005f", "11") "c000 17c1 004b 0000 4000 6558 00002a00 " F_ETHER, STOP(NOT_TCP),
     L(UDP), 34, IP4 | L(UDP), 0},
    {"gtp-u echo", ETHER, MAC4 F_V4("0024", "11") "0868 0868 0010 0000 3001 0000 00000000",
     STOP(NOT_TCP), L(UDP), 34, IP4 | L(UDP), 0},
    {"gtp-u, empty extension", ETHER,
     MAC4 F_V4("0059", "11") "c000 0868 0045 0000 34ff 0035 0000002a 00000085 00000000 " F_IP4,
     STOP(MALFORMED), L(GTPU), 42, IP4 | L(UDP), A(MALFORMED)},
    {"gtp-u, no ip", ETHER,
     MAC4 F_V4("0028", "11") "0868 0868 0014 0000 30ff 0004 0000002a 00000000", STOP(UNSUPPORTED),
     L(GTPU), 42, IP4 | L(UDP) | L(GTPU), 0},
    {"teredo, something else", ETHER, MAC4 F_V4("0020", "11") "c000 0dd8 000c 0000 12345678",
     STOP(NOT_TCP), L(UDP), 34, IP4 | L(UDP), 0},
    {"teredo, nothing", ETHER, MAC4 F_V4("001c", "11") "c000 0dd8 0008 0000", STOP(NOT_TCP), L(UDP),
     34, IP4 | L(UDP), 0},
    {"l2tp control", ETHER,
     MAC4 F_V4("0028", "11") "06a5 06a5 0014 0000 c802 000c 0001 0000 0002 0010", STOP(NOT_TCP),
     L(L2TP), 42, IP4 | L(UDP), 0},
    {"l2tp version 3, control", ETHER,
     MAC4 F_V4("0028", "11") "06a5 06a5 0014 0000 c803 000c 00000001 0002 0010", STOP(NOT_TCP),
     L(L2TP), 42, IP4 | L(UDP), 0},
    {"l2tp version 3", ETHER,
     MAC4 F_V4("0051", "11") "06a5 06a5 003d 0000 0003 0000 0000002a " F_IP4, STOP(UNSUPPORTED),
     L(L2TP), 42, IP4 | L(UDP), 0},
    {"l2tp version 1", ETHER,
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 0001 0001 002a ff03 0021 " F_IP4, STOP(NOT_TCP),
     L(UDP), 34, IP4 | L(UDP), 0},
    {"l2tp, one byte", ETHER, MAC4 F_V4("001d", "11") "06a5 06a5 0009 0000 00", STOP(NOT_TCP),
     L(UDP), 34, IP4 | L(UDP), 0},
    {"l2tp, half a header", ETHER, MAC4 F_V4("0020", "11") "06a5 06a5 000c 0000 0002 0001",
     STOP(MALFORMED), L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, length beyond half a header", ETHER,
     MAC4 F_V4("0022", "11") "06a5 06a5 000e 0000 4002 0100 0001", STOP(MALFORMED), L(L2TP), 42,
     IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, length below header", ETHER,
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 4002 0007 0001 002a 0021 " F_IP4, STOP(MALFORMED),
     L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, length below numbers", ETHER,
     MAC4 F_V4("0057", "11") "06a5 06a5 0043 0000 4802 000b 0001 002a 0007 0008 0021 " F_IP4,
     STOP(MALFORMED), L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, length below padding's size", ETHER,
     MAC4 F_V4("0055", "11") "06a5 06a5 0041 0000 4202 0009 0001 002a 0000 0021 " F_IP4,
     STOP(MALFORMED), L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, length below padding", ETHER,
     MAC4 F_V4("0059", "11") "06a5 06a5 0045 0000 4202 000d 0001 002a 0004 00000000 0021 " F_IP4,
     STOP(MALFORMED), L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, padding beyond datagram", ETHER,
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 0202 0001 002a ffff 0021 " F_IP4, STOP(MALFORMED),
     L(L2TP), 42, IP4 | L(UDP), A(MALFORMED)},
    {"l2tp, half a protocol", ETHER,
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 4002 0009 0001 002a 0021 " F_IP4, STOP(MALFORMED),
     L(LINK), 50, IP4 | L(UDP) | L(L2TP), A(MALFORMED)},
    {"l2tp, lcp", ETHER,
     MAC4 F_V4("002a", "11") "06a5 06a5 0016 0000 0002 0001 002a ff03 c021 0900 0004",
     STOP(NOT_TCP), L(LINK), 48, IP4 | L(UDP) | L(L2TP), 0},
    {"l2tp, compressed", ETHER,
     MAC4 F_V4("0028", "11") "06a5 06a5 0014 0000 0002 0001 002a fd 0000000000", STOP(UNSUPPORTED),
     L(LINK), 48, IP4 | L(UDP) | L(L2TP), 0},
    {"ipip, bad inside", ETHER,
     MAC4 F_V4("0041", "04") "5500 002d 0001 4000 40 06 0000 0a000001 0a000002 " F_TCP F_DATA,
     STOP(MALFORMED), L(IPV4), 34, IP4 | L(IPIP), A(MALFORMED)},

    /* Fragments. */
    {"first fragment", ETHER,
     MAC4 "4500 002c 0007 2000 40 06 0000 0a000001 0a000002 " F_TCP "68656c6c", STOP(FRAGMENT),
     L(FRAGMENT), 14, IP4 | L(FRAGMENT), 0},
    {"IPv6 last fragment", ETHER, MAC6 F_V6("000d", "2c") "0600 0018 00000007 " F_DATA,
     STOP(FRAGMENT), L(FRAGMENT), 54, EXT | L(FRAGMENT), 0},
};

static tcptale_packet decode(uint32_t link_type, const uint8_t *data, size_t len) {
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  cr_assert_eq(tcptale_decode(&packet, link_type, data, len, len, 0), TCPTALE_OK);
  return packet;
}

Test(decode_stops, rows) {
  uint8_t bytes[512];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct stop_row *row = &rows[i];
    size_t len = guard_hex(bytes, sizeof bytes, row->hex);
    tcptale_packet p = decode(row->link_type, guard_copy(bytes, len), len);
    cr_expect_eq(p.stop_reason, row->reason, "%s: %s", row->name, tcptale_stop_name(p.stop_reason));
    cr_expect_eq(p.stop_layer, row->layer, "%s: at %s", row->name,
                 tcptale_layer_name(p.stop_layer));
    cr_expect_eq(p.stop_offset, row->offset, "%s: at %u", row->name, p.stop_offset);
    cr_expect_eq(p.layers, row->layers, "%s: layers %x", row->name, p.layers);
    cr_expect_eq(p.anomalies, row->anomalies, "%s: anomalies %x", row->name, p.anomalies);
  }
}

/* D09: IP in IP in IP ...; sixteen headers are followed, one of Ethernet and fifteen of IP. */
Test(decode_stops, tunnels_in_tunnels) {
  enum { HEADER = 20 };
  uint8_t bytes[1024], header[HEADER];
  for (unsigned depth = 1; depth <= 40; depth++) {
    size_t len = guard_hex(bytes, sizeof bytes, MAC4);
    for (unsigned i = 0; i < depth; i++, len += HEADER) {
      guard_hex(header, sizeof header, F_V4("0000", "04"));
      unsigned total = (depth - i) * HEADER + 20;
      header[2] = (uint8_t)(total >> 8);
      header[3] = (uint8_t)total;
      if (i + 1 == depth) header[9] = 6;
      memcpy(bytes + len, header, HEADER);
    }
    len += guard_hex(bytes + len, 20, F_TCP);
    tcptale_packet p = decode(ETHER, guard_copy(bytes, len), len);
    if (depth <= 15) {
      cr_expect(p.stop_reason == TCPTALE_STOP_NONE && p.tunnel_count == depth - 1, "%u", depth);
    } else {
      cr_expect(p.stop_reason == TCPTALE_STOP_TOO_DEEP && p.layer_count == 16, "%u", depth);
      cr_expect_eq(p.stop_offset, 14 + 15 * HEADER);
      cr_expect_eq(p.anomalies, A(TOO_MANY_LAYERS));
    }
  }
}

/* IP, UDP, L2TP and PPP, carrying `carried` bytes. */
enum { L2TP_ROUND = 20 + 8 + 6 + 1 };
static void put_l2tp_round(uint8_t *out, unsigned carried) {
  unsigned total = L2TP_ROUND + carried, udp_len = total - 20;
  guard_hex(out, L2TP_ROUND, F_V4("0000", "11") "06a5 06a5 0000 0000 0002 0001 002a 21");
  out[2] = (uint8_t)(total >> 8);
  out[3] = (uint8_t)total;
  out[24] = (uint8_t)(udp_len >> 8);
  out[25] = (uint8_t)udp_len;
}

/* D09 with headers of four kinds, each of which is the seventeenth after some number of tags. */
Test(decode_stops, l2tp_in_l2tp) {
  static const uint32_t kinds[] = {L(IPV4), L(UDP), L(L2TP), L(LINK)}, starts[] = {0, 20, 28, 34};
  uint8_t bytes[512];
  for (unsigned tags = 0; tags < 4; tags++)
    for (unsigned depth = 1; depth <= 8; depth++) {
      size_t len = guard_hex(bytes, sizeof bytes, F_MAC "8100 0001 8100 0001 8100 0001");
      len -= (3 - tags) * 4;
      len += guard_hex(bytes + len, 2, "0800");
      size_t first = len;
      for (unsigned left = depth; left-- > 0; len += L2TP_ROUND)
        put_l2tp_round(bytes + len, left * L2TP_ROUND + 45);
      len += guard_hex(bytes + len, 45, F_IP4);
      tcptale_packet p = decode(ETHER, guard_copy(bytes, len), len);
      if (1 + tags + 4 * depth + 1 <= TCPTALE_LAYER_LIMIT) {
        cr_expect(p.stop_reason == TCPTALE_STOP_NONE && p.tunnel_count == depth, "%u", depth);
        continue;
      }
      unsigned passed = TCPTALE_LAYER_LIMIT - 1 - tags;
      cr_expect(p.stop_reason == TCPTALE_STOP_TOO_DEEP && p.layer_count == 16, "%u", depth);
      cr_expect_eq(p.stop_layer, kinds[passed % 4], "%u tags, %u deep", tags, depth);
      cr_expect_eq(p.stop_offset, first + passed / 4 * L2TP_ROUND + starts[passed % 4]);
      cr_expect_eq(p.anomalies, A(TOO_MANY_LAYERS));
    }
}

/* A failure inside a tunnel leaves the addresses outside; an inner header that is whole takes their
 * place. */
Test(decode_stops, inner_header_replaces_outer) {
  uint8_t bytes[256];
  size_t len = guard_hex(bytes, sizeof bytes, MAC6 F_V6("002d", "04") F_IP4);
  tcptale_packet cut = decode(ETHER, bytes, 54 + 10);
  cr_expect(cut.ip_version == 6 && cut.src[0] == 0x20 && cut.ip_offset == 14 &&
            cut.ip_protocol == 4);
  tcptale_packet whole = decode(ETHER, bytes, len);
  uint8_t src[16] = {10, 0, 0, 1};
  cr_expect(whole.ip_version == 4 && whole.ip_offset == 54 && whole.ip_protocol == 6);
  cr_expect_eq(memcmp(whole.src, src, 16), 0, "nothing of the outer address is left");
  cr_expect_eq(whole.flags, TCPTALE_PACKET_DONT_FRAGMENT | TCPTALE_PACKET_HAS_ETHER);
  len = guard_hex(bytes, sizeof bytes, MAC4 F_V4("0055", "29") F_IP6);
  whole = decode(ETHER, bytes, len);
  cr_expect(whole.ip_version == 6 && whole.ip_id == 0 && whole.ip_offset == 34);
  cr_expect_eq(whole.flags, TCPTALE_PACKET_HAS_ETHER, "DF was the outer header's");
}

/* R22, D05, D06: what the payload's length is. */
struct length_row {
  const char *name;
  const char *hex;
  uint32_t wire_len; /* 0: as captured */
  uint32_t payload_len;
  uint32_t payload_cap;
  uint32_t payload_unsent;
  uint32_t flags; /* without DF and HAS_ETHER */
  uint32_t anomalies;
};

static const struct length_row lengths[] = {
    {"as is", F_ETHER, 0, 5, 5, 0, 0, 0},
    {"padding is no data", F_ETHER "0000", 0, 5, 5, 0, 0, 0},
    {"cut", MAC4 F_V4("05dc", "06") F_TCP F_DATA, 1514, 1460, 5, 0, TCPTALE_PACKET_CUT, 0},
    {"longer than the frame", MAC4 F_V4("05dc", "06") F_TCP F_DATA, 0, 1460, 5, 1455,
     TCPTALE_PACKET_CUT, A(MALFORMED)},
    {"longer than the frame, which was cut", MAC4 F_V4("05dc", "06") F_TCP F_DATA, 1000, 1460, 5,
     514, TCPTALE_PACKET_CUT, A(MALFORMED)},
    {"longer than PPPoE says", F_MAC "8864 1100 0001 002a 0021 " F_V4("002d", "06") F_TCP F_DATA, 0,
     5, 0, 5, TCPTALE_PACKET_CUT, A(MALFORMED)},
    {"longer than the outer packet, within the frame",
     MAC4 F_V4("003e", "04") F_V4("002d", "06") F_TCP F_DATA, 0, 5, 2, 3, TCPTALE_PACKET_CUT,
     A(MALFORMED)},
    {"the outer packet is longer than the frame, the inner one is not",
     MAC4 F_V4("0100", "04") F_V4("002d", "06") F_TCP F_DATA, 0, 5, 5, 0, 0, A(MALFORMED)},
    {"no data in the frame, some by the length", MAC4 F_V4("0030", "06") F_TCP, 0, 8, 0, 8,
     TCPTALE_PACKET_CUT, A(MALFORMED)},
    {"IPv4 without length", MAC4 F_V4("0000", "06") F_TCP F_DATA, 0, 5, 5, 0,
     TCPTALE_PACKET_LENGTH_FROM_FRAME, A(CSUM_OFFLOAD)},
    {"IPv4 without length, cut", MAC4 F_V4("0000", "06") F_TCP F_DATA, 70000, 69946, 5, 0,
     TCPTALE_PACKET_LENGTH_FROM_FRAME | TCPTALE_PACKET_CUT, A(CSUM_OFFLOAD)},
    {"IPv6 without length", MAC6 F_V6("0000", "06") F_TCP F_DATA, 0, 5, 5, 0,
     TCPTALE_PACKET_LENGTH_FROM_FRAME, A(CSUM_OFFLOAD)},
    {"jumbogram", MAC6 F_V6("0000", "00") "0600 c204 00011170 " F_TCP F_DATA, 70054, 69972, 5, 0,
     TCPTALE_PACKET_JUMBO | TCPTALE_PACKET_CUT, 0},
    {"jumbo option beside a length", MAC6 F_V6("0021", "00") "0600 c204 00011170 " F_TCP F_DATA, 0,
     5, 5, 0, 0, A(MALFORMED)},
    {"longer than L2TP says",
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 4002 0035 0001 002a 0021 " F_IP4, 0, 5, 3, 2,
     TCPTALE_PACKET_CUT, A(MALFORMED)},
    {"L2TP says more than there is",
     MAC4 F_V4("0053", "11") "06a5 06a5 003f 0000 4002 0100 0001 002a 0021 " F_IP4, 0, 5, 5, 0, 0,
     0},
    {"atomic fragment", MAC6 F_V6("0021", "2c") "0600 0000 00000007 " F_TCP F_DATA, 0, 5, 5, 0,
     TCPTALE_PACKET_ATOMIC_FRAGMENT, 0},
};

Test(decode_stops, lengths) {
  uint8_t bytes[512];
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    const struct length_row *row = &lengths[i];
    size_t len = guard_hex(bytes, sizeof bytes, row->hex);
    tcptale_packet p;
    tcptale_packet_init(&p, sizeof p);
    tcptale_decode(&p, ETHER, bytes, len, row->wire_len ? row->wire_len : len, 0);
    uint32_t flags = p.flags & ~(uint32_t)(TCPTALE_PACKET_DONT_FRAGMENT | TCPTALE_PACKET_HAS_ETHER);
    cr_expect_eq(p.payload_len, row->payload_len, "%s: %u bytes", row->name, p.payload_len);
    cr_expect_eq(p.payload_cap, row->payload_cap, "%s: %u captured", row->name, p.payload_cap);
    cr_expect_eq(p.payload_unsent, row->payload_unsent, "%s: %u unsent", row->name,
                 p.payload_unsent);
    cr_expect_eq(flags, row->flags, "%s: flags %x", row->name, flags);
    cr_expect_eq(p.anomalies, row->anomalies, "%s: anomalies %x", row->name, p.anomalies);
  }
}

/* D07: IPv4 options, 12 bytes of them, and what they are worth a remark for. */
Test(decode_stops, ip_options) {
  static const struct {
    const char *options;
    uint32_t anomalies;
  } options[] = {
      {"01010101 01010101 01010101", 0},
      {"00ffffff ffffffff ffffffff", 0},
      {"94040000 94040000 00000000", 0},
      {"07000000 00000000 00000000", A(IP_OPT_MALFORMED)},
      {"07010000 00000000 00000000", A(IP_OPT_MALFORMED)},
      {"070d0400 00000000 00000000", A(IP_OPT_MALFORMED)},
      {"01010101 01010101 01010144", A(IP_OPT_MALFORMED)},
      {"830b0408 08080809 09090900", A(IP_OPT_ROUTE)},
      {"890b0c08 08080809 09090900", A(IP_OPT_ROUTE)},
      {"83040400 07000000 00000000", A(IP_OPT_ROUTE) | A(IP_OPT_MALFORMED)},
  };
  uint8_t bytes[128];
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    size_t len =
        guard_hex(bytes, sizeof bytes, MAC4 "4800 0039 0001 4000 40 06 0000 0a000001 0a000002 ");
    len += guard_hex(bytes + len, 12, options[i].options);
    len += guard_hex(bytes + len, 25, F_TCP F_DATA);
    tcptale_packet p = decode(ETHER, guard_copy(bytes, len), len);
    cr_expect_eq(p.anomalies, options[i].anomalies, "%s: %x", options[i].options, p.anomalies);
    cr_expect(p.payload_len == 5 && p.ip_header_len == 32, "%s", options[i].options);
  }
}

/* D14: the same endpoint on both sides; odd addresses alone are none. */
Test(decode_stops, land) {
  uint8_t bytes[128];
  size_t len = guard_hex(bytes, sizeof bytes, F_ETHER);
  for (int same_port = 0; same_port < 2; same_port++)
    for (int same_address = 0; same_address < 2; same_address++) {
      bytes[14 + 19] = same_address ? 1 : 2;
      memcpy(bytes + 34, same_port ? "\0\x50\0\x50" : "\0\0\0\x50", 4);
      tcptale_packet p = decode(ETHER, bytes, len);
      cr_expect_eq(p.anomalies, same_port && same_address ? A(LAND) : 0);
      cr_expect_eq(p.src_port, same_port ? 80 : 0);
    }
}

/* The fields of what lies below TCP. */
Test(decode_stops, fields) {
  uint8_t bytes[128];
  size_t len = guard_hex(bytes, sizeof bytes, F_MAC "8100 2064 8847 12345140 " F_IP4);
  tcptale_packet p = decode(ETHER, bytes, len);
  cr_expect(p.cap_len == len && p.wire_len == len && p.link_type == ETHER);
  cr_expect(p.ether_type == 0x8847 && p.vlan[0] == 0x2064 && p.mpls_label == 0x12345);
  cr_expect(p.link_dst[5] == 0x0a && p.link_src[5] == 0x0b && (p.flags & TCPTALE_PACKET_HAS_ETHER));
  cr_expect(p.ip_id == 1 && p.ip_ttl == 64 && p.ip_protocol == 6 && p.ip_tos == 0 &&
            p.ip_total_len == 45);
  cr_expect(p.ip_offset == 22 && p.ip_header_len == 20 && p.ip_payload_offset == 42 &&
            p.ip_payload_len == 25);
  cr_expect(p.tcp_offset == 42 && p.tcp_header_len == 20 && p.payload_offset == 62 &&
            p.layer_count == 4);

  len = guard_hex(bytes, sizeof bytes,
                  "6ab00000 0019 06 40 20010db8000000000000000000000001 "
                  "20010db8000000000000000000000002 " F_TCP F_DATA);
  p = decode(TCPTALE_LINK_RAW, bytes, len);
  cr_expect(p.ip_tos == 0xab && p.ip_total_len == 65 && p.ip_id == 0 && p.ether_type == 0 &&
            p.flags == 0);
}

/* D12: all 4096 values of the flag field, against the rule in words: none of the six, SYN with FIN
 * or RST, FIN without ACK are bad; what else has neither SYN, RST nor ACK lacks it. */
Test(decode_stops, all_flags) {
  uint8_t bytes[64];
  size_t len = guard_hex(bytes, sizeof bytes, F_TCP);
  tcptale_packet p;
  tcptale_packet_init(&p, sizeof p);
  for (uint32_t flags = 0; flags < 4096; flags++) {
    int fin = flags & 1, syn = flags >> 1 & 1, rst = flags >> 2 & 1, ack = flags >> 4 & 1;
    int bad = (flags & 0x3f) == 0 || (syn && (fin || rst)) || (fin && !ack);
    uint32_t want = bad ? A(BAD_FLAGS) : !syn && !rst && !ack ? A(NO_ACK_FLAG) : 0;
    bytes[12] = (uint8_t)(0x50 | flags >> 8);
    bytes[13] = (uint8_t)flags;
    for (size_t data = 0; data < 2; data++) {
      bytes[len] = 'x';
      cr_assert_eq(tcptale_decode_tcp(&p, bytes, len + data, len + data), TCPTALE_OK);
      uint32_t with_data = want | (data && syn ? A(SYN_DATA) : 0) | (data && rst ? A(RST_DATA) : 0);
      cr_expect_eq(p.tcp_flags, flags);
      cr_expect_eq(p.anomalies, with_data, "%03x, %zu bytes: %x", flags, data, p.anomalies);
    }
  }
}

/* gist.c - see gist.h. Whatever is not found as expected leads to the decoder, which says why.
 * Floor 3. */
#include "gist.h"

#include "bytes.h"
#include "fields.h"
#include "sum.h"

enum {
  V6_LEN = 40,
  V6_NEXT = 6,
  VLAN_LEN = 4,
  VLANS = 2,
  ETHER_VLAN = 0x8100,
  ETHER_QINQ = 0x88a8,
  ETHER_IPV6 = 0x86dd,
  PROTO_TCP = 6,
  STAMPED_LEN = 32, /* a TCP header with NOP, NOP, timestamps */
  SCALE_MOST = 14,
  NOP_NOP_TIMESTAMPS = 0x0101080a /* kinds 1, 1 and 8, length 10 */
};

/* The flags that make a segment plain, or a call. */
enum {
  TELLING = TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_ACK | TCPTALE_TCP_URG,
  CALLING = TCPTALE_TCP_FIN | TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_PSH | TCPTALE_TCP_URG
};

/* The datagram of a frame: how long its header and what it carries are. */
struct datagram {
  const uint8_t *header;
  uint32_t header_len;
  uint32_t len; /* of what it carries; 0: it is none of ours */
};

/* IPv4, unfragmented; without options its header is 20 bytes. */
static void read_v4(struct datagram *d, uint32_t left, struct tcptale_gist *gist) {
  const uint8_t *h = d->header;
  if (left < TCPTALE_V4_LEN || h[0] != 0x45 || h[TCPTALE_V4_PROTOCOL] != PROTO_TCP) return;
  uint32_t total = tcptale_be16(h + TCPTALE_V4_TOTAL);
  uint32_t fragment = tcptale_be16(h + TCPTALE_V4_FRAGMENT);
  if (total > left || total < TCPTALE_V4_LEN + TCPTALE_TCP_LEN) return;
  if (fragment & (TCPTALE_V4_MORE_FRAGMENTS | TCPTALE_V4_OFFSET)) return;
  d->header_len = TCPTALE_V4_LEN;
  d->len = total - TCPTALE_V4_LEN;
  gist->ip_version = 4;
  gist->ttl = h[8];
  gist->said.ip_id = tcptale_be16(h + 4);
  gist->src = h + 12;
  gist->dst = h + 16;
}

/* IPv6 without extension headers. */
static void read_v6(struct datagram *d, uint32_t left, struct tcptale_gist *gist) {
  const uint8_t *h = d->header;
  if (left < V6_LEN || h[0] >> 4 != 6 || h[V6_NEXT] != PROTO_TCP) return;
  uint32_t len = tcptale_be16(h + 4);
  if (len > left - V6_LEN || len < TCPTALE_TCP_LEN) return;
  d->header_len = V6_LEN;
  d->len = len;
  gist->ip_version = 6;
  gist->ttl = h[7];
  gist->said.ip_id = 0;
  gist->src = h + 8;
  gist->dst = h + 24;
}

/* Steps over VLAN tags; 0: there are too many. */
static uint32_t skip_tags(const uint8_t *data, uint32_t cap_len, uint32_t *type) {
  uint32_t at = TCPTALE_ETHERNET_LEN;
  for (int tags = 0; *type == ETHER_VLAN || *type == ETHER_QINQ; tags++) {
    if (tags == VLANS || cap_len < at + VLAN_LEN) return 0;
    *type = tcptale_be16(data + at + 2);
    at += VLAN_LEN;
  }
  return at;
}

static void find_datagram(struct datagram *d, const uint8_t *data, uint32_t cap_len,
                          struct tcptale_gist *gist) {
  uint32_t at = TCPTALE_ETHERNET_LEN;
  if (cap_len < at) return;
  uint32_t type = tcptale_be16(data + TCPTALE_ETHERNET_TYPE);
  if (type != TCPTALE_ETHERNET_IPV4) at = skip_tags(data, cap_len, &type);
  d->header = data + at;
  if (type == TCPTALE_ETHERNET_IPV4) read_v4(d, cap_len - at, gist);
  else if (type == ETHER_IPV6) read_v6(d, cap_len - at, gist);
}

/* Both checksums; the pseudo header's addresses lie together at `addresses` (RFC 9293 3.1). */
static int sums_are_right(const struct datagram *d, const uint8_t *addresses, uint32_t addr_len) {
  const uint8_t *h = d->header;
  uint64_t sum = tcptale_sum_number(PROTO_TCP + d->len);
  for (uint32_t i = 0; i < 2 * addr_len; i += 8)
    sum = tcptale_sum_add(sum, tcptale_sum_word64(addresses + i));
  sum = tcptale_sum_add(sum, tcptale_sum_bytes(h + d->header_len, d->len));
  if (!tcptale_sum_is_right(sum)) return 0;
  if (d->header_len == V6_LEN) return 1;
  sum = tcptale_sum_add(tcptale_sum_word64(h), tcptale_sum_word64(h + 8));
  return tcptale_sum_is_right(tcptale_sum_add(sum, tcptale_sum_word32(h + 16)));
}

/* The options of a plain segment: none, or the usual one. 0: any other. */
static int take_stamp(struct tcptale_gist *gist, const uint8_t *h, uint32_t header_len) {
  if (header_len == TCPTALE_TCP_LEN) return 1;
  if (header_len != STAMPED_LEN || tcptale_be32(h + TCPTALE_TCP_LEN) != NOP_NOP_TIMESTAMPS)
    return 0;
  gist->has_timestamps = 1;
  gist->said.ts_val = tcptale_be32(h + 24);
  gist->said.ts_ecr = tcptale_be32(h + 28);
  return 1;
}

/* One option of a call, at most `left` bytes. Returns its length; 0: not one that most have. */
static uint32_t take_offer(struct tcptale_gist *gist, const uint8_t *o, uint32_t left) {
  if (o[0] == TCPTALE_OPT_NOP) return 1;
  if (left < 2 || o[1] > left) return 0;
  switch (tcptale_be16(o)) {
  case TCPTALE_OPT_MSS << 8 | 4:
  case TCPTALE_OPT_SACK_PERMITTED << 8 | 2: break;
  case TCPTALE_OPT_WSCALE << 8 | 3:
    if (o[2] > SCALE_MOST) return 0;
    gist->wscale = o[2];
    break;
  case TCPTALE_OPT_TIMESTAMPS << 8 | 10:
    gist->has_timestamps = 1;
    gist->said.ts_val = tcptale_be32(o + 2);
    gist->said.ts_ecr = tcptale_be32(o + 6);
    break;
  default: return 0;
  }
  return o[1];
}

/* The options of a call, each of them once. */
static int take_offers(struct tcptale_gist *gist, const uint8_t *h, uint32_t header_len) {
  uint32_t seen = 0, len;
  for (uint32_t at = TCPTALE_TCP_LEN; at < header_len; at += len) {
    len = take_offer(gist, h + at, header_len - at);
    uint32_t bit = h[at] == TCPTALE_OPT_NOP ? 0 : 1u << (h[at] & 31);
    if (len == 0 || (seen & bit)) return 0;
    seen |= bit;
  }
  return 1;
}

/* What its flags make a segment, its options included. */
static uint32_t kind_of(struct tcptale_gist *gist, const uint8_t *h, uint32_t header_len,
                        uint32_t left) {
  uint32_t flags = gist->said.tcp_flags;
  gist->has_timestamps = 0;
  gist->wscale = TCPTALE_GIST_NO_SCALE;
  gist->said.ts_val = gist->said.ts_ecr = 0;
  if ((flags & TELLING) == TCPTALE_TCP_ACK)
    return take_stamp(gist, h, header_len) ? TCPTALE_GIST_PLAIN : TCPTALE_GIST_ODD;
  int is_call = (flags & CALLING) == TCPTALE_TCP_SYN && left == header_len &&
                (gist->said.ack == 0 || (flags & TCPTALE_TCP_ACK));
  return is_call && take_offers(gist, h, header_len) ? TCPTALE_GIST_CALL : TCPTALE_GIST_ODD;
}

/* The TCP header, `left` bytes with what it carries. 0: an odd one. */
static int take_tcp(struct tcptale_gist *gist, const uint8_t *h, uint32_t left) {
  uint32_t offset_and_flags = tcptale_be16(h + TCPTALE_TCP_DATA_OFFSET);
  uint32_t header_len = (offset_and_flags >> 12) * 4;
  uint32_t ports = tcptale_be32(h);
  if (header_len < TCPTALE_TCP_LEN || header_len > left) return 0;
  gist->said.tcp_flags = (uint16_t)(offset_and_flags & 0xfff);
  gist->said.seq = tcptale_be32(h + 4);
  gist->said.ack = tcptale_be32(h + 8);
  gist->kind = (uint8_t)kind_of(gist, h, header_len, left);
  if (gist->kind == TCPTALE_GIST_ODD) return 0;
  gist->src_port = (uint16_t)(ports >> 16);
  gist->dst_port = (uint16_t)ports;
  gist->said.window = tcptale_be16(h + 14);
  gist->said.checksum = tcptale_be16(h + 16);
  gist->said.urgent = tcptale_be16(h + 18);
  gist->payload = h + header_len;
  gist->said.len = gist->cap_len = left - header_len;
  return gist->src_port != gist->dst_port; /* else perhaps to itself: LAND */
}

int tcptale_gist_of_frame(struct tcptale_gist *gist, const uint8_t *data, uint32_t cap_len,
                          int verify) {
  struct datagram d = {data, 0, 0};
  find_datagram(&d, data, cap_len, gist);
  if (d.len == 0 || !take_tcp(gist, d.header + d.header_len, d.len)) return 0;
  if (verify && !sums_are_right(&d, gist->src, (uint32_t)(gist->dst - gist->src))) return 0;
  gist->good_sum = verify != 0;
  gist->mac = tcptale_fields_mac(data + 6);
  return 1;
}

static uint32_t packet_kind(const tcptale_packet *p) {
  const uint32_t offers =
      TCPTALE_HAS_MSS | TCPTALE_HAS_WSCALE | TCPTALE_HAS_SACK_PERMITTED | TCPTALE_HAS_TIMESTAMPS;
  const uint32_t signature = TCPTALE_HAS_MD5 | TCPTALE_HAS_AO;
  uint32_t flags = p->tcp_flags;
  if (p->anomalies || p->payload_cap != p->payload_len) return TCPTALE_GIST_ODD;
  if ((flags & TELLING) == TCPTALE_TCP_ACK)
    return p->options & signature ? TCPTALE_GIST_ODD : TCPTALE_GIST_PLAIN;
  int is_call = (flags & CALLING) == TCPTALE_TCP_SYN && p->payload_len == 0 &&
                !(p->options & ~offers) && (p->ack == 0 || (flags & TCPTALE_TCP_ACK));
  return is_call ? TCPTALE_GIST_CALL : TCPTALE_GIST_ODD;
}

void tcptale_gist_of_packet(struct tcptale_gist *gist, const tcptale_packet *p,
                            const uint8_t *data) {
  gist->payload = p->payload_cap > 0 ? data + p->payload_offset : data;
  gist->src = p->src;
  gist->dst = p->dst;
  gist->said.seq = p->seq;
  gist->said.ack = p->ack;
  gist->said.len = p->payload_len;
  gist->cap_len = p->payload_cap;
  gist->said.ip_id = p->ip_id;
  gist->said.ts_val = p->ts_val;
  gist->said.ts_ecr = p->ts_ecr;
  gist->src_port = p->src_port;
  gist->dst_port = p->dst_port;
  gist->said.tcp_flags = p->tcp_flags;
  gist->said.window = p->window;
  gist->said.checksum = p->tcp_checksum;
  gist->said.urgent = p->urgent;
  gist->mac = p->flags & TCPTALE_PACKET_HAS_ETHER ? tcptale_fields_mac(p->link_src) : 0;
  gist->ttl = p->ip_ttl;
  gist->ip_version = p->ip_version;
  gist->has_timestamps = (p->options & TCPTALE_HAS_TIMESTAMPS) != 0;
  gist->good_sum = p->tcp_csum == TCPTALE_CSUM_GOOD;
  gist->wscale = p->options & TCPTALE_HAS_WSCALE ? p->wscale : TCPTALE_GIST_NO_SCALE;
  gist->kind = (uint8_t)packet_kind(p);
}

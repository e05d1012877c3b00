/* gist.c - see gist.h. Whatever is not found as expected leads to the decoder, which says why.
 * Floor 3. */
#include "gist.h"

#include "bytes.h"
#include "fields.h"
#include "sum.h"

enum {
  V6_LEN = 40,
  V6_NEXT = 6,
  V6_ADDRESSES = 8,
  VLAN_LEN = 4,
  VLANS = 2,
  ETHER_VLAN = 0x8100,
  ETHER_QINQ = 0x88a8,
  ETHER_IPV6 = 0x86dd,
  SCALE_MOST = 14,
  COMMON_LEN = 20 /* of the options of most calls */
};

/* The flags that make a segment a call. */
enum {
  CALLING = TCPTALE_TCP_FIN | TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_PSH | TCPTALE_TCP_URG
};

/* Where the datagram of a frame begins, past its VLAN tags, and what it is. 0: too many. */
static uint32_t skip_tags(const uint8_t *data, uint32_t cap_len, uint32_t *type) {
  uint32_t at = TCPTALE_ETHERNET_LEN;
  *type = tcptale_be16(data + TCPTALE_ETHERNET_TYPE);
  for (int tags = 0; *type == ETHER_VLAN || *type == ETHER_QINQ; tags++) {
    if (tags == VLANS || cap_len < at + VLAN_LEN) return 0;
    *type = tcptale_be16(data + at + 2);
    at += VLAN_LEN;
  }
  return at;
}

/* IPv6 without extension headers, as tcptale_gist_take_v4. */
static uint32_t take_v6(struct tcptale_gist *gist, const uint8_t *h, uint32_t left) {
  uint32_t len = tcptale_be16(h + 4);
  if (h[0] >> 4 != 6 || h[V6_NEXT] != TCPTALE_PROTO_TCP || len > left) return 0;
  gist->ip_version = 6;
  gist->ttl = h[7];
  gist->said.ip_id = 0;
  return len;
}

int tcptale_gist_of_other(struct tcptale_gist *gist, struct tcptale_gist_ends *ends,
                          const uint8_t *data, uint32_t cap_len, int verify) {
  if (cap_len < TCPTALE_ETHERNET_LEN) return 0;
  uint32_t type, at = skip_tags(data, cap_len, &type), left = 0;
  uint32_t header_len = type == ETHER_IPV6 ? V6_LEN : TCPTALE_V4_LEN;
  if (at == 0 || cap_len < at + header_len + TCPTALE_TCP_LEN) return 0;
  const uint8_t *ip = data + at;
  if (type == ETHER_IPV6) left = take_v6(gist, ip, cap_len - at - header_len);
  if (type == TCPTALE_ETHERNET_IPV4)
    left = tcptale_gist_take_v4(gist, ip, cap_len - at - header_len);
  if (!tcptale_gist_take_tcp(gist, ip + header_len, left)) return 0;
  ends->addresses = ip + (type == ETHER_IPV6 ? V6_ADDRESSES : TCPTALE_V4_ADDRESSES);
  ends->ports = tcptale_be32(ip + header_len);
  ends->ip_version = gist->ip_version;
  return tcptale_gist_finish(gist, data, ip, left, verify);
}

/* The pseudo header's addresses lie together at the end of the IP header (RFC 9293 3.1). */
int tcptale_gist_sums_are_right(const struct tcptale_gist *gist, const uint8_t *h, uint32_t len) {
  int is_v4 = gist->ip_version == 4;
  const uint8_t *tcp = h + (is_v4 ? TCPTALE_V4_LEN : V6_LEN);
  uint64_t sum = tcptale_sum_number(TCPTALE_PROTO_TCP + len);
  for (const uint8_t *p = h + (is_v4 ? TCPTALE_V4_ADDRESSES : V6_ADDRESSES); p < tcp; p += 8)
    sum = tcptale_sum_add(sum, tcptale_sum_word64(p));
  sum = tcptale_sum_add(sum, tcptale_sum_bytes(tcp, len));
  if (!tcptale_sum_is_right(sum)) return 0;
  if (!is_v4) return 1;
  sum = tcptale_sum_add(tcptale_sum_word64(h), tcptale_sum_word64(h + 8));
  return tcptale_sum_is_right(tcptale_sum_add(sum, tcptale_sum_word32(h + 16)));
}

/* One option of a call but NOP, at least two bytes. Returns its length; 0: not one that most
 * have. */
static uint32_t take_offer(struct tcptale_gist *gist, const uint8_t *o, uint32_t left) {
  switch (tcptale_be16(o)) {
  case TCPTALE_OPT_MSS << 8 | 4: return 4;
  case TCPTALE_OPT_SACK_PERMITTED << 8 | 2: return 2;
  case TCPTALE_OPT_WSCALE << 8 | 3:
    if (left < 3 || o[2] > SCALE_MOST) return 0;
    gist->wscale = o[2];
    return 3;
  case TCPTALE_OPT_TIMESTAMPS << 8 | 10:
    if (left < 10) return 0;
    gist->has_timestamps = 1;
    gist->said.ts_val = tcptale_be32(o + 2);
    gist->said.ts_ecr = tcptale_be32(o + 6);
    return 10;
  default: return 0;
  }
}

/* The options of a call in the order that most systems write them: MSS, SACK permitted, timestamps,
 * NOP, window scale. 0: they are others. */
static int take_common_offers(struct tcptale_gist *gist, const uint8_t *o) {
  const uint32_t sack_and_stamps =
      (uint32_t)TCPTALE_OPT_SACK_PERMITTED << 24 | 2 << 16 | TCPTALE_OPT_TIMESTAMPS << 8 | 10;
  const uint32_t nop_and_scale = TCPTALE_OPT_NOP << 16 | TCPTALE_OPT_WSCALE << 8 | 3;
  if (tcptale_be16(o) != (TCPTALE_OPT_MSS << 8 | 4)) return 0;
  if (tcptale_be32(o + 4) != sack_and_stamps || tcptale_be24(o + 16) != nop_and_scale) return 0;
  if (o[19] > SCALE_MOST) return 0;
  gist->wscale = o[19];
  gist->has_timestamps = 1;
  gist->said.ts_val = tcptale_be32(o + 8);
  gist->said.ts_ecr = tcptale_be32(o + 12);
  return 1;
}

/* The options of a call, `left` bytes, each of them once. */
static int take_offers(struct tcptale_gist *gist, const uint8_t *o, uint32_t left) {
  for (uint32_t seen = 0, len; left > 0; o += len, left -= len) {
    len = 1;
    if (o[0] == TCPTALE_OPT_NOP) continue;
    len = left >= 2 ? take_offer(gist, o, left) : 0;
    uint32_t bit = 1u << (o[0] & 31);
    if (len == 0 || len > left || (seen & bit)) return 0;
    seen |= bit;
  }
  return 1;
}

int tcptale_gist_take_call(struct tcptale_gist *gist, const uint8_t *h, uint32_t left) {
  uint32_t word = tcptale_be32(h + TCPTALE_TCP_DATA_OFFSET), flags = word >> 16;
  uint32_t header_len = (word >> 28) * 4;
  if ((flags & CALLING) != TCPTALE_TCP_SYN || left != header_len || left < TCPTALE_TCP_LEN)
    return 0;
  if (!(flags & TCPTALE_TCP_ACK) && tcptale_be32(h + 8) != 0) return 0;
  tcptale_gist_begin(gist, TCPTALE_GIST_CALL, 0);
  tcptale_gist_take_fixed(gist, h, word, header_len, left);
  gist->said.ts_val = gist->said.ts_ecr = 0;
  uint32_t offers_len = header_len - TCPTALE_TCP_LEN;
  if (offers_len == COMMON_LEN && take_common_offers(gist, h + TCPTALE_TCP_LEN)) return 1;
  return take_offers(gist, h + TCPTALE_TCP_LEN, offers_len);
}

static uint32_t packet_kind(const tcptale_packet *p) {
  const uint32_t offers =
      TCPTALE_HAS_MSS | TCPTALE_HAS_WSCALE | TCPTALE_HAS_SACK_PERMITTED | TCPTALE_HAS_TIMESTAMPS;
  const uint32_t signature = TCPTALE_HAS_MD5 | TCPTALE_HAS_AO;
  uint32_t flags = p->tcp_flags;
  if (p->anomalies || p->payload_cap != p->payload_len || p->payload_unsent > 0 ||
      p->tcp_csum == TCPTALE_CSUM_BAD || p->ip_csum == TCPTALE_CSUM_BAD)
    return TCPTALE_GIST_ODD;
  if ((flags & TCPTALE_GIST_TELLING) == TCPTALE_TCP_ACK)
    return p->options & signature ? TCPTALE_GIST_ODD : TCPTALE_GIST_PLAIN;
  int is_call = (flags & CALLING) == TCPTALE_TCP_SYN && p->payload_len == 0 &&
                !(p->options & ~offers) && (p->ack == 0 || (flags & TCPTALE_TCP_ACK));
  return is_call ? TCPTALE_GIST_CALL : TCPTALE_GIST_ODD;
}

void tcptale_gist_of_packet(struct tcptale_gist *gist, const tcptale_packet *p,
                            const uint8_t *data) {
  gist->payload = p->payload_cap > 0 ? data + p->payload_offset : data;
  gist->said.seq = p->seq;
  gist->said.ack = p->ack;
  gist->said.len = p->payload_len;
  gist->cap_len = p->payload_cap;
  gist->said.ip_id = p->ip_id;
  gist->said.ts_val = p->ts_val;
  gist->said.ts_ecr = p->ts_ecr;
  gist->said.tcp_flags = p->tcp_flags;
  gist->said.window = p->window;
  gist->said.checksum_and_urgent = (uint32_t)p->tcp_checksum << 16 | p->urgent;
  gist->mac = p->flags & TCPTALE_PACKET_HAS_ETHER ? tcptale_fields_mac(p->link_src) : 0;
  gist->ttl = p->ip_ttl;
  gist->ip_version = p->ip_version;
  gist->has_timestamps = (p->options & TCPTALE_HAS_TIMESTAMPS) != 0;
  gist->good_sum = p->tcp_csum == TCPTALE_CSUM_GOOD;
  gist->wscale = p->options & TCPTALE_HAS_WSCALE ? p->wscale : TCPTALE_GIST_NO_SCALE;
  gist->kind = (uint8_t)packet_kind(p);
}

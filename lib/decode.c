/* decode.c - from bytes to a packet in one call: walks from header to header, each read by its
 * own room, until one says that it ends; then verifies the checksums where asked to. Invariant:
 * the walk takes at most TCPTALE_LAYER_LIMIT steps below TCP, each of which goes forward. Floor
 * 3. */
#include <string.h>

#include "tcptale/packet.h"

#include "bytes.h"
#include "fields.h"
#include "inflate.h"
#include "ip.h"
#include "link.h"
#include "sum.h"
#include "tcp.h"
#include "tunnel.h"
#include "walk.h"

static void note(tcptale_packet *p, uint32_t code) {
  p->anomalies |= 1u << code;
}

/* ICMP quotes packets; what it quotes was not sent here. */
static void icmp(struct tcptale_walk *w, tcptale_packet *p) {
  enum { ICMP_LEN = 4 };
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_ICMP, ICMP_LEN)) return;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_ICMP, ICMP_LEN);
  tcptale_walk_stop_at(w, p, TCPTALE_STOP_NOT_TCP, TCPTALE_LAYER_ICMP, offset);
}

static void step(struct tcptale_walk *w, tcptale_packet *p) {
  switch ((enum tcptale_next)w->next) {
  case TCPTALE_NEXT_ETHERNET: tcptale_link_ethernet(w, p); break;
  case TCPTALE_NEXT_LLC: tcptale_link_llc(w, p); break;
  case TCPTALE_NEXT_VLAN: tcptale_link_vlan(w, p); break;
  case TCPTALE_NEXT_MPLS: tcptale_link_mpls(w, p); break;
  case TCPTALE_NEXT_PPPOE: tcptale_link_pppoe(w, p); break;
  case TCPTALE_NEXT_IP: tcptale_ip_any(w, p); break;
  case TCPTALE_NEXT_IPV4: tcptale_ip_v4(w, p); break;
  case TCPTALE_NEXT_IPV6: tcptale_ip_v6(w, p); break;
  case TCPTALE_NEXT_TCP: tcptale_tcp_header(w, p); break;
  case TCPTALE_NEXT_UDP: tcptale_tunnel_udp(w, p); break;
  case TCPTALE_NEXT_ICMP: icmp(w, p); break;
  case TCPTALE_NEXT_GRE: tcptale_tunnel_gre(w, p); break;
  case TCPTALE_NEXT_ERSPAN: tcptale_tunnel_erspan(w, p); break;
  case TCPTALE_NEXT_VXLAN: tcptale_tunnel_vxlan(w, p); break;
  case TCPTALE_NEXT_GENEVE: tcptale_tunnel_geneve(w, p); break;
  case TCPTALE_NEXT_GTPU: tcptale_tunnel_gtpu(w, p); break;
  case TCPTALE_NEXT_TEREDO: tcptale_tunnel_teredo(w, p); break;
  case TCPTALE_NEXT_L2TP: tcptale_tunnel_l2tp(w, p); break;
  case TCPTALE_NEXT_PPP: tcptale_link_ppp(w, p); break;
  case TCPTALE_NEXT_STOP: break;
  }
}

static void walk_on(struct tcptale_walk *w, tcptale_packet *p) {
  while (w->next != TCPTALE_NEXT_STOP) {
    if (p->layer_count >= TCPTALE_LAYER_LIMIT && w->next != TCPTALE_NEXT_TCP)
      tcptale_walk_too_deep(w, p);
    else step(w, p);
  }
}

/* The sum of an IPv4 header, 5 to 15 words long as its first byte says. */
static uint64_t v4_sum(const uint8_t *h) {
  uint64_t sum = tcptale_sum_add(tcptale_sum_word64(h), tcptale_sum_word64(h + 8));
  sum = tcptale_sum_add(sum, tcptale_sum_word32(h + 16));
  const uint8_t *end = h + (h[0] & 0xfu) * 4;
  for (const uint8_t *option = h + TCPTALE_V4_LEN; option < end; option += 4)
    sum = tcptale_sum_add(sum, tcptale_sum_word32(option));
  return sum;
}

/* An IPv4 header that is right sums up to ones; 0 in it was left to the hardware (rule R21). */
static void verify_ip(tcptale_packet *p, const uint8_t *h) {
  if (tcptale_sum_is_right(v4_sum(h))) {
    p->ip_csum = TCPTALE_CSUM_GOOD;
  } else if (tcptale_be16(h + 10) == 0) {
    p->ip_csum = TCPTALE_CSUM_PARTIAL;
    note(p, TCPTALE_ANOMALY_CSUM_OFFLOAD);
  } else {
    p->ip_csum = TCPTALE_CSUM_BAD;
    note(p, TCPTALE_ANOMALY_BAD_IP_CSUM);
  }
}

/* The pseudo header without its length: addresses and protocol (RFC 9293 3.1, RFC 8200 8.1). */
static uint64_t pseudo_sum(const uint8_t *src, const uint8_t *dst, uint32_t ip_version) {
  enum { TCP = 6 };
  uint64_t sum = tcptale_sum_number(TCP);
  if (ip_version == 4) return sum + tcptale_sum_word32(src) + tcptale_sum_word32(dst);
  sum = tcptale_sum_add(sum, tcptale_sum_word64(src));
  sum = tcptale_sum_add(sum, tcptale_sum_word64(src + 8));
  sum = tcptale_sum_add(sum, tcptale_sum_word64(dst));
  return tcptale_sum_add(sum, tcptale_sum_word64(dst + 8));
}

/* Whether the field holds only the pseudo header's sum, for the hardware to go on from; where
 * the hardware also cuts the data into segments it adds their lengths itself, and the sum is one
 * without length. */
static int holds_partial_sum(const tcptale_packet *p, uint64_t pseudo,
                             uint64_t pseudo_without_len) {
  uint16_t field = tcptale_sum_fold(tcptale_sum_number(p->tcp_checksum));
  return field == tcptale_sum_fold(pseudo) || field == tcptale_sum_fold(pseudo_without_len);
}

static void verify_tcp(const struct tcptale_walk *w, tcptale_packet *p, const uint8_t *data) {
  if (p->payload_cap < p->payload_len || (p->flags & TCPTALE_PACKET_OPTIONS_CUT) ||
      w->csum_unknown) {
    p->tcp_csum = TCPTALE_CSUM_UNVERIFIABLE;
    return;
  }
  const uint8_t *src = w->csum_src ? w->csum_src : p->src;
  const uint8_t *dst = w->csum_dst ? w->csum_dst : p->dst;
  uint32_t len = p->tcp_header_len + p->payload_len;
  uint64_t without_len = pseudo_sum(src, dst, p->ip_version);
  uint64_t pseudo = tcptale_sum_add(without_len, tcptale_sum_number(len));
  uint64_t sum = tcptale_sum_add(pseudo, tcptale_sum_bytes(data + p->tcp_offset, len));
  if (tcptale_sum_is_right(sum)) {
    p->tcp_csum = TCPTALE_CSUM_GOOD;
  } else if (holds_partial_sum(p, pseudo, without_len)) {
    p->tcp_csum = TCPTALE_CSUM_PARTIAL;
    note(p, TCPTALE_ANOMALY_CSUM_OFFLOAD);
  } else {
    p->tcp_csum = TCPTALE_CSUM_BAD;
    note(p, TCPTALE_ANOMALY_BAD_TCP_CSUM);
  }
}

static void verify(const struct tcptale_walk *w, tcptale_packet *p, const uint8_t *data) {
  if (p->ip_version == 4 && !w->headless) verify_ip(p, data + p->ip_offset);
  if (p->ip_version == 6) p->ip_csum = TCPTALE_CSUM_GOOD;
  if (p->ip_version != 0 && (p->layers & TCPTALE_LAYER_TCP)) verify_tcp(w, p, data);
}

static uint32_t clamp(size_t len) {
  return len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

static int usable(const tcptale_packet *p, const uint8_t *data, size_t len, uint32_t flags) {
  const uint32_t known = TCPTALE_DECODE_CHECKSUM;
  return p && p->struct_size >= sizeof *p && (data || len == 0) && (flags & ~known) == 0;
}

/* Zeroes all of the packet but its size, in pieces so small that compilers make plain stores of
 * them: one large memset costs more than a whole header. */
static void forget(tcptale_packet *p) {
  enum { PIECE = 64 };
  uint32_t struct_size = p->struct_size;
  uint8_t *bytes = (uint8_t *)p;
  _Static_assert(sizeof *p > 3 * PIECE && sizeof *p <= 4 * PIECE, "as many pieces as below");
  memset(bytes, 0, PIECE);
  memset(bytes + PIECE, 0, PIECE);
  memset(bytes + 2 * PIECE, 0, PIECE);
  memset(bytes + 3 * PIECE, 0, sizeof *p - 3 * PIECE);
  p->struct_size = struct_size;
}

/* Forgets the last packet and stands at the first byte of this one. */
static void begin(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *data, size_t cap_len,
                  size_t wire_len) {
  forget(p);
  uint32_t left = clamp(cap_len);
  uint32_t wire = clamp(wire_len < cap_len ? cap_len : wire_len);
  p->cap_len = left;
  p->wire_len = wire;
  *w = (struct tcptale_walk){.at = data, .left = left, .wire = wire};
}

int tcptale_packet_init(tcptale_packet *packet, size_t struct_size) {
  if (!packet || struct_size < sizeof *packet || struct_size > UINT32_MAX) return TCPTALE_ERR_ARG;
  memset(packet, 0, struct_size);
  packet->struct_size = (uint32_t)struct_size;
  return TCPTALE_OK;
}

/* The usual frame: Ethernet, IPv4 without options, unfragmented and with a length that fits the
 * frame, TCP, all headers captured. It is taken in one go, with the same result as the walk.
 * Returns 0, the packet untouched, for any other frame. */
static int usual_frame(tcptale_packet *p, const uint8_t *data, uint32_t cap_len,
                       uint32_t wire_len) {
  enum { IP = TCPTALE_ETHERNET_LEN, TCP = IP + TCPTALE_V4_LEN, LEAST = TCP + TCPTALE_TCP_LEN };
  if (cap_len < LEAST) return 0;
  const uint8_t *ip = data + IP, *tcp = data + TCP;
  uint32_t total = tcptale_be16(ip + TCPTALE_V4_TOTAL);
  uint32_t header_len = (tcp[TCPTALE_TCP_DATA_OFFSET] >> 4) * 4u;
  uint32_t fragment = tcptale_be16(ip + TCPTALE_V4_FRAGMENT);
  if (tcptale_be16(data + TCPTALE_ETHERNET_TYPE) != TCPTALE_ETHERNET_IPV4 || ip[0] != 0x45)
    return 0;
  if (ip[TCPTALE_V4_PROTOCOL] != 6 || (fragment & ~(uint32_t)TCPTALE_V4_DONT_FRAGMENT) != 0)
    return 0;
  if (total > wire_len - IP || header_len < TCPTALE_TCP_LEN) return 0;
  if (total < TCPTALE_V4_LEN + header_len || cap_len < TCP + header_len) return 0;

  uint32_t wire = total - TCPTALE_V4_LEN;
  uint32_t left = cap_len - TCP < wire ? cap_len - TCP : wire;
  if (left < wire) p->flags |= TCPTALE_PACKET_CUT;
  p->layers = TCPTALE_LAYER_LINK | TCPTALE_LAYER_IPV4 | TCPTALE_LAYER_TCP;
  p->layer_count = 2;
  p->ether_type = TCPTALE_ETHERNET_IPV4;
  tcptale_fields_ether(p, data, data + 6);
  tcptale_fields_v4(p, ip, IP, TCPTALE_V4_LEN, total);
  tcptale_fields_tcp(p, tcp, TCP, left, wire);
  tcptale_tcp_remarks(p, tcp);
  return 1;
}

int tcptale_decode(tcptale_packet *packet, uint32_t link_type, const uint8_t *data, size_t cap_len,
                   size_t wire_len, uint32_t flags) {
  if (!usable(packet, data, cap_len, flags)) return TCPTALE_ERR_ARG;
  struct tcptale_walk w;
  begin(&w, packet, data, cap_len, wire_len);
  packet->link_type = link_type;
  if (link_type != TCPTALE_LINK_ETHERNET || !usual_frame(packet, data, w.left, w.wire)) {
    tcptale_link_first(&w, packet, link_type);
    walk_on(&w, packet);
  }
  if (flags & TCPTALE_DECODE_CHECKSUM) verify(&w, packet, data);
  return TCPTALE_OK;
}

int tcptale_decode_ip(tcptale_packet *packet, const uint8_t *data, size_t cap_len, size_t wire_len,
                      uint32_t flags) {
  return tcptale_decode(packet, TCPTALE_LINK_RAW, data, cap_len, wire_len, flags);
}

int tcptale_decode_tcp(tcptale_packet *packet, const uint8_t *data, size_t cap_len,
                       size_t wire_len) {
  if (!usable(packet, data, cap_len, 0)) return TCPTALE_ERR_ARG;
  struct tcptale_walk w;
  begin(&w, packet, data, cap_len, wire_len);
  tcptale_tcp_header(&w, packet);
  return TCPTALE_OK;
}

/* Makes the packet of a first fragment, or of a compressed datagram, that of the whole datagram as
 * far as IP: no fragment fields, new lengths, and nothing above. */
static void mend(tcptale_packet *p, uint32_t len) {
  enum { V6_FRAGMENT_LEN = 8 };
  const uint32_t of_fragment =
      TCPTALE_PACKET_MORE_FRAGMENTS | TCPTALE_PACKET_CUT | TCPTALE_PACKET_LENGTH_FROM_FRAME;
  const size_t from = offsetof(tcptale_packet, src_port), to = offsetof(tcptale_packet, ip_offset);
  int is_fragment = (p->layers & TCPTALE_LAYER_FRAGMENT) != 0;
  uint8_t ip_csum = p->ip_csum;
  memset((uint8_t *)p + from, 0, to - from);
  p->ip_csum = ip_csum;
  p->layers &= ~(uint32_t)TCPTALE_LAYER_FRAGMENT;
  p->flags = (uint16_t)((p->flags & ~of_fragment) | TCPTALE_PACKET_REASSEMBLED);
  p->stop_reason = TCPTALE_STOP_NONE;
  p->stop_layer = 0;
  p->stop_offset = 0;
  p->cap_len = len;
  p->wire_len = len;
  if (p->ip_version == 6 && is_fragment)
    p->ip_header_len = (uint16_t)(p->ip_header_len - V6_FRAGMENT_LEN);
  p->ip_offset = 0;
  p->ip_payload_offset = 0;
  p->ip_payload_len = len;
  p->ip_total_len = len > UINT32_MAX - p->ip_header_len ? UINT32_MAX : len + p->ip_header_len;
  p->frag_offset = 0;
}

/* The datagram's own header is not in `data`, so its addresses come from the packet, and after a
 * source route nobody knows which one the checksum covers. */
static void decode_whole(tcptale_packet *packet, const uint8_t *data, size_t len, uint32_t flags) {
  uint8_t routed = (packet->anomalies & 1u << TCPTALE_ANOMALY_IP_OPT_ROUTE) != 0;
  mend(packet, clamp(len));
  struct tcptale_walk w = {.at = data,
                           .left = packet->cap_len,
                           .wire = packet->wire_len,
                           .bounded = 1,
                           .headless = 1,
                           .csum_unknown = routed};
  tcptale_ip_upper(&w, packet);
  walk_on(&w, packet);
  if (flags & TCPTALE_DECODE_CHECKSUM) verify(&w, packet, data);
}

int tcptale_decode_reassembled(tcptale_packet *packet, const uint8_t *data, size_t len,
                               uint32_t flags) {
  if (!usable(packet, data, len, flags)) return TCPTALE_ERR_ARG;
  if (!(packet->layers & TCPTALE_LAYER_FRAGMENT)) return TCPTALE_ERR_ARG;
  decode_whole(packet, data, len, flags);
  return TCPTALE_OK;
}

/* RFC 3173 3.3: below 64 a CPI is well known, from 256 on the two ends agreed on it. */
static int may_be_deflate(uint32_t cpi) {
  enum { CPI_DEFLATE = 2, CPI_NEGOTIATED = 256 };
  return cpi == CPI_DEFLATE || cpi >= CPI_NEGOTIATED;
}

int tcptale_decode_unpacked(tcptale_packet *packet, const uint8_t *data, uint8_t *out, size_t room,
                            uint32_t flags) {
  enum { CPI_LEN = 2 };
  if (!usable(packet, data, 1, flags) || !out || packet->stop_reason != TCPTALE_STOP_COMPRESSED)
    return TCPTALE_ERR_ARG;
  uint32_t at = packet->ip_payload_offset, len = packet->ip_payload_len;
  if (at < CPI_LEN || at > packet->cap_len) return TCPTALE_ERR_ARG;
  if (len > packet->cap_len - at) return TCPTALE_ERR_NOT_FOUND;
  if (!may_be_deflate(tcptale_be16(data + at - CPI_LEN))) return TCPTALE_ERR_NOT_FOUND;
  int32_t written = tcptale_inflate(data + at, len, out, room < INT32_MAX ? room : INT32_MAX);
  if (written < 0) return TCPTALE_ERR_NOT_FOUND;
  decode_whole(packet, out, (size_t)written, flags);
  return written;
}

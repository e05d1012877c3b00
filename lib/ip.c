/* ip.c - reads IPv4 and IPv6 headers, options and extension headers, names fragments, and finds
 * the addresses that TCP's checksum covers. Invariant: the IP fields of the packet are those of
 * one header, the innermost that was read whole; the length on the wire is what that header
 * says. Floor 2. */
#include "ip.h"

#include <string.h>

#include "bytes.h"
#include "fields.h"

enum { V4_LEN = TCPTALE_V4_LEN, V6_LEN = 40, JUMBO_LEAST = 65536 };

/* Protocol numbers that something is done about (IANA). */
enum {
  PROTO_HOP_BY_HOP = 0,
  PROTO_ICMP = 1,
  PROTO_IPV4 = 4,
  PROTO_TCP = 6,
  PROTO_UDP = 17,
  PROTO_IPV6 = 41,
  PROTO_ROUTING = 43,
  PROTO_FRAGMENT = 44,
  PROTO_GRE = 47,
  PROTO_ESP = 50,
  PROTO_AH = 51,
  PROTO_ICMPV6 = 58,
  PROTO_NONE = 59,
  PROTO_DESTINATION = 60,
  PROTO_IPCOMP = 108,
  PROTO_MOBILITY = 135,
  PROTO_MPLS = 137,
  PROTO_HIP = 139,
  PROTO_SHIM6 = 140
};

static void note(tcptale_packet *p, uint32_t code) {
  p->anomalies |= 1u << code;
}

/* An inner header takes the place of the outer one's fields. */
static void forget_outer(struct tcptale_walk *w, tcptale_packet *p) {
  const uint32_t about_ip = TCPTALE_PACKET_LENGTH_FROM_FRAME | TCPTALE_PACKET_MORE_FRAGMENTS |
                            TCPTALE_PACKET_DONT_FRAGMENT | TCPTALE_PACKET_ATOMIC_FRAGMENT |
                            TCPTALE_PACKET_CUT | TCPTALE_PACKET_JUMBO;
  p->flags = (uint16_t)(p->flags & ~about_ip);
  memset(p->src, 0, sizeof p->src);
  memset(p->dst, 0, sizeof p->dst);
  p->ip_id = 0;
  p->frag_offset = 0;
  w->headless = 0;
  w->csum_unknown = 0;
  w->csum_src = NULL;
  w->csum_dst = NULL;
}

/* Takes the datagram's length on the wire, its header included, from a length field: `total`. */
static void take_length(struct tcptale_walk *w, tcptale_packet *p, uint32_t total) {
  if (total > w->wire) note(p, TCPTALE_ANOMALY_MALFORMED);
  tcptale_walk_set_wire(w, total);
}

/* Rule R22, length 0: the sender left segmentation to its hardware, the frame's length is the true
 * one. */
static void take_frame_length(tcptale_packet *p) {
  p->flags |= TCPTALE_PACKET_LENGTH_FROM_FRAME;
  note(p, TCPTALE_ANOMALY_CSUM_OFFLOAD);
}

static void stop_fragment(struct tcptale_walk *w, tcptale_packet *p, uint32_t offset) {
  p->layers |= TCPTALE_LAYER_FRAGMENT;
  tcptale_walk_stop_at(w, p, TCPTALE_STOP_FRAGMENT, TCPTALE_LAYER_FRAGMENT, offset);
}

/* Where an unfinished loose or strict source route (RFC 791 3.1) leads: its last address.
 * `option` has `len` bytes: type, length, pointer (counted from 1), addresses. */
static const uint8_t *route_end(const uint8_t *option, uint32_t len) {
  if (len < 7 || option[2] > len) return NULL;
  return option + len - 4;
}

static void v4_options(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *options,
                       uint32_t len) {
  enum { END = 0, NOP = 1, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };
  for (uint32_t at = 0; at < len && options[at] != END;) {
    if (options[at] == NOP) {
      at++;
      continue;
    }
    if (len - at < 2 || options[at + 1] < 2 || len - at < options[at + 1]) {
      note(p, TCPTALE_ANOMALY_IP_OPT_MALFORMED);
      return;
    }
    uint32_t size = options[at + 1];
    if (options[at] == LOOSE_ROUTE || options[at] == STRICT_ROUTE) {
      const uint8_t *end = route_end(options + at, size);
      note(p, TCPTALE_ANOMALY_IP_OPT_ROUTE);
      if (end) w->csum_dst = end;
    }
    at += size;
  }
}

/* The header's length is 5 to 15 words (RFC 791 3.1). A total length below it is impossible, one
 * beyond the frame is the sender's word against the capture's: what is there is followed, the
 * rest is cut. */
void tcptale_ip_v4(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPV4, V4_LEN)) return;
  uint32_t header_len = (h[0] & 0xfu) * 4;
  uint32_t total = tcptale_be16(h + TCPTALE_V4_TOTAL);
  if (h[0] >> 4 != 4 || header_len < V4_LEN || (total != 0 && total < header_len)) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_IPV4);
    return;
  }
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPV4, header_len)) return;
  if (p->ip_version != 0) forget_outer(w, p);
  if (total != 0) take_length(w, p, total);
  else take_frame_length(p);
  if (w->left < w->wire) p->flags |= TCPTALE_PACKET_CUT;

  tcptale_fields_v4(p, h, offset, header_len, w->wire);
  if (header_len > V4_LEN) v4_options(w, p, h + V4_LEN, header_len - V4_LEN);
  tcptale_walk_pass(w, p, TCPTALE_LAYER_IPV4, header_len);

  uint32_t fragment = tcptale_be16(h + TCPTALE_V4_FRAGMENT);
  if (fragment & (TCPTALE_V4_MORE_FRAGMENTS | TCPTALE_V4_OFFSET)) {
    if (fragment & TCPTALE_V4_MORE_FRAGMENTS) p->flags |= TCPTALE_PACKET_MORE_FRAGMENTS;
    p->frag_offset = (uint16_t)((fragment & TCPTALE_V4_OFFSET) * 8);
    stop_fragment(w, p, offset);
    return;
  }
  tcptale_ip_upper(w, p);
}

/* The jumbo length out of the options of a hop-by-hop header of `len` bytes (RFC 2675), 0 where
 * there is none. A home address (RFC 6275 6.3) among destination options is TCP's source. */
static uint32_t v6_options(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *h,
                           uint32_t len) {
  enum { PAD1 = 0, JUMBO = 0xc2, HOME_ADDRESS = 0xc9 };
  uint32_t jumbo = 0;
  for (uint32_t at = 2; at < len;) {
    if (h[at] == PAD1) {
      at++;
      continue;
    }
    if (len - at < 2 || len - at - 2 < h[at + 1]) {
      note(p, TCPTALE_ANOMALY_IP_OPT_MALFORMED);
      return jumbo;
    }
    if (h[at] == JUMBO && h[at + 1] == 4) jumbo = tcptale_be32(h + at + 2);
    if (h[at] == HOME_ADDRESS && h[at + 1] == 16) w->csum_src = h + at + 2;
    at += 2u + h[at + 1];
  }
  return jumbo;
}

/* A payload length of 0: a jumbogram where the hop-by-hop header behind says so, nothing at all
 * where no header follows, else segmentation was left to the hardware. Returns 0 where the walk
 * has ended. */
static int v6_no_length(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *h) {
  uint32_t left = w->left - V6_LEN, jumbo = 0;
  if (h[6] == PROTO_NONE) {
    tcptale_walk_set_wire(w, V6_LEN);
    return 1;
  }
  if (h[6] == PROTO_HOP_BY_HOP) {
    if (left < 8 || left < (h[V6_LEN + 1] + 1u) * 8) return 1; /* cut: its own reader will say so */
    jumbo = v6_options(w, p, h + V6_LEN, (h[V6_LEN + 1] + 1u) * 8);
  }
  if (jumbo == 0) {
    take_frame_length(p);
    return 1;
  }
  if (jumbo < JUMBO_LEAST || jumbo > UINT32_MAX - V6_LEN) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_IPV6);
    return 0;
  }
  p->flags |= TCPTALE_PACKET_JUMBO;
  take_length(w, p, V6_LEN + jumbo);
  return 1;
}

/* RFC 8200 3: version 4 bits, traffic class 8, flow label 20; payload length (2), next header
 * (1), hop limit (1), source (16), destination (16). */
void tcptale_ip_v6(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPV6, V6_LEN)) return;
  if (h[0] >> 4 != 6) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_IPV6);
    return;
  }
  if (p->ip_version != 0) forget_outer(w, p);
  uint32_t len = tcptale_be16(h + 4);
  if (len != 0) take_length(w, p, V6_LEN + len);
  else if (!v6_no_length(w, p, h)) return;
  if (w->left < w->wire) p->flags |= TCPTALE_PACKET_CUT;

  p->ip_version = 6;
  p->ip_tos = (uint8_t)(tcptale_be16(h) >> 4);
  p->ip_total_len = w->wire;
  p->ip_protocol = h[6];
  p->ip_ttl = h[7];
  p->ip_offset = offset;
  p->ip_header_len = V6_LEN;
  memcpy(p->src, h + 8, 16);
  memcpy(p->dst, h + 24, 16);
  tcptale_walk_pass(w, p, TCPTALE_LAYER_IPV6, V6_LEN);
  p->ip_payload_offset = w->off;
  p->ip_payload_len = w->wire;
  tcptale_ip_upper(w, p);
}

void tcptale_ip_any(struct tcptale_walk *w, tcptale_packet *p) {
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPV4, 1)) return;
  if (w->at[0] >> 4 == 6) tcptale_ip_v6(w, p);
  else tcptale_ip_v4(w, p);
}

/* A routing header of `len` bytes (RFC 8200 4.4). With segments left, the end of the route is
 * the last address of type 0 (RFC 2460), the only one of type 2 (RFC 6275) and the first of type
 * 4 (RFC 8754). */
static void routing(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *h, uint32_t len) {
  enum { SOURCE_ROUTE = 0, HOME = 2, SEGMENT_ROUTING = 4 };
  uint32_t type = h[2], segments_left = h[3];
  if (segments_left == 0 && type != SOURCE_ROUTE) return;
  note(p, TCPTALE_ANOMALY_IP_OPT_ROUTE);
  if (segments_left == 0) return;
  w->csum_unknown = 1;
  if (len < 24 || (type != SOURCE_ROUTE && type != HOME && type != SEGMENT_ROUTING)) return;
  w->csum_unknown = 0;
  w->csum_dst = type == SOURCE_ROUTE ? h + 8 + (len - 24) / 16 * 16 : h + 8;
}

/* RFC 8200 4.5: offset in 13 bits, 2 reserved, one that says whether more follow. A fragment
 * header on a whole packet means nothing (RFC 6946). Returns 1 where the walk ended. */
static int fragment_header(struct tcptale_walk *w, tcptale_packet *p, const uint8_t *h,
                           uint32_t offset) {
  uint32_t field = tcptale_be16(h + 2);
  p->ip_id = tcptale_be32(h + 4);
  if ((field & 0xfff9) == 0) {
    p->flags |= TCPTALE_PACKET_ATOMIC_FRAGMENT;
    return 0;
  }
  p->frag_offset = (uint16_t)(field & 0xfff8);
  if (field & 1) p->flags |= TCPTALE_PACKET_MORE_FRAGMENTS;
  stop_fragment(w, p, offset);
  return 1;
}

/* The layer that an extension header of this protocol number is, 0: it is none. AH may follow
 * IPv4 too. */
static uint32_t extension_layer(const tcptale_packet *p) {
  if (p->ip_protocol == PROTO_AH) return TCPTALE_LAYER_AH;
  if (p->ip_version != 6) return 0;
  switch (p->ip_protocol) {
  case PROTO_HOP_BY_HOP:
  case PROTO_ROUTING:
  case PROTO_FRAGMENT:
  case PROTO_DESTINATION:
  case PROTO_MOBILITY:
  case PROTO_HIP:
  case PROTO_SHIM6: return TCPTALE_LAYER_IPV6_EXT;
  default: return 0;
  }
}

/* Lengths count units of 8 bytes beyond the first 8; AH's units of 4 beyond the first 8, at
 * least 12 bytes in all; a fragment header is 8 bytes. */
static uint32_t extension_len(uint32_t protocol, const uint8_t *h) {
  if (protocol == PROTO_AH) return (h[1] + 2u) * 4;
  return protocol == PROTO_FRAGMENT ? 8 : (h[1] + 1u) * 8;
}

/* Steps over the extension header at w->at. Returns 1 where the walk ended. */
static int extension(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer) {
  enum { LEAST = 8, AH_LEAST = 12 };
  const uint8_t *h = w->at;
  uint32_t protocol = p->ip_protocol;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, layer, LEAST)) return 1;
  uint32_t len = extension_len(protocol, h);
  if (protocol == PROTO_AH && len < AH_LEAST) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, layer);
    return 1;
  }
  if (!tcptale_walk_need(w, p, layer, len)) return 1;
  tcptale_walk_skip(w, len);
  p->layers |= p->ip_version == 6 ? layer | TCPTALE_LAYER_IPV6_EXT : layer;
  p->ip_header_len = (uint16_t)(p->ip_header_len + len);
  p->ip_payload_offset = w->off;
  p->ip_payload_len = w->wire;
  p->ip_protocol = h[0];
  if (protocol == PROTO_HOP_BY_HOP || protocol == PROTO_DESTINATION) {
    uint32_t jumbo = v6_options(w, p, h, len);
    if (jumbo != 0 && !(p->flags & TCPTALE_PACKET_JUMBO)) note(p, TCPTALE_ANOMALY_MALFORMED);
  }
  if (protocol == PROTO_ROUTING) routing(w, p, h, len);
  return protocol == PROTO_FRAGMENT && fragment_header(w, p, h, offset);
}

/* A tunnel that is nothing but one IP header in another. */
static void ip_in_ip(struct tcptale_walk *w, tcptale_packet *p, enum tcptale_next next) {
  p->layers |= TCPTALE_LAYER_IPIP;
  p->tunnel_count++;
  w->next = (uint8_t)next;
}

static void stop_at_ip(struct tcptale_walk *w, tcptale_packet *p, uint32_t reason) {
  uint32_t layer = p->ip_version == 4 ? TCPTALE_LAYER_IPV4 : TCPTALE_LAYER_IPV6;
  tcptale_walk_stop_at(w, p, reason, layer, p->ip_offset);
}

/* RFC 3173 3.1: next header (1), flags (1), which compression (2). It counts as the IP header's. */
static void compressed(struct tcptale_walk *w, tcptale_packet *p) {
  enum { IPCOMP_LEN = 4 };
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPCOMP, IPCOMP_LEN)) return;
  tcptale_walk_skip(w, IPCOMP_LEN);
  p->layers |= TCPTALE_LAYER_IPCOMP;
  p->ip_header_len = (uint16_t)(p->ip_header_len + IPCOMP_LEN);
  p->ip_payload_offset = w->off;
  p->ip_payload_len = w->wire;
  p->ip_protocol = h[0];
  tcptale_walk_stop_at(w, p, TCPTALE_STOP_COMPRESSED, TCPTALE_LAYER_IPCOMP, offset);
}

/* ESP may hide TCP; whatever else is not named here is complete without it. */
static void upper_layer(struct tcptale_walk *w, tcptale_packet *p) {
  switch (p->ip_protocol) {
  case PROTO_TCP: w->next = TCPTALE_NEXT_TCP; break;
  case PROTO_UDP: w->next = TCPTALE_NEXT_UDP; break;
  case PROTO_ICMP:
  case PROTO_ICMPV6: w->next = TCPTALE_NEXT_ICMP; break;
  case PROTO_GRE: w->next = TCPTALE_NEXT_GRE; break;
  case PROTO_MPLS:
    p->tunnel_count++;
    w->next = TCPTALE_NEXT_MPLS;
    break;
  case PROTO_IPV4: ip_in_ip(w, p, TCPTALE_NEXT_IPV4); break;
  case PROTO_IPV6: ip_in_ip(w, p, TCPTALE_NEXT_IPV6); break;
  case PROTO_IPCOMP: compressed(w, p); break;
  case PROTO_ESP: stop_at_ip(w, p, TCPTALE_STOP_UNSUPPORTED); break;
  default: stop_at_ip(w, p, TCPTALE_STOP_NOT_TCP); break;
  }
}

void tcptale_ip_upper(struct tcptale_walk *w, tcptale_packet *p) {
  uint32_t layer;
  for (int passed = 0; (layer = extension_layer(p)) != 0; passed++) {
    if (passed == TCPTALE_IPV6_EXT_LIMIT) {
      tcptale_walk_stop(w, p, TCPTALE_STOP_TOO_DEEP, layer);
      return;
    }
    if (extension(w, p, layer)) return;
  }
  upper_layer(w, p);
}

/* link.c - reads what lies below IP: the link headers that pcap files have, 802.2, VLAN tags,
 * MPLS labels, PPPoE and PPP. Invariant: one header a call, nothing is kept between calls. Floor
 * 2. */
#include "link.h"

#include "bytes.h"
#include "fields.h"

enum {
  ETHER_TYPE_LEAST = 1536, /* below: a length, and 802.2 follows (IEEE 802.3 3.2.6) */
  LLC_LEN = 3,
  SNAP_LEN = 8,
  VLAN_LEN = 4,
  VLAN_KEPT = 4,
  MPLS_LEN = 4,
  MPLS_CONTROL_WORD = 4,
  PPPOE_LEN = 6,
  FAMILY_LEN = 4,
  HDLC_LEN = 4,
  SLL_LEN = 16,
  SLL2_LEN = 20
};

static void unsupported(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer,
                        uint32_t offset) {
  tcptale_walk_stop_at(w, p, TCPTALE_STOP_UNSUPPORTED, layer, offset);
}

/* The outermost link addresses are the ones that are kept. */
static void keep_addresses(tcptale_packet *p, const uint8_t *dst, const uint8_t *src) {
  if (p->flags & TCPTALE_PACKET_HAS_ETHER) return;
  tcptale_fields_ether(p, dst, src);
}

/* After a type-or-length field: a length bounds what follows, so that padding is no part of it. */
static void type_or_length(struct tcptale_walk *w, tcptale_packet *p, uint32_t type, uint32_t layer,
                           uint32_t offset) {
  if (type >= ETHER_TYPE_LEAST) {
    tcptale_walk_ether_type(w, p, type, layer, offset);
    return;
  }
  tcptale_walk_bound(w, type);
  w->next = TCPTALE_NEXT_LLC;
}

/* IEEE 802.3 3.1. In a tunnel, too, and then the inner addresses are not kept. */
void tcptale_link_ethernet(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, TCPTALE_ETHERNET_LEN)) return;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_LINK, TCPTALE_ETHERNET_LEN);
  keep_addresses(p, h, h + 6);
  type_or_length(w, p, tcptale_be16(h + TCPTALE_ETHERNET_TYPE), TCPTALE_LAYER_LINK, offset);
}

/* IEEE 802.1Q 9.6: tag control (priority 3, DEI 1, id 12 bits), then again a type or a length. */
void tcptale_link_vlan(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_VLAN, VLAN_LEN)) return;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_VLAN, VLAN_LEN);
  if (p->vlan_count < VLAN_KEPT) p->vlan[p->vlan_count++] = tcptale_be16(h);
  type_or_length(w, p, tcptale_be16(h + 2), TCPTALE_LAYER_VLAN, offset);
}

/* 802.2: SNAP with a zero OUI, or the one for bridged 802.3 (RFC 1042), carries an EtherType;
 * SAP 6 is IP itself (RFC 948); spanning tree and ISO carry no TCP. */
void tcptale_link_llc(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LLC, LLC_LEN)) return;
  if (h[0] == 0xaa && h[1] == 0xaa && h[2] == 3) {
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LLC, SNAP_LEN)) return;
    uint32_t oui = tcptale_be24(h + 3);
    tcptale_walk_pass(w, p, TCPTALE_LAYER_LLC, SNAP_LEN);
    if (oui == 0 || oui == 0xf8)
      tcptale_walk_ether_type(w, p, tcptale_be16(h + 6), TCPTALE_LAYER_LLC, offset);
    else unsupported(w, p, TCPTALE_LAYER_LLC, offset);
    return;
  }
  tcptale_walk_pass(w, p, TCPTALE_LAYER_LLC, LLC_LEN);
  if (h[0] == 6 && h[1] == 6 && h[2] == 3) w->next = TCPTALE_NEXT_IPV4;
  else if (h[0] == 0x42 || h[0] == 0xfe)
    tcptale_walk_stop_at(w, p, TCPTALE_STOP_NOT_TCP, TCPTALE_LAYER_LLC, offset);
  else unsupported(w, p, TCPTALE_LAYER_LLC, offset);
}

/* What is under the last label is not said; its first four bits are (RFC 4928): 4 and 6 an IP
 * version, 0 a pseudowire's control word (RFC 4385), 1 its associated channel, anything else the
 * frame of a pseudowire without control word. */
static void below_labels(struct tcptale_walk *w, tcptale_packet *p, uint32_t offset) {
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_IPV4, 1)) return;
  switch (w->at[0] >> 4) {
  case 4: w->next = TCPTALE_NEXT_IPV4; break;
  case 6: w->next = TCPTALE_NEXT_IPV6; break;
  case 1: unsupported(w, p, TCPTALE_LAYER_MPLS, offset); break;
  case 0:
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, MPLS_CONTROL_WORD)) return;
    tcptale_walk_skip(w, MPLS_CONTROL_WORD);
    w->next = TCPTALE_NEXT_ETHERNET;
    break;
  default: w->next = TCPTALE_NEXT_ETHERNET; break;
  }
}

/* RFC 3032 2.1: label in 20 bits, traffic class in 3, bottom of the stack in 1, time to live in
 * 8. */
void tcptale_link_mpls(struct tcptale_walk *w, tcptale_packet *p) {
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_MPLS, MPLS_LEN)) return;
  uint32_t entry = tcptale_be32(w->at);
  tcptale_walk_pass(w, p, TCPTALE_LAYER_MPLS, MPLS_LEN);
  p->mpls_label = entry >> 12;
  if (entry & 0x100) /* bottom of stack */
    below_labels(w, p, offset);
  else w->next = TCPTALE_NEXT_MPLS;
}

/* A header of `layer`: `head` bytes and PPP's protocol field, one byte where that is odd (RFC
 * 1661 6.5). */
static void ppp_protocol(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer, uint32_t head) {
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, layer, head + 1)) return;
  uint32_t len = w->at[head] & 1 ? 1 : 2;
  if (!tcptale_walk_need(w, p, layer, head + len)) return;
  uint32_t protocol = len == 1 ? w->at[head] : tcptale_be16(w->at + head);
  tcptale_walk_pass(w, p, layer, head + len);
  switch (protocol) {
  case 0x0021: w->next = TCPTALE_NEXT_IPV4; return;
  case 0x0057: w->next = TCPTALE_NEXT_IPV6; return;
  case 0x0281:
  case 0x0283: w->next = TCPTALE_NEXT_MPLS; return;
  default: break;
  }
  uint32_t reason =
      protocol < 0x8000 ? TCPTALE_STOP_UNSUPPORTED : TCPTALE_STOP_NOT_TCP; /* control */
  tcptale_walk_stop_at(w, p, reason, layer, offset);
}

/* RFC 2516: version and type 1, code 0 for a session, then a length that includes PPP's protocol
 * field. */
void tcptale_link_pppoe(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_PPPOE, PPPOE_LEN)) return;
  if (h[0] != 0x11 || h[1] != 0) {
    uint32_t reason = h[0] != 0x11 ? TCPTALE_STOP_MALFORMED : TCPTALE_STOP_NOT_TCP;
    tcptale_walk_stop(w, p, reason, TCPTALE_LAYER_PPPOE);
    return;
  }
  tcptale_walk_bound(w, (uint32_t)PPPOE_LEN + tcptale_be16(h + 4));
  ppp_protocol(w, p, TCPTALE_LAYER_PPPOE, PPPOE_LEN);
}

/* Address (all stations, 0xff, which is no protocol) and control field may be left out (RFC 1661
 * 6.6). In a tunnel, too. */
void tcptale_link_ppp(struct tcptale_walk *w, tcptale_packet *p) {
  uint32_t head = w->left > 0 && w->at[0] == 0xff ? 2 : 0;
  ppp_protocol(w, p, TCPTALE_LAYER_LINK, head);
}

/* The address family in the byte order of the capturing machine: the order in which it is a
 * small number. IPv4 is 2 everywhere, IPv6 differs among systems. */
static void family(struct tcptale_walk *w, tcptale_packet *p) {
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, FAMILY_LEN)) return;
  uint32_t value = tcptale_be32(w->at);
  if (value > 0xffff) value = tcptale_le32(w->at);
  tcptale_walk_pass(w, p, TCPTALE_LAYER_LINK, FAMILY_LEN);
  switch (value) {
  case 2: w->next = TCPTALE_NEXT_IPV4; break;
  case 10:
  case 24:
  case 28:
  case 30: w->next = TCPTALE_NEXT_IPV6; break;
  default: unsupported(w, p, TCPTALE_LAYER_LINK, 0);
  }
}

/* A header of `len` bytes with an EtherType at `type_at`. Cisco HDLC: address, control, type.
 * Linux cooked version 1: packet type (2), ARPHRD (2), address length (2), address (8), type;
 * version 2: type, reserved (2), interface (4), ARPHRD (2), packet type (1), address length (1),
 * address (8). Only the sender's address is there, so none is kept. */
static void typed(struct tcptale_walk *w, tcptale_packet *p, uint32_t len, uint32_t type_at) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, len)) return;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_LINK, len);
  uint32_t type = tcptale_be16(h + type_at);
  if (type == 4) /* 802.2, in the cooked headers of Linux */
    w->next = TCPTALE_NEXT_LLC;
  else tcptale_walk_ether_type(w, p, type, TCPTALE_LAYER_LINK, 0);
}

/* Frame control of 802.11 (IEEE 802.11 9.2.4.1), as a little-endian number. */
enum {
  FC_VERSION = 0x0003,
  FC_TYPE = 0x000c,
  FC_DATA = 0x0008,
  FC_NULL = 0x0040, /* no data */
  FC_QOS = 0x0080,
  FC_TO_DS = 0x0100,
  FC_FROM_DS = 0x0200,
  FC_MORE_FRAGMENTS = 0x0400,
  FC_PROTECTED = 0x4000,
  FC_ORDER = 0x8000, /* of a QoS frame: HT control is there */
  QOS_AMSDU = 0x80
};

static uint32_t wifi_header_len(uint32_t fc) {
  uint32_t len = 24;
  if ((fc & (FC_TO_DS | FC_FROM_DS)) == (FC_TO_DS | FC_FROM_DS)) len += 6;
  if (fc & FC_QOS) len += fc & FC_ORDER ? 6 : 2;
  return len;
}

/* Why a data frame cannot be followed, or TCPTALE_STOP_NONE. An encrypted frame, a piece of one
 * and a bundle of several are what they are; only whole single ones are read. */
static uint32_t wifi_refusal(const uint8_t *h, uint32_t fc, uint32_t header_len) {
  if ((fc & FC_TYPE) != FC_DATA || (fc & FC_NULL)) return TCPTALE_STOP_NOT_TCP;
  if (fc & (FC_PROTECTED | FC_MORE_FRAGMENTS)) return TCPTALE_STOP_UNSUPPORTED;
  if (tcptale_le16(h + 22) & 0xf) return TCPTALE_STOP_UNSUPPORTED;
  uint32_t qos_at = header_len - (fc & FC_ORDER ? 6 : 2);
  if ((fc & FC_QOS) && (h[qos_at] & QOS_AMSDU)) return TCPTALE_STOP_UNSUPPORTED;
  return TCPTALE_STOP_NONE;
}

/* Which of the four addresses are those of the two ends depends on the way over the distribution
 * system. */
static void wifi_addresses(tcptale_packet *p, const uint8_t *h, uint32_t fc) {
  const uint8_t *dst = fc & FC_TO_DS ? h + 16 : h + 4;
  const uint8_t *src = h + 10;
  if (fc & FC_FROM_DS) src = fc & FC_TO_DS ? h + 24 : h + 16;
  keep_addresses(p, dst, src);
}

static void wifi(struct tcptale_walk *w, tcptale_packet *p, int padded) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, 2)) return;
  uint32_t fc = tcptale_le16(h);
  if (fc & FC_VERSION) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_LINK);
    return;
  }
  uint32_t len = (fc & FC_TYPE) == FC_DATA ? wifi_header_len(fc) : 2;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, len)) return;
  uint32_t refusal = wifi_refusal(h, fc, len);
  if (refusal != TCPTALE_STOP_NONE) {
    tcptale_walk_stop(w, p, refusal, TCPTALE_LAYER_LINK);
    return;
  }
  uint32_t skipped = padded ? (len + 3) & ~3u : len;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, skipped)) return;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_LINK, skipped);
  wifi_addresses(p, h, fc);
  w->next = TCPTALE_NEXT_LLC;
}

/* Radiotap: a length, words that say which fields are present (bit 31: one more word), the
 * fields. Of those only the flags matter here, which only the timestamp (8 bytes, aligned) may
 * precede. Returns them, 0 where they are not there. `len` bytes of header are there. */
static uint32_t radiotap_flags(const uint8_t *h, uint32_t len) {
  enum { HAS_TIMESTAMP = 1, HAS_FLAGS = 2 };
  uint32_t present = tcptale_le32(h + 4);
  uint32_t at = 8;
  for (uint32_t word = present; word >> 31; at += 4) {
    if (len - at < 4) return 0;
    word = tcptale_le32(h + at);
  }
  if (!(present & HAS_FLAGS)) return 0;
  if (present & HAS_TIMESTAMP) at = ((at + 7) & ~7u) + 8;
  return at < len ? h[at] : 0;
}

static void radiotap(struct tcptale_walk *w, tcptale_packet *p) {
  enum { HEADER_LEN = 8, FCS_AT_END = 0x10, PADDED = 0x20, FCS_LEN = 4 };
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, HEADER_LEN)) return;
  uint32_t len = tcptale_le16(w->at + 2);
  if (w->at[0] != 0 || len < HEADER_LEN) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_LINK);
    return;
  }
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_LINK, len)) return;
  uint32_t flags = radiotap_flags(w->at, len);
  tcptale_walk_skip(w, len);
  if ((flags & FCS_AT_END) && w->wire >= FCS_LEN) {
    w->wire -= FCS_LEN;
    if (w->left > w->wire) w->left = w->wire;
  }
  wifi(w, p, (flags & PADDED) != 0);
}

void tcptale_link_first(struct tcptale_walk *w, tcptale_packet *p, uint32_t link_type) {
  switch (link_type) {
  case TCPTALE_LINK_ETHERNET: tcptale_link_ethernet(w, p); break;
  case TCPTALE_LINK_NULL:
  case TCPTALE_LINK_LOOP: family(w, p); break;
  case TCPTALE_LINK_PPP: tcptale_link_ppp(w, p); break;
  case TCPTALE_LINK_RAW_BSD:
  case TCPTALE_LINK_RAW_OPENBSD:
  case TCPTALE_LINK_RAW: w->next = TCPTALE_NEXT_IP; break;
  case TCPTALE_LINK_CISCO_HDLC: typed(w, p, HDLC_LEN, 2); break;
  case TCPTALE_LINK_80211: wifi(w, p, 0); break;
  case TCPTALE_LINK_LINUX_SLL: typed(w, p, SLL_LEN, 14); break;
  case TCPTALE_LINK_80211_RADIOTAP: radiotap(w, p); break;
  case TCPTALE_LINK_IPV4: w->next = TCPTALE_NEXT_IPV4; break;
  case TCPTALE_LINK_IPV6: w->next = TCPTALE_NEXT_IPV6; break;
  case TCPTALE_LINK_LINUX_SLL2: typed(w, p, SLL2_LEN, 0); break;
  default: unsupported(w, p, TCPTALE_LAYER_LINK, 0);
  }
}

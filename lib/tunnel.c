/* tunnel.c - reads tunnel headers. UDP's ports only suggest a tunnel: where the header behind
 * them cannot be that tunnel's, the datagram is plain UDP. Invariant: a tunnel is counted once
 * its header was read whole; what was decoded outside stays. Floor 2. */
#include "tunnel.h"

#include "bytes.h"

enum {
  UDP_LEN = 8,
  GRE_LEN = 4,
  ERSPAN2_LEN = 8,
  ERSPAN3_LEN = 12,
  ERSPAN3_PLATFORM_LEN = 8,
  VXLAN_LEN = 8,
  GENEVE_LEN = 8,
  GTPU_LEN = 8,
  GTPU_OPTIONAL_LEN = 4,
  GTPU_EXTENSION_LIMIT = 8,
  L2TP_LEAST = 6
};

enum {
  PORT_L2TP = 1701,
  PORT_GTPU = 2152,
  PORT_TEREDO = 3544,
  PORT_VXLAN = 4789,
  PORT_GENEVE = 6081,
  PORT_VXLAN_LINUX = 8472
};

static void enter(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer, uint32_t header_len) {
  tcptale_walk_pass(w, p, layer, header_len);
  p->tunnel_count++;
}

/* The datagram on a tunnel's port is no such tunnel's; UDP's header lies right before. */
static void plain_udp(struct tcptale_walk *w, tcptale_packet *p) {
  tcptale_walk_stop_at(w, p, TCPTALE_STOP_NOT_TCP, TCPTALE_LAYER_UDP, w->off - UDP_LEN);
}

/* VXLAN and GENEVE hash the source port, so only the destination tells; the other tunnels'
 * ports may stand at either end. */
static enum tcptale_next tunnel_of(uint32_t src_port, uint32_t dst_port) {
  switch (dst_port) {
  case PORT_VXLAN:
  case PORT_VXLAN_LINUX: return TCPTALE_NEXT_VXLAN;
  case PORT_GENEVE: return TCPTALE_NEXT_GENEVE;
  case PORT_GTPU: return TCPTALE_NEXT_GTPU;
  case PORT_TEREDO: return TCPTALE_NEXT_TEREDO;
  default: break;
  }
  if (src_port == PORT_GTPU) return TCPTALE_NEXT_GTPU;
  if (src_port == PORT_TEREDO) return TCPTALE_NEXT_TEREDO;
  return src_port == PORT_L2TP || dst_port == PORT_L2TP ? TCPTALE_NEXT_L2TP : TCPTALE_NEXT_STOP;
}

/* RFC 768: ports (2, 2), length with this header (2), checksum (2), which is not verified. */
void tcptale_tunnel_udp(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_UDP, UDP_LEN)) return;
  uint32_t len = tcptale_be16(h + 4); /* 0: a jumbogram's (RFC 2675 4) */
  if (len != 0 && len < UDP_LEN) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_UDP);
    return;
  }
  if (len != 0) tcptale_walk_bound(w, len);
  tcptale_walk_pass(w, p, TCPTALE_LAYER_UDP, UDP_LEN);
  w->next = (uint8_t)tunnel_of(tcptale_be16(h), tcptale_be16(h + 2));
  if (w->next == TCPTALE_NEXT_STOP) plain_udp(w, p);
}

/* RFC 7348: the I flag says that the network identifier is valid. */
void tcptale_tunnel_vxlan(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_VXLAN, VXLAN_LEN)) return;
  if (!(h[0] & 0x08)) {
    plain_udp(w, p);
    return;
  }
  p->tunnel_id = tcptale_be24(h + 4);
  enter(w, p, TCPTALE_LAYER_VXLAN, VXLAN_LEN);
  w->next = TCPTALE_NEXT_ETHERNET;
}

/* RFC 8926: version 0, length of the options in words of 4 bytes, EtherType of what follows. */
void tcptale_tunnel_geneve(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GENEVE, GENEVE_LEN)) return;
  if (h[0] >> 6 != 0) {
    plain_udp(w, p);
    return;
  }
  uint32_t len = GENEVE_LEN + (h[0] & 0x3fu) * 4;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GENEVE, len)) return;
  p->tunnel_id = tcptale_be24(h + 4);
  enter(w, p, TCPTALE_LAYER_GENEVE, len);
  tcptale_walk_ether_type(w, p, tcptale_be16(h + 2), TCPTALE_LAYER_GENEVE, offset);
}

/* The bytes of a GTP-U header with its chain of extension headers (3GPP TS 29.281 5.2): each
 * one's first byte is its length in words, its last the type of the next. 0: the walk has ended. */
static uint32_t gtpu_header_len(struct tcptale_walk *w, tcptale_packet *p) {
  uint32_t len = GTPU_LEN;
  if (!(w->at[0] & 0x07)) return len; /* no extension, sequence number or N-PDU number */
  len += GTPU_OPTIONAL_LEN;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GTPU, len)) return 0;
  uint32_t type = w->at[0] & 0x04 ? w->at[len - 1] : 0;
  for (int passed = 0; type != 0; passed++) {
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GTPU, len + 1)) return 0;
    uint32_t size = w->at[len] * 4u;
    if (size == 0 || passed == GTPU_EXTENSION_LIMIT) {
      uint32_t reason = size == 0 ? TCPTALE_STOP_MALFORMED : TCPTALE_STOP_TOO_DEEP;
      tcptale_walk_stop(w, p, reason, TCPTALE_LAYER_GTPU);
      return 0;
    }
    len += size;
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GTPU, len)) return 0;
    type = w->at[len - 1];
  }
  return len;
}

/* Version 1, protocol type 1 (GTP, not its charging cousin), message type 255 for a user's
 * packet, of which only IP is followed. */
void tcptale_tunnel_gtpu(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GTPU, GTPU_LEN)) return;
  if ((h[0] & 0xf0) != 0x30 || h[1] != 0xff) {
    plain_udp(w, p);
    return;
  }
  tcptale_walk_bound(w, (uint32_t)GTPU_LEN + tcptale_be16(h + 2));
  uint32_t len = gtpu_header_len(w, p);
  if (len == 0) return;
  p->tunnel_id = tcptale_be32(h + 4);
  enter(w, p, TCPTALE_LAYER_GTPU, len);
  w->next = TCPTALE_NEXT_IP;
  if (w->left > 0 && w->at[0] >> 4 != 4 && w->at[0] >> 4 != 6)
    tcptale_walk_stop_at(w, p, TCPTALE_STOP_UNSUPPORTED, TCPTALE_LAYER_GTPU, offset);
}

/* As tcptale_walk_need, but a datagram too short for the tunnel is plain UDP. */
static int need_or_plain(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer, uint32_t need) {
  if (w->wire >= need) return tcptale_walk_need(w, p, layer, need);
  plain_udp(w, p);
  return 0;
}

/* RFC 4380 5.1.1: IPv6, before it perhaps an authentication indication (type 1: lengths of id
 * and value, both, nonce, confirmation) and an origin indication (type 0). What begins otherwise
 * is no Teredo. */
void tcptale_tunnel_teredo(struct tcptale_walk *w, tcptale_packet *p) {
  enum { ORIGIN_LEN = 8, AUTH_LEAST = 13 };
  const uint8_t *h = w->at;
  uint32_t len = 0;
  if (!need_or_plain(w, p, TCPTALE_LAYER_TEREDO, 2)) return;
  if (h[0] == 0 && h[1] == 1) {
    if (!need_or_plain(w, p, TCPTALE_LAYER_TEREDO, 4)) return;
    len = (uint32_t)AUTH_LEAST + h[2] + h[3];
    if (!need_or_plain(w, p, TCPTALE_LAYER_TEREDO, len + 2)) return;
  }
  if (h[len] == 0 && h[len + 1] == 0) {
    len += ORIGIN_LEN;
    if (!need_or_plain(w, p, TCPTALE_LAYER_TEREDO, len + 1)) return;
  }
  if (h[len] >> 4 != 6) {
    plain_udp(w, p);
    return;
  }
  enter(w, p, TCPTALE_LAYER_TEREDO, len);
  w->next = TCPTALE_NEXT_IPV6;
}

/* L2TP's flags (RFC 2661 3.1); the bits that are not here are to be ignored. */
enum {
  L2TP_CONTROL = 0x8000,
  L2TP_LENGTH = 0x4000,
  L2TP_SEQUENCE = 0x0800,
  L2TP_OFFSET = 0x0200,
  L2TP_VERSION = 0x000f
};

/* The bytes of a data message's header, its padding included. 0: the walk has ended. */
static uint32_t l2tp_header_len(struct tcptale_walk *w, tcptale_packet *p, uint32_t flags) {
  uint32_t len = flags & L2TP_LENGTH ? L2TP_LEAST + 2 : L2TP_LEAST;
  if (flags & L2TP_SEQUENCE) len += 4;
  if (flags & L2TP_OFFSET) {
    len += 2;
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_L2TP, len)) return 0;
    len += tcptale_be16(w->at + len - 2);
  }
  return tcptale_walk_need(w, p, TCPTALE_LAYER_L2TP, len) ? len : 0;
}

/* A data message of version 2: flags and version (2), then for each of its flags or always: the
 * message's length (2), tunnel and session (4), Ns and Nr (4), size of the padding (2) and the
 * padding; then PPP. */
static void l2tp_data(struct tcptale_walk *w, tcptale_packet *p, uint32_t flags) {
  const uint8_t *h = w->at;
  if (flags & L2TP_LENGTH) tcptale_walk_bound(w, tcptale_be16(h + 2));
  uint32_t len = l2tp_header_len(w, p, flags);
  if (len == 0) return;
  p->tunnel_id = tcptale_be32(h + (flags & L2TP_LENGTH ? 4 : 2));
  enter(w, p, TCPTALE_LAYER_L2TP, len);
  w->next = TCPTALE_NEXT_PPP;
}

/* Control messages carry nobody's packets. In a data message of version 3 (RFC 3931 4.1.2.1) it
 * is not said how long the cookie is and what follows it; both ends agreed on that before. Other
 * versions are not L2TP's. */
void tcptale_tunnel_l2tp(struct tcptale_walk *w, tcptale_packet *p) {
  if (!need_or_plain(w, p, TCPTALE_LAYER_L2TP, 2)) return;
  uint32_t flags = tcptale_be16(w->at), version = flags & L2TP_VERSION;
  if (version != 2 && version != 3) {
    plain_udp(w, p);
    return;
  }
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_L2TP, L2TP_LEAST)) return;
  if (flags & L2TP_CONTROL) tcptale_walk_stop(w, p, TCPTALE_STOP_NOT_TCP, TCPTALE_LAYER_L2TP);
  else if (version == 3) tcptale_walk_stop(w, p, TCPTALE_STOP_UNSUPPORTED, TCPTALE_LAYER_L2TP);
  else l2tp_data(w, p, flags);
}

/* GRE's flags and the protocols that are its own (RFC 2784, 2890; ERSPAN:
 * draft-foschiano-erspan). */
enum {
  GRE_CHECKSUM = 0x8000,
  GRE_ROUTING = 0x4000,
  GRE_KEY = 0x2000,
  GRE_SEQUENCE = 0x1000,
  GRE_VERSION = 0x0007,
  GRE_ERSPAN_2 = 0x88be, /* with a sequence number type II, without one type I */
  GRE_ERSPAN_3 = 0x22eb
};

/* Flags and version (2), protocol (2), then for each of its flags: checksum and reserved (4),
 * key (4), sequence number (4). With a routing field (RFC 1701) the header's end cannot be told
 * without following it. */
void tcptale_tunnel_gre(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GRE, GRE_LEN)) return;
  uint32_t flags = tcptale_be16(h), protocol = tcptale_be16(h + 2);
  if (flags & (GRE_ROUTING | GRE_VERSION)) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_UNSUPPORTED, TCPTALE_LAYER_GRE);
    return;
  }
  uint32_t key_at = flags & GRE_CHECKSUM ? GRE_LEN + 4 : GRE_LEN;
  uint32_t len = key_at + (flags & GRE_KEY ? 4 : 0) + (flags & GRE_SEQUENCE ? 4 : 0);
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_GRE, len)) return;
  if (flags & GRE_KEY) p->tunnel_id = tcptale_be32(h + key_at);
  enter(w, p, TCPTALE_LAYER_GRE, len);
  if (protocol == GRE_ERSPAN_2 && !(flags & GRE_SEQUENCE)) {
    p->layers |= TCPTALE_LAYER_ERSPAN;
    w->next = TCPTALE_NEXT_ETHERNET;
  } else if (protocol == GRE_ERSPAN_2 || protocol == GRE_ERSPAN_3) {
    w->next = TCPTALE_NEXT_ERSPAN;
  } else {
    tcptale_walk_ether_type(w, p, protocol, TCPTALE_LAYER_GRE, offset);
  }
}

/* Type III says what kind of frame it mirrors: 0 Ethernet, 2 a packet without link header. */
static void erspan3_frame(struct tcptale_walk *w, tcptale_packet *p, uint32_t kind,
                          uint32_t offset) {
  if (kind == 0) w->next = TCPTALE_NEXT_ETHERNET;
  else if (kind == 2) w->next = TCPTALE_NEXT_IP;
  else tcptale_walk_stop_at(w, p, TCPTALE_STOP_UNSUPPORTED, TCPTALE_LAYER_ERSPAN, offset);
}

/* Both types begin with version (4 bits) and VLAN (12), then class and flags (6) and session
 * (10). The version is 1 for type II and 2 for type III, whose last bit says that a platform's
 * part follows. */
void tcptale_tunnel_erspan(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  uint32_t offset = w->off;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_ERSPAN, ERSPAN2_LEN)) return;
  uint32_t version = h[0] >> 4, len = ERSPAN2_LEN;
  if (version != 1 && version != 2) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_UNSUPPORTED, TCPTALE_LAYER_ERSPAN);
    return;
  }
  if (version == 2) {
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_ERSPAN, ERSPAN3_LEN)) return;
    len = ERSPAN3_LEN + (h[11] & 1 ? ERSPAN3_PLATFORM_LEN : 0);
    if (!tcptale_walk_need(w, p, TCPTALE_LAYER_ERSPAN, len)) return;
  }
  p->tunnel_id = tcptale_be16(h + 2) & 0x3ffu;
  tcptale_walk_pass(w, p, TCPTALE_LAYER_ERSPAN, len);
  if (version == 1) w->next = TCPTALE_NEXT_ETHERNET;
  else erspan3_frame(w, p, (h[10] >> 2) & 0x1fu, offset);
}

/* walk.c - how a walk over a packet's headers ends, and what an EtherType leads to. Invariant:
 * whoever ends a walk writes reason, layer and offset together, and the anomaly that belongs to
 * the reason. Floor 1. */
#include "walk.h"

/* EtherTypes, as the IEEE registry has them. */
enum {
  TYPE_IPV4 = 0x0800,
  TYPE_ARP = 0x0806,
  TYPE_TEB = 0x6558,
  TYPE_RARP = 0x8035,
  TYPE_VLAN = 0x8100,
  TYPE_IPV6 = 0x86dd,
  TYPE_SLOW = 0x8809,
  TYPE_MPLS = 0x8847,
  TYPE_MPLS_MULTICAST = 0x8848,
  TYPE_PPPOE_DISCOVERY = 0x8863,
  TYPE_PPPOE_SESSION = 0x8864,
  TYPE_JUMBO_LLC = 0x8870,
  TYPE_EAPOL = 0x888e,
  TYPE_QINQ = 0x88a8,
  TYPE_LLDP = 0x88cc,
  TYPE_LOOPBACK = 0x9000,
  TYPE_QINQ_OLD = 0x9100,
  TYPE_QINQ_OLD_2 = 0x9200
};

static uint32_t anomaly_of(uint32_t reason) {
  switch (reason) {
  case TCPTALE_STOP_TRUNCATED: return 1u << TCPTALE_ANOMALY_TRUNCATED;
  case TCPTALE_STOP_MALFORMED: return 1u << TCPTALE_ANOMALY_MALFORMED;
  case TCPTALE_STOP_TOO_DEEP: return 1u << TCPTALE_ANOMALY_TOO_MANY_LAYERS;
  default: return 0;
  }
}

void tcptale_walk_stop_at(struct tcptale_walk *w, tcptale_packet *p, uint32_t reason,
                          uint32_t layer, uint32_t offset) {
  w->next = TCPTALE_NEXT_STOP;
  p->stop_reason = (uint8_t)reason;
  p->stop_layer = layer;
  p->stop_offset = offset;
  p->anomalies |= anomaly_of(reason);
}

void tcptale_walk_stop(struct tcptale_walk *w, tcptale_packet *p, uint32_t reason, uint32_t layer) {
  tcptale_walk_stop_at(w, p, reason, layer, w->off);
}

/* Only a length field can contradict a header; where the frame itself is too short, something
 * was lost. */
void tcptale_walk_short(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer, uint32_t need) {
  int contradiction = w->bounded && w->wire < need;
  tcptale_walk_stop(w, p, contradiction ? TCPTALE_STOP_MALFORMED : TCPTALE_STOP_TRUNCATED, layer);
}

static uint32_t layer_of(enum tcptale_next next) {
  switch (next) {
  case TCPTALE_NEXT_ETHERNET:
  case TCPTALE_NEXT_PPP: return TCPTALE_LAYER_LINK;
  case TCPTALE_NEXT_LLC: return TCPTALE_LAYER_LLC;
  case TCPTALE_NEXT_VLAN: return TCPTALE_LAYER_VLAN;
  case TCPTALE_NEXT_MPLS: return TCPTALE_LAYER_MPLS;
  case TCPTALE_NEXT_PPPOE: return TCPTALE_LAYER_PPPOE;
  case TCPTALE_NEXT_IP:
  case TCPTALE_NEXT_IPV4: return TCPTALE_LAYER_IPV4;
  case TCPTALE_NEXT_IPV6: return TCPTALE_LAYER_IPV6;
  case TCPTALE_NEXT_TCP: return TCPTALE_LAYER_TCP;
  case TCPTALE_NEXT_UDP: return TCPTALE_LAYER_UDP;
  case TCPTALE_NEXT_ICMP: return TCPTALE_LAYER_ICMP;
  case TCPTALE_NEXT_GRE: return TCPTALE_LAYER_GRE;
  case TCPTALE_NEXT_ERSPAN: return TCPTALE_LAYER_ERSPAN;
  case TCPTALE_NEXT_VXLAN: return TCPTALE_LAYER_VXLAN;
  case TCPTALE_NEXT_GENEVE: return TCPTALE_LAYER_GENEVE;
  case TCPTALE_NEXT_GTPU: return TCPTALE_LAYER_GTPU;
  case TCPTALE_NEXT_TEREDO: return TCPTALE_LAYER_TEREDO;
  case TCPTALE_NEXT_L2TP: return TCPTALE_LAYER_L2TP;
  case TCPTALE_NEXT_STOP: break;
  }
  return 0;
}

void tcptale_walk_too_deep(struct tcptale_walk *w, tcptale_packet *p) {
  tcptale_walk_stop(w, p, TCPTALE_STOP_TOO_DEEP, layer_of((enum tcptale_next)w->next));
}

/* Control protocols that carry no one's TCP are told from what is merely not followed. Tags are
 * no network header; the first type behind them is the frame's. */
void tcptale_walk_ether_type(struct tcptale_walk *w, tcptale_packet *p, uint32_t type,
                             uint32_t layer, uint32_t offset) {
  switch (type) {
  case TYPE_IPV4: w->next = TCPTALE_NEXT_IPV4; break;
  case TYPE_IPV6: w->next = TCPTALE_NEXT_IPV6; break;
  case TYPE_VLAN:
  case TYPE_QINQ:
  case TYPE_QINQ_OLD:
  case TYPE_QINQ_OLD_2: w->next = TCPTALE_NEXT_VLAN; return;
  case TYPE_MPLS:
  case TYPE_MPLS_MULTICAST: w->next = TCPTALE_NEXT_MPLS; break;
  case TYPE_PPPOE_SESSION: w->next = TCPTALE_NEXT_PPPOE; break;
  case TYPE_TEB: w->next = TCPTALE_NEXT_ETHERNET; break;
  case TYPE_JUMBO_LLC: w->next = TCPTALE_NEXT_LLC; break;
  case TYPE_ARP:
  case TYPE_RARP:
  case TYPE_SLOW:
  case TYPE_PPPOE_DISCOVERY:
  case TYPE_EAPOL:
  case TYPE_LLDP:
  case TYPE_LOOPBACK: tcptale_walk_stop_at(w, p, TCPTALE_STOP_NOT_TCP, layer, offset); break;
  default: tcptale_walk_stop_at(w, p, TCPTALE_STOP_UNSUPPORTED, layer, offset); break;
  }
  if (p->ether_type == 0 && p->ip_version == 0) p->ether_type = (uint16_t)type;
}

/* walk.h - where the decoder stands in a packet: the header that comes next and the bytes that are
 * left for it, and the few steps that every header's reader takes.
 *
 * Invariant: `left` captured bytes lie at `at`, and left + unsent <= wire. A reader looks at no
 * byte before tcptale_walk_need said that it is there, and writes a field of the packet only once
 * its header is whole. Floor 1. */
#ifndef TCPTALE_LIB_WALK_H
#define TCPTALE_LIB_WALK_H

#include "tcptale/packet.h"

/* The header that comes next. */
enum tcptale_next {
  TCPTALE_NEXT_STOP = 0, /* none: the packet says why */
  TCPTALE_NEXT_ETHERNET = 1,
  TCPTALE_NEXT_LLC = 2,
  TCPTALE_NEXT_VLAN = 3,
  TCPTALE_NEXT_MPLS = 4,
  TCPTALE_NEXT_PPPOE = 5,
  TCPTALE_NEXT_IP = 6, /* of the version that its first byte says */
  TCPTALE_NEXT_IPV4 = 7,
  TCPTALE_NEXT_IPV6 = 8,
  TCPTALE_NEXT_TCP = 9,
  TCPTALE_NEXT_UDP = 10,
  TCPTALE_NEXT_ICMP = 11,
  TCPTALE_NEXT_GRE = 12,
  TCPTALE_NEXT_ERSPAN = 13, /* type II or III, by its version field */
  TCPTALE_NEXT_VXLAN = 14,
  TCPTALE_NEXT_GENEVE = 15,
  TCPTALE_NEXT_GTPU = 16,
  TCPTALE_NEXT_TEREDO = 17,
  TCPTALE_NEXT_L2TP = 18,
  TCPTALE_NEXT_PPP = 19
};

struct tcptale_walk {
  const uint8_t *at;
  uint32_t off;         /* of `at` in the caller's buffer */
  uint32_t left;        /* captured bytes from there on that belong to all carriers so far */
  uint32_t wire;        /* the same on the wire, by the innermost length field */
  uint32_t unsent;      /* how many of them, the last ones, its carriers had no room for */
  uint8_t next;         /* TCPTALE_NEXT_ */
  uint8_t bounded;      /* `wire` comes from a length field; else from the length of the frame */
  uint8_t headless;     /* the packet's IP header is not in this buffer: a reassembled datagram */
  uint8_t csum_unknown; /* where it is routed to cannot be told, so neither can the pseudo header */
  /* The addresses of TCP's pseudo header where source routing or mobility puts others in the
   * place of the IP header's; else NULL. */
  const uint8_t *csum_src;
  const uint8_t *csum_dst;
};

/* Ends the walk before the header at `w->at`, for `reason` (TCPTALE_STOP_) and `layer`. */
void tcptale_walk_stop(struct tcptale_walk *w, tcptale_packet *p, uint32_t reason, uint32_t layer);

/* Ends the walk at a header that was read already, which begins at `offset`. */
void tcptale_walk_stop_at(struct tcptale_walk *w, tcptale_packet *p, uint32_t reason,
                          uint32_t layer, uint32_t offset);

/* Ends the walk because `layer` ends before its header does: TRUNCATED where the capture or the
 * frame ends, MALFORMED where a length field of the carrier leaves too little room. `need` bytes
 * were wanted. */
void tcptale_walk_short(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer, uint32_t need);

/* Ends the walk because more headers nest than are followed. */
void tcptale_walk_too_deep(struct tcptale_walk *w, tcptale_packet *p);

/* Chooses the next header by an EtherType; `layer` is the one that carried it and began at
 * `offset`. */
void tcptale_walk_ether_type(struct tcptale_walk *w, tcptale_packet *p, uint32_t type,
                             uint32_t layer, uint32_t offset);

/* Whether `need` captured bytes are there for the header of `layer`; 0 ends the walk. */
static inline int tcptale_walk_need(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer,
                                    uint32_t need) {
  if (w->left >= need) return 1;
  tcptale_walk_short(w, p, layer, need);
  return 0;
}

/* Steps over `len` bytes, which are there. */
static inline void tcptale_walk_skip(struct tcptale_walk *w, uint32_t len) {
  w->at += len;
  w->off += len;
  w->left -= len;
  w->wire -= len;
}

/* Steps over a whole header of `layer`. */
static inline void tcptale_walk_pass(struct tcptale_walk *w, tcptale_packet *p, uint32_t layer,
                                     uint32_t len) {
  p->layers |= layer;
  p->layer_count++;
  tcptale_walk_skip(w, len);
}

/* Takes `len` from a length field as what is left on the wire. It may be more than the carrier
 * holds: then what is beyond that was never sent. */
static inline void tcptale_walk_set_wire(struct tcptale_walk *w, uint32_t len) {
  uint32_t room = w->wire - w->unsent;
  w->unsent = len > room ? len - room : 0;
  w->wire = len;
  w->bounded = 1;
  if (w->left > len) w->left = len;
}

/* The same for a carrier whose length field says nothing new where it is larger than what is
 * there. */
static inline void tcptale_walk_bound(struct tcptale_walk *w, uint32_t len) {
  if (len <= w->wire) tcptale_walk_set_wire(w, len);
}

#endif

/* link.h - what lies below IP: link headers, 802.2, tags, labels and PPP. One header a call;
 * each reads the header at w->at, steps over it and says what comes next, or why it ends. Floor
 * 2. */
#ifndef TCPTALE_LIB_LINK_H
#define TCPTALE_LIB_LINK_H

#include "walk.h"

/* The first header of a frame, by the pcap number of its link type. */
void tcptale_link_first(struct tcptale_walk *w, tcptale_packet *p, uint32_t link_type);

void tcptale_link_ethernet(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_link_llc(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_link_vlan(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_link_mpls(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_link_pppoe(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_link_ppp(struct tcptale_walk *w, tcptale_packet *p);

#endif

/* ip.h - IPv4 and IPv6 with everything between them and the upper layer: options, extension
 * headers, fragments. Floor 2. */
#ifndef TCPTALE_LIB_IP_H
#define TCPTALE_LIB_IP_H

#include "walk.h"

void tcptale_ip_any(struct tcptale_walk *w, tcptale_packet *p); /* version by the first four bits */
void tcptale_ip_v4(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_ip_v6(struct tcptale_walk *w, tcptale_packet *p);

/* What follows an IP header whose fields are in `p` already: extension headers from
 * p->ip_protocol on, up to the upper layer, which becomes the next header. */
void tcptale_ip_upper(struct tcptale_walk *w, tcptale_packet *p);

#endif

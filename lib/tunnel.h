/* tunnel.h - the tunnels with a header of their own: UDP and what it carries by port, GRE,
 * ERSPAN. IP in IP has none and is in ip.h. Floor 2. */
#ifndef TCPTALE_LIB_TUNNEL_H
#define TCPTALE_LIB_TUNNEL_H

#include "walk.h"

void tcptale_tunnel_udp(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_gre(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_erspan(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_vxlan(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_geneve(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_gtpu(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_teredo(struct tcptale_walk *w, tcptale_packet *p);
void tcptale_tunnel_l2tp(struct tcptale_walk *w, tcptale_packet *p);

#endif

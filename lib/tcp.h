/* tcp.h - the TCP header: its fields, its options, and the oddities that one segment shows.
 * Floor 2. */
#ifndef TCPTALE_LIB_TCP_H
#define TCPTALE_LIB_TCP_H

#include "walk.h"

/* Reads the TCP header at w->at and ends the walk; what is left of it is payload. */
void tcptale_tcp_header(struct tcptale_walk *w, tcptale_packet *p);

/* The rest of a whole header at `h` whose fixed fields are in the packet: options, and what is
 * odd. */
void tcptale_tcp_remarks(tcptale_packet *p, const uint8_t *h);

#endif

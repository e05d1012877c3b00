/* tcp.h - the TCP header: its fields, its options, and the oddities that one segment shows. Floor 2. */
#ifndef TCPTALE_LIB_TCP_H
#define TCPTALE_LIB_TCP_H

#include "walk.h"

/* Reads the TCP header at w->at and ends the walk; what is left of it is payload. */
void tcptale_tcp_header(struct tcptale_walk *w, tcptale_packet *p);

#endif

/* flow.h - the parts of an identity that flows and fragmented datagrams share. Floor 3. */
#ifndef TCPTALE_LIB_FLOW_H
#define TCPTALE_LIB_FLOW_H

#include <stdint.h>

#include "tcptale/flow.h"

/* The ids of the two outermost VLAN tags, outer << 16 | inner; 0 unless `flags` has
 * TCPTALE_KEY_VLAN. */
uint32_t tcptale_flow_vlan(const tcptale_packet *packet, uint32_t flags);

/* The id of the innermost tunnel; 0 unless `flags` has TCPTALE_KEY_TUNNEL. */
uint32_t tcptale_flow_tunnel(const tcptale_packet *packet, uint32_t flags);

#endif

/* detour.h - the long way of a frame, decoded: to its connection (route.h) if it is a segment, put
 * together first if it is a fragment, unpacked if it is compressed; else what is odd about it is
 * told. Floor 19. */
#ifndef TCPTALE_LIB_DETOUR_H
#define TCPTALE_LIB_DETOUR_H

#include "tracker.h"

/* Fills in the lookup of a decoded packet. Rule R1: who is connected is said by addresses, ports
 * and the caller's scope; by tags and tunnels where the configuration asks for them. What has no
 * key is odd. Pure, but for prefetching the slot. */
void tcptale_detour_look_up(struct tcptale_tracker *t, const tcptale_packet *packet,
                            const uint8_t *data, uint64_t scope, struct tcptale_lookup *look);

/* Takes a frame that no shortcut took; `packet` is what it decodes to. */
void tcptale_detour(struct tcptale_tracker *t, const tcptale_packet *packet,
                    const tcptale_frame *frame, const struct tcptale_lookup *look);

/* Gives up incomplete datagrams whose time is over, `budget` at most, and tells so. Returns how
 * many. */
uint32_t tcptale_detour_expire(struct tcptale_tracker *t, uint32_t budget);

/* The same for all, at the end of the input. */
void tcptale_detour_flush(struct tcptale_tracker *t);

#endif

/* relative.h - tcpdump's rule for relative sequence numbers. The first segment with ACK that is
 * seen of a connection, and every later one with SYN and ACK, is printed as it is and sets the
 * bases of both directions: its own sequence number, and for the other direction its
 * acknowledgement less one. Later segments with ACK are printed less those. Segments without ACK
 * are never relative. */
#ifndef TCPTALE_EXAMPLES_RELATIVE_H
#define TCPTALE_EXAMPLES_RELATIVE_H

#include <tcptale/format.h>

typedef struct relative relative;

/* NULL: no memory. It remembers the newest million connections. */
relative *relative_new(void);
void relative_free(relative *table);

/* Writes the bases for the line of a packet, which was decoded from `data`; packets in the order of
 * the capture. */
void relative_bases(relative *table, const tcptale_packet *packet, const uint8_t *data,
                    tcptale_line *line);

#endif

/* fragment.h - what one IP fragment says of itself: where its bytes lie, whether any datagram
 * can hold them, whether it hides a TCP header. Pure. Floor 2. */
#ifndef TCPTALE_LIB_FRAGMENT_H
#define TCPTALE_LIB_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "tcptale/packet.h"

#define TCPTALE_DATAGRAM_MAX ((uint32_t)65535) /* bytes */

/* One fragment's payload, placed: offset is a multiple of 8, offset + len at most
 * TCPTALE_DATAGRAM_MAX, len at least 1, and a multiple of 8 unless it is the last. */
struct tcptale_fragment {
  uint32_t offset;
  uint32_t len;
  uint32_t last;       /* 1: no more fragments follow */
  const uint8_t *data; /* NULL: the capture does not hold all of it */
};

/* Writes where the payload of a decoded fragment lies. 0: no datagram can hold it, for it is
 * empty, has a length that only the last may have, or ends beyond the longest datagram; it is to
 * be dropped, alone (RFC 8200 4.5). */
int tcptale_fragment_read(const tcptale_packet *packet, const uint8_t *data,
                          struct tcptale_fragment *fragment);

/* The most payload that a datagram with the header of `packet` has, to be 65535 bytes long. */
uint32_t tcptale_fragment_longest(const tcptale_packet *packet);

/* 1 if it ends before its TCP header's fixed part does, or begins inside it: then filters that
 * look at one packet do not see ports or flags (RFC 1858, RFC 3128, RFC 7112). Its data must be
 * there. */
int tcptale_fragment_is_tiny(const tcptale_packet *packet, const struct tcptale_fragment *fragment);

#endif

/* build.h - raw packets for tests, byte by byte and with checksums of their own making: nothing of
 * the library is used, so a mistake there cannot hide here. */
#ifndef TCPTALE_TESTS_BUILD_H
#define TCPTALE_TESTS_BUILD_H

#include <stddef.h>
#include <stdint.h>

enum { BUILD_ROOM = 66000 }; /* bytes that the largest frame may need */

enum build_sum { BUILD_SUM_GOOD, BUILD_SUM_BAD, BUILD_SUM_PARTIAL, BUILD_SUM_ZERO };

/* One TCP segment and what carries it. All zero but version, ports and flags is a fine segment. */
struct build_segment {
  int version; /* 4 or 6 */
  uint8_t src[16];
  uint8_t dst[16];
  uint16_t src_port;
  uint16_t dst_port;
  uint32_t seq;
  uint32_t ack;
  uint16_t flags; /* twelve bits */
  uint16_t window;
  uint16_t urgent;
  uint16_t ip_id;
  uint8_t ttl; /* 0: 64 */
  enum build_sum tcp_sum;
  enum build_sum ip_sum;
  int zero_ip_length; /* IP length field 0, as segmentation offload leaves it */
  unsigned ip_excess; /* by so much the IP length says more than the frame holds */
  int ethernet;       /* 0: the frame begins with the IP header */
  int vlan;           /* tag id; 0: none; needs ethernet */
  uint8_t mac;        /* last byte of both link addresses */
  const uint8_t *options;
  size_t option_len; /* a multiple of 4 */
  const uint8_t *payload;
  size_t payload_len;
  size_t trailer_len; /* zero bytes after the packet */
};

/* Writes the frame; returns its length, 0 where it does not fit. */
size_t build_frame(uint8_t *out, size_t room, const struct build_segment *segment);

/* Writes the frame of one IP fragment: bytes from .. to of the TCP segment; `more` is the MF
 * bit. */
size_t build_fragment(uint8_t *out, size_t room, const struct build_segment *segment, size_t from,
                      size_t to, int more);

/* Bytes of the TCP segment, header and payload. */
size_t build_tcp_len(const struct build_segment *segment);

/* The Internet checksum of `len` bytes, `sum` added. */
uint16_t build_checksum(const uint8_t *data, size_t len, uint32_t sum);

#endif

/* fragment.c - one fragment's own rules; see fragment.h. Floor 2. */
#include "fragment.h"

enum {
  CELL = 8, /* bytes; the unit of offsets */
  IPV6_HEADER = 40,
  FRAGMENT_HEADER = 8,
  TCP_HEADER = 20,
  PROTOCOL_HOP_BY_HOP = 0,
  PROTOCOL_TCP = 6,
  PROTOCOL_ROUTING = 43,
  PROTOCOL_AH = 51,
  PROTOCOL_DESTINATION = 60,
  PROTOCOL_MOBILITY = 135
};

/* IPv6 counts the extension headers before the fragment header, which itself goes (RFC 8200
 * 4.5). */
uint32_t tcptale_fragment_longest(const tcptale_packet *packet) {
  uint32_t header = packet->ip_header_len;
  uint32_t uncounted = packet->ip_version == 4 ? 0 : IPV6_HEADER + FRAGMENT_HEADER;
  return TCPTALE_DATAGRAM_MAX - (header < uncounted ? 0 : header - uncounted);
}

static int is_possible(const tcptale_packet *packet, const struct tcptale_fragment *fragment) {
  uint32_t most = tcptale_fragment_longest(packet);
  if (fragment->len == 0 || fragment->offset % CELL != 0) return 0;
  if (!fragment->last && fragment->len % CELL != 0) return 0;
  return fragment->offset <= most && most - fragment->offset >= fragment->len;
}

static int is_captured(const tcptale_packet *packet) {
  return packet->ip_payload_offset <= packet->cap_len &&
         packet->cap_len - packet->ip_payload_offset >= packet->ip_payload_len;
}

int tcptale_fragment_read(const tcptale_packet *packet, const uint8_t *data,
                          struct tcptale_fragment *fragment) {
  fragment->offset = packet->frag_offset;
  fragment->len = packet->ip_payload_len;
  fragment->last = !(packet->flags & TCPTALE_PACKET_MORE_FRAGMENTS);
  fragment->data = is_captured(packet) ? data + packet->ip_payload_offset : NULL;
  return is_possible(packet, fragment);
}

/* The length of an IPv6 extension header at `p`, of which 2 bytes are there; 0: it is none. */
static size_t extension_len(uint32_t protocol, const uint8_t *p) {
  switch (protocol) {
  case PROTOCOL_HOP_BY_HOP:
  case PROTOCOL_ROUTING:
  case PROTOCOL_DESTINATION:
  case PROTOCOL_MOBILITY: return ((size_t)p[1] + 1) * 8;
  case PROTOCOL_AH: return ((size_t)p[1] + 2) * 4;
  default: return 0;
  }
}

/* A first fragment that ends too early. Extension headers are walked for IPv6, as far as the
 * decoder goes. */
static int is_short_of_tcp(const tcptale_packet *packet, const struct tcptale_fragment *fragment) {
  uint32_t protocol = packet->ip_protocol;
  size_t at = 0;
  for (int i = 0; i < TCPTALE_IPV6_EXT_LIMIT && packet->ip_version == 6; i++) {
    if (protocol == PROTOCOL_TCP) break;
    if (fragment->len - at < 2) return extension_len(protocol, (const uint8_t[2]){0, 0}) != 0;
    size_t len = extension_len(protocol, fragment->data + at);
    if (len == 0) break;
    if (fragment->len - at < len) return 1;
    protocol = fragment->data[at];
    at += len;
  }
  return protocol == PROTOCOL_TCP && fragment->len - at < TCP_HEADER;
}

/* RFC 3128: a fragment at offset 8 writes over, or carries, the TCP flags. */
int tcptale_fragment_is_tiny(const tcptale_packet *packet,
                             const struct tcptale_fragment *fragment) {
  if (fragment->offset == 0) return is_short_of_tcp(packet, fragment);
  return packet->ip_protocol == PROTOCOL_TCP && fragment->offset == CELL;
}

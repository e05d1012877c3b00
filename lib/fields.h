/* fields.h - what a whole header's fixed part says, put into the packet. Here and not in the
 * rooms of the headers because the usual frame takes the fields of all its headers at once
 * (lib/decode.c), the walk those of one at a time, and both must write the same.
 *
 * Invariant: no lengths are looked at; whoever calls has seen that the header is there. Floor 1. */
#ifndef TCPTALE_LIB_FIELDS_H
#define TCPTALE_LIB_FIELDS_H

#include <string.h>

#include "tcptale/packet.h"

#include "bytes.h"

/* Ethernet, IEEE 802.3 3.1: destination (6), source (6), type or length (2). */
enum { TCPTALE_ETHERNET_LEN = 14, TCPTALE_ETHERNET_TYPE = 12, TCPTALE_ETHERNET_IPV4 = 0x0800 };

/* IPv4, RFC 791 3.1: version and header length (1), type of service (1), total length (2),
 * identification (2), 3 flags and 13 bits of offset (2), time to live (1), protocol (1),
 * checksum (2), source (4), destination (4), options. */
enum {
  TCPTALE_V4_LEN = 20,
  TCPTALE_V4_TOTAL = 2,
  TCPTALE_V4_ID = 4,
  TCPTALE_V4_FRAGMENT = 6,
  TCPTALE_V4_PROTOCOL = 9,
  TCPTALE_V4_ADDRESSES = 12,
  TCPTALE_V4_DONT_FRAGMENT = 0x4000,
  TCPTALE_V4_MORE_FRAGMENTS = 0x2000,
  TCPTALE_V4_OFFSET = 0x1fff
};
enum { TCPTALE_PROTO_TCP = 6 };

/* TCP, RFC 9293 3.1: ports (2, 2), sequence number (4), acknowledgement (4), header length in 4
 * bits and flags in 12 (2), window (2), checksum (2), urgent pointer (2), options. */
enum { TCPTALE_TCP_LEN = 20, TCPTALE_TCP_DATA_OFFSET = 12 };

static inline void tcptale_fields_ether(tcptale_packet *p, const uint8_t *dst, const uint8_t *src) {
  p->flags |= TCPTALE_PACKET_HAS_ETHER;
  memcpy(p->link_dst, dst, 6);
  memcpy(p->link_src, src, 6);
}

/* 16 bits that tell link addresses apart well enough to notice a change; never 0. */
static inline uint16_t tcptale_fields_mac_of(uint64_t bits) { /* the address in the upper 48 */
  return (uint16_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 48 | 1u);
}

static inline uint16_t tcptale_fields_mac(const uint8_t address[6]) {
  uint64_t low = tcptale_le32(address), high = tcptale_le16(address + 4);
  return tcptale_fields_mac_of(high << 48 | low << 16);
}

/* `wire` is the datagram's length, its header of `header_len` bytes included. */
static inline void tcptale_fields_v4(tcptale_packet *p, const uint8_t *h, uint32_t offset,
                                     uint32_t header_len, uint32_t wire) {
  p->ip_version = 4;
  p->ip_tos = h[1];
  p->ip_total_len = wire;
  p->ip_id = tcptale_be16(h + 4);
  p->ip_ttl = h[8];
  p->ip_protocol = h[TCPTALE_V4_PROTOCOL];
  p->ip_offset = offset;
  p->ip_header_len = (uint16_t)header_len;
  p->ip_payload_offset = offset + header_len;
  p->ip_payload_len = wire - header_len;
  memcpy(p->src, h + 12, 4);
  memcpy(p->dst, h + 16, 4);
  if (tcptale_be16(h + TCPTALE_V4_FRAGMENT) & TCPTALE_V4_DONT_FRAGMENT)
    p->flags |= TCPTALE_PACKET_DONT_FRAGMENT;
}

/* Of the segment `left` bytes were captured and `wire` were sent. */
static inline void tcptale_fields_tcp(tcptale_packet *p, const uint8_t *h, uint32_t offset,
                                      uint32_t left, uint32_t wire) {
  uint32_t offset_and_flags = tcptale_be16(h + TCPTALE_TCP_DATA_OFFSET);
  uint32_t header_len = (offset_and_flags >> 12) * 4;
  p->src_port = tcptale_be16(h);
  p->dst_port = tcptale_be16(h + 2);
  p->seq = tcptale_be32(h + 4);
  p->ack = tcptale_be32(h + 8);
  p->tcp_flags = (uint16_t)(offset_and_flags & 0xfff);
  p->window = tcptale_be16(h + 14);
  p->tcp_checksum = tcptale_be16(h + 16);
  p->urgent = tcptale_be16(h + 18);
  p->tcp_offset = offset;
  p->tcp_header_len = (uint8_t)header_len;
  p->payload_offset = offset + header_len;
  p->payload_len = wire - header_len;
  p->payload_cap = left - header_len;
}

#endif

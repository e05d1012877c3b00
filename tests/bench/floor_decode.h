/* floor_decode.h - the least that decoding a segment can be: Ethernet, VLAN tags, IPv4 or IPv6,
 * TCP, every length checked, and a hash that is the same both ways. No extension headers, no
 * options, no fragments. */
#ifndef TCPTALE_BENCH_FLOOR_DECODE_H
#define TCPTALE_BENCH_FLOOR_DECODE_H

#include <string.h>

#include "bytes.h"
#include "tcptale/tracker.h"

/* The two ends are 64-bit numbers, the lower first; an IPv6 address is folded into its last
 * bits. */
struct floor_segment {
  uint64_t end[2];
  const uint8_t *data;
  uint32_t hash;
  uint32_t seq;
  uint32_t len;
  uint8_t dir; /* 1: from the higher end */
  uint8_t flags;
};

/* Where the layers of a frame are. */
struct floor_layers {
  const uint8_t *tcp;
  uint32_t tcp_len;
  uint64_t from;
  uint64_t to;
  const uint8_t *addresses;
  uint32_t addresses_len;
};

static inline int floor_ipv4(const uint8_t *ip, uint32_t len, struct floor_layers *out) {
  if (len < 20 || ip[0] >> 4 != 4 || ip[9] != 6 || (tcptale_be16(ip + 6) & 0x3fff)) return 0;
  uint32_t header = (ip[0] & 15u) * 4, total = tcptale_be16(ip + 2);
  if (header < 20 || total < header || total > len) return 0;
  out->tcp = ip + header;
  out->tcp_len = total - header;
  out->from = tcptale_be32(ip + 12);
  out->to = tcptale_be32(ip + 16);
  out->addresses = ip + 12;
  out->addresses_len = 8;
  return 1;
}

static inline uint64_t floor_fold(const uint8_t *address) {
  uint64_t high, low;
  memcpy(&high, address, 8);
  memcpy(&low, address + 8, 8);
  return (high * 0x9e3779b97f4a7c15u) ^ (low >> 32 | low << 32);
}

static inline int floor_ipv6(const uint8_t *ip, uint32_t len, struct floor_layers *out) {
  if (len < 40 || ip[0] >> 4 != 6 || ip[6] != 6) return 0;
  uint32_t payload = tcptale_be16(ip + 4);
  if (payload > len - 40) return 0;
  out->tcp = ip + 40;
  out->tcp_len = payload;
  out->from = floor_fold(ip + 8);
  out->to = floor_fold(ip + 24);
  out->addresses = ip + 8;
  out->addresses_len = 32;
  return 1;
}

static inline int floor_layers(const tcptale_frame *frame, struct floor_layers *out) {
  const uint8_t *p = frame->data;
  uint32_t at = 14, len = frame->cap_len;
  if (len < at) return 0;
  uint32_t type = tcptale_be16(p + 12);
  for (; type == 0x8100 || type == 0x88a8; at += 4) {
    if (len < at + 4) return 0;
    type = tcptale_be16(p + at + 2);
  }
  if (type == 0x0800) return floor_ipv4(p + at, len - at, out);
  return type == 0x86dd && floor_ipv6(p + at, len - at, out);
}

static inline uint32_t floor_hash(uint64_t low, uint64_t high) {
  uint64_t x = (low ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
  x = (x ^ (x >> 32) ^ high) * 0x8ebc6af09c88c6e3u;
  return (uint32_t)(x >> 32);
}

/* 1: a TCP segment, written to `out`; its checksum is not looked at. */
static inline int floor_decode(const tcptale_frame *frame, struct floor_segment *out,
                               struct floor_layers *layers) {
  if (!floor_layers(frame, layers) || layers->tcp_len < 20) return 0;
  const uint8_t *tcp = layers->tcp;
  uint32_t header = (tcp[12] >> 4) * 4u;
  if (header < 20 || header > layers->tcp_len) return 0;
  uint64_t from = layers->from << 16 | tcptale_be16(tcp),
           to = layers->to << 16 | tcptale_be16(tcp + 2);
  out->dir = from > to;
  out->end[0] = out->dir ? to : from;
  out->end[1] = out->dir ? from : to;
  out->hash = floor_hash(out->end[0], out->end[1]);
  out->seq = tcptale_be32(tcp + 4);
  out->flags = tcp[13];
  out->data = tcp + header;
  out->len = layers->tcp_len - header;
  return 1;
}

#endif

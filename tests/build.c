/* build.c - raw packets for tests. */
#include "build.h"

#include <string.h>

static uint8_t *put16(uint8_t *p, unsigned value) {
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
  return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t value) {
  return put16(put16(p, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *p, const uint8_t *bytes, size_t len) {
  if (len > 0) memcpy(p, bytes, len);
  return p + len;
}

static uint32_t sum_words(const uint8_t *data, size_t len, uint32_t sum) {
  size_t i;

  for (i = 0; i + 1 < len; i += 2) sum += (uint32_t)(data[i] << 8 | data[i + 1]);
  if (i < len) sum += (uint32_t)(data[i] << 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

uint16_t build_checksum(const uint8_t *data, size_t len, uint32_t sum) {
  return (uint16_t)~sum_words(data, len, sum);
}

static size_t addr_len(const struct build_segment *s) {
  return s->version == 4 ? 4 : 16;
}

size_t build_tcp_len(const struct build_segment *s) {
  return 20 + s->option_len + s->payload_len;
}

/* A wrong one that is not by chance what offloading leaves, with or without the length. */
static uint16_t bad_sum(uint16_t good, uint32_t pseudo, size_t len) {
  uint16_t with = (uint16_t)sum_words(NULL, 0, pseudo);
  uint16_t without = (uint16_t)sum_words(NULL, 0, pseudo + 0xffff - (uint32_t)(len & 0xffff));
  uint16_t bad = good ^ 0x1234;

  while (bad == good || bad == with || bad == without) bad = (uint16_t)(bad + 0x0101);
  return bad;
}

static uint16_t tcp_checksum(const struct build_segment *s, const uint8_t *tcp, size_t len) {
  uint32_t pseudo = sum_words(s->src, addr_len(s), 6);

  pseudo = sum_words(s->dst, addr_len(s), pseudo);
  pseudo = sum_words(NULL, 0, pseudo + (uint32_t)len);
  switch (s->tcp_sum) {
  case BUILD_SUM_BAD: return bad_sum(build_checksum(tcp, len, pseudo), pseudo, len);
  case BUILD_SUM_PARTIAL: return (uint16_t)pseudo;
  case BUILD_SUM_ZERO: return 0;
  case BUILD_SUM_GOOD: break;
  }
  return build_checksum(tcp, len, pseudo);
}

static void put_tcp(uint8_t *out, const struct build_segment *s) {
  size_t header = 20 + s->option_len;
  uint8_t *p = put16(put16(out, s->src_port), s->dst_port);

  p = put32(put32(p, s->seq), s->ack);
  p = put16(p, (unsigned)(header / 4) << 12 | (s->flags & 0xfffu));
  p = put16(put16(put16(p, s->window), 0), s->urgent);
  p = put_bytes(p, s->options, s->option_len);
  put_bytes(p, s->payload, s->payload_len);
  put16(out + 16, tcp_checksum(s, out, build_tcp_len(s)));
}

static uint8_t *put_link(uint8_t *p, const struct build_segment *s) {
  uint8_t mac[6] = {2, 0, 0, 0, 0, s->mac};

  if (!s->ethernet) return p;
  p = put_bytes(put_bytes(p, mac, 6), mac, 6);
  p[-1] = (uint8_t)(mac[5] + 1);
  if (s->vlan) p = put16(put16(p, 0x8100), (unsigned)s->vlan);
  return put16(p, s->version == 4 ? 0x0800 : 0x86dd);
}

static uint8_t *put_ipv4(uint8_t *ip, const struct build_segment *s, size_t payload, size_t offset,
                         int more) {
  uint8_t *p = put16(ip, 0x4500);
  uint16_t sum;

  p = put16(p, s->zero_ip_length ? 0 : (unsigned)(20 + payload) + s->ip_excess);
  p = put16(p, s->ip_id);
  p = put16(p, (more ? 0x2000u : 0) | (unsigned)(offset / 8));
  *p++ = s->ttl ? s->ttl : 64;
  *p++ = 6;
  p = put16(p, 0);
  p = put_bytes(put_bytes(p, s->src, 4), s->dst, 4);
  sum = build_checksum(ip, 20, 0);
  if (s->ip_sum == BUILD_SUM_BAD) sum ^= 0x1234;
  if (s->ip_sum == BUILD_SUM_ZERO || s->ip_sum == BUILD_SUM_PARTIAL) sum = 0;
  put16(ip + 10, sum);
  return p;
}

static uint8_t *put_ipv6(uint8_t *p, const struct build_segment *s, size_t payload, size_t offset,
                         int more, int fragment) {
  p = put32(p, 0x60000000);
  p = put16(p, s->zero_ip_length ? 0 : (unsigned)(payload + (fragment ? 8 : 0)) + s->ip_excess);
  *p++ = fragment ? 44 : 6;
  *p++ = s->ttl ? s->ttl : 64;
  p = put_bytes(put_bytes(p, s->src, 16), s->dst, 16);
  if (!fragment) return p;
  *p++ = 6;
  *p++ = 0;
  p = put16(p, (unsigned)offset | (more ? 1u : 0));
  return put32(p, s->ip_id);
}

/* The frame with bytes from .. to of the segment. */
static size_t put_frame(uint8_t *out, size_t room, const struct build_segment *s, size_t from,
                        size_t to, int more, int fragment) {
  uint8_t tcp[BUILD_ROOM];
  uint8_t *p = out;

  if (build_tcp_len(s) > sizeof tcp || to > build_tcp_len(s) || from > to) return 0;
  if (room < 66 + (to - from) + s->trailer_len) return 0;
  put_tcp(tcp, s);
  p = put_link(p, s);
  p = s->version == 4 ? put_ipv4(p, s, to - from, from, more)
                      : put_ipv6(p, s, to - from, from, more, fragment);
  p = put_bytes(p, tcp + from, to - from);
  memset(p, 0, s->trailer_len);
  return (size_t)(p - out) + s->trailer_len;
}

size_t build_frame(uint8_t *out, size_t room, const struct build_segment *s) {
  return put_frame(out, room, s, 0, build_tcp_len(s), 0, 0);
}

size_t build_fragment(uint8_t *out, size_t room, const struct build_segment *s, size_t from,
                      size_t to, int more) {
  return put_frame(out, room, s, from, to, more, 1);
}

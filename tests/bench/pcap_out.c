/* pcap_out.c - see pcap_out.h. The frames themselves are made by the tests' build.c. */
#include "pcap_out.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "random.h"
#include "tcptale/packet.h"

enum { ETHERNET_LEAST = 60, OPTIONS_MOST = 20 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void put(struct pcap_out *out, const void *bytes, size_t len) {
  if (fwrite(bytes, 1, len, out->file) != len) fail("write");
}

void pcap_out_open(struct pcap_out *out, const char *path) {
  static const uint32_t head[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, TCPTALE_LINK_ETHERNET};
  *out = (struct pcap_out){.file = fopen(path, "wb")};
  if (!out->file) fail(path);
  setvbuf(out->file, NULL, _IOFBF, 1 << 20);
  put(out, head, sizeof head);
}

void pcap_out_close(struct pcap_out *out) {
  if (fclose(out->file)) fail("close");
}

/* Time began in the year 2001. */
static uint64_t now_us(const struct pcap_out *out, const struct world *world) {
  return 1000000000000000u + out->packets * 1000000 / world->plan.rate;
}

static void put_frame(struct pcap_out *out, const struct world *world,
                      struct build_segment *segment) {
  static uint8_t frame[BUILD_ROOM];
  size_t head = 14u + (segment->vlan ? 4u : 0u) + (segment->version == 4 ? 20u : 40u);
  size_t len = head + build_tcp_len(segment);
  if (len < ETHERNET_LEAST) segment->trailer_len = ETHERNET_LEAST - len;
  segment->ip_id = (uint16_t)out->packets;
  len = build_frame(frame, sizeof frame, segment);
  uint64_t us = now_us(out, world);
  uint32_t record[4] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000), (uint32_t)len,
                        (uint32_t)len};
  put(out, record, sizeof record);
  put(out, frame, len);
  out->packets++;
}

static void put32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* What hosts of today send: timestamps always, in a SYN also MSS, SACK permitted and window
 * scale. */
static size_t write_options(uint8_t *options, int syn, int ack, uint32_t ms) {
  static const uint8_t in_syn[OPTIONS_MOST] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                               0, 0, 0, 0,    0, 0, 1, 3,  3, 7};
  static const uint8_t in_others[12] = {1, 1, 8, 10};
  size_t len = syn ? sizeof in_syn : sizeof in_others, at = syn ? 8 : 4;
  memcpy(options, syn ? in_syn : in_others, len);
  put32(options + at, ms);
  put32(options + at + 4, ack ? ms : 0);
  return len;
}

/* The two hosts, as seen from `dir`. */
static void set_hosts(struct build_segment *s, int dir, uint32_t client, uint16_t client_port,
                      uint64_t server) {
  uint8_t ends[2][16] = {{0x20, 0x01, 0x0d, 0xb8}, {0x20, 0x01, 0x0d, 0xb8}};
  uint16_t ports[2] = {client_port, (uint16_t)(9000 + (server & 3))};
  size_t at = s->version == 4 ? 0 : 12;
  put32(ends[0] + at, client);
  put32(ends[1] + at, 0xc0a80001 + ((uint32_t)(server >> 2) & 0xfff)); /* 192.168.0.1 and on */
  memcpy(s->src, ends[dir], 16);
  memcpy(s->dst, ends[!dir], 16);
  s->src_port = ports[dir];
  s->dst_port = ports[!dir];
}

/* Address and port of the client follow from a number that no other client has. */
static void set_client(struct build_segment *s, int dir, uint32_t network, uint32_t number,
                       uint64_t server) {
  uint32_t scattered = random_scatter(number);
  set_hosts(s, dir, network | (scattered & 0xffffff), (uint16_t)(1024 + (scattered >> 24) * 211),
            server);
}

static uint32_t isn(const struct world *world, uint32_t id, int dir) {
  uint32_t draw = (uint32_t)random_of(world->seed, dir ? TRAIT_SERVER_ISN : TRAIT_CLIENT_ISN, id);
  return world->plan.wrap ? 0u - (draw & 0xffff) : draw;
}

static size_t options_of(const struct pcap_out *out, const struct world *world, uint8_t flags,
                         uint8_t *options) {
  if (world->plan.bare) return 0;
  uint32_t ms = (uint32_t)(now_us(out, world) / 1000);
  return write_options(options, (flags & TCPTALE_TCP_SYN) != 0, (flags & TCPTALE_TCP_ACK) != 0, ms);
}

/* The payload, with a lie where there is one. */
static const uint8_t *payload_of(const struct world *world, uint32_t id,
                                 const struct segment *segment, uint32_t lie) {
  static uint8_t changed[1 << 16];
  const uint8_t *truth = world_stream(world, id, segment->dir, segment->seq - 1);
  if (lie == 0 || segment->len == 0) return truth;
  memcpy(changed, truth, segment->len);
  for (uint32_t i = 0; i < lie; i++) changed[i] ^= 0xff;
  return changed;
}

static int has_twin(struct pcap_out *out, const struct world *world,
                    const struct segment *segment) {
  uint64_t every = world->plan.corrupt_every;
  return every > 0 && segment->len > 0 && ++out->data_segments % every == 0;
}

void pcap_out_segment(struct pcap_out *out, const struct world *world, uint32_t id,
                      const struct segment *segment) {
  uint8_t options[OPTIONS_MOST];
  struct build_segment s = {.version =
                                world_chosen(world, id, TRAIT_IPV6, world->plan.ipv6) ? 6 : 4,
                            .vlan = world_chosen(world, id, TRAIT_VLAN, world->plan.vlan) ? 100 : 0,
                            .seq = isn(world, id, segment->dir) + segment->seq,
                            .flags = segment->flags,
                            .window = 0xff00,
                            .ethernet = 1,
                            .options = options,
                            .payload_len = segment->len};
  if (segment->flags & TCPTALE_TCP_ACK) s.ack = isn(world, id, !segment->dir) + segment->ack;
  set_client(&s, segment->dir, 0x0a000000, id, random_of(world->seed, TRAIT_SERVER_ADDRESS, id));
  s.option_len = options_of(out, world, segment->flags, options);
  if (has_twin(out, world, segment)) {
    s.payload = payload_of(world, id, segment, 1);
    s.tcp_sum = BUILD_SUM_BAD;
    put_frame(out, world, &s);
    s.tcp_sum = BUILD_SUM_GOOD;
  }
  s.payload = payload_of(world, id, segment, segment->lie);
  put_frame(out, world, &s);
}

void pcap_out_stranger(struct pcap_out *out, const struct world *world, uint32_t n) {
  uint8_t options[OPTIONS_MOST];
  uint64_t draw = random_of(world->seed, TRAIT_STRANGER, n);
  struct build_segment s = {.version = 4,
                            .seq = (uint32_t)(draw >> 32),
                            .flags = TCPTALE_TCP_SYN,
                            .window = 0xff00,
                            .ethernet = 1,
                            .options = options};
  set_client(&s, 0, 0x0b000000, n, draw);
  s.option_len = options_of(out, world, TCPTALE_TCP_SYN, options);
  put_frame(out, world, &s);
}

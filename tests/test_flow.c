/* Flow keys, their hash and the Community ID, with the published vectors of SHA-1 and of the
 * Community ID. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "sha1.h"
#include "siphash.h"
#include "tcptale/flow.h"

static const uint8_t SECRET[16] = "a secret of 16 b";

struct end {
  uint8_t addr[16];
  uint16_t port;
};

static tcptale_packet packet_of(uint8_t version, const struct end *src, const struct end *dst) {
  tcptale_packet packet;
  memset(&packet, 0, sizeof packet);
  packet.struct_size = sizeof packet;
  packet.layers = TCPTALE_LAYER_TCP | (version == 4 ? TCPTALE_LAYER_IPV4 : TCPTALE_LAYER_IPV6);
  packet.ip_version = version;
  memcpy(packet.src, src->addr, sizeof packet.src);
  memcpy(packet.dst, dst->addr, sizeof packet.dst);
  packet.src_port = src->port;
  packet.dst_port = dst->port;
  return packet;
}

static tcptale_flow_key key_of(const tcptale_packet *packet, uint64_t scope, uint32_t flags,
                               uint32_t *from) {
  tcptale_flow_key key;
  memset(&key, 0xaa, sizeof key);
  key.struct_size = sizeof key;
  cr_assert_eq(tcptale_flow_key_of(packet, scope, flags, &key, from), TCPTALE_OK);
  return key;
}

/* The part of a key that counts. */
static int is_same(const tcptale_flow_key *a, const tcptale_flow_key *b) {
  size_t at = offsetof(tcptale_flow_key, scope);
  return memcmp((const uint8_t *)a + at, (const uint8_t *)b + at, sizeof *a - at) == 0;
}

Test(flow, both_directions_have_one_key) {
  static const struct {
    uint8_t version;
    struct end low, high;
  } row[] = {
      {4, {{10, 0, 0, 1}, 80}, {{10, 0, 0, 2}, 7}},     /* address first */
      {4, {{9, 255, 255, 255}, 9}, {{10, 0, 0, 0}, 1}}, /* as network bytes */
      {4, {{10, 0, 0, 1}, 80}, {{10, 0, 0, 1}, 81}},    /* then the port */
      {4, {{10, 0, 0, 1}, 255}, {{10, 0, 0, 1}, 256}},  /* as a number */
      {6, {{0x20, 1}, 9}, {{0x20, 1, [15] = 1}, 1}},    /* the last byte counts */
      {6, {{[15] = 0xff}, 9}, {{0xfe, 0x80}, 9}},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    uint32_t there = 9, back = 9;
    tcptale_packet forth = packet_of(row[i].version, &row[i].low, &row[i].high);
    tcptale_packet reply = packet_of(row[i].version, &row[i].high, &row[i].low);
    tcptale_flow_key a = key_of(&forth, 7, 0, &there);
    tcptale_flow_key b = key_of(&reply, 7, 0, &back);
    cr_expect(is_same(&a, &b), "row %zu", i);
    cr_expect_eq(there, 0, "row %zu", i);
    cr_expect_eq(back, 1, "row %zu", i);
    cr_expect_arr_eq(a.addr[0], row[i].low.addr, 16, "row %zu", i);
    cr_expect_eq(a.port[0], row[i].low.port, "row %zu", i);
    cr_expect_eq(a.port[1], row[i].high.port, "row %zu", i);
    cr_expect_eq(tcptale_flow_hash(&a, SECRET), tcptale_flow_hash(&b, SECRET), "row %zu", i);
  }
}

Test(flow, one_end_twice_sends_from_place_0) {
  struct end end = {{10, 0, 0, 1}, 80};
  uint32_t from = 9;
  tcptale_packet land = packet_of(4, &end, &end);
  key_of(&land, 0, 0, &from);
  cr_expect_eq(from, 0);
  key_of(&land, 0, 0, NULL);
}

static void set_scope(tcptale_flow_key *key) {
  key->scope++;
}
static void set_addr_0(tcptale_flow_key *key) {
  key->addr[0][3]++;
}
static void set_addr_1(tcptale_flow_key *key) {
  key->addr[1][0]++;
}
static void set_addr_tail(tcptale_flow_key *key) {
  key->addr[1][15]++;
}
static void set_port_0(tcptale_flow_key *key) {
  key->port[0]++;
}
static void set_port_1(tcptale_flow_key *key) {
  key->port[1]++;
}
static void set_vlan(tcptale_flow_key *key) {
  key->vlan++;
}
static void set_tunnel(tcptale_flow_key *key) {
  key->tunnel++;
}

Test(flow, every_part_of_the_key_changes_the_hash) {
  static void (*const change[])(tcptale_flow_key *) = {set_scope,     set_addr_0, set_addr_1,
                                                       set_addr_tail, set_port_0, set_port_1,
                                                       set_vlan,      set_tunnel};
  struct end a = {{0x20, 1}, 80}, b = {{0x20, 2}, 1024};
  tcptale_packet packet = packet_of(6, &a, &b);
  tcptale_flow_key key = key_of(&packet, 1, 0, NULL);
  uint64_t plain = tcptale_flow_hash(&key, SECRET);
  for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
    tcptale_flow_key other = key;
    change[i](&other);
    cr_expect_neq(tcptale_flow_hash(&other, SECRET), plain, "change %zu", i);
  }
  cr_expect_neq(tcptale_flow_hash(&key, (const uint8_t *)"another secret.."), plain);
  cr_expect_eq(tcptale_flow_hash(NULL, SECRET), 0);
  cr_expect_eq(tcptale_flow_hash(&key, NULL), 0);
}

/* The words, written out as bytes: what a machine of any byte order must hash. */
Test(flow, the_hash_is_the_same_on_every_machine) {
  static const uint8_t bytes[40] = {
      0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 10, 0, 0, 1, 0, 0, 0, 0, 10, 0, 0, 2,
      0,    0,    0,    0,    0x39, 0x30, 80,   0,    0,  0, 0, 0, 0, 0, 0, 0, 4,  0, 0, 0};
  struct end a = {{10, 0, 0, 1}, 80}, b = {{10, 0, 0, 2}, 12345};
  tcptale_packet packet = packet_of(4, &b, &a);
  tcptale_flow_key key = key_of(&packet, 0x1122334455667788u, 0, NULL);
  cr_expect_eq(tcptale_flow_hash(&key, SECRET), tcptale_siphash13(SECRET, bytes, sizeof bytes));
}

Test(flow, tags_and_tunnels_count_where_asked_for) {
  static const struct {
    uint8_t vlan_count;
    uint16_t vlan[3];
    uint32_t flags, expect_vlan, expect_tunnel;
  } row[] = {
      {0, {5, 6, 7}, TCPTALE_KEY_VLAN, 0, 0},
      {1, {0xe005, 6, 7}, TCPTALE_KEY_VLAN, 5u << 16, 0},
      {2, {0xe005, 0x1006, 7}, TCPTALE_KEY_VLAN, 5u << 16 | 6, 0},
      {3, {5, 6, 7}, TCPTALE_KEY_VLAN | TCPTALE_KEY_TUNNEL, 5u << 16 | 6, 99},
      {2, {5, 6, 7}, TCPTALE_KEY_TUNNEL, 0, 99},
      {2, {5, 6, 7}, 0, 0, 0},
  };
  struct end a = {{10, 0, 0, 1}, 80}, b = {{10, 0, 0, 2}, 81};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    tcptale_packet packet = packet_of(4, &a, &b);
    packet.vlan_count = row[i].vlan_count;
    memcpy(packet.vlan, row[i].vlan, sizeof row[i].vlan);
    packet.tunnel_count = 1;
    packet.tunnel_id = 99;
    tcptale_flow_key key = key_of(&packet, 0, row[i].flags, NULL);
    cr_expect_eq(key.vlan, row[i].expect_vlan, "row %zu", i);
    cr_expect_eq(key.tunnel, row[i].expect_tunnel, "row %zu", i);
  }
}

Test(flow, what_has_no_key_is_refused) {
  struct end a = {{10, 0, 0, 1}, 80}, b = {{10, 0, 0, 2}, 81};
  tcptale_packet packet = packet_of(4, &a, &b);
  struct {
    tcptale_flow_key key;
    uint8_t later[8];
  } longer;
  tcptale_flow_key key;
  memset(&longer, 0xaa, sizeof longer);
  longer.key.struct_size = sizeof longer;
  cr_expect_eq(tcptale_flow_key_of(&packet, 0, 0, &longer.key, NULL), TCPTALE_OK);
  cr_expect_arr_eq(longer.later, ((uint8_t[8]){0}), 8, "unknown fields are zeroed");

  key.struct_size = sizeof key - 1;
  cr_expect_eq(tcptale_flow_key_of(&packet, 0, 0, &key, NULL), TCPTALE_ERR_ARG);
  key.struct_size = sizeof key;
  cr_expect_eq(tcptale_flow_key_of(NULL, 0, 0, &key, NULL), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_flow_key_of(&packet, 0, 0, NULL, NULL), TCPTALE_ERR_ARG);
  packet.ip_version = 0; /* a segment without addresses */
  cr_expect_eq(tcptale_flow_key_of(&packet, 0, 0, &key, NULL), TCPTALE_ERR_ARG);
  packet.ip_version = 4;
  packet.layers = TCPTALE_LAYER_IPV4 | TCPTALE_LAYER_UDP;
  cr_expect_eq(tcptale_flow_key_of(&packet, 0, 0, &key, NULL), TCPTALE_ERR_ARG);
}

Test(flow, sha1_vectors) {
  static const struct {
    const char *message;
    size_t times;
    const char *digest;
  } row[] = {
      {"", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
       "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {"a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    size_t one = strlen(row[i].message);
    uint8_t digest[20], *message = malloc(one * row[i].times + 1);
    char text[41];
    for (size_t n = 0; n < row[i].times; n++) memcpy(message + n * one, row[i].message, one);
    tcptale_sha1(message, one * row[i].times, digest);
    for (size_t n = 0; n < sizeof digest; n++) snprintf(text + 2 * n, 3, "%02x", digest[n]);
    cr_expect_str_eq(text, row[i].digest, "row %zu", i);
    free(message);
  }
}

static const struct end MAIL_CLIENT = {{0x20, 0x01, 0x04, 0x70, 0xe5, 0xbf, 0xde, 0xad, 0x49, 0x57,
                                        0x21, 0x74, 0xe8, 0x2c, 0x48, 0x87},
                                       63943};
static const struct end MAIL_SERVER = {
    {0x26, 0x07, 0xf8, 0xb0, 0x40, 0x0c, 0x0c, 0x03, [15] = 0x1a}, 25};

/* The TCP rows of the specification's baseline, with seeds 0 and 1, and two of other
 * implementations. */
Test(flow, community_id_vectors) {
  const struct {
    uint8_t version;
    uint16_t seed;
    struct end src, dst;
    const char *id;
  } row[] = {
      {4,
       0,
       {{128, 232, 110, 120}, 34855},
       {{66, 35, 250, 204}, 80},
       "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
      {4,
       1,
       {{128, 232, 110, 120}, 34855},
       {{66, 35, 250, 204}, 80},
       "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
      {6, 0, MAIL_CLIENT, MAIL_SERVER, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
      {6, 1, MAIL_CLIENT, MAIL_SERVER, "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
      {4, 0, {{127, 0, 0, 1}, 1234}, {{10, 0, 0, 1}, 80}, "1:mgRgpIZSu0KHDp/QrtcWZpkJpMU="},
      {4, 0, {{1, 2, 3, 4}, 4584}, {{43, 3, 132, 3}, 3483}, "1:koNcqhFRD5kb254ZrLsdv630jCM="},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    tcptale_packet there = packet_of(row[i].version, &row[i].src, &row[i].dst);
    tcptale_packet back = packet_of(row[i].version, &row[i].dst, &row[i].src);
    tcptale_flow_key key = key_of(&there, 3, 0, NULL), reply = key_of(&back, 4, 0, NULL);
    char text[31];
    cr_expect_eq(tcptale_flow_community_id(&key, row[i].seed, text, sizeof text), 30);
    cr_expect_str_eq(text, row[i].id, "row %zu", i);
    cr_expect_eq(tcptale_flow_community_id(&reply, row[i].seed, text, sizeof text), 30);
    cr_expect_str_eq(text, row[i].id, "row %zu, reply", i);
  }
}

Test(flow, community_id_refuses) {
  tcptale_packet packet = packet_of(6, &MAIL_CLIENT, &MAIL_SERVER);
  tcptale_flow_key key = key_of(&packet, 0, 0, NULL);
  char text[31] = "untouched";
  cr_expect_eq(tcptale_flow_community_id(&key, 0, text, 30), TCPTALE_ERR_SPACE);
  cr_expect_eq(tcptale_flow_community_id(NULL, 0, text, 31), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_flow_community_id(&key, 0, NULL, 31), TCPTALE_ERR_ARG);
  key.ip_version = 5;
  cr_expect_eq(tcptale_flow_community_id(&key, 0, text, 31), TCPTALE_ERR_ARG);
  cr_expect_str_eq(text, "untouched");
}

/* Every packet of the specification's own captures, through the decoder. */
static int packets_with_id(const char *name, const char *id) {
  char path[4096], text[31];
  const char *captures = getenv("CAPTURES");
  int count = 0;
  snprintf(path, sizeof path, "%s/%s", captures && *captures ? captures : "../shared/captures",
           name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "skipped: no %s\n", path);
    return -1;
  }
  fclose(file);
  capture *in = capture_open(path, 0);
  capture_record record;
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  while (capture_next(in, &record) == CAPTURE_RECORD) {
    tcptale_decode(&packet, record.link_type, record.data, record.cap_len, record.wire_len, 0);
    tcptale_flow_key key = key_of(&packet, 0, 0, NULL);
    tcptale_flow_community_id(&key, 0, text, sizeof text);
    cr_expect_str_eq(text, id, "%s %d", name, count);
    count++;
  }
  cr_expect_eq(capture_close(in, NULL), 0);
  return count;
}

Test(flow, community_id_of_captures) {
  int ipv4 =
      packets_with_id("community-id-spec__pcaps__tcp.pcap", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  int ipv6 =
      packets_with_id("community-id-spec__pcaps__ipv6.pcap", "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
  cr_expect_neq(ipv4, 0);
  cr_expect_neq(ipv6, 0);
}

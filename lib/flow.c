/* flow.c - flow key, its hash and the Community ID. Both directions of a connection give the
 * same key, for its endpoints are ordered by (address, port) as the bytes stand in the packet.
 * Invariant: pure. Floor 3. */
#include "flow.h"

#include <string.h>

#include "sha1.h"
#include "siphash.h"

enum { VLAN_ID_MASK = 0x0fff, COMMUNITY_TEXT = 31, PROTOCOL_TCP = 6 };

uint32_t tcptale_flow_vlan(const tcptale_packet *packet, uint32_t flags) {
  if (!(flags & TCPTALE_KEY_VLAN) || packet->vlan_count == 0) return 0;
  uint32_t outer = packet->vlan[0] & VLAN_ID_MASK;
  uint32_t inner = packet->vlan_count > 1 ? packet->vlan[1] & VLAN_ID_MASK : 0u;
  return outer << 16 | inner;
}

uint32_t tcptale_flow_tunnel(const tcptale_packet *packet, uint32_t flags) {
  return flags & TCPTALE_KEY_TUNNEL && packet->tunnel_count > 0 ? packet->tunnel_id : 0;
}

/* 1 if the destination is the lower endpoint. */
static uint32_t sender_is_higher(const tcptale_packet *packet) {
  int order = memcmp(packet->src, packet->dst, sizeof packet->src);
  return order > 0 || (order == 0 && packet->src_port > packet->dst_port);
}

int tcptale_flow_key_of(const tcptale_packet *packet, uint64_t scope, uint32_t flags,
                        tcptale_flow_key *key, uint32_t *from) {
  if (packet == NULL || key == NULL || key->struct_size < sizeof *key) return TCPTALE_ERR_ARG;
  if (!(packet->layers & TCPTALE_LAYER_TCP) || packet->ip_version == 0) return TCPTALE_ERR_ARG;

  uint32_t sender = sender_is_higher(packet);
  memcpy(key->addr[sender], packet->src, sizeof packet->src);
  memcpy(key->addr[1 - sender], packet->dst, sizeof packet->dst);
  key->port[sender] = packet->src_port;
  key->port[1 - sender] = packet->dst_port;
  key->scope = scope;
  key->vlan = tcptale_flow_vlan(packet, flags);
  key->tunnel = tcptale_flow_tunnel(packet, flags);
  key->ip_version = packet->ip_version;
  key->reserved0 = 0;
  memset(key->reserved1, 0, sizeof key->reserved1);
  if (key->struct_size > sizeof *key)
    memset((uint8_t *)key + sizeof *key, 0, key->struct_size - sizeof *key);
  if (from != NULL) *from = sender;
  return TCPTALE_OK;
}

/* Fields enter as numbers, addresses as bytes, so the value does not depend on the machine. */
uint64_t tcptale_flow_hash(const tcptale_flow_key *key, const uint8_t secret[16]) {
  if (key == NULL || secret == NULL) return 0;
  struct tcptale_siphash s = tcptale_siphash_begin(secret);
  tcptale_siphash_word(&s, key->scope);
  tcptale_siphash_word(&s, tcptale_le64(key->addr[0]));
  tcptale_siphash_word(&s, tcptale_le64(key->addr[1]));
  if (key->ip_version == 6) {
    tcptale_siphash_word(&s, tcptale_le64(key->addr[0] + 8));
    tcptale_siphash_word(&s, tcptale_le64(key->addr[1] + 8));
  }
  tcptale_siphash_word(&s, (uint64_t)key->vlan << 32 | (uint32_t)key->port[0] << 16 | key->port[1]);
  tcptale_siphash_word(&s, (uint64_t)key->ip_version << 32 | key->tunnel);
  return tcptale_siphash_end(&s, key->ip_version == 6 ? 7 : 5);
}

static size_t put(uint8_t *out, const uint8_t *bytes, size_t len) {
  memcpy(out, bytes, len);
  return len;
}

static size_t put16(uint8_t *out, uint16_t number) {
  out[0] = (uint8_t)(number >> 8);
  out[1] = (uint8_t)number;
  return 2;
}

static char base64_digit(uint32_t six) {
  static const char digits[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return digits[six & 63];
}

/* RFC 4648 section 4, of a digest: six groups of three bytes and one of two. */
static void base64_digest(const uint8_t digest[TCPTALE_SHA1_LEN], char *text) {
  for (size_t i = 0; i < TCPTALE_SHA1_LEN; i += 3) {
    uint32_t group = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8;
    if (i + 2 < TCPTALE_SHA1_LEN) group |= digest[i + 2];
    *text++ = base64_digit(group >> 18);
    *text++ = base64_digit(group >> 12);
    *text++ = base64_digit(group >> 6);
    *text++ = i + 2 < TCPTALE_SHA1_LEN ? base64_digit(group) : '=';
  }
  *text = 0;
}

/* Community ID v1: seed, lower address, higher address, protocol, a zero byte, the ports in that
 * order. */
int tcptale_flow_community_id(const tcptale_flow_key *key, uint16_t seed, char *text,
                              size_t text_size) {
  if (key == NULL || text == NULL || key->struct_size < sizeof *key) return TCPTALE_ERR_ARG;
  if (key->ip_version != 4 && key->ip_version != 6) return TCPTALE_ERR_ARG;
  if (text_size < COMMUNITY_TEXT) return TCPTALE_ERR_SPACE;

  static const uint8_t protocol[2] = {PROTOCOL_TCP, 0};
  size_t addr_len = key->ip_version == 4 ? 4 : 16;
  uint8_t message[2 + 2 * 16 + 2 + 2 * 2];
  uint8_t digest[TCPTALE_SHA1_LEN];
  size_t len = put16(message, seed);
  len += put(message + len, key->addr[0], addr_len);
  len += put(message + len, key->addr[1], addr_len);
  len += put(message + len, protocol, sizeof protocol);
  len += put16(message + len, key->port[0]);
  len += put16(message + len, key->port[1]);
  tcptale_sha1(message, len, digest);
  text[0] = '1';
  text[1] = ':';
  base64_digest(digest, text + 2);
  return COMMUNITY_TEXT - 1;
}

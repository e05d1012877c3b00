#include "fragments.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "defrag.h"

tcptale_defrag_config defrag_test_config(void) {
  tcptale_defrag_config config;
  cr_assert_eq(tcptale_defrag_config_init(&config, sizeof config), TCPTALE_OK);
  memcpy(config.hash_key, "fragments' key..", sizeof config.hash_key);
  return config;
}

void defrag_test_init(struct defrag_test *test, const tcptale_defrag_config *config) {
  tcptale_defrag_config usual = defrag_test_config();
  memset(test, 0, sizeof *test);
  cr_assert_eq(tcptale_defrag_new(&test->defrag, config ? config : &usual), TCPTALE_OK);
  cr_assert_eq(tcptale_defrag_result_init(&test->result, sizeof test->result), TCPTALE_OK);
}

void defrag_test_free(struct defrag_test *test) {
  cr_expect(tcptale_defrag_check(test->defrag));
  tcptale_defrag_clear(test->defrag);
  cr_expect_eq(test->defrag->used_bytes, 0);
  cr_expect_eq(test->defrag->arena->pages_used, 0, "no block outstanding");
  tcptale_defrag_free(test->defrag);
}

static tcptale_packet packet_of(const struct frag *frag) {
  tcptale_packet packet;
  memset(&packet, 0, sizeof packet);
  packet.struct_size = sizeof packet;
  packet.ip_version = frag->version ? frag->version : 4;
  packet.layers = TCPTALE_LAYER_FRAGMENT;
  packet.layers |= packet.ip_version == 4 ? TCPTALE_LAYER_IPV4 : TCPTALE_LAYER_IPV6;
  packet.flags = (uint16_t)(frag->flags | (frag->more ? TCPTALE_PACKET_MORE_FRAGMENTS : 0));
  packet.stop_reason = TCPTALE_STOP_FRAGMENT;
  packet.src[0] = 10;
  packet.dst[0] = 192;
  packet.ip_protocol = frag->protocol ? frag->protocol : 6;
  packet.ip_header_len = packet.ip_version == 4 ? 20 : 48;
  if (frag->header_len) packet.ip_header_len = frag->header_len;
  packet.ip_payload_offset = packet.ip_header_len;
  packet.ip_payload_len = frag->len;
  packet.ip_id = frag->id;
  packet.ip_ttl = frag->ttl;
  packet.frag_offset = (uint16_t)frag->offset;
  packet.cap_len = packet.ip_header_len + (frag->captured ? frag->captured : frag->len);
  packet.cap_len += frag->padding;
  packet.wire_len = packet.ip_header_len + frag->len + frag->padding;
  packet.vlan_count = frag->vlan != 0;
  packet.vlan[0] = frag->vlan;
  return packet;
}

uint64_t defrag_test_push(struct defrag_test *test, const struct frag *frag) {
  tcptale_packet packet = packet_of(frag);
  uint8_t *bytes = malloc(packet.cap_len);
  uint32_t present = frag->captured ? frag->captured : frag->len;
  cr_assert_not_null(bytes);
  memset(bytes, 0xee, packet.cap_len);
  if (frag->data != NULL) memcpy(bytes + packet.ip_payload_offset, frag->data, present);
  else memset(bytes + packet.ip_payload_offset, frag->fill, present);
  cr_assert_eq(tcptale_defrag_push(test->defrag, &packet, bytes, test->scope, ++test->index,
                                   test->ts_ns, &test->result),
               TCPTALE_OK);
  free(bytes);
  return test->result.anomalies_frag;
}

uint64_t frag_bit(uint32_t anomaly) {
  return (uint64_t)1 << (anomaly - TCPTALE_ANOMALY_FRAG_OVERLAP);
}

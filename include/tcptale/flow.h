/* tcptale/flow.h - which connection a packet belongs to: the flow key, its symmetric keyed hash,
 * and the Community ID that other tools print. Pure. */
#ifndef TCPTALE_FLOW_H
#define TCPTALE_FLOW_H

#include "tcptale/base.h"
#include "tcptale/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is part of the key besides addresses, ports and the caller's scope. */
enum tcptale_key_flag {
  TCPTALE_KEY_VLAN = 0x01,  /* the ids of up to two VLAN tags */
  TCPTALE_KEY_TUNNEL = 0x02 /* the id of the innermost tunnel; each direction has its own in GTP and
                               L2TP */
};

/* A connection's key. The two endpoints are ordered, the lower first, so both directions give
 * the same key. The bytes from `scope` on are compared as a whole. */
typedef struct tcptale_flow_key {
  uint32_t struct_size;
  uint32_t reserved0;
  uint64_t scope;      /* the caller's: interface, tenant, site ... */
  uint8_t addr[2][16]; /* IPv4 in the first four bytes, the rest 0 */
  uint16_t port[2];
  uint32_t vlan;   /* outer id << 16 | inner id; 0 where not part of the key */
  uint32_t tunnel; /* 0 where not part of the key */
  uint8_t ip_version;
  uint8_t reserved1[3];
} tcptale_flow_key;

/* Writes the key of a decoded TCP packet into `key` (struct_size set by the caller) and, where
 * `from` is not NULL, the sender's place in it: 0 or 1 as an index of addr and port (0 where
 * both ends are the same). `flags`: TCPTALE_KEY_. TCPTALE_ERR_ARG: NULL, no TCP layer with
 * addresses, wrong struct_size. Since 0.9. */
TCPTALE_API int tcptale_flow_key_of(const tcptale_packet *packet, uint64_t scope, uint32_t flags,
                                    tcptale_flow_key *key, uint32_t *from);

/* SipHash-1-3 of the key under a 16-byte secret: the same for both directions, on every machine.
 * Use it to share work among trackers: every packet of a connection has the same value. 0 for
 * NULL. Since 0.9. */
TCPTALE_API uint64_t tcptale_flow_hash(const tcptale_flow_key *key, const uint8_t secret[16]);

/* Writes the Community ID, version 1, "1:" and 28 characters of base64 with a closing 0, into
 * `text` of at least 31 bytes. `seed` is 0 unless a site uses its own. Returns the length
 * without the 0, or TCPTALE_ERR_ARG, TCPTALE_ERR_SPACE. Since 0.9. */
TCPTALE_API int tcptale_flow_community_id(const tcptale_flow_key *key, uint16_t seed, char *text,
                                          size_t text_size);

#ifdef __cplusplus
}
#endif
#endif

/* gist.h - what a segment says, in a cache line and a bit. Most frames are Ethernet, perhaps tagged,
 * IPv4 or IPv6 without options, TCP with ACK and at most timestamps, or a SYN with the options that
 * most have, whole and with right checksums: their gist is read straight from the frame, at a third
 * of what decoding it costs. Any other segment's is taken from its decoded packet. Pure. Floor 3. */
#ifndef TCPTALE_LIB_GIST_H
#define TCPTALE_LIB_GIST_H

#include "tcptale/packet.h"

/* What tells segments of one direction apart; without padding, so it is compared as a whole. */
struct tcptale_wording {
  uint32_t seq;
  uint32_t ack;
  uint16_t tcp_flags;
  uint16_t window;
  uint16_t checksum;
  uint16_t urgent;
  uint32_t len; /* bytes of payload, on the wire */
  uint32_t ip_id;
  uint32_t ts_val; /* where has_timestamps is 1, else 0 */
  uint32_t ts_ecr;
};

struct tcptale_gist {
  struct tcptale_wording said;
  const uint8_t *payload;
  const uint8_t *src; /* IP addresses, of 4 or 16 bytes */
  const uint8_t *dst;
  uint32_t cap_len; /* bytes of payload that were captured */
  uint16_t src_port;
  uint16_t dst_port;
  uint16_t mac; /* tcptale_fields_mac of its sender; 0: there is none */
  uint8_t ttl;
  uint8_t ip_version;
  uint8_t has_timestamps;
  uint8_t good_sum; /* 1: its TCP checksum was verified */
  uint8_t kind;     /* TCPTALE_GIST_ */
  uint8_t wscale;   /* of a call; TCPTALE_GIST_NO_SCALE: it offers none */
};

enum tcptale_gist_kind {
  TCPTALE_GIST_ODD = 0,
  TCPTALE_GIST_PLAIN = 1, /* ACK without SYN, RST and URG, all captured, unsigned, nothing odd */
  TCPTALE_GIST_CALL = 2   /* SYN, or SYN and ACK, without data; options that most SYNs have */
};

#define TCPTALE_GIST_NO_SCALE ((uint8_t)0xff)

/* Reads the gist of a frame of such a kind. 0: it is odd, and the gist is whatever it was. `verify`:
 * 1 where its checksums have to be right. */
int tcptale_gist_of_frame(struct tcptale_gist *gist, const uint8_t *data, uint32_t cap_len,
                          int verify);

/* The gist of a decoded packet that has a TCP layer. */
void tcptale_gist_of_packet(struct tcptale_gist *gist, const tcptale_packet *packet,
                            const uint8_t *data);

#endif

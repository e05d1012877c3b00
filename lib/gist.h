/* gist.h - what a segment says, in less than a cache line. Most frames are Ethernet, perhaps
 * tagged, IPv4 or IPv6 without options, TCP with ACK and at most timestamps, or a SYN with the
 * options that most have, whole and with right checksums: their gist is read straight from the
 * frame, at a third of what decoding it costs. Any other segment's is taken from its decoded
 * packet. Pure. Floor 3. */
#ifndef TCPTALE_LIB_GIST_H
#define TCPTALE_LIB_GIST_H

#include "tcptale/packet.h"

#include "bytes.h"
#include "fields.h"
#include "util.h"

/* What tells segments of one direction apart; without padding, so it is compared as a whole. */
struct tcptale_wording {
  uint32_t seq;
  uint32_t ack;
  uint16_t tcp_flags;
  uint16_t window;
  uint32_t checksum_and_urgent; /* two halves, as they stand in the header */
  uint32_t len;                 /* bytes of payload, on the wire */
  uint32_t ip_id;
  uint32_t ts_val; /* where has_timestamps is 1, else 0 */
  uint32_t ts_ecr;
};

struct tcptale_gist {
  struct tcptale_wording said;
  const uint8_t *payload;
  uint32_t cap_len; /* bytes of payload that were captured */
  uint16_t mac;     /* tcptale_fields_mac of its sender; 0: there is none */
  uint8_t ttl;
  uint8_t ip_version;
  uint8_t kind; /* TCPTALE_GIST_ */
  uint8_t has_timestamps;
  uint8_t wscale;   /* of a call; TCPTALE_GIST_NO_SCALE: it offers none */
  uint8_t good_sum; /* 1: its TCP checksum was verified */
};

/* Between whom, to read a key from; `addresses` point into the packet. */
struct tcptale_gist_ends {
  const uint8_t *addresses; /* the sender's and the receiver's, one behind the other */
  uint32_t ports;           /* the sender's in the upper half */
  uint32_t ip_version;
};

enum tcptale_gist_kind {
  TCPTALE_GIST_ODD = 0,
  TCPTALE_GIST_PLAIN = 1, /* ACK without SYN, RST and URG, all captured, unsigned, nothing odd */
  TCPTALE_GIST_CALL = 2   /* SYN, or SYN and ACK, without data; options that most SYNs have */
};

#define TCPTALE_GIST_NO_SCALE ((uint8_t)0xff)

/* What makes a segment plain: its flags, and together with them the length of its header, of 5
 * words without options, of 8 with NOP, NOP and timestamps. */
enum {
  TCPTALE_GIST_TELLING = TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_ACK | TCPTALE_TCP_URG,
  TCPTALE_GIST_SHAPE = 0xf000 | TCPTALE_GIST_TELLING,
  TCPTALE_GIST_BARE = 5 << 12 | TCPTALE_TCP_ACK,
  TCPTALE_GIST_STAMPED = 8 << 12 | TCPTALE_TCP_ACK,
  TCPTALE_GIST_STAMPED_LEN = 32,
  TCPTALE_GIST_STAMP = 0x0101080a /* kinds 1, 1 and 8, length 10 */
};

/* An IPv4 header, unfragmented and without options, of a datagram that carries at most `left`
 * bytes. Its fields from total length to protocol are read as one number. Returns how many bytes it
 * carries; 0: none of ours. */
static TCPTALE_INLINE uint32_t tcptale_gist_take_v4(struct tcptale_gist *gist, const uint8_t *h,
                                                    uint32_t left) {
  const uint32_t fragment = TCPTALE_V4_MORE_FRAGMENTS | TCPTALE_V4_OFFSET;
  uint64_t fields = tcptale_be64(h + TCPTALE_V4_TOTAL);
  uint32_t len = (uint32_t)(fields >> 48) - (uint32_t)TCPTALE_V4_LEN; /* or huge */
  if (h[0] != 0x45 || (fields & (fragment << 16 | 0xff)) != TCPTALE_PROTO_TCP) return 0;
  if (len > left) return 0;
  gist->ip_version = 4;
  gist->ttl = (uint8_t)(fields >> 8);
  gist->said.ip_id = (uint16_t)(fields >> 32);
  return len;
}

/* What all TCP headers have, of `left` bytes, the payload's included; `word` is the one of flags
 * and window. */
static inline void tcptale_gist_take_fixed(struct tcptale_gist *gist, const uint8_t *h,
                                           uint32_t word, uint32_t header_len, uint32_t left) {
  gist->said.seq = tcptale_be32(h + 4);
  gist->said.ack = tcptale_be32(h + 8);
  gist->said.tcp_flags = (uint16_t)(word >> 16 & 0xfff);
  gist->said.window = (uint16_t)word;
  gist->said.checksum_and_urgent = tcptale_be32(h + 16);
  gist->said.len = gist->cap_len = left - header_len;
  gist->payload = h + header_len;
}

/* Of what kind it is; no window scale and no verified checksum is known yet. */
static inline void tcptale_gist_begin(struct tcptale_gist *gist, uint32_t kind,
                                      uint32_t has_timestamps) {
  gist->kind = (uint8_t)kind;
  gist->has_timestamps = (uint8_t)has_timestamps;
  gist->wscale = TCPTALE_GIST_NO_SCALE;
  gist->good_sum = 0;
}

/* A plain segment of `left` bytes; 20 can be read even where these are fewer. 0: it is
 * none. */
static TCPTALE_INLINE int tcptale_gist_take_plain(struct tcptale_gist *gist, const uint8_t *h,
                                                  uint32_t left) {
  uint32_t word = tcptale_be32(h + TCPTALE_TCP_DATA_OFFSET);
  uint32_t shape = word >> 16 & (uint32_t)TCPTALE_GIST_SHAPE;
  if (shape == TCPTALE_GIST_STAMPED && left >= TCPTALE_GIST_STAMPED_LEN &&
      tcptale_be32(h + TCPTALE_TCP_LEN) == TCPTALE_GIST_STAMP) {
    tcptale_gist_begin(gist, TCPTALE_GIST_PLAIN, 1);
    tcptale_gist_take_fixed(gist, h, word, TCPTALE_GIST_STAMPED_LEN, left);
    gist->said.ts_val = tcptale_be32(h + 24);
    gist->said.ts_ecr = tcptale_be32(h + 28);
    return 1;
  }
  if (shape != TCPTALE_GIST_BARE || left < TCPTALE_TCP_LEN) return 0;
  tcptale_gist_begin(gist, TCPTALE_GIST_PLAIN, 0);
  tcptale_gist_take_fixed(gist, h, word, TCPTALE_TCP_LEN, left);
  gist->said.ts_val = gist->said.ts_ecr = 0;
  return 1;
}

/* The same of a call. */
int tcptale_gist_take_call(struct tcptale_gist *gist, const uint8_t *h, uint32_t left);

static TCPTALE_INLINE int tcptale_gist_take_tcp(struct tcptale_gist *gist, const uint8_t *h,
                                                uint32_t left) {
  return tcptale_gist_take_plain(gist, h, left) || tcptale_gist_take_call(gist, h, left);
}

/* Whether both checksums are right of a segment with such an IP header, `len` bytes from its TCP
 * header on. */
int tcptale_gist_sums_are_right(const struct tcptale_gist *gist, const uint8_t *header,
                                uint32_t len);

/* What is left to do once the headers were read. */
static inline int tcptale_gist_finish(struct tcptale_gist *gist, const uint8_t *data,
                                      const uint8_t *ip, uint32_t len, int verify) {
  gist->mac = tcptale_fields_mac_of(tcptale_le64(data + 6) << 16); /* the type is shifted out */
  if (!verify) return 1;
  gist->good_sum = 1;
  return tcptale_gist_sums_are_right(gist, ip, len);
}

/* Whether a frame is long enough, and says it is IPv4, without tags. */
static inline int tcptale_gist_is_v4(const uint8_t *data, uint32_t cap_len) {
  return cap_len >= TCPTALE_ETHERNET_LEN + TCPTALE_V4_LEN + TCPTALE_TCP_LEN &&
         tcptale_be16(data + TCPTALE_ETHERNET_TYPE) == TCPTALE_ETHERNET_IPV4;
}

/* Between whom such a frame is, if it is TCP without options of IP. */
static inline struct tcptale_gist_ends tcptale_gist_ends_of_v4(const uint8_t *data) {
  const uint8_t *ip = data + TCPTALE_ETHERNET_LEN;
  return (struct tcptale_gist_ends){.addresses = ip + TCPTALE_V4_ADDRESSES,
                                    .ports = tcptale_be32(ip + TCPTALE_V4_LEN),
                                    .ip_version = 4};
}

/* Reads the gist of such a frame. 0: it is odd, and the gist is whatever it was. `verify`: 1 where
 * its checksums have to be right. */
static TCPTALE_INLINE int tcptale_gist_of_v4(struct tcptale_gist *gist, const uint8_t *data,
                                             uint32_t cap_len, int verify) {
  const uint32_t ip_at = TCPTALE_ETHERNET_LEN, tcp_at = ip_at + TCPTALE_V4_LEN;
  uint32_t left = tcptale_gist_take_v4(gist, data + ip_at, cap_len - tcp_at);
  return tcptale_gist_take_tcp(gist, data + tcp_at, left) &&
         tcptale_gist_finish(gist, data, data + ip_at, left, verify);
}

/* The same of any other frame. */
int tcptale_gist_of_other(struct tcptale_gist *gist, struct tcptale_gist_ends *ends,
                          const uint8_t *data, uint32_t cap_len, int verify);

/* The gist of a decoded packet that has a TCP layer. */
void tcptale_gist_of_packet(struct tcptale_gist *gist, const tcptale_packet *packet,
                            const uint8_t *data);

#endif

/* tcptale/packet.h - the segment decoder: one call from a link type and bytes to a
 * tcptale_packet.
 *
 * Pure (no state, no allocation), lax (it keeps every layer that it reached and says where and
 * why it stopped) and complete (link layers, tags, tunnels, extension headers, TCP and its
 * options). It never reads past the bytes given. Positions are offsets into the caller's buffer,
 * so a packet can be copied and is the same on every machine. Numbers are in host order.
 *
 * Where tunnels nest, the IP and TCP fields describe the innermost packet that was reached. */
#ifndef TCPTALE_PACKET_H
#define TCPTALE_PACKET_H

#include "tcptale/base.h"
#include "tcptale/names.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Link types, by the numbers that pcap files use. */
enum tcptale_link {
  TCPTALE_LINK_NULL = 0,
  TCPTALE_LINK_ETHERNET = 1,
  TCPTALE_LINK_PPP = 9,
  TCPTALE_LINK_RAW_BSD = 12,
  TCPTALE_LINK_RAW_OPENBSD = 14,
  TCPTALE_LINK_RAW = 101,
  TCPTALE_LINK_CISCO_HDLC = 104,
  TCPTALE_LINK_80211 = 105,
  TCPTALE_LINK_LOOP = 108,
  TCPTALE_LINK_LINUX_SLL = 113,
  TCPTALE_LINK_80211_RADIOTAP = 127,
  TCPTALE_LINK_IPV4 = 228,
  TCPTALE_LINK_IPV6 = 229,
  TCPTALE_LINK_LINUX_SLL2 = 276
};

/* Layers, as bits of tcptale_packet.layers: set once the layer's header was decoded whole (TCP:
 * its fixed part). */
enum tcptale_layer {
  TCPTALE_LAYER_LINK = 0x00000001,
  TCPTALE_LAYER_LLC = 0x00000002, /* 802.2 LLC, with or without SNAP */
  TCPTALE_LAYER_VLAN = 0x00000004,
  TCPTALE_LAYER_MPLS = 0x00000008,
  TCPTALE_LAYER_PPPOE = 0x00000010,
  TCPTALE_LAYER_IPV4 = 0x00000020,
  TCPTALE_LAYER_IPV6 = 0x00000040,
  TCPTALE_LAYER_IPV6_EXT = 0x00000080, /* at least one extension header */
  TCPTALE_LAYER_AH = 0x00000100,
  TCPTALE_LAYER_FRAGMENT = 0x00000200, /* an IP fragment (not an atomic one) */
  TCPTALE_LAYER_IPIP = 0x00000400,     /* IP in IP: IPIP, 6in4, 4in6, 6in6 */
  TCPTALE_LAYER_GRE = 0x00000800,
  TCPTALE_LAYER_ERSPAN = 0x00001000,
  TCPTALE_LAYER_VXLAN = 0x00002000,
  TCPTALE_LAYER_GENEVE = 0x00004000,
  TCPTALE_LAYER_GTPU = 0x00008000,
  TCPTALE_LAYER_TEREDO = 0x00010000,
  TCPTALE_LAYER_UDP = 0x00020000,
  TCPTALE_LAYER_ICMP = 0x00040000,
  TCPTALE_LAYER_TCP = 0x00080000,
  TCPTALE_LAYER_L2TP = 0x00100000,
  TCPTALE_LAYER_IPCOMP = 0x00200000 /* a compressed payload (RFC 3173) */
};

/* Why decoding stopped. */
enum tcptale_stop {
  TCPTALE_STOP_NONE = 0,        /* it did not: the TCP header was decoded whole */
  TCPTALE_STOP_TRUNCATED = 1,   /* the captured bytes end inside the header of stop_layer */
  TCPTALE_STOP_MALFORMED = 2,   /* the header of stop_layer contradicts itself or its carrier */
  TCPTALE_STOP_UNSUPPORTED = 3, /* an unknown link type or a protocol that is not followed */
  TCPTALE_STOP_NOT_TCP = 4,     /* complete, and something other than TCP */
  TCPTALE_STOP_FRAGMENT = 5,    /* an IP fragment; its payload is for tcptale_defrag */
  TCPTALE_STOP_TOO_DEEP = 6,    /* more layers than are followed */
  TCPTALE_STOP_COMPRESSED = 7   /* IPComp; its payload is for tcptale_decode_unpacked */
};

/* Facts, as bits of tcptale_packet.flags. */
enum tcptale_packet_flag {
  TCPTALE_PACKET_LENGTH_FROM_FRAME = 0x01, /* the IP length was 0 (offload): the frame's counts */
  TCPTALE_PACKET_MORE_FRAGMENTS = 0x02,
  TCPTALE_PACKET_DONT_FRAGMENT = 0x04,
  TCPTALE_PACKET_ATOMIC_FRAGMENT = 0x08, /* IPv6 fragment header on a whole packet (RFC 6946) */
  TCPTALE_PACKET_CUT = 0x10,             /* the capture holds less than the IP length says */
  TCPTALE_PACKET_JUMBO = 0x20,           /* IPv6 jumbogram (RFC 2675) */
  TCPTALE_PACKET_REASSEMBLED = 0x40,     /* put together from fragments, by a defragmenter, or
                                            unpacked */
  TCPTALE_PACKET_OPTIONS_CUT = 0x100,    /* the capture ends within the TCP options: those that are
                                            whole stand */
  TCPTALE_PACKET_HAS_ETHER = 0x80        /* link_src and link_dst hold 48-bit addresses */
};

/* What is known of a checksum. */
enum tcptale_csum {
  TCPTALE_CSUM_UNCHECKED = 0,  /* not asked for */
  TCPTALE_CSUM_GOOD = 1,
  TCPTALE_CSUM_BAD = 2,
  TCPTALE_CSUM_PARTIAL = 3,    /* holds the pseudo header's sum (or IPv4: 0): left to the
                                  hardware */
  TCPTALE_CSUM_UNVERIFIABLE = 4 /* bytes that it covers were not captured */
};

/* TCP flags: the twelve bits of the header's flag field. */
enum tcptale_tcp_flag {
  TCPTALE_TCP_FIN = 0x001,
  TCPTALE_TCP_SYN = 0x002,
  TCPTALE_TCP_RST = 0x004,
  TCPTALE_TCP_PSH = 0x008,
  TCPTALE_TCP_ACK = 0x010,
  TCPTALE_TCP_URG = 0x020,
  TCPTALE_TCP_ECE = 0x040,
  TCPTALE_TCP_CWR = 0x080,
  TCPTALE_TCP_AE = 0x100 /* accurate ECN (RFC 9768), once NS; 0x200 0x400 0x800 are reserved */
};

/* TCP option kinds, as far as they have a name here. */
enum tcptale_tcp_option_kind {
  TCPTALE_OPT_EOL = 0,
  TCPTALE_OPT_NOP = 1,
  TCPTALE_OPT_MSS = 2,
  TCPTALE_OPT_WSCALE = 3,
  TCPTALE_OPT_SACK_PERMITTED = 4,
  TCPTALE_OPT_SACK = 5,
  TCPTALE_OPT_TIMESTAMPS = 8,
  TCPTALE_OPT_MD5 = 19,
  TCPTALE_OPT_USER_TIMEOUT = 28,
  TCPTALE_OPT_AO = 29,
  TCPTALE_OPT_MPTCP = 30,
  TCPTALE_OPT_FAST_OPEN = 34,
  TCPTALE_OPT_ENO = 69,
  TCPTALE_OPT_ACCECN0 = 172,
  TCPTALE_OPT_ACCECN1 = 174,
  TCPTALE_OPT_EXPERIMENT_1 = 253,
  TCPTALE_OPT_EXPERIMENT_2 = 254 /* with the 16-bit id 0xF989: Fast Open */
};

/* Options present and well formed, as bits of tcptale_packet.options. */
enum tcptale_has_option {
  TCPTALE_HAS_MSS = 0x0001,
  TCPTALE_HAS_WSCALE = 0x0002,
  TCPTALE_HAS_SACK_PERMITTED = 0x0004,
  TCPTALE_HAS_SACK = 0x0008,
  TCPTALE_HAS_TIMESTAMPS = 0x0010,
  TCPTALE_HAS_MD5 = 0x0020,
  TCPTALE_HAS_AO = 0x0040,
  TCPTALE_HAS_FAST_OPEN = 0x0080,
  TCPTALE_HAS_MPTCP = 0x0100,
  TCPTALE_HAS_ACCECN = 0x0200,
  TCPTALE_HAS_USER_TIMEOUT = 0x0400,
  TCPTALE_HAS_ENO = 0x0800,
  TCPTALE_HAS_UNKNOWN = 0x1000
};

/* What the caller asks of the decoder. */
enum tcptale_decode_flag {
  TCPTALE_DECODE_CHECKSUM = 0x01 /* verify the innermost IPv4 header's and TCP's checksums; cost
                                    O(len) */
};

enum {
  TCPTALE_LAYER_LIMIT = 16,  /* headers below TCP that are followed (tags, labels, tunnels, IP) */
  TCPTALE_IPV6_EXT_LIMIT = 8 /* extension headers of one IPv6 header that are followed */
};

/* One decoded packet. Fields of a layer are meaningful where its bit in `layers` is set, option
 * fields where their bit in `options` is; all others are 0. 32-bit offsets count from the start
 * of the buffer. L2TP's ids are its tunnel's << 16 | its session's. */
typedef struct tcptale_packet {
  uint32_t struct_size; /* written by tcptale_packet_init */
  uint32_t layers;      /* TCPTALE_LAYER_ */
  uint32_t anomalies;   /* 1u << TCPTALE_ANOMALY_, codes below 32 */
  uint16_t flags;       /* TCPTALE_PACKET_ */
  uint8_t stop_reason;  /* TCPTALE_STOP_ */
  uint8_t ip_version;   /* 4, 6, or 0: no IP header was reached */
  uint32_t stop_layer;  /* the layer, one TCPTALE_LAYER_ bit, at which decoding stopped; 0: none */
  uint32_t stop_offset; /* where that layer's header begins */
  uint32_t cap_len;     /* bytes given */
  uint32_t wire_len;    /* bytes on the wire; at least cap_len */

  uint8_t src[16]; /* innermost IP addresses; IPv4 in the first four bytes, the rest 0 */
  uint8_t dst[16];
  uint16_t src_port;
  uint16_t dst_port;
  uint32_t seq;
  uint32_t ack;
  uint16_t tcp_flags; /* TCPTALE_TCP_, all twelve bits */
  uint16_t window;    /* as in the header, unscaled */
  uint32_t payload_offset; /* beyond cap_len where payload_cap is 0 and the capture cut the
                              options */
  uint32_t payload_len; /* bytes of TCP data on the wire, by the IP length, never by the frame's;
                           see payload_unsent */
  uint32_t payload_cap; /* how many of them were captured; the rest was cut off */
  uint16_t tcp_checksum;
  uint16_t urgent;    /* urgent pointer, also where URG is not set */
  uint8_t tcp_csum;   /* TCPTALE_CSUM_ of the TCP checksum */
  uint8_t ip_csum;    /* TCPTALE_CSUM_ of the innermost IPv4 header; GOOD for IPv6 where asked
                         for */
  uint16_t options;   /* TCPTALE_HAS_ */
  uint32_t tcp_offset;
  uint8_t tcp_header_len; /* bytes, options included */
  uint8_t wscale;         /* shift count as sent; above 14 it is flagged, and the tracker takes
                             14 */
  uint16_t mss;
  uint32_t ts_val;
  uint32_t ts_ecr;
  uint8_t sack_count; /* 0 .. 4 */
  uint8_t mptcp_subtype;
  uint8_t fast_open_len;  /* cookie bytes, 0: a cookie is asked for */
  uint8_t option_count;   /* options seen, NOP and EOL not counted */
  uint32_t sack_left[4];  /* blocks: first sequence number ... */
  uint32_t sack_right[4]; /* ... and the one after the last */

  uint32_t ip_offset;         /* innermost IP header */
  uint32_t ip_payload_offset; /* after the IP header and all extension headers */
  uint32_t ip_payload_len;    /* on the wire, by the IP length */
  uint32_t ip_total_len;      /* header and payload, by the IP length, or the frame's where that was
                                 0 */
  uint32_t ip_id;             /* IPv4 identification, or that of the IPv6 fragment header */
  uint16_t frag_offset;       /* bytes; a multiple of 8 */
  uint16_t ip_header_len;     /* bytes, options or extension headers included */
  uint8_t ip_protocol;        /* upper-layer protocol (of a fragment: as its header says) */
  uint8_t ip_ttl;             /* or hop limit */
  uint8_t ip_tos;             /* or traffic class */
  uint8_t layer_count;        /* headers passed below TCP */
  uint32_t link_type;
  uint16_t ether_type;  /* of the outermost network header; 0 where the link has none */
  uint8_t tunnel_count; /* tunnels entered */
  uint8_t vlan_count;   /* VLAN tags kept in `vlan`: the outermost 4 of those passed */
  uint16_t vlan[4];     /* tag control: 3 bits priority, 1 bit DEI, 12 bits id */
  uint32_t mpls_label;  /* innermost label: 20 bits */
  uint32_t tunnel_id;   /* innermost of: GRE key, ERSPAN session, VXLAN or GENEVE VNI, GTP TEID,
                           L2TP's ids */
  uint8_t link_src[6];  /* outermost 48-bit link addresses, where flags has
                           TCPTALE_PACKET_HAS_ETHER */
  uint8_t link_dst[6];
  uint32_t payload_unsent; /* of payload_len, bytes that the frame, or a length field of what
                              carries the IP packet, leaves no room for: they were never on the
                              wire. 0 in a sane packet */
  uint32_t reserved0;
} tcptale_packet;

/* Makes `packet` ready for use: zeroes `struct_size` bytes and writes the size; once, before the
 * first decode into it. `struct_size` is sizeof *packet. TCPTALE_ERR_ARG: NULL, or smaller than
 * version 0.9's. Bytes beyond what the loaded library knows stay 0. Since 0.9. */
TCPTALE_API int tcptale_packet_init(tcptale_packet *packet, size_t struct_size);

/* Decodes one frame. `data` may be NULL only where `cap_len` is 0. `wire_len` is the frame's
 * length on the wire; a value below cap_len counts as cap_len, and either above 2^32-1 as that.
 * `flags`: TCPTALE_DECODE_, unknown bits are an error. Returns TCPTALE_OK whatever the bytes
 * are: what was reached is in `layers`, why it ended in `stop_reason`, and there is a segment
 * exactly where `layers` has TCPTALE_LAYER_TCP: its header is whole, or at least its first 20
 * bytes are (then stop_reason is TRUNCATED and flags has TCPTALE_PACKET_OPTIONS_CUT).
 * TCPTALE_ERR_ARG: NULL, an uninitialised packet, unknown flags. Cost: O(headers), with
 * checksums O(len). Since 0.9. */
TCPTALE_API int tcptale_decode(tcptale_packet *packet, uint32_t link_type, const uint8_t *data,
                               size_t cap_len, size_t wire_len, uint32_t flags);

/* The same from an IPv4 or IPv6 header on; the version is read from the first byte. Since 0.9. */
TCPTALE_API int tcptale_decode_ip(tcptale_packet *packet, const uint8_t *data, size_t cap_len,
                                  size_t wire_len, uint32_t flags);

/* The same from a TCP header on, of which `wire_len` is the length with its payload. There are no
 * addresses, so the checksum is not verified. Since 0.9. */
TCPTALE_API int tcptale_decode_tcp(tcptale_packet *packet, const uint8_t *data, size_t cap_len,
                                   size_t wire_len);

/* Decodes the upper layer of a reassembled datagram: `packet` is the decoded first fragment,
 * `data` the datagram's whole payload. Addresses, VLAN and tunnel fields stay; IP lengths,
 * fragment fields and all above IP are written anew, offsets then count from `data`, and flags
 * gets TCPTALE_PACKET_REASSEMBLED. Since 0.9. */
TCPTALE_API int tcptale_decode_reassembled(tcptale_packet *packet, const uint8_t *data, size_t len,
                                           uint32_t flags);

/* Unpacks the payload of a packet that stopped at IPComp (RFC 3173; stop_reason is COMPRESSED), if
 * it is one DEFLATE stream (RFC 2394) from end to end, and decodes what was in it. `data` is what
 * the packet was decoded from; `out`, which must not overlap it, takes at most `room` bytes:
 * 65,535 hold whatever IP carries. A well-known CPI has to be DEFLATE's; of a negotiated one the
 * bytes themselves tell. Returns how many bytes were written; the packet is then changed as by
 * tcptale_decode_reassembled, and its offsets count from `out`. Else it is unchanged, what is in
 * `out` means nothing, and the result is TCPTALE_ERR_NOT_FOUND (the capture cut the payload, it is
 * compressed otherwise, or holds more than `room` bytes) or TCPTALE_ERR_ARG. Cost:
 * O(ip_payload_len + bytes written). Since 0.9. */
TCPTALE_API int tcptale_decode_unpacked(tcptale_packet *packet, const uint8_t *data, uint8_t *out,
                                        size_t room, uint32_t flags);

/* One TCP option, as the iterator gives it. `value` holds what the kind has, in the order of its
 * RFC: MSS: size. Window scale: shift. SACK: left, right edge of up to 4 blocks. Timestamps:
 * value, echo. User timeout: granularity (0 s, 1 min), time. AO: key id, next key id. MPTCP:
 * subtype, its 4-bit version or flags field. AccECN: up to 3 byte counters in wire order.
 * Experiments: the 16-bit id. Others: none. */
typedef struct tcptale_tcp_option {
  uint32_t struct_size; /* written by the caller: sizeof, before the first call */
  uint32_t next_offset; /* the iterator's position; 0 before the first call */
  uint32_t offset;      /* of the kind byte, in the packet's buffer */
  uint8_t kind;         /* TCPTALE_OPT_, or any other number */
  uint8_t len;          /* bytes with kind and length byte; 1 for EOL and NOP */
  uint8_t malformed;    /* 1: len does not fit the kind, or runs past the header: then the last
                           one */
  uint8_t duplicate;    /* 1: the kind stood before and may stand once */
  uint32_t value_count;
  uint32_t value[8];
  uint32_t reserved0;
} tcptale_tcp_option;

/* Steps to the next option of `packet`, whose bytes are in `data` (the buffer that it was
 * decoded from). `option` is zeroed by the caller but for struct_size, and then handed back
 * unchanged. Returns 1: an option was written; 0: there is none left; TCPTALE_ERR_ARG. Since
 * 0.9. */
TCPTALE_API int tcptale_tcp_option_next(const tcptale_packet *packet, const uint8_t *data,
                                        tcptale_tcp_option *option);

#ifdef __cplusplus
}
#endif
#endif

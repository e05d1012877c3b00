/* format.c - one TCP segment as tcpdump's line. It prints from the header's bytes, not from the
 * decoder's fields, so that a header which the decoder refused is still told. Invariant: every
 * read of the TCP header lies within `cap` bytes of it, which the header's room in the IP packet
 * bounds too. Floor 4. */
#include "tcptale/format.h"

#include "bytes.h"
#include "option_text.h"
#include "text.h"
#include "util.h"

#include <string.h>

enum { TCP_MIN = 20, IPV6_MIN = 40, IPV4_MIN = 20, PROTOCOL_TCP = 6 };

/* A TCP header, or its beginning. */
typedef struct segment {
  const uint8_t *at;
  uint32_t cap; /* captured bytes of it and its payload */
  uint32_t len; /* what the IP header says there is */
} segment;

int tcptale_line_init(tcptale_line *line, size_t struct_size) {
  if (!line || struct_size < sizeof *line) return TCPTALE_ERR_ARG;
  memset(line, 0, struct_size);
  line->struct_size = (uint32_t)struct_size;
  return TCPTALE_OK;
}

/* A TCP header stands where the decoder found one, or gave up in one that is not a later
 * fragment's. */
static int find_segment(const tcptale_packet *packet, const uint8_t *data, segment *tcp) {
  uint32_t at, cap;
  if (packet->layers & TCPTALE_LAYER_TCP) at = packet->tcp_offset;
  else if (packet->stop_layer == TCPTALE_LAYER_TCP) at = packet->stop_offset;
  else return 0;
  if (at > packet->cap_len) return 0;
  cap = packet->cap_len - at;
  tcp->at = data + at;
  tcp->len = packet->ip_payload_len;
  if (packet->ip_version == 0) tcp->len = packet->wire_len - at;
  tcp->cap = tcptale_min_u32(cap, tcp->len);
  return 1;
}

/* Addresses and IPv6 extension headers */

static void put_address(struct tcptale_text *text, const tcptale_packet *packet,
                        const uint8_t *address) {
  if (packet->ip_version == 6) tcptale_text_ipv6(text, address);
  else tcptale_text_ipv4(text, address);
}

static void put_addresses(struct tcptale_text *text, const tcptale_packet *packet) {
  put_address(text, packet, packet->src);
  tcptale_text_put(text, " > ");
  put_address(text, packet, packet->dst);
  tcptale_text_put(text, ": ");
}

/* RFC 4302: the length counts 32-bit words, less 2. */
static void put_authentication(struct tcptale_text *text, const uint8_t *at, size_t len) {
  tcptale_text_put(text, "AH(spi=0x");
  tcptale_text_hex(text, tcptale_be32(at + 4), 8);
  tcptale_text_put(text, ",seq=0x");
  tcptale_text_hex(text, tcptale_be32(at + 8), 1);
  tcptale_text_put(text, ",icv=0x");
  tcptale_text_bytes(text, at + 12, len - 12);
  tcptale_text_put(text, "): ");
}

static void put_labelled(struct tcptale_text *text, const char *label, uint64_t value) {
  tcptale_text_put(text, label);
  tcptale_text_number(text, value);
}

/* RFC 8200 4.4, RFC 6275 6.4, RFC 8754: types 0, 2 and 4 list addresses. */
static void put_routing(struct tcptale_text *text, const uint8_t *at, size_t len) {
  int has_list = at[2] == 0 || at[2] == 2 || at[2] == 4;
  put_labelled(text, "RT6 (len=", at[1]);
  put_labelled(text, ", type=", at[2]);
  if (at[2] == 0) tcptale_text_put(text, " [Deprecated]");
  put_labelled(text, ", segleft=", at[3]);
  if (at[2] == 4) {
    put_labelled(text, ", last-entry=", at[4]);
    if (at[5] != 0) {
      tcptale_text_put(text, ", flags=0x");
      tcptale_text_hex(text, at[5], 1);
    }
    tcptale_text_put(text, ", tag=");
    tcptale_text_hex(text, tcptale_be16(at + 6), 1);
  }
  for (size_t i = 0; has_list && 8 + 16 * (i + 1) <= len; i++) {
    put_labelled(text, ", [", i);
    tcptale_text_put(text, "]");
    tcptale_text_ipv6(text, at + 8 + 16 * i);
  }
  tcptale_text_put(text, ") ");
}

static void put_fragment(struct tcptale_text *text, const uint8_t *at, size_t rest) {
  put_labelled(text, "frag (", tcptale_be16(at + 2) & 0xfff8);
  put_labelled(text, "|", rest);
  tcptale_text_put(text, ") ");
}

/* Writes one extension header; `left` bytes of headers lie at `at`, `rest` is the length of what
 * follows a fragment header. Returns its length, or 0 where it does not fit. */
static size_t put_extension(struct tcptale_text *text, uint8_t type, const uint8_t *at, size_t left,
                            size_t rest) {
  enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };
  size_t len;
  if (left < 8) return 0;
  len = type == AUTHENTICATION ? (at[1] + (size_t)2) * 4 : (at[1] + (size_t)1) * 8;
  if (type == FRAGMENT) len = 8;
  if (len > left || (type == AUTHENTICATION && len < 12)) return 0;
  if (type == HOP_BY_HOP) tcptale_text_put(text, "HBH ");
  if (type == DESTINATION) tcptale_text_put(text, "DSTOPT ");
  if (type == ROUTING) put_routing(text, at, len);
  if (type == FRAGMENT) put_fragment(text, at, rest + left - 8);
  if (type == AUTHENTICATION) put_authentication(text, at, len);
  return len;
}

/* The headers between the IP header and TCP. Offsets of a reassembled packet do not reach them. */
static void put_extensions(struct tcptale_text *text, const tcptale_packet *packet,
                           const uint8_t *data, const segment *tcp) {
  int is_6 = packet->ip_version == 6;
  const uint8_t *ip = data + packet->ip_offset;
  size_t at = is_6 ? IPV6_MIN : (size_t)(ip[0] & 0x0f) * 4, end = (size_t)(tcp->at - ip), len;
  uint8_t type = is_6 ? ip[6] : ip[9];
  while (at < end && type != PROTOCOL_TCP) {
    len = put_extension(text, type, ip + at, end - at, tcp->len);
    if (len == 0) return;
    type = ip[at];
    at += len;
  }
}

/* Whether the IP header names TCP itself: tcpdump then prints ports with the addresses. */
static int is_direct(const tcptale_packet *packet, const uint8_t *data) {
  if (packet->flags & TCPTALE_PACKET_REASSEMBLED) return 1;
  return data[packet->ip_offset + (packet->ip_version == 6 ? 6 : 9)] == PROTOCOL_TCP;
}

/* What the carrier has room for: the frame, or what a PPPoE header right before the IP header
 * allows (RFC 2516 4: its length counts from the PPP protocol on, two bytes before IP). */
static uint32_t carried_len(const tcptale_packet *packet, const uint8_t *data) {
  enum { PPPOE = 8, SESSION = 0x1100 };
  uint32_t carried = packet->wire_len - packet->ip_offset, ppp_len;
  const uint8_t *header;
  if (!(packet->layers & TCPTALE_LAYER_PPPOE) || packet->tunnel_count > 0 ||
      packet->ip_offset < PPPOE)
    return carried;
  header = data + packet->ip_offset - PPPOE;
  ppp_len = tcptale_be16(header + 4);
  if (tcptale_be16(header) != SESSION || ppp_len < 2) return carried;
  return tcptale_min_u32(carried, ppp_len - 2);
}

static void put_truncation(struct tcptale_text *text, const tcptale_packet *packet,
                           const uint8_t *data) {
  uint32_t carried;
  if (packet->flags & TCPTALE_PACKET_REASSEMBLED) return;
  carried = carried_len(packet, data);
  if (carried >= packet->ip_total_len) return;
  put_labelled(text, packet->ip_version == 6 ? "truncated-ip6 - " : "truncated-ip - ",
               packet->ip_total_len - carried);
  tcptale_text_put(text, packet->ip_version == 6 ? " bytes missing!" : " bytes missing! ");
}

static void put_end(struct tcptale_text *text, const tcptale_packet *packet, const uint8_t *address,
                    uint16_t port) {
  put_address(text, packet, address);
  put_labelled(text, ".", port);
}

/* Everything up to the flags. Returns 0 where not even the ports were captured: the line is
 * complete then. */
static int put_ends(struct tcptale_text *text, const tcptale_packet *packet, const uint8_t *data,
                    const segment *tcp) {
  int has_ports = tcp->cap >= 4, direct = is_direct(packet, data);
  tcptale_text_put(text, packet->ip_version == 6 ? "IP6 " : "IP ");
  put_truncation(text, packet, data);
  if (!direct) {
    put_addresses(text, packet);
    put_extensions(text, packet, data, tcp);
  }
  if (!has_ports) {
    put_addresses(text, packet);
    tcptale_text_put(text, "[|tcp]");
  } else if (direct) {
    put_end(text, packet, packet->src, tcptale_be16(tcp->at));
    tcptale_text_put(text, " > ");
    put_end(text, packet, packet->dst, tcptale_be16(tcp->at + 2));
    tcptale_text_put(text, ": ");
  } else {
    tcptale_text_number(text, tcptale_be16(tcp->at));
    put_labelled(text, " > ", tcptale_be16(tcp->at + 2));
    tcptale_text_put(text, ": ");
  }
  return has_ports;
}

/* The TCP header */

static void put_flags(struct tcptale_text *text, uint32_t flags, int with_ae) {
  static const char letters[] = "FSRP.UEWe";
  int count = with_ae ? 9 : 8, any = 0;
  tcptale_text_put(text, "Flags [");
  for (int i = 0; i < count; i++) {
    if (!(flags >> i & 1)) continue;
    tcptale_text_char(text, letters[i]);
    any = 1;
  }
  tcptale_text_put(text, any ? "]" : "none]");
}

/* The sequence numbers stand where they say something: with data, SYN, FIN or RST. */
static void put_numbers(struct tcptale_text *text, const segment *tcp, uint32_t flags,
                        uint32_t payload, const tcptale_line *line) {
  uint32_t seq = tcptale_be32(tcp->at + 4) - line->seq_base;
  if (payload > 0 || (flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_FIN | TCPTALE_TCP_RST)))
    put_labelled(text, ", seq ", seq);
  if (payload > 0) put_labelled(text, ":", (uint32_t)(seq + payload));
  if (flags & TCPTALE_TCP_ACK)
    put_labelled(text, ", ack ", (uint32_t)(tcptale_be32(tcp->at + 8) - line->ack_base));
  put_labelled(text, ", win ", tcptale_be16(tcp->at + 14));
  if (flags & TCPTALE_TCP_URG) put_labelled(text, ", urg ", tcptale_be16(tcp->at + 18));
}

static void put_bad_length(struct tcptale_text *text, uint32_t header_len, const char *words,
                           uint32_t limit) {
  put_labelled(text, " [bad hdr length ", header_len);
  put_labelled(text, words, limit);
  tcptale_text_put(text, "]");
}

/* Returns 0 where the line ends in the options. */
static int put_options(struct tcptale_text *text, const segment *tcp, uint32_t header_len,
                       uint32_t flags, const tcptale_line *line) {
  struct tcptale_option_list list = {
      tcp->at + TCP_MIN,   header_len - TCP_MIN, tcp->cap - TCP_MIN, line->sack_base, flags,
      tcp->cap == tcp->len};
  tcptale_text_put(text, ", options [");
  return tcptale_option_text_put(text, &list) == TCPTALE_OPTION_TEXT_OK;
}

static void put_header(struct tcptale_text *text, const segment *tcp, const tcptale_line *line) {
  uint32_t header_len, flags, payload;
  if (tcp->cap < TCP_MIN) {
    tcptale_text_put(text, " [|tcp]");
    return;
  }
  header_len = (uint32_t)(tcp->at[12] >> 4) * 4;
  if (header_len < TCP_MIN) {
    put_labelled(text, " tcp ", tcp->len - header_len);
    put_bad_length(text, header_len, " - too short, < ", TCP_MIN);
    return;
  }
  flags = tcptale_be16(tcp->at + 12) & 0x0fffu;
  put_flags(text, flags, (line->flags & TCPTALE_LINE_AE) != 0);
  if (header_len > tcp->len) {
    put_bad_length(text, header_len, " - too long, > ", tcp->len);
    return;
  }
  payload = tcp->len - header_len;
  put_numbers(text, tcp, flags, payload, line);
  if (header_len > TCP_MIN && !put_options(text, tcp, header_len, flags, line)) return;
  put_labelled(text, ", length ", payload);
}

int tcptale_format_line(const tcptale_packet *packet, const uint8_t *data, const tcptale_line *line,
                        char *text, size_t text_size) {
  tcptale_line plain;
  struct tcptale_text out;
  segment tcp;
  if (!packet || packet->struct_size < sizeof *packet || (!data && packet->cap_len > 0))
    return TCPTALE_ERR_ARG;
  if ((line && line->struct_size < sizeof *line) || (!text && text_size > 0))
    return TCPTALE_ERR_ARG;
  if (!find_segment(packet, data, &tcp)) return TCPTALE_ERR_NOT_FOUND;
  tcptale_line_init(&plain, sizeof plain);
  tcptale_text_init(&out, text, text_size);
  if (packet->ip_version == 0 || put_ends(&out, packet, data, &tcp))
    put_header(&out, &tcp, line ? line : &plain);
  return tcptale_text_close(&out) ? (int)out.len : TCPTALE_ERR_SPACE;
}

/* tcp.c - reads the TCP header. Invariant: an option is looked at only inside the header length,
 * and only the first of its kind and right size reaches the packet; the iterator and the packet
 * use the same rules. Floor 2. */
#include "tcp.h"

#include <string.h>

#include "bytes.h"
#include "fields.h"
#include "util.h"

enum { TCP_LEN = TCPTALE_TCP_LEN, WSCALE_MOST = 14, EXPERIMENT_FAST_OPEN = 0xf989 };

static void note(tcptale_packet *p, uint32_t code) {
  p->anomalies |= 1u << code;
}

/* The bytes of the option at `o`, of which the header holds `left`; 0 where they cannot be told,
 * or run past it. */
static uint32_t option_len(const uint8_t *o, uint32_t left) {
  if (o[0] == TCPTALE_OPT_EOL || o[0] == TCPTALE_OPT_NOP) return 1;
  if (left < 2 || o[1] < 2 || o[1] > left) return 0;
  return o[1];
}

/* Which TCPTALE_HAS_ an option of `len` bytes is. */
static uint32_t option_group(const uint8_t *o, uint32_t len) {
  switch (o[0]) {
  case TCPTALE_OPT_MSS: return TCPTALE_HAS_MSS;
  case TCPTALE_OPT_WSCALE: return TCPTALE_HAS_WSCALE;
  case TCPTALE_OPT_SACK_PERMITTED: return TCPTALE_HAS_SACK_PERMITTED;
  case TCPTALE_OPT_SACK: return TCPTALE_HAS_SACK;
  case TCPTALE_OPT_TIMESTAMPS: return TCPTALE_HAS_TIMESTAMPS;
  case TCPTALE_OPT_MD5: return TCPTALE_HAS_MD5;
  case TCPTALE_OPT_USER_TIMEOUT: return TCPTALE_HAS_USER_TIMEOUT;
  case TCPTALE_OPT_AO: return TCPTALE_HAS_AO;
  case TCPTALE_OPT_MPTCP: return TCPTALE_HAS_MPTCP;
  case TCPTALE_OPT_FAST_OPEN: return TCPTALE_HAS_FAST_OPEN;
  case TCPTALE_OPT_ENO: return TCPTALE_HAS_ENO;
  case TCPTALE_OPT_ACCECN0:
  case TCPTALE_OPT_ACCECN1: return TCPTALE_HAS_ACCECN;
  case TCPTALE_OPT_EXPERIMENT_1:
  case TCPTALE_OPT_EXPERIMENT_2:
    return len >= 4 && tcptale_be16(o + 2) == EXPERIMENT_FAST_OPEN ? TCPTALE_HAS_FAST_OPEN
                                                                   : TCPTALE_HAS_UNKNOWN;
  default: return TCPTALE_HAS_UNKNOWN;
  }
}

/* Options that may stand more than once: Multipath TCP sends several subtypes, of the unknown
 * nothing is known. */
static int may_repeat(uint32_t group) {
  return group == TCPTALE_HAS_MPTCP || group == TCPTALE_HAS_UNKNOWN;
}

/* A cookie is absent, or 4 to 16 bytes, an even number of them (RFC 7413 4.1.1). */
static int cookie_fits(uint32_t len) {
  return len == 0 || (len >= 4 && len <= 16 && len % 2 == 0);
}

/* DSS (RFC 8684 3.3): which of its parts are there, and how long, is in its flags; the checksum
 * at the end of a mapping is there or not. */
static int dss_fits(const uint8_t *o, uint32_t len) {
  enum { ACK = 0x01, ACK_8 = 0x02, MAP = 0x04, MAP_8 = 0x08 };
  if (len < 4) return 0;
  uint32_t want = 4;
  if (o[3] & ACK) want += o[3] & ACK_8 ? 8 : 4;
  if (o[3] & MAP) want += (o[3] & MAP_8 ? 8u : 4u) + 6;
  return len == want || ((o[3] & MAP) && len == want + 2);
}

/* ADD_ADDR: an IPv4 or IPv6 address, perhaps a port, perhaps the 8-byte HMAC of version 1. */
static int add_addr_fits(uint32_t len) {
  return len == 8 || len == 10 || len == 16 || len == 18 || len == 20 || len == 22 || len == 28 ||
         len == 30;
}

/* The sizes of RFC 8684 and, where it differs, RFC 6824; subtypes without a name may have any. */
static int mptcp_fits(const uint8_t *o, uint32_t len) {
  if (len < 3) return 0;
  switch (o[2] >> 4) {
  case 0: return len == 4 || len == 12 || len == 20 || len == 22 || len == 24; /* MP_CAPABLE */
  case 1: return len == 12 || len == 16 || len == 24;                          /* MP_JOIN */
  case 2: return dss_fits(o, len);
  case 3: return add_addr_fits(len);
  case 4: return len >= 4;             /* REMOVE_ADDR */
  case 5: return len == 3 || len == 4; /* MP_PRIO */
  case 6: return len == 12;            /* MP_FAIL */
  case 7: return len == 12;            /* MP_FASTCLOSE */
  case 8: return len == 4;             /* MP_TCPRST */
  default: return 1;
  }
}

/* Whether the option's size is one that its kind has: RFC 9293 (MSS), 7323 (window scale,
 * timestamps), 2018 (SACK: 1 to 4 blocks), 2385 (MD5), 5482 (user timeout), 5925 (AO), 7413
 * (Fast Open), 9768 (AccECN: up to 3 counters), 6994 (experiments: an id of 16 bits at least),
 * 8547 (ENO: any). */
static int option_fits(const uint8_t *o, uint32_t len) {
  switch (o[0]) {
  case TCPTALE_OPT_MSS: return len == 4;
  case TCPTALE_OPT_WSCALE: return len == 3;
  case TCPTALE_OPT_SACK_PERMITTED: return len == 2;
  case TCPTALE_OPT_SACK: return len > 2 && len <= 34 && len % 8 == 2;
  case TCPTALE_OPT_TIMESTAMPS: return len == 10;
  case TCPTALE_OPT_MD5: return len == 18;
  case TCPTALE_OPT_USER_TIMEOUT: return len == 4;
  case TCPTALE_OPT_AO: return len >= 4;
  case TCPTALE_OPT_MPTCP: return mptcp_fits(o, len);
  case TCPTALE_OPT_FAST_OPEN: return cookie_fits(len - 2);
  case TCPTALE_OPT_ACCECN0:
  case TCPTALE_OPT_ACCECN1: return len <= 11 && len % 3 == 2;
  case TCPTALE_OPT_EXPERIMENT_1:
  case TCPTALE_OPT_EXPERIMENT_2:
    return len >= 4 && (tcptale_be16(o + 2) != EXPERIMENT_FAST_OPEN || cookie_fits(len - 4));
  default: return 1;
  }
}

static void take_sack(tcptale_packet *p, const uint8_t *o, uint32_t len) {
  p->sack_count = (uint8_t)(len / 8);
  for (uint32_t i = 0; i < p->sack_count; i++) {
    p->sack_left[i] = tcptale_be32(o + 2 + i * 8);
    p->sack_right[i] = tcptale_be32(o + 6 + i * 8);
  }
}

/* Puts an option of the right size into the packet. */
static void take_option(tcptale_packet *p, const uint8_t *o, uint32_t len, uint32_t group) {
  p->options |= (uint16_t)group;
  switch (group) {
  case TCPTALE_HAS_MSS: p->mss = tcptale_be16(o + 2); break;
  case TCPTALE_HAS_WSCALE:
    p->wscale = o[2];
    if (o[2] > WSCALE_MOST) note(p, TCPTALE_ANOMALY_WSCALE_RANGE);
    break;
  case TCPTALE_HAS_SACK: take_sack(p, o, len); break;
  case TCPTALE_HAS_TIMESTAMPS:
    p->ts_val = tcptale_be32(o + 2);
    p->ts_ecr = tcptale_be32(o + 6);
    break;
  case TCPTALE_HAS_FAST_OPEN:
    p->fast_open_len = (uint8_t)(len - (o[0] == TCPTALE_OPT_FAST_OPEN ? 2u : 4u));
    break;
  case TCPTALE_HAS_MPTCP:
    if (!(p->anomalies & 1u << TCPTALE_ANOMALY_MPTCP)) p->mptcp_subtype = o[2] >> 4;
    note(p, TCPTALE_ANOMALY_MPTCP);
    break;
  default: break;
  }
}

/* Which TCPTALE_HAS_ an option of this kind and length is, of those that most SYNs have; 0: any
 * other. */
static uint32_t usual_group(uint32_t kind_and_len) {
  switch (kind_and_len) {
  case TCPTALE_OPT_MSS << 8 | 4: return TCPTALE_HAS_MSS;
  case TCPTALE_OPT_WSCALE << 8 | 3: return TCPTALE_HAS_WSCALE;
  case TCPTALE_OPT_SACK_PERMITTED << 8 | 2: return TCPTALE_HAS_SACK_PERMITTED;
  case TCPTALE_OPT_TIMESTAMPS << 8 | 10: return TCPTALE_HAS_TIMESTAMPS;
  default: return 0;
  }
}

/* Takes options as long as they are such, each for the first time; returns how many bytes. */
static uint32_t usual_options(tcptale_packet *p, const uint8_t *o, uint32_t left) {
  uint32_t at = 0;
  while (left - at >= 2) {
    if (o[at] == TCPTALE_OPT_NOP) {
      at++;
      continue;
    }
    uint32_t group = usual_group(tcptale_be16(o + at)), len = o[at + 1];
    if (group == 0 || (p->options & group) || len > left - at) break;
    take_option(p, o + at, len, group);
    p->option_count++;
    at += len;
  }
  return at;
}

static void options(tcptale_packet *p, const uint8_t *o, uint32_t left) {
  uint32_t len = usual_options(p, o, left);
  uint32_t seen = p->options;
  for (o += len, left -= len; left > 0 && o[0] != TCPTALE_OPT_EOL; o += len, left -= len) {
    len = option_len(o, left);
    if (o[0] == TCPTALE_OPT_NOP) continue;
    p->option_count++;
    if (len == 0) {
      note(p, TCPTALE_ANOMALY_OPT_MALFORMED);
      return;
    }
    uint32_t group = option_group(o, len);
    int repeated = (seen & group) && !may_repeat(group);
    seen |= group;
    if (repeated) note(p, TCPTALE_ANOMALY_OPT_DUP);
    if (!option_fits(o, len)) note(p, TCPTALE_ANOMALY_OPT_MALFORMED);
    else if (!repeated) take_option(p, o, len, group);
  }
}

/* What the flags say that they should not: nothing at all, the two ends of a stream at once, the
 * end without ACK. Every segment but SYN and RST needs ACK (RFC 9293 3.10.7.4). */
static void odd_flags(tcptale_packet *p, uint32_t flags) {
  const uint32_t all = TCPTALE_TCP_FIN | TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_PSH |
                       TCPTALE_TCP_ACK | TCPTALE_TCP_URG;
  int none = (flags & all) == 0;
  int two_ends = (flags & TCPTALE_TCP_SYN) && (flags & (TCPTALE_TCP_FIN | TCPTALE_TCP_RST));
  int bare_fin = (flags & TCPTALE_TCP_FIN) && !(flags & TCPTALE_TCP_ACK);
  if (none || two_ends || bare_fin) note(p, TCPTALE_ANOMALY_BAD_FLAGS);
  else if (!(flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_ACK)))
    note(p, TCPTALE_ANOMALY_NO_ACK_FLAG);
  if ((flags & TCPTALE_TCP_SYN) && p->payload_len > 0) note(p, TCPTALE_ANOMALY_SYN_DATA);
  if ((flags & TCPTALE_TCP_RST) && p->payload_len > 0) note(p, TCPTALE_ANOMALY_RST_DATA);
}

/* Most segments have ACK and none of FIN, SYN and RST, and as options NOP, NOP, timestamps, or
 * none. */
void tcptale_tcp_remarks(tcptale_packet *p, const uint8_t *h) {
  const uint32_t telling = TCPTALE_TCP_FIN | TCPTALE_TCP_SYN | TCPTALE_TCP_RST | TCPTALE_TCP_ACK;
  if ((p->tcp_flags & telling) != TCPTALE_TCP_ACK) odd_flags(p, p->tcp_flags);
  if (p->src_port == p->dst_port && p->ip_version != 0 &&
      memcmp(p->src, p->dst, sizeof p->src) == 0)
    note(p, TCPTALE_ANOMALY_LAND);
  if (p->tcp_header_len == TCP_LEN) return;
  if (p->tcp_header_len == 32 && tcptale_be32(h + TCP_LEN) == 0x0101080a) {
    p->options = TCPTALE_HAS_TIMESTAMPS;
    p->ts_val = tcptale_be32(h + 24);
    p->ts_ecr = tcptale_be32(h + 28);
    p->option_count = 1;
    return;
  }
  options(p, h + TCP_LEN, p->tcp_header_len - (uint32_t)TCP_LEN);
}

/* The capture ends within the options: the fixed part and the options that are whole stay. */
static void cut_header(const struct tcptale_walk *w, tcptale_packet *p, uint32_t header_len) {
  uint32_t whole = 0, left = w->left - (uint32_t)TCP_LEN;
  const uint8_t *o = w->at + TCP_LEN;
  p->layers |= TCPTALE_LAYER_TCP;
  p->flags |= TCPTALE_PACKET_OPTIONS_CUT | TCPTALE_PACKET_CUT;
  tcptale_fields_tcp(p, w->at, w->off, header_len, w->wire);
  p->payload_unsent = tcptale_min_u32(w->unsent, p->payload_len);
  odd_flags(p, p->tcp_flags);
  while (whole < left && o[whole] != TCPTALE_OPT_EOL) {
    uint32_t len = option_len(o + whole, left - whole);
    if (len == 0) break;
    whole += len;
  }
  options(p, o, whole);
}

void tcptale_tcp_header(struct tcptale_walk *w, tcptale_packet *p) {
  const uint8_t *h = w->at;
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_TCP, TCP_LEN)) return;
  uint32_t header_len = (h[TCPTALE_TCP_DATA_OFFSET] >> 4) * 4u;
  if (header_len < TCP_LEN) {
    tcptale_walk_stop(w, p, TCPTALE_STOP_MALFORMED, TCPTALE_LAYER_TCP);
    return;
  }
  if (!tcptale_walk_need(w, p, TCPTALE_LAYER_TCP, header_len)) {
    if (p->stop_reason == TCPTALE_STOP_TRUNCATED && w->wire >= header_len)
      cut_header(w, p, header_len);
    return;
  }
  p->layers |= TCPTALE_LAYER_TCP;
  tcptale_fields_tcp(p, h, w->off, w->left, w->wire);
  p->payload_unsent = tcptale_min_u32(w->unsent, p->payload_len);
  tcptale_tcp_remarks(p, h);
  w->next = TCPTALE_NEXT_STOP;
}

/* Whether an option of `group` stands in front of the one at `end`. */
static int stood_before(const uint8_t *o, const uint8_t *end, uint32_t group) {
  while (o < end) {
    uint32_t len = option_len(o, (uint32_t)(end - o));
    if (len == 0) return 0;
    if (o[0] != TCPTALE_OPT_NOP && option_group(o, len) == group) return 1;
    o += len;
  }
  return 0;
}

static void value_add(tcptale_tcp_option *option, uint32_t value) {
  option->value[option->value_count++] = value;
}

/* The numbers in an option of the right size. */
static void values(tcptale_tcp_option *option, const uint8_t *o, uint32_t len) {
  switch (o[0]) {
  case TCPTALE_OPT_MSS: value_add(option, tcptale_be16(o + 2)); break;
  case TCPTALE_OPT_WSCALE: value_add(option, o[2]); break;
  case TCPTALE_OPT_SACK:
  case TCPTALE_OPT_TIMESTAMPS:
    for (uint32_t at = 2; at < len; at += 4) value_add(option, tcptale_be32(o + at));
    break;
  case TCPTALE_OPT_USER_TIMEOUT:
    value_add(option, o[2] >> 7);
    value_add(option, tcptale_be16(o + 2) & 0x7fffu);
    break;
  case TCPTALE_OPT_AO:
    value_add(option, o[2]);
    value_add(option, o[3]);
    break;
  case TCPTALE_OPT_MPTCP:
    value_add(option, o[2] >> 4);
    value_add(option, o[2] & 0xfu);
    break;
  case TCPTALE_OPT_ACCECN0:
  case TCPTALE_OPT_ACCECN1:
    for (uint32_t at = 2; at < len; at += 3) value_add(option, tcptale_be24(o + at));
    break;
  case TCPTALE_OPT_EXPERIMENT_1:
  case TCPTALE_OPT_EXPERIMENT_2: value_add(option, tcptale_be16(o + 2)); break;
  default: break;
  }
}

/* Writes the option at `o`, of which the header holds `left` bytes; `first` is the header's
 * first option. Returns how far the next one is. */
static uint32_t write_option(tcptale_tcp_option *option, const uint8_t *first, const uint8_t *o,
                             uint32_t left) {
  uint32_t len = option_len(o, left);
  option->kind = o[0];
  option->malformed = 0;
  option->duplicate = 0;
  option->value_count = 0;
  memset(option->value, 0, sizeof option->value);
  if (len == 0) {
    option->len = left < 2 ? 1 : o[1];
    option->malformed = 1;
    return left;
  }
  option->len = (uint8_t)len;
  if (o[0] == TCPTALE_OPT_EOL) return left;
  if (o[0] == TCPTALE_OPT_NOP) return 1;
  uint32_t group = option_group(o, len);
  option->duplicate = !may_repeat(group) && stood_before(first, o, group);
  option->malformed = !option_fits(o, len);
  if (!option->malformed) values(option, o, len);
  return len;
}

int tcptale_tcp_option_next(const tcptale_packet *packet, const uint8_t *data,
                            tcptale_tcp_option *option) {
  if (!packet || !data || !option || option->struct_size < sizeof *option) return TCPTALE_ERR_ARG;
  if (!(packet->layers & TCPTALE_LAYER_TCP)) return 0;
  uint32_t begin = packet->tcp_offset + TCP_LEN;
  uint32_t end = packet->tcp_offset + packet->tcp_header_len;
  if (end > packet->cap_len) end = packet->cap_len; /* the capture cut the options */
  uint32_t at = option->next_offset == 0 ? begin : option->next_offset;
  if (at < begin || at > end) return TCPTALE_ERR_ARG;
  if (at == end) return 0;
  option->offset = at;
  option->next_offset = at + write_option(option, data + begin, data + at, end - at);
  return 1;
}

/* mptcp_text.c - Multipath TCP options as text. The wire names no option's form: it follows from
 * the length and the segment's SYN and ACK (RFC 8684 3.1, 3.2). Invariant: every form checks the
 * length before it reads. Floor 2. */
#include "mptcp_text.h"

#include "bytes.h"
#include "tcptale/packet.h"

enum {
  MP_CAPABLE = 0,
  MP_JOIN = 1,
  DSS = 2,
  ADD_ADDR = 3,
  REMOVE_ADDR = 4,
  MP_PRIO = 5,
  MP_FAIL = 6,
  MP_FASTCLOSE = 7
};

/* Flags of a DSS option. */
enum { DSS_ACK = 0x01, DSS_ACK64 = 0x02, DSS_MAP = 0x04, DSS_SEQ64 = 0x08, DSS_FIN = 0x10 };

static void put_hex(struct tcptale_text *text, const char *words, const uint8_t *data, size_t len) {
  uint64_t value = 0;
  for (size_t i = 0; i < len; i++) value = value << 8 | data[i];
  tcptale_text_put(text, words);
  tcptale_text_hex(text, value, 1);
}

static void put_number(struct tcptale_text *text, const char *words, const uint8_t *data,
                       size_t len) {
  uint64_t value = 0;
  for (size_t i = 0; i < len; i++) value = value << 8 | data[i];
  tcptale_text_put(text, words);
  tcptale_text_number(text, value);
}

/* 4 bytes ask, 12 carry the sender's key, 20 both keys, 22 data too (a length of data follows). */
static int put_capable(struct tcptale_text *text, const uint8_t *data, size_t len,
                       uint32_t tcp_flags) {
  uint32_t handshake = tcp_flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_ACK);
  unsigned version = data[2] & 0x0f;
  int opens = (len == 4 || len == 12) && (handshake & TCPTALE_TCP_SYN);
  int ends = (len == 20 || len == 22) && handshake == TCPTALE_TCP_ACK;
  if (!opens && !ends) return 0;
  if (version > 1) {
    tcptale_text_put(text, " Unknown Version (");
    tcptale_text_number(text, version);
    tcptale_text_put(text, ")");
    return 1;
  }
  tcptale_text_put(text, version == 1 ? " v1" : " v0");
  if (data[3] & 0x80) tcptale_text_put(text, " csum");
  if (len == 4) return 1;
  put_hex(text, " {0x", data + 4, 8);
  if (len >= 20) put_hex(text, ",0x", data + 12, 8);
  tcptale_text_put(text, "}");
  return 1;
}

static int put_join(struct tcptale_text *text, const uint8_t *data, size_t len,
                    uint32_t tcp_flags) {
  int syn = (tcp_flags & TCPTALE_TCP_SYN) != 0, ack = (tcp_flags & TCPTALE_TCP_ACK) != 0;
  if (!(len == 12 && syn) && !(len == 16 && syn && ack) && !(len == 24 && ack)) return 0;
  if (len != 24) {
    if (data[2] & 0x01) tcptale_text_put(text, " backup");
    put_number(text, " id ", data + 3, 1);
  }
  if (len == 12) {
    put_hex(text, " token 0x", data + 4, 4);
    put_hex(text, " nonce 0x", data + 8, 4);
  } else if (len == 16) {
    put_hex(text, " hmac 0x", data + 4, 8);
    put_hex(text, " nonce 0x", data + 12, 4);
  } else {
    tcptale_text_put(text, " hmac 0x");
    tcptale_text_bytes(text, data + 4, 20);
  }
  return 1;
}

/* Writes a number of `need` bytes and steps over it; 0 where the option is too short. */
static int step(struct tcptale_text *text, const uint8_t **data, size_t *left, size_t need) {
  if (*left < need) return 0;
  put_number(text, "", *data, need);
  *data += need;
  *left -= need;
  return 1;
}

/* Data acknowledgement and mapping, each there or not, of 4 or 8 bytes; the checksum where bytes
 * are left. A SYN carries none. */
static int put_dss(struct tcptale_text *text, const uint8_t *data, size_t len, uint32_t tcp_flags) {
  const uint8_t *at = data + 4;
  size_t left;
  unsigned flags;
  if (len < 4 || (tcp_flags & TCPTALE_TCP_SYN)) return 0;
  flags = data[3];
  left = len - 4;
  if (flags & DSS_FIN) tcptale_text_put(text, " fin");
  if (flags & DSS_ACK) {
    tcptale_text_put(text, " ack ");
    if (!step(text, &at, &left, flags & DSS_ACK64 ? 8 : 4)) return 0;
  }
  if (flags & DSS_MAP) {
    tcptale_text_put(text, " seq ");
    if (!step(text, &at, &left, flags & DSS_SEQ64 ? 8 : 4)) return 0;
    if (left < 4) return 0;
    tcptale_text_put(text, " subseq ");
    step(text, &at, &left, 4);
    if (left < 2) return 0;
    tcptale_text_put(text, " len ");
    step(text, &at, &left, 2);
    if (left >= 2) {
      put_hex(text, " csum 0x", at, 2);
      left -= 2;
    }
  }
  return left == 0;
}

/* The low nibble is the IP version in version 0, the echo flag in version 1; the length says
 * which address it is and whether a port and an HMAC follow. */
static int put_add_address(struct tcptale_text *text, const uint8_t *data, size_t len) {
  static const char *const forms[16] = {" v1", " v1-echo", NULL, NULL, " v0-ip4", NULL, " v0-ip6"};
  const char *form = forms[data[2] & 0x0f];
  int is_4 = len == 8 || len == 10 || len == 16 || len == 18;
  int is_6 = len == 20 || len == 22 || len == 28 || len == 30;
  size_t at = is_4 ? 8 : 20;
  if (!is_4 && !is_6) return 0;
  tcptale_text_put(text, form ? form : " [bad version/echo]");
  put_number(text, " id ", data + 3, 1);
  tcptale_text_put(text, " ");
  if (is_4) tcptale_text_ipv4(text, data + 4);
  else tcptale_text_ipv6(text, data + 4);
  if ((len - at) % 8 == 2) {
    put_number(text, ":", data + at, 2);
    at += 2;
  }
  if (len - at == 8) put_hex(text, " hmac 0x", data + at, 8);
  return 1;
}

static int put_remove_address(struct tcptale_text *text, const uint8_t *data, size_t len) {
  if (len < 4) return 0;
  tcptale_text_put(text, " id");
  for (size_t i = 3; i < len; i++) put_number(text, " ", data + i, 1);
  return 1;
}

static int put_priority(struct tcptale_text *text, const uint8_t *data, size_t len) {
  if (len != 3 && len != 4) return 0;
  tcptale_text_put(text, data[2] & 0x01 ? " backup" : " non-backup");
  if (len == 4) put_number(text, " id ", data + 3, 1);
  return 1;
}

int tcptale_mptcp_text_put(struct tcptale_text *text, const uint8_t *data, size_t len,
                           uint32_t tcp_flags) {
  static const char *const names[] = {" capable",  " join", " dss",  " add-addr",
                                      " rem-addr", " prio", " fail", " fast-close"};
  unsigned subtype = data[2] >> 4;
  tcptale_text_put(text, " ");
  tcptale_text_number(text, len);
  tcptale_text_put(text, subtype <= MP_FASTCLOSE ? names[subtype] : " unknown");
  switch (subtype) {
  case MP_CAPABLE: return put_capable(text, data, len, tcp_flags);
  case MP_JOIN: return put_join(text, data, len, tcp_flags);
  case DSS: return put_dss(text, data, len, tcp_flags);
  case ADD_ADDR: return put_add_address(text, data, len);
  case REMOVE_ADDR: return put_remove_address(text, data, len);
  case MP_PRIO: return put_priority(text, data, len);
  case MP_FAIL:
    if (len == 12) put_number(text, " seq ", data + 4, 8);
    return len == 12;
  case MP_FASTCLOSE:
    if (len == 12) put_hex(text, " key 0x", data + 4, 8);
    return len == 12;
  default: return 1;
  }
}

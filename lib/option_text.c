/* option_text.c - the option list of a TCP header as text. Kinds of fixed size take their bytes
 * whatever their length byte says, and the disagreement is printed; that is tcpdump's way, and
 * the next option is then read from where those bytes end. Invariant: `left` bytes of the header
 * and `cap` captured bytes lie at `at`. Floor 3. */
#include "option_text.h"

#include "bytes.h"
#include "mptcp_text.h"
#include "tcptale/packet.h"

#include <string.h>

typedef struct reader {
  const uint8_t *at;
  size_t left;
  size_t cap;
  const struct tcptale_option_list *list;
  int saw_mptcp; /* tcpdump then blames MPTCP for a cut that comes later */
} reader;

/* Kinds that tcpdump names, with the bytes of their value; BY_LENGTH: what the length byte says. */
enum { BY_LENGTH = 255 };

typedef struct kind_row {
  uint8_t kind;
  uint8_t value_len;
  const char *name;
} kind_row;

enum {
  OPT_ECHO = 6,
  OPT_ECHO_REPLY = 7,
  OPT_CC = 11,
  OPT_CC_NEW = 12,
  OPT_CC_ECHO = 13,
  OPT_SCPS = 20
};

static const kind_row kinds[] = {
    {TCPTALE_OPT_EOL, 0, "eol"},
    {TCPTALE_OPT_NOP, 0, "nop"},
    {TCPTALE_OPT_MSS, 2, "mss"},
    {TCPTALE_OPT_WSCALE, 1, "wscale"},
    {TCPTALE_OPT_SACK_PERMITTED, 0, "sackOK"},
    {TCPTALE_OPT_SACK, BY_LENGTH, "sack"},
    {OPT_ECHO, 4, "echo"},
    {OPT_ECHO_REPLY, 4, "echoreply"},
    {TCPTALE_OPT_TIMESTAMPS, 8, "TS"},
    {OPT_CC, 4, "cc"},
    {OPT_CC_NEW, 4, "ccnew"},
    {OPT_CC_ECHO, 4, ""},
    {TCPTALE_OPT_MD5, 16, "md5"},
    {OPT_SCPS, 2, "scps"},
    {TCPTALE_OPT_USER_TIMEOUT, 2, "uto"},
    {TCPTALE_OPT_AO, BY_LENGTH, "tcp-ao"},
    {TCPTALE_OPT_MPTCP, BY_LENGTH, "mptcp"},
    {TCPTALE_OPT_FAST_OPEN, BY_LENGTH, "tfo"},
    {TCPTALE_OPT_EXPERIMENT_2, BY_LENGTH, "exp"},
};

static const kind_row *find_kind(uint8_t kind) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].kind == kind) return &kinds[i];
  return NULL;
}

static enum tcptale_option_text check(const reader *r, size_t need) {
  if (need > r->left) return TCPTALE_OPTION_TEXT_BAD;
  return need > r->cap ? TCPTALE_OPTION_TEXT_CUT : TCPTALE_OPTION_TEXT_OK;
}

static void put_labelled(struct tcptale_text *text, const char *label, uint64_t value) {
  tcptale_text_put(text, label);
  tcptale_text_number(text, value);
}

/* Values of fixed size. The bytes are there. */

/* RFC 5482: the top fifteen bits count seconds, or minutes where tcpdump finds the lowest bit
 * set. */
static void put_user_timeout(struct tcptale_text *text, uint32_t value) {
  tcptale_text_put(text, " 0x");
  tcptale_text_hex(text, value, 1);
  put_labelled(text, " ", (value >> 1) * (value & 1 ? 60 : 1));
}

/* RFC 2385: the signature covers the payload. It is never checked here. */
static void put_signature(struct tcptale_text *text, const reader *r) {
  tcptale_text_put(text, r->list->is_whole ? " shared secret not supplied with -M"
                                           : " snaplen too short");
  tcptale_text_put(text, ", can't check - ");
  tcptale_text_bytes(text, r->at, 16);
}

static void put_fixed(struct tcptale_text *text, uint8_t kind, const reader *r) {
  const uint8_t *at = r->at;
  switch (kind) {
  case TCPTALE_OPT_MSS: put_labelled(text, " ", tcptale_be16(at)); break;
  case TCPTALE_OPT_WSCALE: put_labelled(text, " ", at[0]); break;
  case OPT_ECHO:
  case OPT_ECHO_REPLY:
  case OPT_CC:
  case OPT_CC_NEW:
  case OPT_CC_ECHO: put_labelled(text, " ", tcptale_be32(at)); break;
  case TCPTALE_OPT_TIMESTAMPS:
    put_labelled(text, " val ", tcptale_be32(at));
    put_labelled(text, " ecr ", tcptale_be32(at + 4));
    break;
  case TCPTALE_OPT_MD5: put_signature(text, r); break;
  case OPT_SCPS:
    tcptale_text_put(text, " cap ");
    tcptale_text_hex(text, at[0], 2);
    put_labelled(text, " id ", at[1]);
    break;
  case TCPTALE_OPT_USER_TIMEOUT: put_user_timeout(text, tcptale_be16(at)); break;
  default: break;
  }
}

/* Values whose size the length byte gives */

static enum tcptale_option_text put_sack(struct tcptale_text *text, const reader *r, size_t len) {
  if (len % 8 != 0) {
    tcptale_text_put(text, " invalid sack");
    return TCPTALE_OPTION_TEXT_OK;
  }
  put_labelled(text, " ", len / 8);
  tcptale_text_put(text, " ");
  for (size_t i = 0; i < len; i += 8) {
    enum tcptale_option_text status = check(r, i + 8);
    if (status != TCPTALE_OPTION_TEXT_OK) return status;
    put_labelled(text, "{", tcptale_be32(r->at + i) - r->list->sack_base);
    put_labelled(text, ":", tcptale_be32(r->at + i + 4) - r->list->sack_base);
    tcptale_text_put(text, "}");
  }
  return TCPTALE_OPTION_TEXT_OK;
}

/* RFC 5925 2.2: two key ids are the least, a MAC may follow. */
static enum tcptale_option_text put_ao(struct tcptale_text *text, const reader *r, size_t len) {
  enum tcptale_option_text status;
  if (len < 2) {
    tcptale_text_put(text, " (invalid)");
    return TCPTALE_OPTION_TEXT_OK;
  }
  for (size_t i = 0; i < len; i++) {
    if ((status = check(r, i + 1)) != TCPTALE_OPTION_TEXT_OK) return status;
    if (i == 0) put_labelled(text, " keyid ", r->at[0]);
    if (i == 1) put_labelled(text, " rnextkeyid ", r->at[1]);
    if (i == 1 && len > 2) tcptale_text_put(text, " mac 0x");
    if (i > 1) tcptale_text_hex(text, r->at[i], 2);
  }
  return TCPTALE_OPTION_TEXT_OK;
}

/* RFC 7413: no cookie is a request for one; cookies have an even number of bytes from 4 to 16. */
static void put_fast_open(struct tcptale_text *text, const uint8_t *at, size_t len) {
  if (len == 0) {
    tcptale_text_put(text, " cookiereq");
  } else if (len % 2 != 0 || len < 4 || len > 16) {
    tcptale_text_put(text, " (invalid)");
  } else {
    tcptale_text_put(text, " cookie ");
    tcptale_text_bytes(text, at, len);
  }
}

static enum tcptale_option_text put_experiment(struct tcptale_text *text, const reader *r,
                                               size_t len) {
  if (len < 2) return TCPTALE_OPTION_TEXT_BAD;
  if (tcptale_be16(r->at) == 0xf989) {
    tcptale_text_put(text, "-tfo");
    put_fast_open(text, r->at + 2, len - 2);
    return TCPTALE_OPTION_TEXT_OK;
  }
  tcptale_text_put(text, "-");
  tcptale_text_hex(text, tcptale_be16(r->at), 4);
  return TCPTALE_OPTION_TEXT_OK;
}

static enum tcptale_option_text put_unknown(struct tcptale_text *text, const reader *r,
                                            size_t len) {
  if (len > 0) tcptale_text_put(text, " 0x");
  for (size_t i = 0; i < len; i++) {
    if (i == r->cap) return TCPTALE_OPTION_TEXT_CUT;
    tcptale_text_hex(text, r->at[i], 2);
  }
  return TCPTALE_OPTION_TEXT_OK;
}

static enum tcptale_option_text put_by_length(struct tcptale_text *text, const reader *r,
                                              uint8_t kind, size_t len) {
  enum tcptale_option_text status;
  if (kind == TCPTALE_OPT_SACK) return put_sack(text, r, len);
  if (kind == TCPTALE_OPT_AO) return put_ao(text, r, len);
  if ((status = check(r, len)) != TCPTALE_OPTION_TEXT_OK) return status;
  if (kind == TCPTALE_OPT_EXPERIMENT_2) return put_experiment(text, r, len);
  if (kind == TCPTALE_OPT_MPTCP) {
    if (len < 1) return TCPTALE_OPTION_TEXT_BAD;
    return tcptale_mptcp_text_put(text, r->at - 2, len + 2, r->list->tcp_flags)
               ? TCPTALE_OPTION_TEXT_OK
               : TCPTALE_OPTION_TEXT_BAD;
  }
  tcptale_text_put(text, " ");
  put_fast_open(text, r->at, len);
  return TCPTALE_OPTION_TEXT_OK;
}

/* Writes name and value of an option whose value starts at r->at; `len` is its length without
 * kind and length byte. Writes to `used` what the value took. */
static enum tcptale_option_text put_value(struct tcptale_text *text, const reader *r, uint8_t kind,
                                          size_t len, size_t *used) {
  const kind_row *row = find_kind(kind);
  enum tcptale_option_text status;
  *used = len;
  if (!row) {
    put_labelled(text, "unknown-", kind);
    return put_unknown(text, r, len);
  }
  tcptale_text_put(text, row->name);
  if (row->value_len == BY_LENGTH) return put_by_length(text, r, kind, len);
  *used = row->value_len;
  if ((status = check(r, *used)) != TCPTALE_OPTION_TEXT_OK) return status;
  put_fixed(text, kind, r);
  return TCPTALE_OPTION_TEXT_OK;
}

/* A value that is not printed may lie past the captured bytes. */
static void advance(reader *r, size_t len) {
  size_t there = len < r->cap ? len : r->cap;
  r->at += there;
  r->cap -= there;
  r->left -= len;
}

/* Reads kind and length byte; len is 1 for the kinds that have none. */
static enum tcptale_option_text read_head(reader *r, uint8_t *kind, size_t *len) {
  if (r->cap < 1) return TCPTALE_OPTION_TEXT_END;
  *kind = r->at[0];
  *len = 1;
  if (*kind == TCPTALE_OPT_EOL || *kind == TCPTALE_OPT_NOP) {
    advance(r, 1);
    return TCPTALE_OPTION_TEXT_OK;
  }
  if (r->cap < 2) return TCPTALE_OPTION_TEXT_END;
  *len = r->at[1];
  if (*len < 2 || *len > r->left) return TCPTALE_OPTION_TEXT_BAD;
  advance(r, 2);
  return TCPTALE_OPTION_TEXT_OK;
}

static enum tcptale_option_text put_one(struct tcptale_text *text, reader *r, uint8_t *kind) {
  enum tcptale_option_text status;
  size_t len, head, used;
  if ((status = read_head(r, kind, &len)) != TCPTALE_OPTION_TEXT_OK) return status;
  head = len == 1 ? 1 : 2;
  status = put_value(text, r, *kind, len - head, &used);
  if (status != TCPTALE_OPTION_TEXT_OK) return status;
  if (used + head != len) {
    put_labelled(text, "[len ", len);
    tcptale_text_put(text, "]");
  }
  advance(r, used);
  if (*kind == TCPTALE_OPT_MPTCP) r->saw_mptcp = 1;
  return TCPTALE_OPTION_TEXT_OK;
}

static void put_cut(struct tcptale_text *text, const reader *r, int closed) {
  tcptale_text_put(text, r->saw_mptcp ? " [|mptcp]" : " [|tcp]");
  if (closed) tcptale_text_put(text, ">");
}

enum tcptale_option_text tcptale_option_text_put(struct tcptale_text *text,
                                                 const struct tcptale_option_list *list) {
  reader r = {list->data, list->len, list->cap, list, 0};
  enum tcptale_option_text status = TCPTALE_OPTION_TEXT_OK;
  int first = 1;
  uint8_t kind = TCPTALE_OPT_NOP;
  while (status == TCPTALE_OPTION_TEXT_OK && r.left > 0 && kind != TCPTALE_OPT_EOL) {
    if (!first) tcptale_text_put(text, ",");
    status = put_one(text, &r, &kind);
    if (status == TCPTALE_OPTION_TEXT_OK) first = 0;
  }
  if (status == TCPTALE_OPTION_TEXT_BAD) tcptale_text_put(text, first ? "[bad opt]" : "[bad opt]]");
  if (status == TCPTALE_OPTION_TEXT_CUT) put_cut(text, &r, !first);
  if (status == TCPTALE_OPTION_TEXT_END) put_cut(text, &r, 0);
  if (status == TCPTALE_OPTION_TEXT_OK) tcptale_text_put(text, "]");
  return status;
}

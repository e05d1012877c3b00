/* script.c - the packets of a case become frames. */
#include "script.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

enum { MS_NS = 1000000, TOKEN_LIMIT = 32 };

static const uint64_t START_NS = 1700000000000000000u;

static void *grown(void *items, size_t count, size_t size) {
  void *more = items;

  if ((count & (count - 1)) == 0) more = realloc(items, (count ? count * 2 : 1) * size);
  if (more == NULL) abort();
  return more;
}

struct render {
  struct script_steps *steps;
  const struct script_variant *variant;
  uint32_t base[2]; /* what relative number 0 stands for, above the ISN */
  uint32_t high[2]; /* relative number after the last byte that a side sent */
  uint64_t now_ns;
  uint16_t next_ip_id;
  int line;
};

/* One packet line, taken apart. */
struct packet {
  struct build_segment segment;
  uint8_t options[40];
  uint8_t payload[BUILD_ROOM];
  unsigned repeat;
  uint32_t step;     /* added to seq with each repetition */
  uint32_t ack_step; /* and to ack */
  int side;
  int dropped;  /* never captured */
  int has_text; /* payload was written out */
  uint32_t rel; /* relative sequence number */
  size_t cut;   /* captured payload bytes, if below payload_len */
  const char *fragments;
};

static void fail(struct render *r, const char *format, ...) {
  va_list args;
  int used;

  if (r->steps->error[0]) return;
  used = snprintf(r->steps->error, sizeof r->steps->error, "line %d: ", r->line);
  va_start(args, format);
  vsnprintf(r->steps->error + used, sizeof r->steps->error - (size_t)used, format, args);
  va_end(args);
}

void script_address(uint8_t out[16], const struct script_variant *variant, unsigned host) {
  static const uint8_t v4[4] = {10, 0, 0, 0};
  static const uint8_t v6[16] = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  unsigned last = variant->swapped && host < 2 ? 2 - host : host + 1;

  memset(out, 0, 16);
  memcpy(out, variant->version == 4 ? v4 : v6, variant->version == 4 ? 4 : 16);
  out[variant->version == 4 ? 3 : 15] = (uint8_t)last;
}

static struct script_step *add_step(struct render *r, enum script_kind kind) {
  struct script_steps *steps = r->steps;
  struct script_step *step;

  steps->items = grown(steps->items, steps->count, sizeof *steps->items);
  step = &steps->items[steps->count++];
  memset(step, 0, sizeof *step);
  step->kind = kind;
  step->line = r->line;
  step->frame.struct_size = sizeof step->frame;
  step->frame.ts_ns = r->now_ns;
  step->frame.index = steps->count;
  return step;
}

static void add_frame(struct render *r, const struct packet *p, const uint8_t *bytes, size_t len) {
  struct script_step *step = add_step(r, SCRIPT_FRAME);
  uint8_t *copy = malloc(len);
  size_t missing = p->cut < p->segment.payload_len ? p->segment.payload_len - p->cut : 0;

  if (copy == NULL) abort();
  memcpy(copy, bytes, len);
  step->frame.link_type = p->segment.ethernet ? TCPTALE_LINK_ETHERNET : TCPTALE_LINK_RAW;
  step->frame.data = copy;
  step->frame.wire_len = (uint32_t)len;
  step->frame.cap_len = (uint32_t)(len - missing);
  r->now_ns += MS_NS;
}

/* `frag=0-24,24-` : bytes of the TCP segment that each fragment carries; an open end is the last
 * fragment, a `+` after a number says that more follow all the same. */
static void add_fragments(struct render *r, const struct packet *p) {
  uint8_t bytes[BUILD_ROOM];
  const char *at = p->fragments;

  while (*at) {
    char *end;
    size_t from = strtoul(at, &end, 10);
    size_t to = build_tcp_len(&p->segment);
    size_t len;
    int more = 0;

    if (*end++ != '-') fail(r, "frag: '-' expected");
    if (isdigit((unsigned char)*end)) {
      to = strtoul(end, &end, 10);
      more = to < build_tcp_len(&p->segment);
    }
    if (*end == '+') more = 1, end++;
    if (*end == '!') more = 0, end++;
    len = build_fragment(bytes, sizeof bytes, &p->segment, from, to, more);
    if (len == 0 || from % 8 != 0 || (*end != 0 && *end != ',')) {
      fail(r, "frag: bad range at '%s'", at);
      return;
    }
    add_frame(r, p, bytes, len);
    at = *end ? end + 1 : end;
  }
}

static void fill_pattern(struct packet *p) {
  size_t i;

  if (p->has_text) return;
  for (i = 0; i < p->segment.payload_len; i++)
    p->payload[i] = (uint8_t)('a' + (p->rel - 1 + (uint32_t)i) % 26);
}

/* The end of what a segment occupies, SYN and FIN counted, moves the side's high mark. */
static void note_sent(struct render *r, const struct packet *p) {
  uint32_t end = p->rel + (uint32_t)p->segment.payload_len +
                 ((p->segment.flags & TCPTALE_TCP_SYN) != 0) +
                 ((p->segment.flags & TCPTALE_TCP_FIN) != 0);

  if ((int32_t)(end - r->high[p->side]) > 0) r->high[p->side] = end;
}

static void add_packet(struct render *r, struct packet *p) {
  uint8_t bytes[BUILD_ROOM];
  struct build_segment *s = &p->segment;
  unsigned i;

  s->payload = p->payload;
  s->options = p->options;
  for (i = 0; i < p->repeat && !r->steps->error[0]; i++) {
    size_t len;

    fill_pattern(p);
    if (s->ip_id == 0 || i > 0) s->ip_id = ++r->next_ip_id;
    note_sent(r, p);
    if (p->dropped) {
      r->now_ns += MS_NS;
    } else if (p->fragments) {
      add_fragments(r, p);
    } else {
      len = build_frame(bytes, sizeof bytes, s);
      if (len == 0) fail(r, "the packet is too large");
      else add_frame(r, p, bytes, len);
    }
    p->rel += p->step;
    s->seq += p->step;
    s->ack += p->ack_step;
  }
}

/* ---- one packet line ---- */

static void add_option(struct render *r, struct packet *p, const uint8_t *bytes, size_t len) {
  if (sizeof p->options - p->segment.option_len < len) {
    fail(r, "more than 40 bytes of options");
    return;
  }
  memcpy(p->options + p->segment.option_len, bytes, len);
  p->segment.option_len += len;
}

static void put_be32(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)(value >> 24);
  p[1] = (uint8_t)(value >> 16);
  p[2] = (uint8_t)(value >> 8);
  p[3] = (uint8_t)value;
}

static uint32_t number32(const char *text) {
  return (uint32_t)strtoll(text, NULL, 0);
}

static void option_timestamps(struct render *r, struct packet *p, const char *value) {
  uint8_t bytes[10] = {8, 10};
  const char *echo = strchr(value, ',');

  put_be32(bytes + 2, number32(value));
  if (echo) put_be32(bytes + 6, number32(echo + 1));
  add_option(r, p, bytes, sizeof bytes);
}

/* `sack=5-9,20-24`, relative to the other side. */
static void option_sack(struct render *r, struct packet *p, const char *value) {
  uint8_t bytes[34] = {5, 2};
  uint32_t zero = r->variant->isn[!p->side] + r->base[!p->side];

  while (*value && bytes[1] < sizeof bytes) {
    char *end;

    put_be32(bytes + bytes[1], zero + (uint32_t)strtoll(value, &end, 10));
    put_be32(bytes + bytes[1] + 4, zero + (uint32_t)strtoll(end + 1, &end, 10));
    bytes[1] = (uint8_t)(bytes[1] + 8);
    value = *end == ',' ? end + 1 : end;
  }
  add_option(r, p, bytes, bytes[1]);
}

static void option_raw(struct render *r, struct packet *p, const char *hex) {
  unsigned byte;

  for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
    uint8_t one = (uint8_t)byte;
    add_option(r, p, &one, 1);
    if (hex[1] == 0) break;
  }
}

/* Words that stand for a fixed TCP option, as hex. */
static const struct {
  const char *word;
  const char *hex;
} FIXED_OPTIONS[] = {
    {"sackok", "0402"},
    {"md5", "131200112233445566778899aabbccddeeff"},
    {"tfo", "220a0102030405060708"},
    {"mptcp", "1e0c0081"
              "0102030405060708"},
    {"mpjoin", "1e0c1000"
               "0102030405060708"},
    {"mpjoinack", "1e101000"
                  "0102030405060708"
                  "0a0b0c0d"},
    {"mpdss", "1e142005"
              "00000001"
              "00000002"
              "00000003"
              "00040000"},
};

static int fixed_option(struct render *r, struct packet *p, const char *word) {
  size_t i;

  for (i = 0; i < sizeof FIXED_OPTIONS / sizeof FIXED_OPTIONS[0]; i++) {
    if (strcmp(word, FIXED_OPTIONS[i].word) != 0) continue;
    option_raw(r, p, FIXED_OPTIONS[i].hex);
    return 1;
  }
  return 0;
}

/* Words without a value. */
static int plain_word(struct render *r, struct packet *p, const char *word) {
  struct build_segment *s = &p->segment;

  if (fixed_option(r, p, word)) return 1;
  if (strcmp(word, "badsum") == 0) s->tcp_sum = BUILD_SUM_BAD;
  else if (strcmp(word, "partial") == 0) s->tcp_sum = BUILD_SUM_PARTIAL;
  else if (strcmp(word, "badipsum") == 0) s->ip_sum = BUILD_SUM_BAD;
  else if (strcmp(word, "zeroipsum") == 0) s->ip_sum = BUILD_SUM_ZERO;
  else if (strcmp(word, "iplen0") == 0) s->zero_ip_length = 1;
  else if (strcmp(word, "ether") == 0) s->ethernet = 1;
  else return 0;
  return 1;
}

static void endpoint(struct render *r, uint8_t addr[16], uint16_t *port, const char *value) {
  char *end;

  script_address(addr, r->variant, (unsigned)strtoul(value, &end, 10));
  if (*end == ':') *port = (uint16_t)strtoul(end + 1, NULL, 10);
}

/* Words with a value: TCP options first, then fields. */
static int tcp_option_word(struct render *r, struct packet *p, const char *key, const char *value) {
  uint8_t bytes[4] = {0};
  uint32_t n = number32(value);

  if (strcmp(key, "mss") == 0) {
    bytes[0] = 2, bytes[1] = 4, bytes[2] = (uint8_t)(n >> 8), bytes[3] = (uint8_t)n;
    add_option(r, p, bytes, 4);
  } else if (strcmp(key, "wscale") == 0) {
    bytes[0] = 3, bytes[1] = 3, bytes[2] = (uint8_t)n;
    add_option(r, p, bytes, 3);
  } else if (strcmp(key, "ts") == 0) {
    option_timestamps(r, p, value);
  } else if (strcmp(key, "sack") == 0) {
    option_sack(r, p, value);
  } else if (strcmp(key, "opt") == 0) {
    option_raw(r, p, value);
  } else {
    return 0;
  }
  return 1;
}

static int field_word(struct render *r, struct packet *p, const char *key, const char *value) {
  struct build_segment *s = &p->segment;
  uint32_t n = number32(value);

  if (strcmp(key, "w") == 0) s->window = (uint16_t)n;
  else if (strcmp(key, "ttl") == 0) s->ttl = (uint8_t)n;
  else if (strcmp(key, "urg") == 0) s->urgent = (uint16_t)n;
  else if (strcmp(key, "ipid") == 0) s->ip_id = (uint16_t)n;
  else if (strcmp(key, "vlan") == 0) s->vlan = (int)n, s->ethernet = 1;
  else if (strcmp(key, "mac") == 0) s->mac = (uint8_t)n, s->ethernet = 1;
  else if (strcmp(key, "trail") == 0) s->trailer_len = n;
  else if (strcmp(key, "iplong") == 0) s->ip_excess = n;
  else if (strcmp(key, "cut") == 0) p->cut = n;
  else if (strcmp(key, "step") == 0) p->step = n;
  else if (strcmp(key, "ackstep") == 0) p->ack_step = n;
  else if (strcmp(key, "frag") == 0) p->fragments = value;
  else if (strcmp(key, "src") == 0) endpoint(r, s->src, &s->src_port, value);
  else if (strcmp(key, "dst") == 0) endpoint(r, s->dst, &s->dst_port, value);
  else return 0;
  return 1;
}

static void read_word(struct render *r, struct packet *p, char *word) {
  char *value = strchr(word, '=');
  int known;

  if (value == NULL) {
    known = plain_word(r, p, word);
  } else {
    *value++ = 0;
    known = tcp_option_word(r, p, word, value) || field_word(r, p, word, value);
  }
  if (!known) fail(r, "'%s' is not understood", word);
}

static void read_flags(struct render *r, struct packet *p, const char *letters) {
  static const char NAMES[] = "FSRPAUEWN"; /* in the order of the bits */
  const char *at;

  if (strcmp(letters, "none") == 0) return;
  for (; *letters; letters++) {
    at = strchr(NAMES, *letters);
    if (at == NULL) fail(r, "'%c' is no flag", *letters);
    else p->segment.flags |= (uint16_t)(1u << (at - NAMES));
  }
}

/* The text in quotes; \xNN, \0, \n, \\ and \" as in C. Repeated to fill the length. */
static char *read_text(struct render *r, struct packet *p, char *at, size_t len, int has_len) {
  size_t count = 0;
  size_t i;

  p->has_text = 1;
  for (at++; *at && *at != '"'; at++) {
    unsigned value = (unsigned char)*at;

    if (*at == '\\') {
      at++;
      value = (unsigned char)*at;
      if (*at == '0') value = 0;
      if (*at == 'n') value = '\n';
      if (*at == 'x' && sscanf(at + 1, "%2x", &value) == 1) at += 2;
    }
    if (count < sizeof p->payload) p->payload[count++] = (uint8_t)value;
  }
  if (*at != '"' || count == 0 || (has_len && count > len)) {
    fail(r, "the text does not fit the length");
    return at;
  }
  if (!has_len) len = count;
  for (i = count; i < len; i++) p->payload[i] = p->payload[i - count];
  p->segment.payload_len = len;
  return at + 1;
}

/* `seq[+len]["text"][/ack]`; `/-` clears the ACK bit, `/-n` keeps a number all the same. */
static void read_numbers(struct render *r, struct packet *p, char *at) {
  uint32_t other = r->variant->isn[!p->side] + r->base[!p->side];
  char *end;
  int has_len = 0;

  p->rel = (uint32_t)strtoll(at, &end, 10);
  if (end == at || *at == '+') fail(r, "a sequence number is expected, not '%s'", at);
  p->segment.seq = r->variant->isn[p->side] + r->base[p->side] + p->rel;
  if (*end == '+') {
    p->segment.payload_len = strtoul(end + 1, &end, 10);
    has_len = 1;
    if (p->segment.payload_len > 65000) fail(r, "the length is too large");
  }
  if (*end == '"') end = read_text(r, p, end, p->segment.payload_len, has_len);
  if (*end == '/' && end[1] == '-') {
    p->segment.flags &= (uint16_t)~TCPTALE_TCP_ACK;
    if (end[2]) p->segment.ack = number32(end + 2);
  } else if (*end == '/') {
    p->segment.flags |= TCPTALE_TCP_ACK;
    p->segment.ack = other + number32(end + 1);
  } else if (*end != 0) {
    fail(r, "'%s' is not understood", end);
  } else if ((p->segment.flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_RST)) == 0 && p->segment.flags) {
    fail(r, "an ACK number is missing ('/-' for none)");
  }
}

static void pad_options(struct render *r, struct packet *p) {
  static const uint8_t NOP = 1;

  while (p->segment.option_len % 4 != 0 && !r->steps->error[0]) add_option(r, p, &NOP, 1);
}

static void set_endpoints(struct render *r, struct packet *p) {
  static const uint16_t PORTS[2] = {40000, 80};

  p->segment.version = r->variant->version;
  script_address(p->segment.src, r->variant, (unsigned)p->side);
  script_address(p->segment.dst, r->variant, (unsigned)!p->side);
  p->segment.src_port = PORTS[p->side];
  p->segment.dst_port = PORTS[!p->side];
}

static void read_packet(struct render *r, char **tokens, size_t count) {
  static struct packet packet;
  struct packet *p = &packet;
  char *end;
  size_t i;

  memset(p, 0, offsetof(struct packet, payload));
  memset(&p->repeat, 0, sizeof *p - offsetof(struct packet, repeat));
  p->repeat = 1;
  p->cut = SIZE_MAX;
  p->segment.window = 65535;
  if (isdigit((unsigned char)tokens[0][0])) { /* 12x */
    p->repeat = (unsigned)strtoul(tokens[0], &end, 10);
    if (*end != 'x') fail(r, "'%s' is not understood", tokens[0]);
    tokens++, count--;
  }
  if (count > 0 && *tokens[0] == '~') p->dropped = 1, tokens[0]++;
  else if (count > 0 && *tokens[0] == '!') tokens[0]++;
  if (count < 3 || (strcmp(tokens[0], "c") != 0 && strcmp(tokens[0], "s") != 0)) {
    fail(r, "side, flags and numbers are expected");
    return;
  }
  p->side = tokens[0][0] == 's';
  set_endpoints(r, p);
  read_flags(r, p, tokens[1]);
  read_numbers(r, p, tokens[2]);
  for (i = 3; i < count; i++) read_word(r, p, tokens[i]);
  pad_options(r, p);
  if (!r->steps->error[0]) add_packet(r, p);
}

/* ---- lines ---- */

static void run_text(struct render *r, char *text);

/* HS: the handshake; words after it go onto both SYNs, and timestamps also onto the ACK. */
static void handshake(struct render *r, char **tokens, size_t count) {
  char words[200] = "";
  char third[40] = "";
  char line[300];
  size_t i;

  for (i = 1; i < count; i++) {
    if (strncmp(tokens[i], "ts=", 3) == 0) snprintf(third, sizeof third, " %s", tokens[i]);
    snprintf(words + strlen(words), sizeof words - strlen(words), " %s", tokens[i]);
  }
  snprintf(line, sizeof line, "c S 0%s", words);
  run_text(r, line);
  snprintf(line, sizeof line, "s SA 0/1%s", words);
  run_text(r, line);
  snprintf(line, sizeof line, "c A 1/1%s", third);
  run_text(r, line);
}

/* bye: both sides finish, the client first, each after what it sent. */
static void goodbye(struct render *r) {
  char line[80];
  uint32_t n = r->high[0];
  uint32_t m = r->high[1];

  snprintf(line, sizeof line, "c FA %u/%u", n, m);
  run_text(r, line);
  snprintf(line, sizeof line, "s A %u/%u", m, n + 1);
  run_text(r, line);
  snprintf(line, sizeof line, "s FA %u/%u", m, n + 1);
  run_text(r, line);
  snprintf(line, sizeof line, "c A %u/%u", n + 1, m + 1);
  run_text(r, line);
}

/* base c=N s=N: from here on, relative 0 of that side is N above its ISN. */
static void rebase(struct render *r, char **tokens, size_t count) {
  size_t i;

  for (i = 1; i < count; i++) {
    int side = tokens[i][0] == 's';

    if (tokens[i][1] != '=') {
      fail(r, "base c=N s=N");
      return;
    }
    r->base[side] = number32(tokens[i] + 2);
    r->high[side] = 0;
  }
}

/* t+5, t-0.001: time jumps; t=: time stands at the start again. */
static void shift_time(struct render *r, const char *text) {
  int64_t ns = (int64_t)(strtod(text + 2, NULL) * 1e9 + 0.5);

  if (text[1] == '+') r->now_ns += (uint64_t)ns;
  else if (text[1] == '-') r->now_ns -= (uint64_t)ns;
  else r->now_ns = START_NS + (uint64_t)ns;
}

static void run_tokens(struct render *r, char **tokens, size_t count) {
  const char *word = tokens[0];

  if (word[0] == 't' && strchr("+-=", word[1])) shift_time(r, word);
  else if (strcmp(word, "HS") == 0) handshake(r, tokens, count);
  else if (strcmp(word, "bye") == 0) goodbye(r);
  else if (strcmp(word, "base") == 0) rebase(r, tokens, count);
  else if (strcmp(word, "expire") == 0) add_step(r, SCRIPT_EXPIRE);
  else if (strcmp(word, "flush") == 0) add_step(r, SCRIPT_FLUSH);
  else read_packet(r, tokens, count);
}

/* Splits at spaces outside quotes, runs what stands before each `;`. */
static void run_text(struct render *r, char *text) {
  char *tokens[TOKEN_LIMIT];
  size_t count = 0;
  int quoted = 0;
  int inside = 0;

  for (;; text++) {
    char ch = *text;
    int ends = ch == 0 || (!quoted && (ch == ';' || ch == ' ' || ch == '\t'));

    if (ch == '"' && (!inside || text[-1] != '\\')) quoted = !quoted;
    if (ends) *text = 0;
    else if (!inside && count < TOKEN_LIMIT) tokens[count++] = text;
    inside = !ends;
    if (ch == 0 || (ends && ch == ';')) {
      if (count > 0) run_tokens(r, tokens, count);
      count = 0;
    }
    if (ch == 0) break;
  }
}

void script_render(struct script_steps *steps, const struct script_case *one,
                   const struct script_variant *variant) {
  struct render r = {.steps = steps, .variant = variant, .now_ns = START_NS};
  char text[1000];
  size_t i;

  *steps = (struct script_steps){0};
  for (i = 0; i < one->packets.count && !steps->error[0]; i++) {
    r.line = one->packets.items[i].number;
    if (snprintf(text, sizeof text, "%s", one->packets.items[i].text) >= (int)sizeof text)
      fail(&r, "the line is too long");
    run_text(&r, text);
  }
}

void script_steps_free(struct script_steps *steps) {
  size_t i;

  for (i = 0; i < steps->count; i++) free((void *)(uintptr_t)steps->items[i].frame.data);
  free(steps->items);
}

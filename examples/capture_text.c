/* capture_text.c - the text of `tcpdump -n` as a capture: each line that tells of a TCP segment
 * becomes a raw IP packet with valid checksums and zeros for its payload, so that all who read
 * captures can read text.
 *
 * Text leaves out what a packet holds: relative numbers lack their base, segments without data
 * their sequence number. Both are put in from what the connection's earlier lines said. Invariant:
 * base[] are the numbers that tcpdump counts from, by its own rule (see relative.h). */
#include "capture_parts.h"

#include "pairs.h"
#include "text_line.h"

#include <stdlib.h>
#include <string.h>

enum {
  LINE_LIMIT = 8192,
  HEADERS = 128,        /* room before the payload: 40 for IPv6, 60 for TCP */
  CONNECTIONS = 262144, /* remembered at once */
  RAW_IP = 101,
  FIN = 1,
  SYN = 2,
  ACK = 16,
  INVENTED_BASE = 0x10000000 /* where no line shows a direction's own numbers */
};
#define DAY UINT64_C(86400000000000)

enum { NUMBERS_UNDECIDED, NUMBERS_RELATIVE, NUMBERS_ABSOLUTE };

/* What is known of a connection; [1] is the high end of its key. */
typedef struct numbers {
  uint32_t base[2];
  uint32_t next[2]; /* the sequence number after the last byte sent */
  uint8_t has_base; /* set by the first segment with ACK */
  uint8_t has_next[2];
  uint8_t kind;     /* NUMBERS_ */
  uint8_t invented; /* 1 + the direction whose base is; 0: none */
} numbers;

struct capture_text {
  pairs *connections;
  int votes; /* connections that are clearly relative, less those that are clearly absolute */
  uint64_t time_ns;  /* of the line before */
  uint64_t day_ns;   /* midnights passed, for times without a date */
  uint64_t clock_ns; /* of the line before */
  int seen_time;     /* a line with a time was there */
  int deltas;        /* times are differences (-ttt) */
  char line[LINE_LIMIT + 1];
  uint8_t packet[HEADERS + CAPTURE_LIMIT]; /* the payload begins at HEADERS and stays zero */
};

/* Numbers */

static int32_t distance(uint32_t a, uint32_t b) {
  uint32_t d = a - b;
  return d <= INT32_MAX ? (int32_t)d : -(int32_t)(UINT32_MAX - d) - 1;
}

static uint32_t magnitude(int32_t d) {
  return d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* With -S the numbers after the first ones go on near them, without it they begin near 0. Where
 * neither is clearly nearer, the input's other connections decide. */
static uint8_t decide_kind(const numbers *n, int from, const text_line *line, int *votes) {
  uint32_t to_base = magnitude(distance(line->ack, n->base[!from]));
  uint32_t to_zero = magnitude(distance(line->ack, 0));
  uint32_t near, far;
  if (line->has_seq) {
    to_base = least(to_base, magnitude(distance(line->seq, n->base[from])));
    to_zero = least(to_zero, magnitude(distance(line->seq, 0)));
  }
  near = least(to_base, to_zero);
  far = to_base + to_zero - near;
  if (far / 16 < near && *votes != 0) return *votes > 0 ? NUMBERS_RELATIVE : NUMBERS_ABSOLUTE;
  if (far / 16 >= near) *votes += to_zero <= to_base ? 1 : -1;
  return to_zero <= to_base ? NUMBERS_RELATIVE : NUMBERS_ABSOLUTE;
}

/* A base that no line shows is invented. Should the other side then acknowledge a number far from
 * 0, that number is absolute, and the base is learned from it. */
static void learn_bases(numbers *n, int from, text_line *line) {
  n->has_base = 1;
  n->kind = NUMBERS_UNDECIDED;
  n->invented = 0;
  if (!line->has_seq && n->has_next[from]) line->seq = n->next[from];
  else if (!line->has_seq) {
    line->seq = INVENTED_BASE;
    n->invented = (uint8_t)(1 + from);
  }
  n->base[from] = line->seq;
  n->base[!from] = line->ack - 1;
}

static void replace_invented(numbers *n, int from, const text_line *line) {
  const uint32_t near = 0x1000000;
  if (n->invented == 1 + !from && line->ack >= near) {
    n->base[!from] = line->ack;
    n->next[!from] = line->ack;
    n->invented = 0;
  } else if (n->invented == 1 + from && line->has_seq) {
    if (line->seq >= near) n->base[from] = line->seq;
    n->invented = 0;
  }
}

static uint32_t sack_edge(const text_line *line, unsigned i) {
  const uint8_t *p = line->options + line->sack_at + 4 * i;
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void shift_sack(text_line *line, uint32_t base) {
  for (unsigned i = 0; i < line->sack_edges; i++) {
    uint32_t edge = sack_edge(line, i) + base;
    uint8_t *p = line->options + line->sack_at + 4 * i;
    for (int k = 0; k < 4; k++) p[k] = (uint8_t)(edge >> (24 - 8 * k));
  }
}

/* Turns the printed numbers of a segment with ACK into those of the header. The first such segment
 * is printed with absolute numbers, but (without -S) relative SACK edges. */
static void make_absolute(numbers *n, int from, text_line *line, int *votes) {
  int kind = NUMBERS_ABSOLUTE;
  if (!n->has_base || (line->flags & SYN)) {
    learn_bases(n, from, line);
    if (line->sack_edges && magnitude(distance(sack_edge(line, 0), line->ack)) > sack_edge(line, 0))
      kind = NUMBERS_RELATIVE;
  } else {
    if (n->invented) replace_invented(n, from, line);
    if (n->kind == NUMBERS_UNDECIDED) n->kind = decide_kind(n, from, line, votes);
    kind = n->kind;
    if (kind == NUMBERS_RELATIVE) {
      line->seq += line->has_seq ? n->base[from] : 0;
      line->ack += n->base[!from];
    }
  }
  if (kind == NUMBERS_RELATIVE) shift_sack(line, n->base[!from]);
}

static void complete_numbers(numbers *n, int from, text_line *line, int *votes) {
  uint32_t after;
  if (line->flags & ACK) make_absolute(n, from, line, votes);
  if (!line->has_seq && n->has_next[from]) line->seq = n->next[from];
  else if (!line->has_seq && n->has_base) line->seq = n->base[from];
  after = line->seq + line->length + !!(line->flags & SYN) + !!(line->flags & FIN);
  if (!n->has_next[from] || (line->flags & SYN) || distance(after, n->next[from]) > 0)
    n->next[from] = after;
  n->has_next[from] = 1;
}

static int find_numbers(capture *in, text_line *line) {
  pair_key key;
  int from =
      pair_key_make(&key, line->version, line->src, line->src_port, line->dst, line->dst_port);
  numbers *n = pairs_find(in->text->connections, &key);
  if (!n) n = pairs_add(in->text->connections, &key);
  if (n) complete_numbers(n, from, line, &in->text->votes);
  return n != NULL;
}

/* Times */

/* Times of day that step back by more than half a day have passed midnight. The first time of -ttt
 * is zero, and those that follow are differences. */
static uint64_t clock_time(struct capture_text *text, uint64_t clock_ns) {
  if (!text->seen_time) text->deltas = clock_ns == 0;
  if (text->deltas) return text->time_ns + clock_ns;
  if (clock_ns < text->clock_ns && text->clock_ns - clock_ns > DAY / 2) text->day_ns += DAY;
  text->clock_ns = clock_ns;
  return text->day_ns + clock_ns;
}

static void note_time(struct capture_text *text, const text_line *line) {
  if (line->time_kind == TEXT_TIME_NONE) return;
  if (line->time_kind == TEXT_TIME_EPOCH) text->time_ns = line->time_ns;
  else text->time_ns = clock_time(text, line->time_ns);
  text->seen_time = 1;
}

/* Packets */

static void put16(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value) {
  put16(p, value >> 16);
  put16(p + 2, value & 0xffff);
}

static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t len) {
  for (size_t i = 0; i + 1 < len; i += 2) sum += (uint32_t)p[i] << 8 | p[i + 1];
  return sum;
}

/* RFC 1071: the one's complement of the one's complement sum. */
static uint32_t checksum(uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/* Writes the TCP header; its payload is zeros and adds nothing to the sum. */
static void put_tcp(uint8_t *p, const text_line *line, size_t header_len) {
  size_t address_len = line->version == 6 ? 16 : 4;
  uint32_t tcp_len = (uint32_t)header_len + line->length,
           sum = 6 + (tcp_len >> 16) + (tcp_len & 0xffff);
  put16(p, line->src_port);
  put16(p + 2, line->dst_port);
  put32(p + 4, line->seq);
  put32(p + 8, line->ack);
  put16(p + 12, (uint32_t)header_len / 4 << 12 | line->flags);
  put16(p + 14, line->window);
  put16(p + 16, 0);
  put16(p + 18, line->urgent);
  memcpy(p + 20, line->options, line->options_len);
  sum = add_words(sum, line->src, address_len);
  sum = add_words(sum, line->dst, address_len);
  put16(p + 16, checksum(add_words(sum, p, header_len)));
}

/* Lengths that the field cannot hold are written as 0, as segmentation offload does. */
static void put_ip4(uint8_t *p, const text_line *line, size_t len, uint64_t number) {
  memset(p, 0, 20);
  p[0] = 0x45;
  put16(p + 2, len <= 0xffff ? (uint32_t)len : 0);
  put16(p + 4, (uint32_t)(number & 0xffff));
  put16(p + 6, 0x4000);
  p[8] = 64;
  p[9] = 6;
  memcpy(p + 12, line->src, 4);
  memcpy(p + 16, line->dst, 4);
  put16(p + 10, checksum(add_words(0, p, 20)));
}

static void put_ip6(uint8_t *p, const text_line *line, size_t len) {
  memset(p, 0, 8);
  p[0] = 0x60;
  put16(p + 4, len - 40 <= 0xffff ? (uint32_t)len - 40 : 0);
  p[6] = 6;
  p[7] = 64;
  memcpy(p + 8, line->src, 16);
  memcpy(p + 24, line->dst, 16);
}

static void build(capture *in, const text_line *line, capture_record *record) {
  size_t tcp_len = 20 + line->options_len, ip_len = line->version == 6 ? 40 : 20;
  size_t len = ip_len + tcp_len + line->length;
  uint8_t *start = in->text->packet + HEADERS - tcp_len - ip_len;
  put_tcp(start + ip_len, line, tcp_len);
  if (line->version == 6) put_ip6(start, line, len);
  else put_ip4(start, line, len, in->number + 1);
  record->data = start;
  record->cap_len = (uint32_t)len;
  record->wire_len = (uint32_t)len;
  record->time_ns = in->text->time_ns;
  record->link_type = RAW_IP;
}

/* Lines */

/* Copies the next line without its end, at most LINE_LIMIT bytes of it, and consumes all. Returns 0
 * at the end. */
static int read_line(capture *in) {
  size_t len = 0, have = capture_fill(in, 1);
  const uint8_t *p = capture_at(in);
  if (have == 0) return 0;
  while (len < LINE_LIMIT && len < have && p[len] != '\n') {
    len++;
    if (len == have) have = capture_fill(in, have + 1);
    p = capture_at(in);
  }
  memcpy(in->text->line, p, len);
  in->text->line[len] = 0;
  capture_take(in, len);
  while (capture_fill(in, 1) > 0 && *capture_at(in) != '\n') capture_take(in, 1);
  if (capture_fill(in, 1) > 0) capture_take(in, 1);
  return 1;
}

static enum capture_result next_record(capture *in, capture_record *record) {
  text_line line;
  while (read_line(in)) {
    int is_segment = text_line_read(&line, in->text->line);
    note_time(in->text, &line);
    if (!is_segment || line.length > CAPTURE_LIMIT - HEADERS) continue;
    if (!find_numbers(in, &line))
      return capture_fail(in, CAPTURE_DAMAGED, "there is no memory for another connection");
    build(in, &line, record);
    return CAPTURE_RECORD;
  }
  if (in->error != 0) return capture_cut(in, "the line of packet", 0, 1);
  if (in->number == 0)
    return capture_fail(in, CAPTURE_REFUSED,
                        "is no capture, and holds no TCP line as tcpdump -n prints it");
  return CAPTURE_END;
}

enum capture_result capture_text_start(capture *in) {
  in->text = calloc(1, sizeof *in->text);
  if (in->text) in->text->connections = pairs_new(sizeof(numbers), CONNECTIONS);
  if (!in->text || !in->text->connections)
    return capture_fail(in, CAPTURE_REFUSED, "there is no memory to read it");
  in->next = next_record;
  return CAPTURE_RECORD;
}

void capture_text_free(struct capture_text *text) {
  if (!text) return;
  pairs_free(text->connections);
  free(text);
}

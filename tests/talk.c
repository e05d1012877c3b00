/* talk.c - random conversations. */
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "build.h"

#define MS_NS UINT64_C(1000000)

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

uint64_t talk_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint32_t talk_below(uint64_t *state, uint32_t bound) {
  return (uint32_t)((talk_random(state) >> 32) * bound >> 32);
}

uint8_t talk_truth(int conn, uint32_t dir, uint64_t offset) {
  uint32_t x = (uint32_t)offset * 2654435761u + (uint32_t)conn * 40503u + dir * 977u;

  return (uint8_t)(x >> 15);
}

/* ---- two hosts ---- */

struct host_pair {
  struct talk *talk;
  uint64_t *rng;
  uint64_t *cuts;
  uint32_t next[2]; /* relative */
  int conn;
};

static struct talk_segment *say(struct host_pair *p, uint32_t dir, unsigned flags, uint32_t len) {
  struct talk *talk = p->talk;
  struct talk_segment *s = &talk->segment[talk->count];

  cr_assert_lt(talk->count, TALK_SEGMENTS);
  memset(s, 0, sizeof *s);
  s->after_ns = 1 + talk_below(p->cuts, 2 * MS_NS);
  s->seq = p->next[dir];
  s->ack = p->next[1 - dir];
  s->len = len;
  s->flags = (uint16_t)flags;
  s->window = (uint16_t)(12000 + talk_below(p->cuts, 50000));
  s->ip_id = (uint16_t)++talk->count;
  s->conn = (uint8_t)p->conn;
  s->dir = (uint8_t)dir;
  s->kind = TALK_BODY;
  p->next[dir] += len + ((flags & (SYN | FIN)) != 0);
  return s;
}

static void open_up(struct host_pair *p) {
  size_t first = p->talk->count;
  uint32_t variant = talk_below(p->rng, 6);

  say(p, 0, SYN, 0)->ack = 0;
  if (variant == 1) { /* resent */
    p->next[0] = 0;
    say(p, 0, SYN, 0)->ack = 0;
  }
  if (variant == 2) { /* simultaneous */
    say(p, 1, SYN, 0)->ack = 0;
    p->next[0] = 0;
    say(p, 0, SYN | ACK, 0);
    p->next[1] = 0;
    say(p, 1, SYN | ACK, 0);
  } else {
    say(p, 1, SYN | ACK, 0);
    if (variant == 3) {
      p->next[1] = 0;
      say(p, 1, SYN | ACK, 0);
    }
  }
  say(p, 0, ACK, 0);
  for (size_t i = first; i < p->talk->count; i++) p->talk->segment[i].kind = TALK_OPENING;
}

/* One side writes; the other acknowledges now and then, and at the end. */
static void write_bytes(struct host_pair *p, uint32_t dir, uint32_t total) {
  uint32_t most = 1 + talk_below(p->cuts, talk_below(p->cuts, 3) ? 1460 : 40);

  if (total / most > 30) most = total / 30;
  while (total > 0) {
    uint32_t len = talk_below(p->cuts, 3) ? most : 1 + talk_below(p->cuts, most);
    if (len > total) len = total;
    total -= len;
    /* One byte that is not pushed may be taken for a keep-alive (rule R15). */
    say(p, dir, total == 0 || len == 1 ? PSH | ACK : ACK, len);
    if (total > 0 && talk_below(p->cuts, 3) == 0) say(p, 1 - dir, ACK, 0);
  }
  say(p, 1 - dir, ACK, 0);
}

static void keep_alive(struct host_pair *p, uint32_t dir) {
  struct talk_segment *s = say(p, dir, ACK, 0);

  s->seq--;
  say(p, 1 - dir, ACK, 0);
}

static void finish(struct host_pair *p, uint32_t dir, int answered) {
  uint64_t *rng = p->rng;

  say(p, dir, FIN | ACK, talk_below(rng, 3) ? 0 : 1 + talk_below(rng, 100));
  p->talk->finished[p->conn][dir] = 1;
  if (answered) say(p, 1 - dir, ACK, 0);
}

static void close_down(struct host_pair *p) {
  size_t first = p->talk->count;
  uint32_t dir = talk_below(p->rng, 2);

  switch (talk_below(p->rng, 8)) {
  case 0: break; /* the capture ends */
  case 1: say(p, dir, RST | ACK, 0); break;
  case 2: /* one side is done, the other goes on, and the capture ends */
    finish(p, dir, 1);
    write_bytes(p, 1 - dir, 1 + talk_below(p->rng, 500));
    break;
  case 3: { /* both at once */
    uint32_t before[2] = {p->next[0], p->next[1]};
    finish(p, dir, 0);
    finish(p, 1 - dir, 0);
    p->talk->segment[p->talk->count - 1].ack = before[dir];
    say(p, dir, ACK, 0);
    say(p, 1 - dir, ACK, 0);
    break;
  }
  default:
    finish(p, dir, 1);
    if (talk_below(p->rng, 3) == 0) write_bytes(p, 1 - dir, 1 + talk_below(p->rng, 500));
    finish(p, 1 - dir, 1);
    break;
  }
  for (size_t i = first; i < p->talk->count; i++) p->talk->segment[i].kind = TALK_CLOSING;
}

static void converse(struct talk *talk, uint64_t *rng, uint64_t *cuts, int conn) {
  struct host_pair pair = {talk, rng, cuts, {0, 0}, conn};
  uint32_t rounds = talk_below(rng, 5);

  open_up(&pair);
  for (uint32_t i = 0; i < rounds; i++) {
    uint32_t dir = talk_below(rng, 2);
    write_bytes(&pair, dir, 1 + talk_below(rng, talk_below(rng, 4) ? 200 : 5000));
    if (talk_below(rng, 6) == 0) keep_alive(&pair, talk_below(rng, 2));
  }
  close_down(&pair);
  for (uint32_t d = 0; d < 2; d++)
    talk->length[conn][d] = pair.next[d] - 1 - talk->finished[conn][d];
}

/* Conversation after conversation becomes one list in which each keeps its order. */
static void interleave(struct talk *talk, const size_t *start, uint64_t *rng) {
  static struct talk_segment old[TALK_SEGMENTS];
  size_t at[TALK_CONNS], left = talk->count;

  memcpy(old, talk->segment, talk->count * sizeof *old);
  for (int c = 0; c < talk->conns; c++) at[c] = start[c];
  for (size_t n = 0; left > 0;) {
    int c = (int)talk_below(rng, (uint32_t)talk->conns);
    size_t end = c + 1 < talk->conns ? start[c + 1] : talk->count;
    for (uint32_t run = 1 + talk_below(rng, 4); run > 0 && at[c] < end; run--, left--)
      talk->segment[n++] = old[at[c]++];
  }
}

void talk_make(struct talk *talk, uint64_t seed, uint64_t cut_seed, int conns) {
  size_t start[TALK_CONNS];

  talk->count = 0;
  talk->conns = conns;
  memset(talk->length, 0, sizeof talk->length);
  memset(talk->finished, 0, sizeof talk->finished);
  for (int c = 0; c < conns; c++) {
    start[c] = talk->count;
    converse(talk, &seed, &cut_seed, c);
  }
  if (conns > 1) interleave(talk, start, &cut_seed);
}

/* ---- on the way ---- */

static void insert(struct talk *talk, size_t at, struct talk_segment segment) {
  if (talk->count == TALK_SEGMENTS) return;
  memmove(&talk->segment[at + 1], &talk->segment[at], (talk->count - at) * sizeof segment);
  talk->segment[at] = segment;
  talk->count++;
}

/* What a host said last in a direction before `at`; NULL: nothing but its handshake. */
static const struct talk_segment *last_said(const struct talk *talk, size_t at, int conn,
                                            uint32_t dir) {
  while (at-- > 0) {
    const struct talk_segment *s = &talk->segment[at];
    if (s->conn != conn || s->dir != dir) continue;
    return s->kind == TALK_BODY && !(s->flags & (FIN | RST)) ? s : NULL;
  }
  return NULL;
}

void talk_resend(struct talk *talk, uint64_t *rng, unsigned percent) {
  for (size_t i = 1; i < talk->count; i++) {
    const struct talk_segment *s = &talk->segment[i];
    const struct talk_segment *last = last_said(talk, i, s->conn, s->dir);
    struct talk_segment again;

    if (s->kind == TALK_OPENING || talk_below(rng, 100) >= percent || !last) continue;
    if (last->seq + last->len < 4) continue;
    again = *last;
    again.len = 2 + talk_below(rng, 1400); /* one byte would be a keep-alive */
    if (again.len > last->seq + last->len - 1) again.len = last->seq + last->len - 1;
    again.seq = last->seq + last->len - again.len;
    again.seq -= talk_below(rng, again.seq > 600 ? 600 : again.seq);
    if (again.seq == 0) again.seq = 1;
    again.flags = ACK | PSH;
    again.ip_id = (uint16_t)(20000 + i);
    insert(talk, i++, again);
  }
}

void talk_lose(struct talk *talk, uint64_t *rng, unsigned percent) {
  size_t kept = 0;

  for (size_t i = 0; i < talk->count; i++) {
    int lost = talk->segment[i].kind != TALK_OPENING && talk_below(rng, 100) < percent;
    if (!lost) talk->segment[kept++] = talk->segment[i];
  }
  talk->count = kept;
}

void talk_repeat(struct talk *talk, uint64_t *rng, unsigned percent) {
  for (size_t i = 0; i < talk->count; i++) {
    struct talk_segment copy = talk->segment[i];
    size_t at = i + 1 + talk_below(rng, 8);

    if (copy.kind == TALK_JUNK || talk_below(rng, 100) >= percent) continue;
    copy.kind = TALK_JUNK; /* no copies of copies */
    copy.after_ns = 0;
    insert(talk, at > talk->count ? talk->count : at, copy);
  }
}

void talk_shuffle(struct talk *talk, uint64_t *rng, uint32_t reach) {
  size_t first = 0;

  for (size_t i = 0; i < talk->count; i++)
    if (talk->segment[i].kind == TALK_OPENING) first = i + 1;
  while (first + 1 < talk->count) {
    uint32_t span = 1 + talk_below(rng, reach + 1);
    if (span > talk->count - first) span = (uint32_t)(talk->count - first);
    for (uint32_t n = span; n > 1; n--) {
      uint32_t with = talk_below(rng, n);
      struct talk_segment held = talk->segment[first + with];
      talk->segment[first + with] = talk->segment[first + n - 1];
      talk->segment[first + n - 1] = held;
    }
    first += span;
  }
}

void talk_disturb(struct talk *talk, uint64_t *rng, unsigned percent) {
  static const uint16_t FLAGS[] = {ACK,        ACK | PSH, SYN, SYN | ACK, RST,
                                   RST | ACK,  FIN | ACK, 0,   FIN,       FIN | PSH | 0x20,
                                   0x20 | ACK, SYN | FIN, 0xc2};

  for (size_t i = 0; i < talk->count; i++) {
    struct talk_segment junk = talk->segment[i];
    uint32_t how = talk_below(rng, 4);

    if (talk_below(rng, 100) >= percent) continue;
    junk.kind = TALK_JUNK;
    junk.ip_id = (uint16_t)(40000 + i);
    if (talk_below(rng, 2)) junk.flags = FLAGS[talk_below(rng, 13)];
    if (how == 0) junk.seq = (uint32_t)talk_random(rng);
    if (how > 1) junk.seq += talk_below(rng, 3000) - 1500;
    if (talk_below(rng, 3) == 0) junk.ack += talk_below(rng, how ? 3000 : UINT32_MAX) - 1500;
    junk.len = talk_below(rng, 2) ? talk_below(rng, 3) : talk_below(rng, 1000);
    junk.lie = (uint8_t)talk_below(rng, 3);
    if (talk_below(rng, 4) == 0) junk.window = (uint16_t)talk_random(rng);
    insert(talk, i + talk_below(rng, 2), junk);
    i++;
  }
}

void talk_missum(struct talk *talk, uint64_t *rng, unsigned percent) {
  uint32_t whole = talk_below(rng, 8); /* 0, 1: this host's all */

  for (size_t i = 0; i < talk->count; i++) {
    if (talk->segment[i].dir != whole && talk_below(rng, 100) >= percent) continue;
    talk->segment[i].sum = talk_below(rng, 8) ? BUILD_SUM_BAD : BUILD_SUM_PARTIAL;
  }
}

void talk_pause(struct talk *talk, uint64_t *rng, unsigned percent, int kinds) {
  static const uint64_t PAUSES[] = {11 * MS_NS, 300 * MS_NS, 6000 * MS_NS, 70000 * MS_NS,
                                    700000 * MS_NS};

  for (size_t i = 0; i < talk->count; i++)
    if (talk_below(rng, 100) < percent)
      talk->segment[i].after_ns = PAUSES[talk_below(rng, (uint32_t)kinds)];
}

void talk_print(const struct talk *talk) {
  for (size_t i = 0; i < talk->count; i++) {
    const struct talk_segment *s = &talk->segment[i];
    char flags[16] = "";
    for (unsigned bit = 0, n = 0; bit < 8; bit++)
      if (s->flags >> bit & 1) flags[n++] = "FSRPAUEW"[bit], flags[n] = 0;
    fprintf(stderr, "  %zu t+%.6f #%d %c %s %u+%u/%u w=%u%s\n", i + 1, (double)s->after_ns / 1e9,
            s->conn, "cs"[s->dir], flags, s -> seq, s -> len, s -> ack, s -> window,
            s -> lie ? " other bytes" : "");
  }
}

/* ---- frames ---- */

static void address(uint8_t out[16], const struct talk_view *view, uint32_t host) {
  memset(out, 0, 16);
  out[0] = view->version == 4 ? 10 : 0xfd;
  out[view->version == 4 ? 3 : 15] = (uint8_t)(view->swapped ? 2 - host : host + 1);
}

static void render_one(struct talk_frames *out, const struct talk_segment *s,
                       const struct talk_view *view) {
  static uint8_t payload[BUILD_ROOM];
  struct build_segment b = {.version = view->version, .flags = s->flags, .window = s->window};
  tcptale_frame *frame = &out->frame[out->count++];

  address(b.src, view, s->dir);
  address(b.dst, view, 1u - s->dir);
  b.src_port = s->dir ? 80 : (uint16_t)(40000 + s->conn);
  b.dst_port = s->dir ? (uint16_t)(40000 + s->conn) : 80;
  b.seq = view->isn[s->dir] + s->seq;
  b.ack = s->flags & ACK ? view->isn[1 - s->dir] + s->ack : 0;
  b.ip_id = s->ip_id;
  b.tcp_sum = s->sum;
  for (uint32_t i = 0; i < s->len; i++)
    payload[i] = (uint8_t)(talk_truth(s->conn, s->dir, s->seq - 1 + i) + s->lie);
  b.payload = payload;
  b.payload_len = s->len;
  frame->cap_len = (uint32_t)build_frame(out->bytes + out->used, TALK_BYTES - out->used, &b);
  cr_assert_gt(frame->cap_len, 0);
  frame->struct_size = sizeof *frame;
  frame->link_type = TCPTALE_LINK_RAW;
  frame->wire_len = frame->cap_len;
  frame->data = out->bytes + out->used;
  out->used += frame->cap_len;
}

void talk_render(struct talk_frames *out, const struct talk *talk, const struct talk_view *view) {
  uint64_t now_ns = 5 * UINT64_C(1000000000);

  out->count = out->used = 0;
  for (size_t i = 0; i < talk->count; i++) {
    now_ns += talk->segment[i].after_ns;
    if (view->only >= 0 && talk->segment[i].conn != view->only) continue;
    if (TALK_BYTES - out->used < 2048) return;
    memset(&out->frame[out->count], 0, sizeof *out->frame);
    render_one(out, &talk->segment[i], view);
    out->frame[out->count - 1].ts_ns = now_ns * view->time_scale;
    out->frame[out->count - 1].index = i + 1;
  }
}

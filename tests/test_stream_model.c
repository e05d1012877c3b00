/* A direction against slow, obvious models of its receiver: a list of segments as the BSD kernels
 * keep it, one as Linux keeps it, and an owner per byte for the policies that are known by pairs.
 * Then laws that hold whatever the limits: tiling, true bytes, nothing left in memory. Seeds are
 * printed where a run differs. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

#define SPAN     6144
#define SEGMENTS 64
#define NOBODY   (-1)
#define LOST     (-2)

static uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

/* What came out of the library. */
struct outcome {
  int byte[SPAN]; /* NOBODY, LOST or the byte */
  uint64_t told;
  uint64_t conflict; /* bytes that were reported to differ */
  uint64_t late;
  uint64_t closed; /* offset of the half-close */
  int closes;
  int tiled;
};

static void on_data(void *ctx, uint64_t offset, const uint8_t *data, uint32_t len,
                    uint64_t from_index, uint64_t from_ts_ns) {
  struct outcome *out = ctx;
  (void)from_index;
  (void)from_ts_ns;
  if (offset != out->told || len == 0 || len > SPAN - offset) {
    out->tiled = 0;
    return;
  }
  for (uint32_t i = 0; i < len; i++) out->byte[offset + i] = data[i];
  out->told += len;
}

static void on_gap(void *ctx, uint64_t offset, uint64_t len, uint32_t why) {
  struct outcome *out = ctx;
  (void)why;
  if (offset != out->told || len == 0 || len > SPAN - offset) {
    out->tiled = 0;
    return;
  }
  for (uint64_t i = 0; i < len; i++) out->byte[offset + i] = LOST;
  out->told += len;
}

static void on_half_close(void *ctx, uint64_t offset) {
  struct outcome *out = ctx;
  if (offset != out->told) out->tiled = 0;
  out->closed = offset;
  out->closes++;
}

static void on_anomaly(void *ctx, uint32_t code, uint64_t offset, uint64_t len,
                       const uint8_t *data) {
  struct outcome *out = ctx;
  (void)offset;
  (void)data;
  if (code == TCPTALE_ANOMALY_OVERLAP_CONFLICT) out->conflict += len;
  if (code == TCPTALE_ANOMALY_LATE_AFTER_GAP) out->late += len;
}

static const struct tcptale_stream_sink SINK = {on_data, on_gap, on_half_close, on_anomaly};

/* A direction in memory of its own. */
struct bench {
  struct tcptale_stream_env env;
  struct tcptale_arena arena;
  struct tcptale_half half;
  struct outcome out;
  uint8_t *block;
};

static void bench_begin(struct bench *b, size_t pages) {
  memset(b, 0, sizeof *b);
  b->block = aligned_alloc(64, pages * TCPTALE_ARENA_PAGE);
  tcptale_arena_init(&b->arena, b->block, pages * TCPTALE_ARENA_PAGE, 0);
  tcptale_stream_config_init(&b->env.config, sizeof b->env.config);
  b->env.arena = &b->arena;
  b->env.sink = &SINK;
  b->env.ctx = &b->out;
}

static void bench_reset(struct bench *b, uint32_t first_seq) {
  memset(&b->out, 0, sizeof b->out);
  for (int i = 0; i < SPAN; i++) b->out.byte[i] = NOBODY;
  b->out.tiled = 1;
  tcptale_half_init(&b->env, &b->half, first_seq);
}

static void bench_push(struct bench *b, uint64_t offset, const uint8_t *data, uint32_t len,
                       uint32_t cap_len, uint32_t flags, uint64_t ts_ns) {
  struct tcptale_piece piece = {.offset = (int64_t)offset,
                                .data = data,
                                .len = len,
                                .cap_len = cap_len,
                                .flags = flags,
                                .ts_ns = ts_ns};
  tcptale_half_push(&b->env, &b->half, &piece);
}

static int bench_check(const struct bench *b) {
  const struct tcptale_cold *cold = tcptale_half_cold(&b->env, &b->half);
  return cold == NULL ? 0 : tcptale_segments_check(&b->arena, &cold->queue);
}

/* The models. */

struct sent {
  int start, end; /* as kept now */
  int from, to;   /* as sent, above what the receiver had */
  int letter;
};

struct model {
  uint32_t policy;
  int next; /* the receiver's */
  int acked;
  int count; /* segments so far; for the kernels, in the queue */
  struct sent sent[SEGMENTS];
  int owner[SPAN]; /* of queued bytes: a number in sent[] */
  int had[SPAN];   /* what the receiver consumed: NOBODY, LOST or the byte */
};

static void list_remove(struct model *m, int at) {
  memmove(&m->sent[at], &m->sent[at + 1], (size_t)(m->count - at - 1) * sizeof m->sent[0]);
  m->count--;
}

static void list_insert(struct model *m, int at, struct sent s) {
  memmove(&m->sent[at + 1], &m->sent[at], (size_t)(m->count - at) * sizeof m->sent[0]);
  m->sent[at] = s;
  m->count++;
}

/* 4.4BSD's reassembly queue: the segment before cuts the new one, the new one cuts those after
 * it. */
static void bsd_add(struct model *m, struct sent s) {
  int at = 0;
  while (at < m->count && m->sent[at].start <= s.start) at++;
  if (at > 0 && m->sent[at - 1].end > s.start) s.start = m->sent[at - 1].end;
  if (s.start >= s.end) return;
  while (at < m->count && m->sent[at].start < s.end) {
    if (m->sent[at].end > s.end) {
      m->sent[at].start = s.end;
      break;
    }
    list_remove(m, at);
  }
  list_insert(m, at, s);
}

/* Linux' out-of-order queue: whole segments by start; one inside another goes, the rest may
 * overlap. */
static void linux_add(struct model *m, struct sent s) {
  int at = 0;
  for (int i = 0; i < m->count; i++)
    if (m->sent[i].start <= s.start && m->sent[i].end >= s.end) return;
  while (at < m->count && m->sent[at].start < s.start) at++;
  while (at < m->count && m->sent[at].end <= s.end) list_remove(m, at);
  list_insert(m, at, s);
}

/* What pairs are known to do: 1, the new one wins. */
static int pair_new_wins(uint32_t policy, struct sent x, struct sent y) {
  int o = x.from < y.from && x.to < y.to;
  int oi = x.from > y.from && x.to > y.to;
  int eq = x.from == y.from && x.to == y.to;
  int inside_new = x.from > y.from && x.to <= y.to; /* D, F */
  int s = x.from == y.from && x.to < y.to;

  if (policy == TCPTALE_POLICY_LAST) return 1;
  if (policy == TCPTALE_POLICY_SOLARIS) return o || eq || inside_new || s;
  if (policy == TCPTALE_POLICY_OLD_LINUX) return oi || eq || inside_new || s;
  if (policy == TCPTALE_POLICY_HPUX10) return oi || inside_new;
  return 0;
}

static int is_kernel(uint32_t policy) {
  return policy == TCPTALE_POLICY_BSD || policy == TCPTALE_POLICY_LINUX ||
         policy == TCPTALE_POLICY_WINDOWS;
}

static void model_queue(struct model *m, struct sent s) {
  if (!is_kernel(m->policy)) {
    m->sent[m->count] = s;
    for (int i = s.start; i < s.end; i++)
      if (m->owner[i] == NOBODY || pair_new_wins(m->policy, m->sent[m->owner[i]], s))
        m->owner[i] = m->count;
    m->count++;
    return;
  }
  if (m->policy == TCPTALE_POLICY_LINUX) linux_add(m, s);
  else bsd_add(m, s);
  for (int i = m->next; i < SPAN; i++) m->owner[i] = NOBODY;
  for (int k = m->count - 1; k >= 0; k--)
    for (int i = m->sent[k].start; i < m->sent[k].end; i++) m->owner[i] = k;
}

/* The receiver consumes what is in order; holes below an ACK are lost. */
static void model_settle(struct model *m) {
  for (;;) {
    int top = m->next;
    while (m->next < SPAN && m->owner[m->next] != NOBODY) {
      m->had[m->next] = m->sent[m->owner[m->next]].letter;
      m->next++;
    }
    for (top = m->next; top < SPAN && m->owner[top] == NOBODY; top++) {
    }
    if (top == SPAN || top > m->acked) break;
    while (m->next < top) m->had[m->next++] = LOST;
  }
  while (is_kernel(m->policy) && m->count > 0 && m->sent[0].end <= m->next) {
    list_remove(m, 0);
    for (int i = m->next; i < SPAN; i++)
      if (m->owner[i] != NOBODY) m->owner[i]--;
  }
}

/* How many bytes of s differ from what is known of them, and how many come late. */
static void model_compare(const struct model *m, struct sent s, uint64_t *conflict, uint64_t *late,
                          int told) {
  for (int i = s.start; i < s.end; i++) {
    int known = i < m->next             ? m->had[i]
                : m->owner[i] == NOBODY ? NOBODY
                                        : m->sent[m->owner[i]].letter;
    if (known == LOST && i < told) (*late)++;
    else if (known >= 0 && known != s.letter) (*conflict)++;
  }
}

static void model_push(struct model *m, int start, int len, int letter) {
  struct sent s = {start, start + len, start, start + len, letter};
  if (s.start < m->next) s.start = s.from = m->next;
  if (s.start < s.end) model_queue(m, s);
  model_settle(m);
}

static int model_told(const struct model *m, uint32_t delivery, int before) {
  int told = delivery == TCPTALE_DELIVER_ACKED && m->acked < m->next ? m->acked : m->next;
  return told > before ? told : before;
}

struct shape {
  int span;
  int len;
  int steps;
};

/* One random conversation; 0 where library and model agree after every step. */
static int converse(struct bench *b, struct model *m, uint64_t seed, const struct shape *shape) {
  static const uint32_t policies[] = {TCPTALE_POLICY_FIRST,     TCPTALE_POLICY_LAST,
                                      TCPTALE_POLICY_BSD,       TCPTALE_POLICY_LINUX,
                                      TCPTALE_POLICY_WINDOWS,   TCPTALE_POLICY_SOLARIS,
                                      TCPTALE_POLICY_OLD_LINUX, TCPTALE_POLICY_HPUX10};
  uint64_t random = seed * 7919, conflict = 0, late = 0;
  uint8_t data[SPAN];
  int told = 0;

  memset(m, 0, sizeof *m);
  memset(m->owner, 0xff, sizeof m->owner);
  m->policy = policies[seed % 8];
  b->env.config.policy = m->policy;
  b->env.config.delivery = 1 + (uint32_t)(seed / 8 % 2);
  bench_reset(b, next_random(&random) * 2);
  tcptale_half_ack(&b->env, &b->half, 0, 1);
  for (int step = 0; step < shape->steps; step++) {
    int start = (int)(next_random(&random) % (uint32_t)shape->span);
    int len = 1 + (int)(next_random(&random) % (uint32_t)shape->len);
    if (len > shape->span - start) len = shape->span - start;
    if (next_random(&random) % 5 == 0) {
      int ack = start < (int)b->half.highest ? start : (int)b->half.highest;
      m->acked = ack > m->acked ? ack : m->acked;
      model_settle(m);
      tcptale_half_ack(&b->env, &b->half, ack, 1);
    } else {
      struct sent s = {start, start + len, start, start + len, 'a' + step % 26};
      memset(data, s.letter, (size_t)len);
      model_compare(m, s, &conflict, &late, told);
      model_push(m, start, len, s.letter);
      bench_push(b, (uint64_t)start, data, (uint32_t)len, (uint32_t)len, 0, 1);
    }
    told = model_told(m, b->half.delivery, told);
    if (bench_check(b) != 0 || !b->out.tiled || b->out.told != (uint64_t)told) return 1 + step;
    if (b->out.conflict != conflict || b->out.late != late) return 101 + step;
    if (memcmp(b->out.byte, m->had, (size_t)told * sizeof(int)) != 0) return 201 + step;
  }
  tcptale_half_release(&b->env, &b->half);
  return b->arena.used_bytes == 0 ? 0 : 999;
}

static void converse_often(const struct shape *shape, uint64_t sequences) {
  static struct bench b;
  static struct model m;

  bench_begin(&b, 32);
  b.env.config.history_bytes = 8192;
  b.env.config.reorder_hold_ns = 0;
  for (uint64_t seed = 1; seed <= sequences; seed++) {
    int differs = converse(&b, &m, seed, shape);
    cr_assert_eq(differs, 0, "seed %d, span %d: differs at %d (policy %u)", (int)seed, shape->span,
                 differs, m.policy);
  }
  free(b.block);
}

Test(stream_model, dense_overlaps_agree_with_the_receivers) {
  static const struct shape shape = {40, 10, 24};
  converse_often(&shape, 20000);
}

Test(stream_model, long_segments_agree_with_the_receivers) {
  static const struct shape shape = {6000, 4000, 20};
  converse_often(&shape, 2000);
}

/* Laws: every copy is true, but limits, cuts and missing memory come as they like. */

static uint8_t truth[SPAN];

static void random_limits(struct bench *b, uint64_t *random) {
  tcptale_stream_config *config = &b->env.config;

  config->policy = 1 + next_random(random) % 9;
  config->delivery = 1 + next_random(random) % 2;
  config->one_sided = next_random(random) % 4 == 0;
  config->queue_segments = 1 + next_random(random) % 12;
  config->queue_bytes = 100 + next_random(random) % 4000;
  config->async_hole_bytes = next_random(random) % 2000;
  config->async_hole_ns = next_random(random) % 100;
  config->reorder_hold_ns = next_random(random) % 50;
  config->reorder_hold_count = next_random(random) % 5;
  config->history_bytes = next_random(random) % 3 ? 0 : next_random(random) % 6000;
}

/* 0 where the laws hold of what was told so far. */
static int lawless(const struct bench *b) {
  const struct outcome *out = &b->out;
  if (!out->tiled || out->conflict != 0 || out->closes > 1) return 1;
  if (out->told != b->half.next) return 2;
  for (uint64_t i = 0; i < out->told; i++)
    if (out->byte[i] != LOST && out->byte[i] != truth[i]) return 3;
  return bench_check(b);
}

static int live(struct bench *b, uint64_t seed, uint64_t hogged) {
  uint64_t random = seed * 104729, now = 1;
  uint32_t span = 200 + next_random(&random) % (SPAN - 200);
  int wrong = 0;

  random_limits(b, &random);
  bench_reset(b, next_random(&random) * 2);
  for (int step = 0; step < 60 && wrong == 0; step++) {
    uint32_t start = next_random(&random) % span;
    uint32_t len = 1 + next_random(&random) % (step % 6 ? 300 : 3000);
    if (len > span - start) len = span - start;
    now += next_random(&random) % 20;
    switch (next_random(&random) % 8) {
    case 0:
      tcptale_half_ack(&b->env, &b->half, (int64_t)(start % (b->half.highest + 1)), now);
      break;
    case 1: tcptale_half_tick(&b->env, &b->half, now, 1); break;
    case 2:
      bench_push(b, start, truth + start, len, next_random(&random) % (len + 1), 0, now);
      break;
    default:
      bench_push(b, start, truth + start, len, len, start + len == span ? TCPTALE_PUSH_FIN : 0,
                 now);
    }
    wrong = lawless(b);
    if (b->half.flags & TCPTALE_HALF_WAITING &&
        tcptale_half_deadline(&b->env, &b->half) == UINT64_MAX)
      wrong = 4;
  }
  if (wrong == 0) tcptale_half_settle(&b->env, &b->half);
  if (wrong == 0) wrong = lawless(b);
  if (wrong == 0 && tcptale_half_queued_segments(&b->env, &b->half) != 0) wrong = 5;
  if (wrong == 0 && b->out.closes && b->out.closed != span) wrong = 6;
  tcptale_half_release(&b->env, &b->half);
  return wrong ? wrong : b->arena.used_bytes == hogged ? 0 : 7;
}

Test(stream_model, laws_hold_under_any_limit) {
  static struct bench b;
  uint64_t random = 99;

  for (int i = 0; i < SPAN; i++) truth[i] = (uint8_t)next_random(&random);
  for (size_t pages = 2; pages < 14; pages++) {
    bench_begin(&b, pages);
    for (uint64_t seed = 1; seed <= 1000; seed++) {
      int wrong = live(&b, seed, 0);
      cr_assert_eq(wrong, 0, "seed %d, %d pages: law %d", (int)seed, (int)pages, wrong);
    }
    free(b.block);
  }
}

/* X21: one way, a hole at the very start, then 256 MiB: memory stays near the limit, nothing else
 * is lost. */
Test(stream_model, an_elephant_behind_a_hole_stays_within_the_limit) {
  static struct bench b;
  static uint8_t data[1460];
  uint64_t most = 0, offset = 1;

  bench_begin(&b, 64);
  bench_reset(&b, 0xfffff000);
  for (int i = 0; i < 180000; i++) {
    b.out.told = 0;
    bench_push(&b, offset, data, sizeof data, sizeof data, 0, (uint64_t)i);
    offset += sizeof data;
    if (b.arena.used_bytes > most) most = b.arena.used_bytes;
  }
  cr_assert_eq(b.half.next, offset);
  cr_assert_leq(most, b.env.config.async_hole_bytes * 2);
  tcptale_half_release(&b.env, &b.half);
  free(b.block);
}

/* X11: the same early segment 100,000 times costs a few links each and no memory. */
Test(stream_model, a_storm_of_one_segment_costs_nothing_more) {
  static struct bench b;
  static uint8_t data[1460];
  const struct tcptale_cold *cold;
  uint64_t used;

  bench_begin(&b, 16);
  bench_reset(&b, 7);
  tcptale_half_ack(&b.env, &b.half, 0, 1);
  bench_push(&b, 5000, data, sizeof data, sizeof data, 0, 1);
  used = b.arena.used_bytes;
  for (int i = 0; i < 100000; i++) bench_push(&b, 5000, data, sizeof data, sizeof data, 0, 1);
  cold = tcptale_half_cold(&b.env, &b.half);
  cr_assert_eq(b.arena.used_bytes, used);
  cr_assert_leq(cold->queue.steps, 100000 * 8);
  tcptale_half_release(&b.env, &b.half);
  free(b.block);
}

/* X04, X05: hostile one-byte segments up to the limit, then one ACK over all of them. */
Test(stream_model, a_comb_of_single_bytes_is_taken_in_n_log_n) {
  static struct bench b;
  const struct tcptale_cold *cold;
  uint64_t steps;

  for (int down = 0; down < 2; down++) {
    bench_begin(&b, 64);
    bench_reset(&b, 7);
    tcptale_half_ack(&b.env, &b.half, 0, 1);
    for (uint64_t i = 0; i < 3000; i++)
      bench_push(&b, 1 + 2 * (down ? 2999 - i : i), (const uint8_t *)"x", 1, 1, 0, 1);
    cold = tcptale_half_cold(&b.env, &b.half);
    cr_assert_eq(cold->queue.count, 3000);
    steps = cold->queue.steps;
    cr_assert_leq(steps, 3000 * 12 * 6, "%d steps", (int)steps);
    tcptale_half_ack(&b.env, &b.half, 6000, 1);
    tcptale_half_tick(&b.env, &b.half, 1, 9);
    cr_assert(b.out.tiled);
    cr_assert_eq(b.half.next, 6000);
    cr_assert_eq(b.arena.used_bytes - (b.half.history ? 320 : 0), 0);
    tcptale_half_release(&b.env, &b.half);
    free(b.block);
  }
}

/* Where on the stack the callbacks run, and what they tell. */
struct depth {
  uintptr_t low, high;
  uint64_t next; /* offset where the tale stands */
  uint64_t data, gaps;
};

static void note_depth(struct depth *d, uint64_t offset, uint64_t len) {
  uintptr_t at = (uintptr_t)__builtin_frame_address(0);

  cr_assert_eq(offset, d->next);
  d->next += len;
  if (d->low == 0 || at < d->low) d->low = at;
  if (at > d->high) d->high = at;
}

static void deep_data(const tcptale_data_event *event, void *user) {
  struct depth *d = user;

  note_depth(d, event->offset, event->len);
  d->data += event->len;
}

static void deep_gap(const tcptale_gap_event *event, void *user) {
  struct depth *d = user;

  note_depth(d, event->offset, event->len);
  d->gaps += event->len;
}

/* X09: one segment, or one ACK, that resolves 10,000 queued ones does so in a loop: however many
 * there are, the callbacks run at the same height of the stack, give or take how they were
 * reached. */
Test(stream_model, a_deep_queue_is_resolved_without_recursion) {
  enum { DEEP = 10000, ROOM = 4096 };
  static const struct {
    uint32_t step; /* from one queued byte to the next */
    uint64_t data, gaps;
  } row[] = {{1, DEEP + 1, 0}, {2, DEEP, DEEP}};

  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct depth depth = {0};
    tcptale_stream *stream;
    tcptale_stream_config config;
    tcptale_stream_callbacks callbacks;
    uint32_t end = 2;

    tcptale_stream_config_init(&config, sizeof config);
    config.queue_segments = 2 * DEEP;
    config.reorder_hold_ns = 0;
    tcptale_stream_callbacks_init(&callbacks, sizeof callbacks);
    callbacks.on_data = deep_data;
    callbacks.on_gap = deep_gap;
    cr_assert_eq(tcptale_stream_new(&stream, &config, &callbacks, &depth, 1), TCPTALE_OK);
    tcptale_stream_ack(stream, 1, 1, 1);
    for (int n = 0; n < DEEP; n++, end += row[i].step)
      tcptale_stream_push(stream, end, (const uint8_t *)"x", 1, 1, 0, 1, 1, 1, NULL);
    cr_assert_eq(depth.next, 0, "all of it waits");
    if (row[i].step == 1)
      tcptale_stream_push(stream, 1, (const uint8_t *)"x", 1, 1, 0, 1, 1, 1, NULL);
    else tcptale_stream_ack(stream, end - 1, 1, 1);
    cr_assert_eq(depth.data, row[i].data);
    cr_assert_eq(depth.gaps, row[i].gaps);
    cr_assert_lt(depth.high - depth.low, ROOM, "%d bytes of stack", (int)(depth.high - depth.low));
    tcptale_stream_free(stream);
  }
}

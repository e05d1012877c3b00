/* What must not change the tale: random conversations are told twice, once changed in a way that
 * must not matter, and the two tapes compared. The seed is printed; SEED in the environment sets
 * it, and CONVERSATIONS how many there are in all. The laws (laws.h) are asserted on every one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "talk.h"
#include "tape.h"

#if defined(__SANITIZE_ADDRESS__)
enum { CONVERSATIONS = 8000 };
#else
enum { CONVERSATIONS = 110000 };
#endif

static struct talk talk;
static struct talk_frames frames;
static struct talk_view plain = {.isn = {1000, 70000}, .version = 4, .time_scale = 1, .only = -1};
static tcptale_config config;

static uint64_t number_from(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);

  return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t first_seed(const char *law) {
  uint64_t seed = number_from("SEED", 20240620);

  printf("%s: SEED=%llu\n", law, (unsigned long long)seed);
  return seed;
}

/* A test's share of the conversations, in percent. */
static uint64_t share(unsigned percent) {
  uint64_t all = getenv("TEST_QUICK") ? CONVERSATIONS / 100 : CONVERSATIONS;

  return number_from("CONVERSATIONS", all) * percent / 100;
}

static void set_up(void) {
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = TCPTALE_MEMORY_LEAST;
}

static void feed(const struct talk_frames *f, size_t from, size_t to, size_t batch,
                 tcptale_tracker *tracker) {
  while (from < to) {
    size_t n = to - from < batch ? to - from : batch;
    size_t consumed = 0;
    cr_assert_eq(tcptale_tracker_feed(tracker, &f->frame[from], n, &consumed), TCPTALE_OK);
    cr_assert_eq(consumed, n);
    from += n;
  }
}

/* SEED and SHOW in the environment: the first conversation, packet by packet, and its tale. */
static void show(const struct tape *tape) {
  if (getenv("SHOW") == NULL) return;
  talk_print(&talk);
  tape_print(tape);
}

static void end(struct tape *tape, uint64_t seed) {
  const char *law = tape_end(tape);

  show(tape);
  cr_assert_null(law, "SEED=%llu: %s", (unsigned long long)seed, law);
}

static uint32_t turns_back; /* 1: the times of some frames go back (rule R24) */

static void turn_back(struct talk_frames *all, uint64_t seed) {
  uint64_t rng = seed ^ 0xbacc;
  for (size_t i = 0; i < all->count; i++) {
    uint64_t most_ns = talk_below(&rng, 4) ? UINT64_C(2000000) : UINT64_C(3000000000);
    uint64_t by_ns = talk_below(&rng, 1u << 30) * most_ns >> 30;
    if (talk_below(&rng, 8) == 0 && by_ns < all->frame[i].ts_ns) all->frame[i].ts_ns -= by_ns;
  }
}

/* The frames of the talk as a view shows them, told onto a fresh tape. */
static void tell(struct tape *tape, unsigned flags, const struct talk_view *view, uint64_t seed) {
  tape_begin(tape, flags);
  talk_render(&frames, &talk, view);
  if (turns_back) turn_back(&frames, seed);
  feed(&frames, 0, frames.count, 1, tape_tracker(tape, &config));
  end(tape, seed);
}

static void same(struct tape *a, struct tape *b, uint64_t seed, const char *law) {
  cr_assert(tape_equal(a, b, law), "%s: SEED=%llu", law, (unsigned long long)seed);
  tape_wipe(a);
  tape_wipe(b);
}

/* A capture with everything in it that may come. */
static void make_wild(uint64_t seed, int conns) {
  uint64_t rng = seed ^ 0x5eed;

  talk_make(&talk, seed, seed + 1, conns);
  if (talk_below(&rng, 2)) talk_resend(&talk, &rng, 10);
  if (talk_below(&rng, 2)) talk_lose(&talk, &rng, talk_below(&rng, 3) ? 5 : 40);
  if (talk_below(&rng, 2)) talk_shuffle(&talk, &rng, talk_below(&rng, 3) ? 3 : 20);
  if (talk_below(&rng, 2)) talk_disturb(&talk, &rng, talk_below(&rng, 3) ? 10 : 60);
  if (talk_below(&rng, 3) == 0) talk_missum(&talk, &rng, talk_below(&rng, 2) ? 3 : 30);
  if (talk_below(&rng, 2)) talk_repeat(&talk, &rng, 10);
  if (talk_below(&rng, 3) == 0) talk_pause(&talk, &rng, 5, 5);
  config.history_bytes = talk_below(&rng, 2) ? 4096 : 0;
  config.delivery = talk_below(&rng, 3) ? TCPTALE_DELIVER_ARRIVAL : TCPTALE_DELIVER_ACKED;
  config.policy[0] = config.policy[1] = 1 + talk_below(&rng, 6);
  config.rst_policy = 1 + talk_below(&rng, 3);
  config.urgent = 1 + talk_below(&rng, 4);
  config.max_connections = talk_below(&rng, 8) ? 0 : 2;
  config.max_half_open = talk_below(&rng, 8) ? 0 : 1;
  config.queue_bytes = talk_below(&rng, 4) ? 8 << 20 : 3000;
  config.queue_segments = talk_below(&rng, 4) ? 8192 : 3;
  config.flags = talk_below(&rng, 4) ? 0 : TCPTALE_CONFIG_ASYNC;
  if (talk_below(&rng, 8) == 0) config.flags |= TCPTALE_CONFIG_NO_MIDSTREAM;
  config.checksum = talk_below(&rng, 3) ? TCPTALE_CHECKSUM_AUTO : 1 + talk_below(&rng, 3);
}

enum { EVERYTHING = TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS };

static uint32_t batch_sizes[] = {2, 3, 7, 15, 16, 17, 64, 1000};

/* MM10, and the laws: frame by frame, or many in one call. */
Test(metamorphic, batches, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("batches");

  for (uint64_t told = 0; told < share(20); told += (uint64_t)talk.conns, seed++) {
    struct tape one, two;
    make_wild(seed, 1 + (int)(seed % TALK_CONNS));
    turns_back = seed % 3 == 0;
    tell(&one, EVERYTHING, &plain, seed);
    tape_begin(&two, EVERYTHING);
    feed(&frames, 0, frames.count, batch_sizes[seed % 8], tape_tracker(&two, &config));
    end(&two, seed);
    same(&one, &two, seed, "MM10, one at a time and in batches");
  }
}

/* The short way of usual segments (lib/usual.h), which is taken where nobody asks for verdicts,
 * tells what the long way tells. */
Test(metamorphic, ways, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("ways");

  for (uint64_t told = 0; told < share(20); told += (uint64_t)talk.conns, seed++) {
    struct tape longer, shorter;
    make_wild(seed, 1 + (int)(seed % TALK_CONNS));
    turns_back = seed % 3 == 0;
    tell(&longer, EVERYTHING, &plain, seed);
    tape_drop_segments(&longer);
    tell(&shorter, EVERYTHING & ~(unsigned)TAPE_SEGMENTS, &plain, seed);
    same(&longer, &shorter, seed, "with and without verdicts");
  }
}

/* Orders given from inside callbacks, at random; the same in both runs, asked for verdicts or
 * not. */
static void meddle(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                   const uint8_t *data) {
  uint64_t rng = (event->index * 131 + event->offset) * 131 + event->conn * 31 + event->kind;
  uint32_t dir = talk_below(&rng, 2);
  tcptale_conn *other = tcptale_tracker_find(tape->tracker, 1 + talk_below(&rng, 4));

  (void)data;
  if (event->kind == TAPE_SEGMENT) return;
  switch (talk_below(&rng, 12)) {
  case 0: tcptale_conn_ignore(conn); break;
  case 1: tcptale_conn_stop_data(conn, dir); break;
  case 2: tcptale_conn_set_policy(conn, dir, 1 + talk_below(&rng, 9)); break;
  case 3: tcptale_conn_ignore(other); break;
  case 4: tcptale_conn_stop_data(other, dir); break;
  default: break;
  }
}

static void tell_meddling(struct tape *tape, unsigned flags, size_t batch) {
  tape_begin(tape, flags);
  tape->hook = meddle;
  feed(&frames, 0, frames.count, batch, tape_tracker(tape, &config));
  tape_end(tape); /* bytes that nobody wants leave holes: tiling is no law here */
}

/* MM10 under orders: every connection that was opened is closed, batches tell the same, and so do
 * the short ways. */
Test(metamorphic, control, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("control");

  for (uint64_t told = 0; told < share(5); told += (uint64_t)talk.conns, seed++) {
    struct tape one, two, shorter;
    make_wild(seed, 1 + (int)(seed % TALK_CONNS));
    talk_render(&frames, &talk, &plain);
    tell_meddling(&one, EVERYTHING, 1);
    tell_meddling(&two, EVERYTHING, batch_sizes[seed % 8]);
    tell_meddling(&shorter, EVERYTHING & ~(unsigned)TAPE_SEGMENTS, 1);
    cr_assert_eq(tape_count(&one, TAPE_OPEN, TAPE_ANY), tape_count(&one, TAPE_CLOSE, TAPE_ANY),
                 "SEED=%llu", (unsigned long long)seed);
    cr_assert(tape_equal(&one, &two, "batches"), "MM10, with orders from callbacks: SEED=%llu",
              (unsigned long long)seed);
    tape_wipe(&two);
    tape_drop_segments(&one);
    same(&one, &shorter, seed, "with and without verdicts, with orders from callbacks");
  }
}

/* MM7: what was told of a prefix is what is told of it in the whole. */
Test(metamorphic, prefix, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("prefix");

  for (uint64_t told = 0; told < share(15); told += (uint64_t)talk.conns, seed++) {
    struct tape whole, part;
    size_t cut, count;
    make_wild(seed, 1 + (int)(seed % TALK_CONNS));
    tell(&whole, EVERYTHING, &plain, seed);
    tape_begin(&part, EVERYTHING);
    cut = (size_t)(seed * 7919 % (frames.count + 1));
    feed(&frames, 0, cut, 16, tape_tracker(&part, &config));
    count = part.count;
    cr_assert(tape_same(&whole, &part, count, "MM7"), "MM7, a prefix: SEED=%llu",
              (unsigned long long)seed);
    end(&part, seed);
    tape_wipe(&whole);
    tape_wipe(&part);
  }
}

/* Where addresses or numbers change, a partial checksum may by chance become the right one: plainly
 * bad ones take its place. */
static void no_partial_sums(void) {
  for (size_t i = 0; i < talk.count; i++)
    if (talk.segment[i].sum == BUILD_SUM_PARTIAL) talk.segment[i].sum = BUILD_SUM_BAD;
}

/* MM2: sequence numbers begin anywhere. */
Test(metamorphic, isn, .init = set_up, .timeout = 300) {
  static const uint32_t ISN[] = {0,          1,          0x7fffffff, 0x80000000, 0xfffffff0,
                                 0xfffffffe, 0xffffffff, 0xfffff000, 0x7ffffff0, 0xffff0000};
  uint64_t seed = first_seed("isn");

  for (uint64_t told = 0; told < share(15); told += (uint64_t)talk.conns, seed++) {
    struct talk_view shifted = plain;
    struct tape one, two;
    make_wild(seed, 1);
    no_partial_sums();
    shifted.isn[0] = ISN[seed % 10];
    shifted.isn[1] = ISN[seed / 10 % 10];
    tell(&one, EVERYTHING, &plain, seed);
    tell(&two, EVERYTHING, &shifted, seed);
    same(&one, &two, seed, "MM2, other sequence numbers");
  }
}

/* MM3: whose address is the higher does not matter, nor IPv6 but for its lack of an
 * identification. */
Test(metamorphic, swap, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("swap");

  for (uint64_t told = 0; told < share(10); told += (uint64_t)talk.conns, seed++) {
    struct talk_view swapped = plain;
    struct tape one, two;
    make_wild(seed, 1);
    no_partial_sums();
    config.flags |= TCPTALE_CONFIG_NO_DUP_FRAME;
    swapped.swapped = 1;
    swapped.version = seed % 2 ? 6 : 4;
    tell(&one, EVERYTHING, &plain, seed);
    tell(&two, EVERYTHING, &swapped, seed);
    same(&one, &two, seed, "MM3, the other way round");
  }
}

/* MM8: ten times slower, with timers ten times as long. */
Test(metamorphic, time_scale, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("time_scale");

  for (uint64_t told = 0; told < share(10); told += (uint64_t)talk.conns, seed++) {
    struct talk_view slow = plain;
    struct tape one, two;
    set_up();
    make_wild(seed, 1); /* timers of several come up in the order of coarse ticks */
    config.flags |=
        TCPTALE_CONFIG_NO_DUP_FRAME; /* its window is a property of captures, not of time-outs */
    tell(&one, TAPE_ANOMALIES | TAPE_SEGMENTS | TAPE_NO_RTT, &plain, seed);
    slow.time_scale = 10;
    config.async_hole_ns *= 10;
    config.reorder_hold_ns *= 10;
    config.half_open_ns *= 10;
    config.established_ns *= 10;
    config.closed_ns *= 10;
    config.reset_ns *= 10;
    config.pressure_half_open_ns *= 10;
    config.pressure_established_ns *= 10;
    tell(&two, TAPE_ANOMALIES | TAPE_SEGMENTS | TAPE_NO_RTT, &slow, seed);
    same(&one, &two, seed, "MM8, slower");
  }
}

/* Keeps the events of one connection of the talk, which its port tells, and calls it number 1. */
static void keep_only(struct tape *tape, const uint64_t *of_id, uint64_t which) {
  size_t kept = 0;

  for (size_t i = 0; i < tape->count; i++) {
    struct tape_event e = tape->events[i];
    if (e.conn == 0 || of_id[e.conn] != which) continue;
    e.conn = which;
    tape->events[kept++] = e;
  }
  tape->count = kept;
}

static uint64_t owner[TALK_SEGMENTS]; /* by connection id: which of the talk's it is */

static void note_owner(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                       const uint8_t *data) {
  tcptale_endpoints ends = {.struct_size = sizeof ends};

  (void)tape, (void)data;
  if (event->kind != TAPE_OPEN) return;
  tcptale_conn_endpoints(conn, &ends);
  owner[event->conn] = (uint64_t)(ends.port[0] == 80 ? ends.port[1] : ends.port[0]) - 40000;
}

static void tell_only(struct tape *tape, const struct talk_view *view, uint64_t which,
                      uint64_t seed) {
  tape_begin(tape, TAPE_ANOMALIES | (getenv("SHOW") ? TAPE_PLACES : 0));
  tape->hook = note_owner;
  talk_render(&frames, &talk, view);
  feed(&frames, 0, frames.count, 5, tape_tracker(tape, &config));
  while (tcptale_tracker_expire(tape->tracker, UINT64_C(1) << 60) > 0) {
  }
  end(tape, seed);
  keep_only(tape, owner, which);
}

/* MM9: what others do meanwhile does not matter. */
Test(metamorphic, others, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("others");

  for (uint64_t told = 0; told < share(10); told += (uint64_t)talk.conns, seed++) {
    struct talk_view alone = plain;
    struct tape one, two;
    make_wild(seed, TALK_CONNS);
    config.flags |= TCPTALE_CONFIG_NO_DUP_FRAME;
    config.memory_bytes = 1 << 20;
    config.max_connections = config.max_half_open = 0;
    alone.only = (int)(seed % TALK_CONNS);
    tell_only(&one, &plain, seed % TALK_CONNS, seed);
    tell_only(&two, &alone, seed % TALK_CONNS, seed);
    same(&one, &two, seed, "MM9, alone and among others");
  }
}

/* ---- with the truth ---- */

static uint64_t wrong_byte; /* offset + 1 of a byte that is not what was sent */

static void compare_with_truth(struct tape *tape, tcptale_conn *conn,
                               const struct tape_event *event, const uint8_t *data) {
  (void)tape, (void)conn;
  if (event->kind != TAPE_DATA) return;
  for (uint64_t i = 0; i < event->len; i++)
    if (data[i] != talk_truth(0, event->direction, event->offset + i))
      wrong_byte = event->offset + i + 1;
}

static void tell_truth(struct tape *tape, uint64_t seed) {
  wrong_byte = 0;
  tape_begin(tape, TAPE_JOINED);
  tape->hook = compare_with_truth;
  talk_render(&frames, &talk, &plain);
  feed(&frames, 0, frames.count, 16, tape_tracker(tape, &config));
  end(tape, seed);
  cr_assert_eq(wrong_byte, 0, "SEED=%llu: byte %llu is wrong", (unsigned long long)seed,
               (unsigned long long)wrong_byte - 1);
}

/* Where a direction ends on the tape, and whether by half_close. */
static uint64_t told_until(const struct tape *tape, uint32_t dir, int *finished) {
  uint64_t until = 0;

  *finished = 0;
  for (size_t i = 0; i < tape->count; i++) {
    const struct tape_event *e = &tape->events[i];
    if (e->direction != dir) continue;
    if (e->kind == TAPE_DATA || e->kind == TAPE_GAP) until = e->offset + e->len;
    *finished |= e->kind == TAPE_HALF_CLOSE;
  }
  return until;
}

/* MM4, P08: with losses, what is told and what is told missing add up to what was sent, byte for
 * byte in its place. */
Test(metamorphic, loss, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("loss");

  for (uint64_t told = 0; told < share(10); told++, seed++) {
    uint64_t rng = seed;
    struct tape tape;
    talk_make(&talk, seed, seed + 1, 1);
    if (seed % 3) talk_resend(&talk, &rng, 20);
    talk_lose(&talk, &rng, 1 + talk_below(&rng, 50));
    if (seed % 5 == 0) talk_shuffle(&talk, &rng, 3);
    if (seed % 7 == 0) talk_pause(&talk, &rng, 3, 3);
    config.delivery = seed % 4 ? TCPTALE_DELIVER_ARRIVAL : TCPTALE_DELIVER_ACKED;
    tell_truth(&tape, seed);
    for (uint32_t d = 0; d < 2; d++) {
      int finished;
      uint64_t until = told_until(&tape, d, &finished);
      uint64_t all = talk.length[0][d];
      /* A FIN that was lost but acknowledged looks like one byte more. */
      cr_assert_leq(until, all + talk.finished[0][d], "SEED=%llu", (unsigned long long)seed);
      if (finished) cr_assert_eq(until, all, "SEED=%llu", (unsigned long long)seed);
    }
    tape_wipe(&tape);
  }
}

/* What every undisturbed conversation leads to: all bytes, no gap, each finish told. */
static void expect_whole(const struct tape *tape, uint64_t seed) {
  for (uint32_t d = 0; d < 2; d++) {
    int finished;
    cr_assert_eq(told_until(tape, d, &finished), talk.length[0][d], "SEED=%llu, direction %u",
                 (unsigned long long)seed, d);
    cr_assert_eq(finished, talk.finished[0][d], "SEED=%llu, direction %u", (unsigned long long)seed,
                 d);
  }
  cr_assert_eq(tape_count(tape, TAPE_GAP, TAPE_ANY), 0, "SEED=%llu", (unsigned long long)seed);
  cr_assert_eq(tape_count(tape, TAPE_OPEN, TAPE_ANY), 1, "SEED=%llu", (unsigned long long)seed);
  cr_assert_eq(tape_count(tape, TAPE_ESTABLISHED, TAPE_ANY), 1, "SEED=%llu",
               (unsigned long long)seed);
}

/* MM1: however the bytes are cut. */
Test(metamorphic, cutting, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("cutting");

  for (uint64_t told = 0; told < share(4); told += 2, seed++) {
    struct tape one, two;
    talk_make(&talk, seed, seed + 1, 1);
    tell_truth(&one, seed);
    expect_whole(&one, seed);
    talk_make(&talk, seed, seed + 1000000, 1);
    tell_truth(&two, seed);
    for (size_t i = 0; i < one.count && i < two.count; i++)
      if (one.events[i].kind == TAPE_ESTABLISHED) one.events[i] = two.events[i];
    same(&one, &two, seed, "MM1, cut in another way");
  }
}

/* MM5: frames that the capture holds twice, retransmissions in other pieces. */
Test(metamorphic, duplicates, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("duplicates");

  for (uint64_t told = 0; told < share(4); told += 2, seed++) {
    uint64_t rng = seed;
    struct tape one, two;
    talk_make(&talk, seed, seed + 1, 1);
    if (seed % 2) talk_lose(&talk, &rng, 10);
    tell_truth(&one, seed);
    talk_repeat(&talk, &rng, 30);
    tell_truth(&two, seed);
    same(&one, &two, seed, "MM5, frames twice");
    talk_make(&talk, seed, seed + 1, 1);
    talk_resend(&talk, &rng, 30);
    tell_truth(&one, seed);
    expect_whole(&one, seed);
    tape_wipe(&one);
  }
}

/* MM6: order within the reorder window. */
Test(metamorphic, order, .init = set_up, .timeout = 300) {
  uint64_t seed = first_seed("order");

  for (uint64_t told = 0; told < share(4); told++, seed++) {
    uint64_t rng = seed;
    struct tape tape;
    talk_make(&talk, seed, seed + 1, 1);
    for (size_t i = 0; i < talk.count; i++) talk.segment[i].after_ns = 100000;
    talk_shuffle(&talk, &rng, 2);
    tell_truth(&tape, seed);
    if (tape_count(&tape, TAPE_RESET, TAPE_ANY) == 0) expect_whole(&tape, seed);
    tape_wipe(&tape);
  }
}

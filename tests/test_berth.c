/* test_berth.c - blocks at places that a hash names: a place has one owner, and is where
 * the hash says; others have the rest of the memory. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "berth.h"
#include "build.h"
#include "tcptale.h"
#include "tracker.h"

enum { PAGES = 40, BLOCK_BYTES = PAGES * 16384, OWNERS = 1400 };

static uint32_t seed = 20240620;

static uint32_t random_number(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed ^ seed >> 15;
}

/* An arena of some pages, and berths in a quarter of as many. */
struct place {
  uint8_t *block;
  struct tcptale_arena arena;
  struct tcptale_berths berths;
};

static void begin_with(struct place *p, uint32_t most) {
  p->block = aligned_alloc(64, BLOCK_BYTES);
  cr_assert_not_null(p->block);
  memset(p->block, 0xee, BLOCK_BYTES);
  cr_assert_gt(tcptale_arena_init(&p->arena, p->block, BLOCK_BYTES, 0), PAGES - 4u);
  tcptale_berths_init(&p->berths, &p->arena, BLOCK_BYTES, most);
}

static void begin(struct place *p) {
  begin_with(p, BLOCK_BYTES / 4 / 128);
  cr_assert_eq(p->berths.places, 10 * TCPTALE_BERTH_PLACES, "a quarter");
}

/* What every place begins with: not zero where it is taken. */
static uint64_t begin_of(const struct place *p, uint32_t place) {
  uint64_t number;
  memcpy(&number, p->berths.start + place * TCPTALE_BERTH, sizeof number);
  return number;
}

/* They are a quarter of the memory at most, which nobody else gets, nor counts. */
Test(berth, pages) {
  static struct place none, p;
  begin_with(&none, 0);
  cr_assert_null(none.berths.start);
  cr_assert_eq(tcptale_berth_take(&none.berths, 77), TCPTALE_ARENA_NONE);
  begin(&p);
  cr_assert_eq(tcptale_arena_pages_left(&p.arena), tcptale_arena_pages_left(&none.arena) - 10u);
  cr_assert_eq(tcptale_arena_fixed_bytes(&p.arena), tcptale_arena_fixed_bytes(&none.arena));
  for (uint32_t place = 0; place < p.berths.places; place++) cr_assert_eq(begin_of(&p, place), 0u);
  free(none.block);
  free(p.block);
  begin_with(&p, BLOCK_BYTES / 4 / 128 + 1);
  cr_assert_null(p.berths.start, "that many are too many");
  free(p.block);
}

/* What an owner writes. */
static uint8_t mark_of(uint32_t owner) {
  return (uint8_t)(owner % 255 + 1);
}

Test(berth, each_has_one_owner) {
  static struct place p;
  static uint32_t refs[OWNERS], hashes[OWNERS];
  uint32_t turned_away = 0;
  begin(&p);
  for (uint32_t step = 0, used = 0; step < 100000; step++) {
    uint32_t i = random_number() % OWNERS;
    if (refs[i] != 0) {
      const uint8_t *at = tcptale_arena_at(&p.arena, refs[i]);
      for (size_t k = 0; k < TCPTALE_BERTH; k++) cr_assert_eq(at[k], mark_of(i));
      cr_assert(tcptale_berth_release(&p.berths, refs[i]));
      refs[i] = 0;
      used--;
    } else {
      hashes[i] = random_number();
      refs[i] = tcptale_berth_take(&p.berths, hashes[i]);
      turned_away += refs[i] == 0;
      used += refs[i] != 0;
      if (refs[i] != 0) memset(tcptale_arena_at(&p.arena, refs[i]), mark_of(i), TCPTALE_BERTH);
    }
    cr_assert_eq(p.berths.used, used);
    cr_assert_eq(p.arena.used_bytes, used * TCPTALE_BERTH);
  }
  cr_assert_gt(turned_away, 1000u);
  for (uint32_t i = 0; i < OWNERS; i++)
    if (refs[i] != 0) cr_assert(tcptale_berth_release(&p.berths, refs[i]));
  for (uint32_t place = 0; place < p.berths.places; place++) cr_assert_eq(begin_of(&p, place), 0u);
  free(p.block);
}

/* Where a guess looks is where a block lies whose berth was free, or in one of the next; the pages
 * are the arena's, and their heads stay whole. */
Test(berth, is_where_the_hash_says) {
  static struct place p;
  uint32_t by_try[TCPTALE_BERTH_TRIES + 1] = {0};
  begin(&p);
  for (uint32_t n = 0; n < 700; n++) {
    uint32_t hash = random_number(), tries = 0, ref = tcptale_berth_take(&p.berths, hash);
    uint8_t *home = tcptale_berth_at(&p.berths, hash), *at = home;
    cr_assert_lt(tcptale_berth_place(&p.berths, hash), p.berths.homes);
    cr_assert_eq((uintptr_t)at % 64, 0u);
    if (ref != TCPTALE_ARENA_NONE) {
      uint8_t *block = tcptale_arena_at(&p.arena, ref);
      cr_assert_eq(tcptale_arena_of(block), &p.arena);
      cr_assert(block >= home && block < home + TCPTALE_BERTH_TRIES * TCPTALE_BERTH);
      cr_assert_eq(tcptale_arena_of(block + TCPTALE_BERTH - 1), &p.arena);
      memset(block, 1, TCPTALE_BERTH);
      for (; at != block; at += TCPTALE_BERTH) tries++;
    } else {
      tries = TCPTALE_BERTH_TRIES;
    }
    cr_assert_leq(tries, TCPTALE_BERTH_TRIES);
    by_try[tries]++;
  }
  for (uint32_t i = 1; i < TCPTALE_BERTH_TRIES; i++)
    cr_expect(by_try[i] > 0 && by_try[i] < by_try[i - 1], "%u: %u", i, by_try[i]);
  cr_expect_gt(by_try[TCPTALE_BERTH_TRIES], 0u);
  cr_assert_eq(tcptale_berth_place(&p.berths, 0xffffffffu), p.berths.homes - 1);
  free(p.block);
}

/* Others get the other pages, all of them, and give none of their blocks back here. */
Test(berth, others_have_the_rest) {
  static struct place p;
  begin(&p);
  uint32_t ref = tcptale_berth_take(&p.berths, 5), other = 0, last = 0;
  cr_assert_neq(ref, TCPTALE_ARENA_NONE);
  memset(tcptale_arena_at(&p.arena, ref), 1, TCPTALE_BERTH);
  while ((last = tcptale_arena_alloc(&p.arena, TCPTALE_ARENA_128)) != TCPTALE_ARENA_NONE) {
    other = last;
    cr_assert_not(tcptale_berth_release(&p.berths, other), "that is none of them");
  }
  cr_assert_neq(other, 0u);
  cr_assert_eq(tcptale_arena_pages_left(&p.arena), 0u);
  cr_assert(tcptale_berth_release(&p.berths, ref));
  cr_assert_eq(tcptale_berth_take(&p.berths, 5), ref);
  cr_assert_eq(tcptale_arena_take_pages(&p.arena, 1), TCPTALE_ARENA_NONE);
  free(p.block);
}

/* ---- in a tracker ---- */

enum { BATCH = 16, ROOM = 128 };

/* Frames that wait until a batch is full. */
struct feeder {
  tcptale_tracker *tracker;
  size_t batch;
  size_t count;
  uint64_t index;
  tcptale_frame frames[BATCH];
  uint8_t bytes[BATCH][ROOM];
};

static void feed_now(struct feeder *f) {
  if (f->count == 0) return;
  cr_assert_eq(tcptale_tracker_feed(f->tracker, f->frames, f->count, NULL), TCPTALE_OK);
  f->count = 0;
}

/* One step of the handshake of client n, some bytes, or a RST. */
enum { STEP_SYN, STEP_ANSWER, STEP_ACK, STEP_BYTES, STEP_RST };

static void feed(struct feeder *f, uint8_t version, uint32_t n, uint32_t step) {
  static const uint16_t flags[] = {TCPTALE_TCP_SYN, TCPTALE_TCP_SYN | TCPTALE_TCP_ACK,
                                   TCPTALE_TCP_ACK, TCPTALE_TCP_ACK,
                                   TCPTALE_TCP_RST | TCPTALE_TCP_ACK};
  const int answers = step == STEP_ANSWER;
  struct build_segment s = {.version = version, .ethernet = 1, .window = 9000};
  uint8_t *client = answers ? s.dst : s.src, *server = answers ? s.src : s.dst;
  memcpy(client, (uint8_t[]){10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
  memcpy(server, (uint8_t[]){11, 0, 0, 1}, 4);
  s.flags = flags[step];
  s.src_port = answers ? 80 : 5000;
  s.dst_port = answers ? 5000 : 80;
  s.seq = 100 + (step > STEP_ANSWER);
  s.ack = step > STEP_SYN ? 101 : 0;
  s.payload = (const uint8_t *)"what the client says";
  s.payload_len = step == STEP_BYTES ? 20 : 0;
  uint8_t *data = f->bytes[f->count];
  tcptale_frame *frame = &f->frames[f->count++];
  *frame = (tcptale_frame){.struct_size = sizeof *frame, .link_type = TCPTALE_LINK_ETHERNET};
  frame->index = ++f->index;
  frame->ts_ns = 1000000;
  frame->data = data;
  frame->cap_len = frame->wire_len = (uint32_t)build_frame(data, ROOM, &s);
  if (f->count == f->batch) feed_now(f);
}

static void shake_hands(struct feeder *f, uint8_t version, uint32_t n) {
  for (uint32_t step = STEP_SYN; step <= STEP_ACK; step++) feed(f, version, n, step);
}

struct heard {
  uint64_t digest;
  uint64_t bytes;
  uint64_t closed;
};

static void add(struct heard *heard, uint64_t number) {
  heard->digest = (heard->digest ^ number) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  struct heard *heard = user;
  heard->bytes += event->len;
  add(heard, tcptale_conn_id(conn) ^ event->index << 32);
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  struct heard *heard = user;
  heard->closed++;
  add(heard, tcptale_conn_id(conn) ^ event->index << 32 ^ (uint64_t)event->why << 60);
}

static void begin_feeding(struct feeder *f, struct heard *heard, size_t batch, uint64_t memory,
                          uint32_t most) {
  static uint8_t block[16 << 20];
  tcptale_config config;
  tcptale_callbacks calls;
  tcptale_config_init(&config, sizeof config);
  tcptale_callbacks_init(&calls, sizeof calls);
  config.flags = TCPTALE_CONFIG_ONE_A_CALL;
  config.max_connections = most;
  config.max_half_open = most;
  calls.on_data = on_data;
  calls.on_close = on_close;
  memset(heard, 0, sizeof *heard);
  memset(f, 0, sizeof *f);
  f->batch = batch;
  cr_assert_leq(memory, sizeof block);
  cr_assert_eq(tcptale_tracker_new_in(&f->tracker, &config, &calls, heard, block, (size_t)memory),
               TCPTALE_OK);
}

/* Cards lie at their berths where there are many, however their frames come; they are found, heard
 * of and closed like any. */
Test(berth, of_many_cards) {
  enum { LATE = 6000, CONNS = TCPTALE_FEW + LATE };
  static struct feeder f;
  for (size_t batch = 1; batch <= 2; batch++) {
    struct heard heard;
    begin_feeding(&f, &heard, batch, 16 << 20, 20000);
    const struct tcptale_berths *berths = &f.tracker->roster.berths;
    for (uint32_t n = 0; n < CONNS; n++) shake_hands(&f, 4, n);
    feed_now(&f);
    cr_expect(berths->used > LATE * 9 / 10 && berths->used <= LATE, "%u", berths->used);
    for (uint32_t n = 0; n < CONNS; n++) feed(&f, 4, n, STEP_BYTES);
    feed_now(&f);
    cr_expect_eq(heard.bytes, CONNS * 20u);
    for (uint64_t id = 1; id <= CONNS; id++)
      cr_assert_eq(tcptale_conn_id(tcptale_tracker_find(f.tracker, id)), id);
    for (uint32_t n = 0; n < CONNS; n += 3) feed(&f, 4, n, STEP_RST);
    cr_assert_eq(tcptale_tracker_flush(f.tracker), TCPTALE_OK);
    cr_expect_eq(heard.closed, (uint64_t)CONNS);
    cr_expect_eq(berths->used, 0u);
    tcptale_tracker_free(f.tracker);
  }
}

/* Where the connection of an id lies; 0 where that is no berth. */
static uint32_t berth_of(struct tcptale_tracker *t, uint64_t id) {
  const struct tcptale_berths *berths = &t->roster.berths;
  cr_assert_not_null(tcptale_tracker_find(t, id));
  uint32_t ref = tcptale_roster_look_id(&t->roster, &t->env, id) & ~1u;
  cr_assert_neq(ref, 0u);
  return ref >= berths->first &&
                 (ref - berths->first) / (TCPTALE_BERTH / TCPTALE_ARENA_UNIT) < berths->places
             ? ref
             : 0;
}

/* Calls lie there as well, and become cards where they are; each is found all the while. */
Test(berth, of_calls_that_are_answered) {
  enum { LATE = 6000, CONNS = TCPTALE_FEW + LATE };
  static struct feeder f;
  static uint32_t berth[CONNS + 1];
  for (size_t batch = 1; batch <= 2; batch++) {
    struct heard heard;
    uint32_t there = 0;
    begin_feeding(&f, &heard, batch, 16 << 20, 20000);
    for (uint32_t n = 0; n < CONNS; n++) feed(&f, 4, n, STEP_SYN);
    feed_now(&f);
    for (uint64_t id = 1; id <= CONNS; id++) there += (berth[id] = berth_of(f.tracker, id)) != 0;
    cr_expect(there > LATE * 9 / 10 && there <= LATE, "%u", there);
    for (uint32_t step = STEP_ANSWER; step <= STEP_BYTES; step++) {
      for (uint32_t n = CONNS; n-- > 0;) feed(&f, 4, n, step);
      feed_now(&f);
      for (uint64_t id = 1; id <= CONNS; id++) {
        cr_assert_eq(tcptale_conn_id(tcptale_tracker_find(f.tracker, id)), id);
        cr_assert(berth[id] == 0 || berth_of(f.tracker, id) == berth[id]);
      }
    }
    cr_expect_eq(heard.bytes, CONNS * 20u);
    cr_assert_eq(tcptale_tracker_flush(f.tracker), TCPTALE_OK);
    cr_expect_eq(heard.closed, (uint64_t)CONNS);
    cr_expect_eq(f.tracker->roster.berths.used, 0u);
    tcptale_tracker_free(f.tracker);
  }
}

/* A call that pushes another out lies at its own berth, not in the block of that one. */
Test(berth, of_calls_of_a_flood) {
  enum { MOST = 6000, CALLS = 3 * MOST };
  static struct feeder f;
  for (size_t batch = 1; batch <= 2; batch++) {
    struct heard heard;
    begin_feeding(&f, &heard, batch, 16 << 20, 20000);
    const struct tcptale_roster *roster = &f.tracker->roster;
    f.tracker->roster.max_half_open = MOST;
    for (uint32_t n = 0; n < CALLS; n++) feed(&f, 4, n, STEP_SYN);
    feed_now(&f);
    cr_expect_eq(heard.closed, (uint64_t)CALLS - MOST);
    cr_expect(roster->berths.used > MOST * 9 / 10 && roster->berths.used <= MOST, "%u",
              roster->berths.used);
    tcptale_tracker_free(f.tracker);
  }
}

/* Where no connection would get one there are none: their memory is the others'. */
Test(berth, none_for_few) {
  static struct feeder f;
  struct heard heard;
  for (uint32_t most = TCPTALE_FEW; most <= TCPTALE_FEW + 1; most++) {
    begin_feeding(&f, &heard, 1, 16 << 20, most);
    cr_expect_eq(f.tracker->roster.berths.places > 0, most > TCPTALE_FEW);
    tcptale_tracker_free(f.tracker);
  }
}

/* Who gives way when memory runs out does not depend on how the frames came. */
Test(berth, same_evictions_in_batches) {
  static struct feeder f;
  struct heard first = {0}, heard;
  for (size_t batch = 1; batch <= BATCH; batch *= 4) {
    begin_feeding(&f, &heard, batch, 4 << 20, 8000);
    for (uint32_t n = 0; n < 7000; n++) shake_hands(&f, 4, n);
    for (uint32_t n = 0; n < 20000; n++) shake_hands(&f, n % 4 == 0 ? 4 : 6, 10000 + n);
    feed_now(&f);
    tcptale_tracker_stats stats = {.struct_size = sizeof stats};
    cr_assert_eq(tcptale_tracker_stats_read(f.tracker, &stats), TCPTALE_OK);
    cr_expect_gt(stats.evicted, 1000u);
    add(&heard, stats.memory_used);
    add(&heard, stats.evicted);
    tcptale_tracker_free(f.tracker);
    if (batch == 1) first = heard;
    cr_expect_eq(heard.digest, first.digest, "%zu", batch);
    cr_expect_eq(heard.closed, first.closed, "%zu", batch);
  }
}

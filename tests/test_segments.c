/* Ordered ranges of stored bytes: against a plain array, in hostile orders, and without memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcptale/stream.h"
#include "segments.h"

#define SPAN 6000

struct store {
  struct tcptale_arena arena;
  struct tcptale_segments set;
  void *block;
};

static void store_begin(struct store *s, size_t pages) {
  memset(s, 0, sizeof *s);
  s->block = aligned_alloc(64, pages * TCPTALE_ARENA_PAGE);
  cr_assert_not_null(s->block);
  cr_assert_gt(tcptale_arena_init(&s->arena, s->block, pages * TCPTALE_ARENA_PAGE, 0), 0);
}

static void store_end(struct store *s) {
  tcptale_segments_clear(&s->arena, &s->set);
  cr_assert_eq(s->arena.used_bytes, 0);
  free(s->block);
}

static uint64_t add(struct store *s, uint32_t policy, uint64_t start, const uint8_t *data,
                    size_t len) {
  struct tcptale_fresh fresh = {
      .start = start, .end = start + len, .origin = {start, start + len}, .data = data};
  return tcptale_segments_add(&s->arena, &s->set, TCPTALE_OVERLAP_SEGMENT, policy, &fresh);
}

static uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

/* Fails unless the set holds exactly what the array holds; -1 marks an empty place. */
static void same(struct store *s, const int *model, const char *where) {
  uint64_t pos = 0;
  uint32_t ref = s->set.first;

  for (; ref != TCPTALE_ARENA_NONE; ref = tcptale_segments_next(&s->arena, &s->set, ref)) {
    const struct tcptale_segment *range = tcptale_segment_at(&s->arena, ref);
    const uint8_t *bytes = tcptale_segment_bytes(range);
    for (; pos < range->start; pos++)
      cr_assert_eq(model[pos], -1, "%s: position %d", where, (int)pos);
    for (; pos < range->end; pos++)
      cr_assert_eq(model[pos], bytes[pos - range->start], "%s: position %d", where, (int)pos);
  }
  for (; pos < SPAN; pos++) cr_assert_eq(model[pos], -1, "%s: position %d", where, (int)pos);
}

static void random_adds(uint32_t policy, uint64_t seed) {
  static int model[SPAN];
  static uint8_t data[SPAN];
  struct store s;
  uint64_t state = seed;
  char where[64];

  store_begin(&s, 64);
  for (int i = 0; i < SPAN; i++) model[i] = -1;
  for (int step = 0; step < 60; step++) {
    size_t len = 1 + next_random(&state) % (step % 7 ? 40 : 4000);
    uint64_t start = next_random(&state) % (SPAN - len);
    snprintf(where, sizeof where, "seed %d, policy %u, step %d", (int)seed, policy, step);
    for (size_t i = 0; i < len; i++) data[i] = (uint8_t)next_random(&state);
    cr_assert_eq(add(&s, policy, start, data, len), start + len);
    for (size_t i = 0; i < len; i++)
      if (policy == TCPTALE_POLICY_LAST || model[start + i] < 0) model[start + i] = data[i];
    cr_assert_eq(tcptale_segments_check(&s.arena, &s.set), 0, "%s", where);
  }
  same(&s, model, where);
  store_end(&s);
}

Test(segments, random_ranges_agree_with_an_array) {
  for (uint64_t seed = 1; seed <= 200; seed++) {
    random_adds(TCPTALE_POLICY_FIRST, seed);
    random_adds(TCPTALE_POLICY_LAST, seed);
  }
}

/* Orders in which an attacker sends 4096 one-byte segments (X04 .. X06) and an overlapping
 * staircase (X07); each must cost at most a few links times log2 n. */
static uint64_t place(int pattern, uint64_t i, uint64_t n) {
  switch (pattern) {
  case 0: return 2 * i;
  case 1: return 2 * (n - 1 - i);
  case 2: return i % 2 ? 2 * (n - 1 - i / 2) : 2 * (i / 2);
  default: return i;
  }
}

Test(segments, hostile_orders_cost_n_log_n) {
  const uint64_t n = 4096;
  static const uint8_t bytes[4] = "abcd";

  for (int pattern = 0; pattern < 4; pattern++) {
    struct store s;
    store_begin(&s, 128);
    for (uint64_t i = 0; i < n; i++)
      add(&s, TCPTALE_POLICY_FIRST, place(pattern, i, n), bytes, pattern == 3 ? 4 : 1);
    cr_assert_eq(tcptale_segments_check(&s.arena, &s.set), 0);
    cr_assert_eq(s.set.count, n, "pattern %d", pattern);
    cr_assert_leq(s.set.steps, n * 12 * 5, "pattern %d: %d steps", pattern, (int)s.set.steps);
    while (s.set.count > 0) {
      uint32_t lowest = s.set.first;
      tcptale_segments_detach(&s.arena, &s.set, lowest);
      tcptale_arena_release(&s.arena, lowest);
    }
    cr_assert_leq(s.set.steps, n * 12 * 8, "pattern %d: %d steps", pattern, (int)s.set.steps);
    store_end(&s);
  }
}

/* One long segment over many tiny ones (X08) eats or leaves each once. */
Test(segments, a_long_segment_over_tiny_ones_looks_at_each_once) {
  static uint8_t wide[8192];
  static const uint32_t policy[] = {TCPTALE_POLICY_FIRST, TCPTALE_POLICY_LAST};

  for (int p = 0; p < 2; p++) {
    struct store s;
    uint64_t before;
    store_begin(&s, 128);
    for (uint64_t i = 0; i < 4096; i++) add(&s, policy[p], 2 * i + 1, wide, 1);
    before = s.set.steps;
    cr_assert_eq(add(&s, policy[p], 0, wide, sizeof wide), sizeof wide);
    cr_assert_leq(s.set.steps - before, 4096 * 12 * 4);
    cr_assert_eq(s.set.bytes, sizeof wide);
    cr_assert_eq(tcptale_segments_check(&s.arena, &s.set), 0);
    store_end(&s);
  }
}

/* Memory is charged by what is stored, not by the span (X10). */
Test(segments, far_apart_bytes_cost_their_node_and_no_more) {
  struct store s;
  store_begin(&s, 16);
  for (uint64_t i = 0; i < 1000; i++)
    cr_assert_eq(add(&s, TCPTALE_POLICY_FIRST, i << 20, (const uint8_t *)"x", 1), (i << 20) + 1);
  cr_assert_leq(s.arena.used_bytes, 1000 * 96);
  cr_assert_geq(TCPTALE_SEGMENT_COST, 64);
  store_end(&s);
}

Test(segments, a_full_arena_stores_a_beginning_and_says_where_it_ended) {
  static uint8_t data[65536];
  struct store s;
  uint64_t done;

  store_begin(&s, 3);
  done = add(&s, TCPTALE_POLICY_FIRST, 100, data, sizeof data);
  cr_assert_gt(done, 100);
  cr_assert_lt(done, 100 + sizeof data);
  cr_assert_eq(s.set.bytes, done - 100);
  cr_assert_eq(tcptale_segments_check(&s.arena, &s.set), 0);
  cr_assert_eq(tcptale_segments_covered(&s.arena, &s.set, 100, 70000), done);
  /* A split needs a block: the old bytes stay as they were. */
  cr_assert_eq(add(&s, TCPTALE_POLICY_LAST, 200, data, 8), 200);
  cr_assert_eq(s.set.bytes, done - 100);
  store_end(&s);
}

Test(segments, differences_are_found_in_every_range_that_is_met) {
  struct store s;
  struct tcptale_runs runs = {0};

  store_begin(&s, 4);
  add(&s, TCPTALE_POLICY_FIRST, 10, (const uint8_t *)"abcd", 4);
  add(&s, TCPTALE_POLICY_FIRST, 20, (const uint8_t *)"efgh", 4);
  tcptale_segments_compare(&s.arena, &s.set, 12, (const uint8_t *)"cX??????eYgh", 12, &runs);
  cr_assert_eq(runs.count, 2);
  cr_assert_eq(runs.run[0].start, 13);
  cr_assert_eq(runs.run[1].start, 21);
  cr_assert_eq(tcptale_segments_covered(&s.arena, &s.set, 11, 30), 14);
  cr_assert_eq(tcptale_segments_covered(&s.arena, &s.set, 14, 30), 14);
  cr_assert_eq(tcptale_segments_covered(&s.arena, &s.set, 21, 23), 23);
  store_end(&s);
}

/* test_timers.c - the timer wheel against a list that is searched: nothing early, nothing
 * forgotten, any jump. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "timers.h"

enum { RECORDS = 500, BLOCK_BYTES = 16 * 16384 };

static struct tcptale_arena arena;
static struct tcptale_wheel wheel;
static uint32_t refs[RECORDS];
static uint64_t deadline[RECORDS]; /* 0: not set */

static uint64_t rng = 88172645463325252u;

static uint64_t next_random(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

static int index_of(uint32_t ref) {
  for (int i = 0; i < RECORDS; i++)
    if (refs[i] == ref) return i;
  return -1;
}

static uint64_t deadline_of(const void *ctx, uint32_t ref) {
  (void)ctx;
  return deadline[index_of(ref)];
}

static void begin(void *block) {
  tcptale_arena_init(&arena, block, BLOCK_BYTES, 0);
  tcptale_wheel_init(&wheel, &arena, 16, deadline_of, NULL);
  for (int i = 0; i < RECORDS; i++) {
    refs[i] = tcptale_arena_alloc(&arena, TCPTALE_ARENA_64);
    struct tcptale_timer *timer = (void *)((uint8_t *)tcptale_arena_at(&arena, refs[i]) + 16);
    *timer = (struct tcptale_timer){0};
    deadline[i] = 0;
  }
}

/* Takes all that is due and checks it against the list. */
static void advance(uint64_t now) {
  for (uint32_t ref; (ref = tcptale_wheel_next(&wheel, now)) != 0;) {
    int i = index_of(ref);
    cr_assert(i >= 0 && deadline[i] != 0, "a timer that was not set came up");
    cr_assert_leq(deadline[i], now, "early");
    deadline[i] = 0;
  }
  uint32_t left = 0;
  for (int i = 0; i < RECORDS; i++) {
    if (!deadline[i]) continue;
    left++;
    cr_assert_gt(deadline[i] + (1u << 20), now, "a timer more than a tick late");
  }
  cr_assert_eq(left, wheel.count);
}

Test(timers, random_use_matches_a_list) {
  void *block = aligned_alloc(64, BLOCK_BYTES);
  begin(block);
  uint64_t now = 1700000000000000000u;
  for (int step = 0; step < 40000; step++) {
    int i = (int)(next_random() % RECORDS);
    uint64_t span = (uint64_t)1 << (next_random() % 50);
    switch (next_random() % 8) {
    case 0:
      tcptale_wheel_clear(&wheel, refs[i]);
      deadline[i] = 0;
      break;
    case 1:
      now += next_random() % span;
      advance(now);
      break;
    default:
      deadline[i] = now + next_random() % span + 1;
      tcptale_wheel_set(&wheel, refs[i], deadline[i]);
      break;
    }
  }
  advance(UINT64_MAX - ((uint64_t)1 << 21));
  cr_assert_eq(wheel.count, 0u);
  free(block);
}

Test(timers, a_past_deadline_comes_up_at_once) {
  void *block = aligned_alloc(64, BLOCK_BYTES);
  begin(block);
  advance((uint64_t)1 << 60);
  deadline[3] = 5;
  tcptale_wheel_set(&wheel, refs[3], 5);
  cr_assert_eq(tcptale_wheel_next(&wheel, (uint64_t)1 << 60), refs[3]);
  cr_assert_eq(tcptale_wheel_next(&wheel, (uint64_t)1 << 60), 0u);
  free(block);
}

Test(timers, one_slot_is_handed_out_in_the_order_of_setting) {
  void *block = aligned_alloc(64, BLOCK_BYTES);
  begin(block);
  for (int i = 0; i < 10; i++) {
    deadline[i] = 3000000;
    tcptale_wheel_set(&wheel, refs[i], deadline[i]);
  }
  for (int i = 0; i < 10; i++) cr_assert_eq(tcptale_wheel_next(&wheel, 5000000), refs[i]);
  free(block);
}

/* A deadline that moves away needs no call: the timer is placed anew when it comes up. */
Test(timers, a_later_deadline_is_waited_for) {
  void *block = aligned_alloc(64, BLOCK_BYTES);
  begin(block);
  for (int i = 0; i < RECORDS; i++) {
    deadline[i] = (uint64_t)(1 + i) << 28;
    tcptale_wheel_set(&wheel, refs[i], deadline[i]);
    deadline[i] += (uint64_t)(i % 7) << 33;
  }
  for (uint64_t now = 0; now < (uint64_t)1 << 38; now += 777777777) advance(now);
  cr_assert_eq(wheel.count, 0u);
  free(block);
}

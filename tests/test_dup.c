/* test_dup.c - remembered frames against a plain list of the last 64, with few sequence numbers,
 * beyond the 65,536th frame, after which the chains' numbers begin anew. */
#include <criterion/criterion.h>
#include <string.h>

#include "dup.h"

enum { FRAMES = 400000, LATEST = TCPTALE_DUP_FRAMES };

struct seen {
  uint32_t seq;
  uint64_t flow;
};

static uint32_t seed = 5;

static uint32_t random_below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)seed * n >> 32);
}

/* Numbers of one chain, others far apart, and now and then one that never comes again. */
static uint32_t next_seq(uint32_t variety) {
  if (random_below(4) == 0) return 0x80000000u + random_below(0x70000000u);
  return random_below(variety) * (random_below(2) ? 1u : 0x10000u);
}

static int is_listed(const struct seen *list, size_t count, struct seen now) {
  size_t first = count > LATEST ? count - LATEST : 0;
  for (size_t i = first; i < count; i++) {
    const struct seen *then = &list[i % LATEST];
    if (then->seq == now.seq && then->flow == now.flow) return 1;
  }
  return 0;
}

static void compare(uint32_t variety) {
  static struct tcptale_dup dup;
  static struct seen list[LATEST];
  uint8_t payload[8] = {0};
  size_t copies = 0;
  memset(&dup, 0, sizeof dup);
  for (size_t i = 0; i < FRAMES; i++) {
    struct seen now = {next_seq(variety), random_below(3)};
    struct tcptale_gist gist = {.ip_version = 4, .payload = payload};
    gist.said.seq = now.seq;
    gist.said.ip_id = 1;
    int has = tcptale_dup_has(&dup, now.flow, &gist, 0, i);
    cr_assert_eq(has, is_listed(list, (size_t)dup.count, now), "frame %zu", i);
    copies += (size_t)has;
    if (random_below(8) == 0) continue; /* looked for alone */
    list[dup.count % LATEST] = now;
    tcptale_dup_remember(&dup, now.flow, &gist, tcptale_dup_sample(&gist), 0, i);
  }
  cr_expect_gt(copies, FRAMES / 200);
}

Test(dup, the_last_64, .timeout = 60) {
  compare(2);
  compare(40);
  compare(1000);
}

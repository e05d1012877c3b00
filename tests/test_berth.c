/* test_berth.c - blocks at places that a hash names: a place has one owner, pages come and go with
 * what lies in them, and none is kept from others when memory is short. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "berth.h"
#include "build.h"
#include "tcptale.h"
#include "tracker.h"

enum { PAGES = 40, BLOCK_BYTES = PAGES * 16384, OWNERS = 700 };

static uint32_t seed = 20240620;

static uint32_t random_number(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed ^ seed >> 15;
}

/* An arena of some pages, and berths in a quarter of as many. */
struct place {
  uint8_t *block;
  uint64_t known[PAGES * 3];
  struct tcptale_arena arena;
  struct tcptale_berths berths;
};

static void begin(struct place *p) {
  p->block = aligned_alloc(64, BLOCK_BYTES);
  cr_assert_not_null(p->block);
  cr_assert_gt(tcptale_arena_init(&p->arena, p->block, BLOCK_BYTES, 0), PAGES - 4u);
  cr_assert_leq(tcptale_berths_bytes(BLOCK_BYTES), sizeof p->known);
  memset(p->known, 0xee, sizeof p->known);
  tcptale_berths_init(&p->berths, &p->arena, p->known, BLOCK_BYTES);
  cr_assert_eq(p->berths.count, PAGES / 4u);
}

/* Blocks of other owners until so many pages are left. */
static void fill_up(struct place *p, uint32_t left) {
  while (tcptale_arena_pages_left(&p->arena) > left)
    cr_assert_neq(tcptale_arena_alloc(&p->arena, TCPTALE_ARENA_4096), TCPTALE_ARENA_NONE);
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
      for (size_t k = 0; k < TCPTALE_BERTH; k++) cr_assert_eq(at[k], (uint8_t)i);
      cr_assert(tcptale_berth_release(&p.berths, refs[i]));
      refs[i] = 0;
      used--;
    } else {
      hashes[i] = random_number();
      refs[i] = tcptale_berth_take(&p.berths, hashes[i]);
      turned_away += refs[i] == 0;
      used += refs[i] != 0;
      if (refs[i] != 0) memset(tcptale_arena_at(&p.arena, refs[i]), (int)i, TCPTALE_BERTH);
    }
    cr_assert_eq(p.berths.used, used);
    cr_assert_eq(p.arena.used_bytes, used * TCPTALE_BERTH);
  }
  cr_assert_gt(turned_away, 1000u);
  for (uint32_t i = 0; i < OWNERS; i++)
    if (refs[i] != 0) cr_assert(tcptale_berth_release(&p.berths, refs[i]));
  cr_assert_eq(p.arena.pages_used, 0u);
  free(p.block);
}

/* Where a guess looks is where a block lies whose berth was free. */
Test(berth, is_where_the_hash_says) {
  static struct place p;
  begin(&p);
  for (uint32_t n = 0; n < 500; n++) {
    uint32_t hash = random_number(), page = tcptale_berth_page(&p.berths, hash);
    uint32_t ref = tcptale_berth_take(&p.berths, hash);
    cr_assert_lt(page, p.berths.count);
    cr_assert_lt(tcptale_berth_place(hash), TCPTALE_BERTHS);
    cr_assert_neq(p.berths.first[page], 0u);
    uint32_t units = (uint32_t)(TCPTALE_BERTH / TCPTALE_ARENA_UNIT);
    uint32_t guess = p.berths.first[page] + tcptale_berth_place(hash) * units;
    cr_assert(ref == guess || ref == TCPTALE_ARENA_NONE);
    cr_assert_eq(tcptale_berth_take(&p.berths, hash), TCPTALE_ARENA_NONE, "it is taken");
    tcptale_berth_prefetch(&p.berths, hash);
  }
  cr_assert_eq(tcptale_berth_place(0xffffffffu), TCPTALE_BERTHS - 1);
  cr_assert_eq(tcptale_berth_page(&p.berths, 0xffffffffu), p.berths.count - 1);
  free(p.block);
}

/* While memory is short no page is taken, and every berth that is free serves whoever comes. */
Test(berth, no_room_is_kept) {
  static struct place p;
  begin(&p);
  uint32_t ref = tcptale_berth_take(&p.berths, 5), other;
  cr_assert_neq(ref, TCPTALE_ARENA_NONE);
  fill_up(&p, p.arena.pages / 2 - 1);
  uint32_t pages_used = p.arena.pages_used;
  for (uint32_t n = 1; n < TCPTALE_BERTHS; n++) {
    do other = tcptale_berth_take(&p.berths, 5);
    while (other == TCPTALE_ARENA_NONE && p.berths.cursor != 0); /* it looks at a few each time */
    cr_assert_neq(other, TCPTALE_ARENA_NONE, "%u", n);
  }
  for (int i = 0; i < 4; i++) cr_assert_eq(tcptale_berth_take(&p.berths, 5), TCPTALE_ARENA_NONE);
  cr_assert_eq(p.arena.pages_used, pages_used);
  cr_assert(tcptale_berth_release(&p.berths, ref));
  other = tcptale_arena_alloc(&p.arena, TCPTALE_ARENA_128);
  cr_assert_not(tcptale_berth_release(&p.berths, other), "that is none of them");
  free(p.block);
}

/* ---- in a tracker ---- */

/* One step of the handshake of client n, or a RST. */
static void feed(tcptale_tracker *tracker, uint32_t n, uint32_t step, size_t count) {
  static const uint16_t flags[] = {TCPTALE_TCP_SYN, TCPTALE_TCP_SYN | TCPTALE_TCP_ACK,
                                   TCPTALE_TCP_ACK, TCPTALE_TCP_RST | TCPTALE_TCP_ACK};
  uint8_t data[128];
  struct build_segment s = {.version = 4, .ethernet = 1, .window = 9000, .flags = flags[step]};
  uint8_t *client = step == 1 ? s.dst : s.src, *server = step == 1 ? s.src : s.dst;
  memcpy(client, (uint8_t[]){10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
  memcpy(server, (uint8_t[]){11, 0, 0, 1}, 4);
  s.src_port = step == 1 ? 80 : 5000;
  s.dst_port = step == 1 ? 5000 : 80;
  s.seq = 100 + (step > 1);
  s.ack = step > 0 ? 101 : 0;
  tcptale_frame f[2] = {{.struct_size = sizeof *f, .link_type = TCPTALE_LINK_ETHERNET}};
  f[0].ts_ns = 1000000;
  f[0].data = data;
  f[0].cap_len = f[0].wire_len = (uint32_t)build_frame(data, sizeof data, &s);
  f[1] = f[0];
  f[1].cap_len = f[1].wire_len = 20; /* nothing that is TCP */
  cr_assert_eq(tcptale_tracker_feed(tracker, f, count, NULL), TCPTALE_OK);
}

/* Cards lie at their berths where frames come alone and there are many. */
Test(berth, of_many_cards) {
  enum { CONNS = TCPTALE_FEW + 2000 };
  for (size_t count = 1; count <= 2; count++) {
    tcptale_tracker *tracker;
    cr_assert_eq(tcptale_tracker_new(&tracker, NULL, NULL, NULL), TCPTALE_OK);
    const struct tcptale_berths *berths = &tracker->roster.berths;
    for (uint32_t n = 0; n < CONNS; n++)
      for (uint32_t step = 0; step < 3; step++) feed(tracker, n, step, count);
    uint32_t late = CONNS - TCPTALE_FEW;
    if (count == 1) cr_expect(berths->used > late * 9 / 10 && berths->used <= late);
    else cr_expect_eq(berths->used, 0u);
    for (uint32_t n = 0; n < CONNS; n++) feed(tracker, n, 3, count);
    cr_assert_eq(tcptale_tracker_flush(tracker), TCPTALE_OK);
    cr_expect_eq(berths->used, 0u);
    tcptale_tracker_free(tracker);
  }
}

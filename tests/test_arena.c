/* test_arena.c - the block allocator: alignment, no overlap, exhaustion, pages that change their
 * class. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "arena.h"

enum { BLOCK_BYTES = 40 * 16384, MOST = 30000 };

static void *aligned_block(size_t len) {
  void *p = aligned_alloc(64, len);
  cr_assert_not_null(p);
  return p;
}

Test(arena, every_class_fills_and_empties) {
  uint8_t *block = aligned_block(BLOCK_BYTES);
  struct tcptale_arena a;
  cr_assert_eq(tcptale_arena_init(&a, block, BLOCK_BYTES, 100), 38u);
  static uint32_t refs[MOST];
  for (int cls = 0; cls < TCPTALE_ARENA_CLASSES; cls++) {
    size_t size = tcptale_arena_class_size((enum tcptale_arena_class)cls);
    size_t n = 0;
    for (uint32_t r; (r = tcptale_arena_alloc(&a, (enum tcptale_arena_class)cls)) != 0; n++) {
      uint8_t *at = tcptale_arena_at(&a, r);
      cr_assert_eq((uintptr_t)at % (size % 64 == 0 ? 64 : 32), 0u);
      cr_assert(at >= block + 100 && at + size <= block + BLOCK_BYTES);
      cr_assert_eq(tcptale_arena_of(at), &a);
      memset(at, (int)(n & 255), size);
      refs[n] = r;
    }
    cr_assert_eq(n, 38u * ((16384u - 64u) / size), "class %d", cls);
    for (size_t i = 0; i < n; i++) {
      const uint8_t *at = tcptale_arena_at(&a, refs[i]);
      cr_assert_eq(at[0], i & 255);
      cr_assert_eq(at[size - 1], i & 255);
    }
    for (size_t i = 0; i < n; i++) tcptale_arena_release(&a, refs[n - 1 - i]);
    cr_assert_eq(tcptale_arena_pages_left(&a), 38u);
    cr_assert_eq(a.used_bytes, 0u);
  }
  free(block);
}

Test(arena, the_class_of_a_length_is_the_smallest_that_holds_it) {
  for (size_t len = 0; len <= 4064; len++) {
    enum tcptale_arena_class cls = tcptale_arena_class_for(len);
    cr_assert_geq(tcptale_arena_class_size(cls), len);
    if (cls == 0) continue;
    cr_assert_lt(tcptale_arena_class_size((enum tcptale_arena_class)(cls - 1)), len);
  }
  cr_assert_eq(tcptale_arena_class_for(5000), TCPTALE_ARENA_4096);
}

Test(arena, random_use_never_hands_out_a_block_twice) {
  uint8_t *block = aligned_block(BLOCK_BYTES);
  struct tcptale_arena a;
  tcptale_arena_init(&a, block, BLOCK_BYTES, 0);
  static uint32_t refs[600];
  static uint8_t size_class[600], mark[600];
  uint32_t seed = 12345;
  for (int step = 0; step < 200000; step++) {
    seed = seed * 1664525u + 1013904223u;
    size_t i = (seed >> 8) % 600;
    if (refs[i]) {
      const uint8_t *at = tcptale_arena_at(&a, refs[i]);
      size_t size = tcptale_arena_class_size((enum tcptale_arena_class)size_class[i]);
      for (size_t k = 0; k < size; k += 31) cr_assert_eq(at[k], mark[i]);
      tcptale_arena_release(&a, refs[i]);
      refs[i] = 0;
      continue;
    }
    size_class[i] = (uint8_t)((seed >> 20) % TCPTALE_ARENA_CLASSES);
    refs[i] = tcptale_arena_alloc(&a, (enum tcptale_arena_class)size_class[i]);
    if (!refs[i]) continue;
    mark[i] = (uint8_t)(seed >> 24);
    memset(tcptale_arena_at(&a, refs[i]), mark[i],
           tcptale_arena_class_size((enum tcptale_arena_class)size_class[i]));
  }
  free(block);
}

Test(arena, too_small_is_refused) {
  uint8_t *block = aligned_block(BLOCK_BYTES);
  struct tcptale_arena a;
  cr_assert_eq(tcptale_arena_init(&a, block, 16384, 0), 0u);
  cr_assert_eq(tcptale_arena_init(&a, block, 32768, 0), 1u);
  cr_assert_eq(tcptale_arena_init(&a, block, 32768, 16385), 0u);
  free(block);
}

/* Two arenas of one size have as many pages, wherever they lie. */
Test(arena, pages_do_not_depend_on_the_place) {
  uint8_t *block = aligned_block(BLOCK_BYTES + 16384);
  for (size_t fixed = 0; fixed < 50000; fixed += 4999) {
    struct tcptale_arena first, a;
    uint32_t pages = tcptale_arena_init(&first, block, BLOCK_BYTES, fixed);
    for (size_t at = 64; at <= 16384; at += 64) {
      cr_assert_eq(tcptale_arena_init(&a, block + at, BLOCK_BYTES, fixed), pages);
      cr_assert_eq(a.page_count, first.page_count);
    }
    const uint8_t *least = block + BLOCK_BYTES;
    while (1) {
      uint32_t ref = tcptale_arena_alloc(&first, TCPTALE_ARENA_4096);
      if (!ref) break;
      const uint8_t *got = tcptale_arena_at(&first, ref);
      if (got < least) least = got;
      cr_assert(got + 4064 <= block + BLOCK_BYTES);
    }
    cr_assert(least >= block + fixed);
  }
  free(block);
}

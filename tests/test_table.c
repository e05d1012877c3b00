/* test_table.c - the index against a plain list, with hashes that collide on purpose. */
#include <criterion/criterion.h>

#include "table.h"

enum { SLOTS = 64, MOST = 56 };

struct entry {
  uint32_t hash, ref;
};

static int found(const struct tcptale_table *t, struct entry e) {
  uint32_t at = e.hash;
  for (uint32_t ref; (ref = tcptale_table_next(t, e.hash, &at)) != 0;)
    if (ref == e.ref) return 1;
  return 0;
}

Test(table, random_use_matches_a_list) {
  static struct tcptale_slot slots[SLOTS];
  struct tcptale_table t;
  tcptale_table_init(&t, slots, SLOTS);
  struct entry list[MOST + 1];
  size_t n = 0;
  uint32_t seed = 7, serial = 1;
  for (int step = 0; step < 200000; step++) {
    seed = seed * 1664525u + 1013904223u;
    if (seed >> 31 || n == 0) {
      struct entry e = {(seed >> 9) % 40 * 13, serial++};
      int added = tcptale_table_add(&t, e.hash, e.ref);
      cr_assert_eq(added, n < MOST);
      if (added) list[n++] = e;
    } else {
      size_t i = (seed >> 8) % n;
      cr_assert(tcptale_table_remove(&t, list[i].hash, list[i].ref));
      cr_assert_not(found(&t, list[i]));
      cr_assert_not(tcptale_table_remove(&t, list[i].hash, list[i].ref));
      list[i] = list[--n];
    }
    cr_assert_eq(t.used, n);
    for (size_t i = 0; i < n; i++) cr_assert(found(&t, list[i]));
  }
}

/* test_table.c - the index against a plain list, with hashes that collide on purpose. */
#include <criterion/criterion.h>

#include "table.h"

enum { SLOTS = 67, MOST = 51 }; /* no power of two; 3/4 of them */

struct entry {
  uint32_t hash, ref;
};

static int found(const struct tcptale_table *t, struct entry e) {
  uint32_t at = tcptale_table_home(t, e.hash);
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
      struct entry e = {(seed >> 9) % 40 * 0x6000007u, serial++};
      int added = tcptale_table_add(&t, e.hash, e.ref);
      cr_assert_eq(added, n < MOST);
      if (added) list[n++] = e;
    } else {
      size_t i = (seed >> 8) % n;
      if (seed & 0x80) {
        cr_assert(tcptale_table_replace(&t, list[i].hash, list[i].ref, serial));
        cr_assert_not(tcptale_table_replace(&t, list[i].hash, list[i].ref, serial));
        list[i].ref = serial++;
        continue;
      }
      cr_assert(tcptale_table_remove(&t, list[i].hash, list[i].ref));
      cr_assert_not(found(&t, list[i]));
      cr_assert_not(tcptale_table_remove(&t, list[i].hash, list[i].ref));
      list[i] = list[--n];
    }
    cr_assert_eq(t.used, n);
    for (size_t i = 0; i < n; i++) cr_assert(found(&t, list[i]));
  }
}

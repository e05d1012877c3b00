/* Who owns a byte that came twice: every policy in every relation, and where two copies differ. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tcptale/stream.h"
#include "overlap.h"

/* The relations in the order of the columns below, each with an old and a new extent that show
 * it. */
static const struct {
  const char *name;
  struct tcptale_extent old;
  struct tcptale_extent fresh;
} RELATION[9] = {
    {"O", {0, 6}, {4, 10}}, {"Oi", {4, 10}, {0, 6}}, {"Eq", {0, 6}, {0, 6}},
    {"D", {2, 4}, {0, 6}},  {"F", {3, 6}, {0, 6}},   {"Di", {0, 6}, {2, 4}},
    {"Fi", {0, 6}, {3, 6}}, {"Si", {0, 6}, {0, 3}},  {"S", {0, 3}, {0, 6}},
};

static const struct {
  enum tcptale_overlap_kind kind;
  uint32_t policy;
  const char *winners;
} TABLE[] = {
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_FIRST, "ooooooooo"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_LAST, "nnnnnnnnn"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_BSD, "ononnoooo"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_BSD_RIGHT, "ononnoooo"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_WINDOWS, "ononnoooo"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_LINUX, "ononnooon"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_OLD_LINUX, "onnnnooon"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_SOLARIS, "nonnnooon"},
    {TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_HPUX10, "ononnooo?"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_FIRST, "ooooooooo"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_LAST, "nnnnnnnnn"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_BSD, "ononnoooo"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_BSD_RIGHT, "nonnnooon"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_LINUX, "onnnnoonn"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_WINDOWS, "ooonooooo"},
    {TCPTALE_OVERLAP_FRAGMENT, TCPTALE_POLICY_SOLARIS, "ooonnoooo"},
    {TCPTALE_OVERLAP_SEGMENT, 99, "ooooooooo"},
};

Test(overlap, every_policy_in_every_relation) {
  for (size_t p = 0; p < sizeof TABLE / sizeof *TABLE; p++) {
    for (size_t r = 0; r < 9; r++) {
      const struct tcptale_extent *old = &RELATION[r].old;
      int want_new = TABLE[p].winners[r] == 'n';
      int is_new =
          tcptale_overlap_new_wins(TABLE[p].kind, TABLE[p].policy, old, old, &RELATION[r].fresh);
      if (TABLE[p].winners[r] == '?') continue;
      cr_assert_eq(is_new, want_new, "row %zu, relation %s", p, RELATION[r].name);
    }
  }
}

/* B came over A and kept only its tail; then C comes with B's first extent. */
Test(overlap, bsd_looks_at_what_is_left_and_linux_at_what_came) {
  const struct tcptale_extent origin = {0, 4}, left = {2, 4}, fresh = {0, 4};

  cr_assert(tcptale_overlap_new_wins(TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_BSD, &origin, &left,
                                     &fresh));
  cr_assert(!tcptale_overlap_new_wins(TCPTALE_OVERLAP_SEGMENT, TCPTALE_POLICY_LINUX, &origin, &left,
                                      &fresh));
}

Test(overlap, differences_are_told_run_by_run) {
  static const struct {
    const char *a, *b, *runs;
  } row[] = {
      {"abcd", "abcd", ""},
      {"abcd", "aXcd", "11-12 "},
      {"abcd", "XXcd", "10-12 "},
      {"abcd", "abcX", "13-14 "},
      {"abcd", "XbXd", "10-11 12-13 "},
      {"abcd", "WXYZ", "10-14 "},
      {"", "", ""},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct tcptale_runs runs = {0};
    char text[64] = "";
    tcptale_runs_compare(&runs, 10, (const uint8_t *)row[i].a, (const uint8_t *)row[i].b,
                         strlen(row[i].a));
    for (uint32_t k = 0; k < runs.count; k++) {
      size_t used = strlen(text);
      snprintf(text + used, sizeof text - used, "%d-%d ", (int)runs.run[k].start,
               (int)runs.run[k].end);
    }
    cr_assert_str_eq(text, row[i].runs, "row %zu", i);
  }
}

Test(overlap, too_many_differences_end_in_one_that_covers_the_rest) {
  struct tcptale_runs runs = {0};
  uint8_t a[100], b[100];

  memset(a, 'a', sizeof a);
  for (size_t i = 0; i < sizeof b; i++) b[i] = i % 2 ? 'b' : 'a';
  tcptale_runs_compare(&runs, 0, a, b, sizeof a);
  cr_assert_eq(runs.count, TCPTALE_RUNS_EXACT + 1);
  cr_assert_eq(runs.run[0].start, 1);
  cr_assert_eq(runs.run[0].end, 2);
  cr_assert_eq(runs.run[TCPTALE_RUNS_EXACT].start, 33);
  cr_assert_eq(runs.run[TCPTALE_RUNS_EXACT].end, 100);
}

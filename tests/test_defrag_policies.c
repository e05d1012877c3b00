/* F02: every row of the table of overlaps that concerns IP fragments, in units of eight bytes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragments.h"

enum { COLUMNS = 14, UNIT = 8 };

struct row {
  char *column[COLUMNS]; /* case proto kind rel segments policy expect ... note */
};

static FILE *open_table(void) {
  char path[4096];
  const char *captures = getenv("CAPTURES");
  snprintf(path, sizeof path, "%s/../spec/overlap-policies.tsv",
           captures && *captures ? captures : "../shared/captures");
  FILE *file = fopen(path, "r");
  if (file == NULL) fprintf(stderr, "skipped: no %s\n", path);
  return file;
}

static int split(char *line, struct row *row) {
  memset(row, 0, sizeof *row);
  line[strcspn(line, "\r\n")] = 0;
  for (int i = 0; i < COLUMNS; i++) {
    row->column[i] = line;
    line = strchr(line, '\t');
    if (line == NULL) return i + 1;
    *line++ = 0;
  }
  return COLUMNS;
}

static uint32_t policy_of(const char *name) {
  static const struct {
    const char *name;
    uint32_t policy;
  } known[] = {
      {"first", TCPTALE_POLICY_FIRST},     {"last", TCPTALE_POLICY_LAST},
      {"bsd", TCPTALE_POLICY_BSD},         {"bsd-right", TCPTALE_POLICY_BSD_RIGHT},
      {"linux", TCPTALE_POLICY_LINUX},     {"windows", TCPTALE_POLICY_WINDOWS},
      {"solaris", TCPTALE_POLICY_SOLARIS}, {"discard", TCPTALE_FRAG_DISCARD},
      {"*", TCPTALE_FRAG_DISCARD},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i].name, name) == 0) return known[i].policy;
  cr_assert_fail("unknown policy %s", name);
  return 0;
}

/* How a row's end comes about: the fragment that reaches furthest has MF=0, or another one follows
 * them all. The former only where that fragment comes once and does not start at 0, else the row
 * would end too soon. */
struct plan {
  struct frag frag[32];
  size_t count;
  uint32_t end;
};

static void read_plan(const char *text, struct plan *plan) {
  memset(plan, 0, sizeof *plan);
  while (text != NULL && *text) {
    char letter;
    uint32_t offset, len;
    cr_assert_eq(sscanf(text, "%c@%u+%u", &letter, &offset, &len), 3);
    struct frag frag = {.offset = offset * UNIT, .len = len * UNIT, .more = 1};
    frag.fill = (uint8_t)letter;
    frag.protocol = 17;
    plan->frag[plan->count++] = frag;
    if (frag.offset + frag.len > plan->end) plan->end = frag.offset + frag.len;
    text = strchr(text, ',');
    if (text != NULL) text++;
  }
}

static void push_all(struct defrag_test *test, const struct plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    cr_expect_eq(test->result.complete, 0);
    defrag_test_push(test, &plan->frag[i]);
  }
}

static void expect_text(const struct defrag_test *test, const struct row *row, const char *how) {
  char got[64] = "DROP";
  uint32_t units = test->result.complete ? test->result.len / UNIT : 0;
  cr_assert_lt(units, sizeof got);
  for (uint32_t i = 0; i < units; i++) {
    got[i] = (char)test->result.data[i * UNIT];
    for (uint32_t j = 1; j < UNIT; j++) cr_expect_eq(test->result.data[i * UNIT + j], got[i]);
    got[i + 1] = 0;
  }
  if (strcmp(row->column[6], "KEEP") == 0) cr_expect(test->result.complete, "%s", row->column[0]);
  else cr_expect_str_eq(got, row->column[6], "%s %s %s", row->column[0], row->column[5], how);
}

/* All with MF, then a closing fragment of one unit that overlaps nothing. */
static void run_closed(const struct row *row, const struct plan *plan, uint8_t version) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  config.policy_v4 = config.policy_v6 = policy_of(row->column[5]);
  defrag_test_init(&test, &config);
  struct plan copy = *plan;
  for (size_t i = 0; i < copy.count; i++) copy.frag[i].version = version;
  push_all(&test, &copy);
  defrag_test_push(
      &test, &(struct frag){.offset = plan->end, .len = UNIT, .version = version, .protocol = 17});
  if (test.result.complete) {
    cr_expect_eq(test.result.len, plan->end + UNIT);
    test.result.len = plan->end;
  }
  expect_text(&test, row, "closed");
  defrag_test_free(&test);
}

/* The one fragment that reaches the end has MF=0, where there is one and it leaves something to
 * come. */
static void run_last(const struct row *row, const struct plan *plan) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  struct plan copy = *plan;
  size_t at = 0, reach = 0;
  for (size_t i = 0; i < copy.count; i++) {
    if (copy.frag[i].offset + copy.frag[i].len != copy.end) continue;
    at = i;
    reach++;
  }
  if (reach != 1 || (at + 1 != copy.count && strcmp(row->column[0], "F-M2") != 0)) return;
  config.policy_v4 = policy_of(row->column[5]);
  copy.frag[at].more = 0;
  defrag_test_init(&test, &config);
  push_all(&test, &copy);
  expect_text(&test, row, "last");
  defrag_test_free(&test);
}

Test(defrag_policies, every_row_of_the_table) {
  FILE *file = open_table();
  char line[1024];
  int rows = 0, open_rows = 0;
  struct plan plan;
  struct row row;
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#' || split(line, &row) < 7 || strncmp(row.column[1], "ip", 2) != 0) continue;
    if (strchr(row.column[6], '?') != NULL) {
      open_rows++;
      continue;
    }
    read_plan(row.column[4], &plan);
    run_closed(&row, &plan, strcmp(row.column[1], "ip6") == 0 ? 6 : 4);
    if (strcmp(row.column[1], "ip4") == 0) run_last(&row, &plan);
    rows++;
  }
  fclose(file);
  fprintf(stderr, "fragment policies: %d rows hold, %d are unspecified\n", rows, open_rows);
  cr_expect_geq(rows, 80);
}

/* Every TCP row of the overlap table comes out as it says: through the public stream, at first
 * sequence numbers that put the wrap everywhere, with both ways of delivery. The table lies beside
 * the captures ($CAPTURES/../spec/overlap-policies.tsv); without it one line says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream_log.h"
#include "tcptale/names.h"

struct table_row {
  char name[64];
  char kind[16];
  char segments[512];
  char policy[16];
  char expect[128];
};

/* The table's words for policies. */
static const struct {
  const char *word;
  uint32_t policy;
} POLICY[] = {
    {"first", TCPTALE_POLICY_FIRST},         {"vista", TCPTALE_POLICY_FIRST},
    {"last", TCPTALE_POLICY_LAST},           {"bsd", TCPTALE_POLICY_BSD},
    {"macos", TCPTALE_POLICY_BSD},           {"win2003", TCPTALE_POLICY_WINDOWS},
    {"windows", TCPTALE_POLICY_WINDOWS},     {"linux", TCPTALE_POLICY_LINUX},
    {"old-linux", TCPTALE_POLICY_OLD_LINUX}, {"solaris", TCPTALE_POLICY_SOLARIS},
    {"hpux11", TCPTALE_POLICY_SOLARIS},      {"hpux10", TCPTALE_POLICY_HPUX10},
    {"irix", TCPTALE_POLICY_HPUX10},
};
#define POLICIES (sizeof POLICY / sizeof *POLICY)

static int read_row(const char *line, struct table_row *row) {
  char proto[8], rel[8];
  memset(row, 0, sizeof *row);
  if (sscanf(line, "%63[^\t]\t%7[^\t]\t%15[^\t]\t%7[^\t]\t%511[^\t]\t%15[^\t]\t%127[^\t\n]",
             row->name, proto, row->kind, rel, row->segments, row->policy, row->expect) != 7)
    return 0;
  return strcmp(proto, "tcp") == 0;
}

static void push(tcptale_stream *stream, uint32_t seq, const char *bytes, size_t len) {
  cr_assert_eq(tcptale_stream_push(stream, seq, (const uint8_t *)bytes, len, len, 0, 0, 1, 1, NULL),
               TCPTALE_OK);
}

/* Feeds one row; `seq` is the number of the table's offset 0. Afterwards log->bytes holds what came
 * out, behind the byte of the leading hole where there is one. */
static size_t feed_row(struct stream_log *log, const struct table_row *row, uint32_t policy,
                       uint32_t seq, uint32_t delivery) {
  tcptale_stream_config config;
  tcptale_stream_callbacks callbacks;
  tcptale_stream *stream;
  size_t hole = strcmp(row->kind, "committed") != 0;
  char payload[128];

  memset(log, 0, sizeof *log);
  log->tiled = 1;
  stream_log_callbacks(&callbacks);
  tcptale_stream_config_init(&config, sizeof config);
  config.policy = policy;
  config.delivery = delivery;
  config.memory_bytes = 512 << 10;
  cr_assert_eq(tcptale_stream_new(&stream, &config, &callbacks, log, seq - (uint32_t)hole),
               TCPTALE_OK);
  for (const char *at = row->segments; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
    char letter;
    unsigned offset, len;
    cr_assert_eq(sscanf(at, "%c@%u+%u", &letter, &offset, &len), 3, "%s", row->segments);
    memset(payload, letter, sizeof payload);
    push(stream, seq + offset, payload, len);
  }
  if (hole) push(stream, seq - 1, "-", 1);
  for (size_t i = 0; row->expect[i] != '\0'; i++)
    if (row->expect[i] == '.') push(stream, seq + (uint32_t)i, ".", 1);
  tcptale_stream_ack(stream, seq + (uint32_t)strlen(row->expect), 2, 2);
  tcptale_stream_free(stream);
  return hole;
}

static void check_row(const struct table_row *row, uint32_t policy) {
  static struct stream_log log;
  size_t len = strlen(row->expect);

  for (uint32_t k = 0; k < 28; k++) {
    static const uint32_t other[3] = {1, 0x7ffffffe, 0x80000000};
    uint32_t seq = k < 25 ? 0 - k : other[k - 25];
    for (uint32_t delivery = TCPTALE_DELIVER_ARRIVAL; delivery <= TCPTALE_DELIVER_ACKED;
         delivery++) {
      size_t hole = feed_row(&log, row, policy, seq, delivery);
      cr_expect(log.tiled && log.told == len + hole &&
                    memcmp(log.bytes + hole, row->expect, len) == 0,
                "%s, %s, first number %u: %.*s, not %s", row->name, row->policy, seq, (int)len,
                (const char *)log.bytes + hole, row->expect);
    }
  }
}

static int check_line(const char *line) {
  struct table_row row;
  int checked = 0;

  if (*line == '#' || !read_row(line, &row) || strchr(row.expect, '?') != NULL) return 0;
  for (size_t p = 0; p < POLICIES; p++) {
    if (strcmp(row.policy, "*") != 0 && strcmp(row.policy, POLICY[p].word) != 0) continue;
    check_row(&row, POLICY[p].policy);
    checked = 1;
  }
  cr_expect(checked, "policy %s is not known", row.policy);
  return 1;
}

Test(overlap, every_row_of_the_table_comes_out_as_it_says) {
  const char *captures = getenv("CAPTURES");
  char path[512], line[1024];
  FILE *file;
  int rows = 0;

  snprintf(path, sizeof path, "%s/../spec/overlap-policies.tsv",
           captures ? captures : "../shared/captures");
  file = fopen(path, "r");
  if (file == NULL) {
    fprintf(stderr, "overlap policies: skipped, no %s\n", path);
    return;
  }
  while (fgets(line, sizeof line, file) != NULL) rows += check_line(line);
  fclose(file);
  cr_assert_gt(rows, 150, "only %d rows", rows);
  fprintf(stderr, "overlap policies: %d rows hold at 28 first numbers\n", rows);
}

/* test_programs.c - the parts of the example programs that keep or choose something: the tale's
 * store and table, the rows of conns, the command line, the labels. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdlib.h>
#include <string.h>

#include "conns_rows.h"
#include "labels.h"
#include "options.h"
#include "scratch.h"
#include "tale_conns.h"
#include "tale_store.h"
#include "tale_words.h"
#include "tcptale/names.h"

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Eight chains grow in turn by pieces of random length and are dropped now and then; each must read
 * back as a plain copy in memory does. */
enum { CHAINS = 8, CHAIN_MOST = 16384, STEPS = 4000 };

typedef struct model {
  size_t len;
  unsigned char bytes[CHAIN_MOST];
} model;

static void read_back(tale_store *store, const tale_chain *chain, const model *expected,
                      uint32_t *random) {
  static unsigned char got[CHAIN_MOST];
  tale_reader reader;
  size_t at = 0;
  tale_reader_begin(&reader, store, chain);
  while (at < expected->len) {
    size_t part = next_random(random) % 700 + 1;
    if (part > expected->len - at) part = expected->len - at;
    cr_assert(tale_reader_get(&reader, got + at, part), "ends at %zu of %zu", at, expected->len);
    at += part;
  }
  cr_assert_arr_eq(got, expected->bytes, expected->len);
  cr_assert_not(tale_reader_get(&reader, got, 1));
}

Test(programs, store_gives_back_what_it_was_given) {
  static model models[CHAINS];
  tale_chain chains[CHAINS] = {{0, 0, 0}};
  tale_store store;
  uint32_t random = 1;
  cr_assert(tale_store_init(&store));
  for (int step = 0; step < STEPS; step++) {
    uint32_t which = next_random(&random) % CHAINS;
    model *m = &models[which];
    size_t len = next_random(&random) % 1500;
    if (len > CHAIN_MOST - m->len || next_random(&random) % 40 == 0) {
      read_back(&store, &chains[which], m, &random);
      tale_store_drop(&store, &chains[which]);
      m->len = 0;
      continue;
    }
    for (size_t i = 0; i < len; i++) m->bytes[m->len + i] = (unsigned char)next_random(&random);
    tale_store_append(&store, &chains[which], m->bytes + m->len, len);
    m->len += len;
  }
  for (size_t i = 0; i < CHAINS; i++) read_back(&store, &chains[i], &models[i], &random);
  cr_assert_not(store.failed);
  /* Dropped blocks are used again: no more were made than all chains can hold at once. */
  cr_assert_leq(store.block_count, CHAINS * (CHAIN_MOST / TALE_BLOCK_ROOM + 2));
  tale_store_clear(&store);
}

Test(programs, table_finds_what_was_added_and_nothing_else) {
  enum { IDS = 5000 };
  static unsigned char there[IDS];
  tale_conns conns;
  uint32_t random = 7;
  cr_assert(tale_conns_init(&conns));
  cr_assert_null(tale_conns_find(&conns, 0));
  for (int step = 0; step < 40000; step++) {
    uint64_t id = next_random(&random) % (IDS - 1) + 1;
    tale_conn *conn = tale_conns_find(&conns, id);
    cr_assert_eq(conn != NULL, there[id], "id %d", (int)id);
    if (conn == NULL) {
      conn = tale_conns_add(&conns, id);
      conn->chain.used = (uint32_t)id * 3;
      there[id] = 1;
    } else {
      cr_assert_eq(conn->chain.used, (uint32_t)id * 3);
      tale_conns_remove(&conns, conn);
      there[id] = 0;
    }
  }
  size_t count = 0;
  for (uint64_t id = 1; id < IDS; id++) {
    count += there[id];
    cr_assert_eq(tale_conns_find(&conns, id) != NULL, there[id]);
  }
  cr_assert_eq(conns.used, count);
  tale_conns_clear(&conns);
}

/* 65536 rows fit into memory; twice as many are written in turn, then all are read, then changed,
 * then read. */
Test(programs, rows_survive_outside_of_memory) {
  enum { ROWS = 140000 };
  conns_rows *rows = conns_rows_new();
  cr_assert_not_null(rows);
  for (uint64_t id = 1; id <= ROWS; id++) {
    conns_row *row = conns_rows_at(rows, id);
    cr_assert_eq(row->rtt_ns, -1);
    cr_assert_eq(row->packets[0], 0);
    row->packets[0] = id;
  }
  for (uint64_t id = ROWS; id >= 1; id--) conns_rows_at(rows, id)->packets[1] = id * 2;
  for (uint64_t id = 1; id <= ROWS; id++) {
    const conns_row *row = conns_rows_at(rows, id);
    cr_assert_eq(row->conn, id);
    cr_assert_eq(row->packets[0], id);
    cr_assert_eq(row->packets[1], id * 2);
  }
  cr_assert_eq(conns_rows_last(rows), ROWS);
  cr_assert_not(conns_rows_failed(rows));
  conns_rows_free(rows);
}

Test(programs, rows_may_begin_anywhere) {
  conns_rows *rows = conns_rows_new();
  cr_assert_not_null(rows);
  conns_rows_at(rows, 65537 * 3)->packets[0] = 5;
  cr_assert_eq(conns_rows_at(rows, 65537)->packets[0], 0);
  cr_assert_eq(conns_rows_at(rows, 65537 * 3 - 65536)->packets[0], 0);
  cr_assert_eq(conns_rows_at(rows, 65537 * 3)->packets[0], 5);
  conns_rows_free(rows);
}

static int hex_given;
static const char *folder_given;
static const options_own own[] = {{"--hex", &hex_given, NULL}, {"-o", NULL, &folder_given}};
static const options_program program = {"test", "FILE", "", own, 2};

/* The words of a command line, and the exit status that it leads to (-1: go on). */
Test(programs, command_lines_are_taken_or_refused) {
  static const struct {
    const char *words;
    int status;
  } rows[] = {
      {"FILE", -1},
      {"-", -1},
      {"--hex FILE", -1},
      {"FILE --hex", -1},
      {"-o dir FILE", -1},
      {"--policy linux FILE", -1},
      {"--policy solaris --deliver acked --budget 1M --flows 3 --checksum verify FILE", -1},
      {"--batch 1 --async --key vlan --urgent oob FILE", -1},
      {"--budget 1048576 FILE", -1},
      {"", 2},
      {"FILE FILE", 2},
      {"--hex", 2},
      {"FILE -o", 2},
      {"FILE --policy", 2},
      {"--policy Linux FILE", 2},
      {"--policy  FILE", 2},
      {"--deliver soon FILE", 2},
      {"--budget 10 FILE", 2},
      {"--budget 1T FILE", 2},
      {"--budget -1 FILE", 2},
      {"--budget 99999999999999999999 FILE", 2},
      {"--budget 99999999999G FILE", 2},
      {"--flows 0 FILE", 2},
      {"--flows 4294967296 FILE", 2},
      {"--flows 1x FILE", 2},
      {"--checksum maybe FILE", 2},
      {"--batch 0 FILE", 2},
      {"--batch 99999 FILE", 2},
      {"--key port FILE", 2},
      {"--urgent now FILE", 2},
      {"--unknown FILE", 2},
      {"-x FILE", 2},
  };
  cr_redirect_stderr();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[160], *argv[16] = {"test"};
    int argc = 1;
    strcpy(text, rows[i].words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
      argv[argc++] = word;
    options opt;
    cr_expect_eq(options_read(&opt, &program, argc, argv), rows[i].status, "'%s'", rows[i].words);
  }
}

Test(programs, options_reach_the_configuration) {
  char *argv[] = {"test", "--policy", "bsd", "--deliver", "acked", "--budget",   "2M",
                  "-",    "--flows",  "17",  "--async",   "--key", "vlan",       "--urgent",
                  "gap",  "--batch",  "9",   "-o",        "there", "--checksum", "ignore"};
  options opt;
  cr_assert_eq(options_read(&opt, &program, sizeof argv / sizeof *argv, argv), OPTIONS_GO_ON);
  cr_expect_eq(opt.config.policy[0], TCPTALE_POLICY_BSD);
  cr_expect_eq(opt.config.policy[1], TCPTALE_POLICY_BSD);
  cr_expect_eq(opt.config.frag_policy_v4, TCPTALE_POLICY_BSD);
  cr_expect_eq(opt.config.delivery, TCPTALE_DELIVER_ACKED);
  cr_expect_eq(opt.config.memory_bytes, 2097152);
  cr_expect_eq(opt.config.max_connections, 17);
  cr_expect_eq(opt.config.flags, TCPTALE_CONFIG_ASYNC | TCPTALE_CONFIG_KEY_VLAN);
  cr_expect_eq(opt.config.urgent, TCPTALE_URGENT_GAP);
  cr_expect_eq(opt.config.checksum, TCPTALE_CHECKSUM_IGNORE);
  cr_expect_eq(opt.batch, 9);
  cr_expect_str_eq(opt.file, "-");
  cr_expect_str_eq(folder_given, "there");
}

Test(programs, labels) {
  char text[LABEL_ADDRESS], flags[LABEL_FLAGS];
  tcptale_endpoints v4 = {.ip_version = 4, .addr = {{10, 0, 2, 15}}};
  tcptale_endpoints v6 = {.ip_version = 6, .addr = {{0x20, 1, 0xd, 0xb8}}};
  v6.addr[0][15] = 1;
  cr_expect_str_eq(label_address(&v4, 0, text), "10.0.2.15");
  cr_expect_str_eq(label_address(&v4, 1, text), "0.0.0.0");
  cr_expect_str_eq(label_address(&v6, 0, text), "2001:db8::1");
  cr_expect_str_eq(label_flags(0, flags), "none");
  cr_expect_str_eq(label_flags(TCPTALE_TCP_SYN | TCPTALE_TCP_ACK, flags), "S.");
  cr_expect_str_eq(label_flags(0xfff, flags), "FSRP.UEWe");
}

/* Every anomaly that has a name has a sentence for the reader, and every verdict a mark but the
 * ordinary one. */
Test(programs, every_report_has_its_words) {
  for (uint32_t code = 1; code < 256; code++) {
    tale_word word = tale_word_anomaly(code);
    int is_known = strcmp(tcptale_anomaly_name(code), "unknown") != 0;
    cr_expect_eq(word.sentence[0] != '\0', is_known, "anomaly %u", code);
    cr_expect_str_eq(word.mark, tcptale_anomaly_name(code));
  }
  for (uint32_t verdict = 1; verdict <= TCPTALE_SEGMENT_OUTSIDE; verdict++)
    cr_expect_eq(tale_word_verdict(verdict).mark[0] != '\0', verdict != TCPTALE_SEGMENT_IN_ORDER);
  for (uint32_t why = 1; why <= TCPTALE_GAP_END; why++)
    cr_expect_neq(tale_word_gap(why).sentence[0], '\0');
  cr_expect_str_eq(tale_word_verdict(999).mark, "unknown");
  cr_expect_str_eq(tale_word_close(999), "unknown");
}

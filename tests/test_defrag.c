/* Fragments by the catalogue of cases (F01 to F13), the seven ways of cutting that evasion tools
 * use, limits, time and memory. One row per case; a case is a conversation of fragments with what
 * each must lead to. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "defrag.h"
#include "fragments.h"

enum {
  OVERLAP = 0x01, /* the bits of a result, from frag_overlap on */
  CONFLICT = 0x02,
  TINY = 0x04,
  INCONSISTENT = 0x08,
  LIMIT = 0x10,
  TIMEOUT = 0x20
};

struct step {
  struct frag frag;
  uint64_t anomalies;
  const char
      *text; /* first byte of each cell of the datagram that is complete now; NULL: none is */
};

static void expect_cells(const struct defrag_test *test, const char *text, const char *name,
                         size_t at) {
  char got[80] = "";
  cr_expect_eq(test->result.complete, text != NULL, "%s, step %zu", name, at);
  if (text == NULL || !test->result.complete) return;
  for (uint32_t i = 0; i * 8 < test->result.len && i + 1 < sizeof got; i++)
    got[i] = (char)test->result.data[i * 8];
  cr_expect_str_eq(got, text, "%s, step %zu", name, at);
}

static void run(const char *name, const tcptale_defrag_config *config, const struct step *step,
                size_t count) {
  struct defrag_test test;
  defrag_test_init(&test, config);
  for (size_t i = 0; i < count; i++) {
    uint64_t anomalies = defrag_test_push(&test, &step[i].frag);
    cr_expect_eq(anomalies, step[i].anomalies, "%s, step %zu: %#x", name, i, (unsigned)anomalies);
    expect_cells(&test, step[i].text, name, i);
  }
  defrag_test_free(&test);
}

#define RUN(name, config, ...)                                                                     \
  run(name, config, (const struct step[]){__VA_ARGS__},                                            \
      sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

/* A fragment of UDP, which has no rules of its own. */
#define PIECE(at, length, m, letter)                                                               \
  { .offset = (at)*8, .len = (length)*8, .more = (m), .fill = (letter), .protocol = 17 }

Test(defrag, bits_are_named_as_the_anomalies) {
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_OVERLAP), OVERLAP);
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_CONFLICT), CONFLICT);
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_TINY), TINY);
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_INCONSISTENT), INCONSISTENT);
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_LIMIT), LIMIT);
  cr_expect_eq(frag_bit(TCPTALE_ANOMALY_FRAG_TIMEOUT), TIMEOUT);
}

Test(defrag, plain_cases) {
  RUN("in order", NULL, {PIECE(0, 2, 1, 'a'), 0, NULL}, {PIECE(2, 1, 0, 'b'), 0, "aab"});
  RUN("last first", NULL, {PIECE(2, 1, 0, 'b'), 0, NULL}, {PIECE(0, 2, 1, 'a'), 0, "aab"});
  RUN("hole filled last", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL}, {PIECE(2, 1, 0, 'c'), 0, NULL},
      {PIECE(1, 1, 1, 'b'), 0, "abc"});
  RUN("exact copies are nothing", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {PIECE(0, 1, 1, 'a'), 0, NULL}, {PIECE(1, 1, 1, 'b'), 0, NULL},
      {PIECE(1, 1, 1, 'b'), 0, NULL}, {PIECE(2, 1, 0, 'c'), 0, "abc"});
  RUN("a copy may tell the end", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {PIECE(1, 1, 1, 'b'), 0, NULL}, {PIECE(1, 1, 0, 'b'), 0, "ab"});
  RUN("equal bytes in another cut are an overlap, no conflict", NULL,
      {PIECE(0, 2, 1, 'a'), 0, NULL}, {PIECE(1, 2, 0, 'a'), OVERLAP, "aaa"});
  RUN("the extent of a neighbour counts for no copy", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {PIECE(1, 1, 1, 'a'), 0, NULL}, {PIECE(0, 2, 1, 'a'), OVERLAP, NULL},
      {PIECE(2, 1, 0, 'b'), 0, "aab"});
}

/* Lengths that end inside a cell: only the last fragment's. */
Test(defrag, lengths_to_the_byte) {
  for (uint32_t tail = 1; tail <= 17; tail++) {
    struct defrag_test test;
    char text[64];
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < 24 + tail; i++) text[i] = (char)('A' + i);
    defrag_test_init(&test, NULL);
    defrag_test_push(&test, &(struct frag){.offset = 24, .len = tail, .data = text + 24});
    defrag_test_push(&test, &(struct frag){.offset = 24, .len = tail, .data = text + 24});
    cr_expect_eq(test.result.anomalies_frag, 0);
    defrag_test_push(&test,
                     &(struct frag){.offset = 0, .len = 24, .more = 1, .data = text, .ttl = 9});
    cr_assert(test.result.complete);
    cr_expect_eq(test.result.len, 24 + tail);
    cr_expect_arr_eq(test.result.data, text, 24 + tail);
    cr_expect_eq(test.result.fragment_count, 2);
    cr_expect_eq(test.result.first_index, 1);
    cr_expect_eq(test.result.last_index, 3);
    cr_expect_eq(test.result.first.ip_ttl, 9);
    cr_expect_eq(test.result.first.frag_offset, 0);
    cr_expect_eq(test.result.first.struct_size, sizeof(tcptale_packet));
    defrag_test_free(&test);
  }
}

/* F01, E02 to E08. A TCP segment of 20 + 36 bytes, cut as the seven do. */
static void fill_segment(uint8_t bytes[56]) {
  memset(bytes, 0, 20);
  bytes[12] = 0x50;
  for (int i = 20; i < 56; i++) bytes[i] = (uint8_t) "ATTACK"[(i - 20) % 6];
}

static void push_cut(struct defrag_test *test, const uint8_t *bytes, uint32_t at, uint32_t len) {
  struct frag frag = {.offset = at, .len = len, .more = at + len < 56, .data = bytes + at};
  cr_expect_eq(test->result.complete, 0);
  defrag_test_push(test, &frag);
}

Test(defrag, fragrouter_1_to_6) {
  static const struct {
    const char *name;
    uint32_t len;
    uint32_t order[8];
    uint32_t count;
  } row[] = {
      {"frag-1", 8, {0, 1, 2, 3, 4, 5, 6}, 7},    {"frag-2", 24, {0, 1, 2}, 3},
      {"frag-3", 8, {0, 2, 1, 3, 4, 5, 6}, 7},    {"frag-4", 8, {0, 1, 2, 2, 3, 4, 5, 6}, 8},
      {"frag-5", 8, {0, 2, 1, 1, 3, 4, 5, 6}, 8}, {"frag-6", 8, {6, 0, 1, 2, 3, 4, 5}, 7},
  };
  uint8_t bytes[56];
  fill_segment(bytes);
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    uint64_t seen = 0;
    defrag_test_init(&test, NULL);
    for (uint32_t n = 0; n < row[i].count; n++) {
      uint32_t at = row[i].order[n] * row[i].len;
      push_cut(&test, bytes, at, 56 - at < row[i].len ? 56 - at : row[i].len);
      seen |= test.result.anomalies_frag;
    }
    cr_assert(test.result.complete, "%s", row[i].name);
    cr_expect_eq(test.result.len, 56, "%s", row[i].name);
    cr_expect_arr_eq(test.result.data, bytes, 56, "%s", row[i].name);
    cr_expect_eq(seen, row[i].len < 20 ? TINY : 0, "%s", row[i].name);
    defrag_test_free(&test);
  }
}

/* frag-7: before each 16 bytes come 8 zero bytes in place of their second half. */
Test(defrag, fragrouter_7_by_policy) {
  static const struct {
    uint32_t policy;
    int real; /* the receiver sees the attack; else the zero bytes */
  } row[] = {
      {TCPTALE_POLICY_FIRST, 0},     {TCPTALE_POLICY_WINDOWS, 0}, {TCPTALE_POLICY_LAST, 1},
      {TCPTALE_POLICY_BSD, 1},       {TCPTALE_POLICY_LINUX, 1},   {TCPTALE_POLICY_SOLARIS, 1},
      {TCPTALE_POLICY_BSD_RIGHT, 1},
  };
  uint8_t bytes[56], expect[56];
  static const uint8_t zero[8] = {0};
  fill_segment(bytes);
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    tcptale_defrag_config config = defrag_test_config();
    uint64_t seen = 0;
    config.policy_v4 = row[i].policy;
    memcpy(expect, bytes, sizeof expect);
    defrag_test_init(&test, &config);
    for (uint32_t at = 0; at < 48; at += 16) {
      struct frag null = {.offset = at + 8, .len = 8, .more = 1, .data = zero};
      seen |= defrag_test_push(&test, &null);
      push_cut(&test, bytes, at, 16);
      seen |= test.result.anomalies_frag;
      if (!row[i].real) memset(expect + at + 8, 0, 8);
    }
    push_cut(&test, bytes, 48, 8);
    cr_assert(test.result.complete, "row %zu", i);
    cr_expect_arr_eq(test.result.data, expect, 56, "row %zu", i);
    cr_expect(seen & CONFLICT && seen & OVERLAP, "row %zu", i);
    defrag_test_free(&test);
  }
}

/* F03: eight bytes of TCP first, then another eight in place of the flags. */
Test(defrag, f03_tiny_first_fragment_and_rewritten_flags) {
  uint8_t syn[8] = {0, 0, 0, 0, 0x50, 0x02}, ack[8] = {0, 0, 0, 0, 0x50, 0x10};
  static const struct {
    uint32_t policy;
    uint8_t flags;
  } row[] = {{TCPTALE_POLICY_FIRST, 0x10},
             {TCPTALE_POLICY_LAST, 0x02},
             {TCPTALE_POLICY_LINUX, 0x02},
             {TCPTALE_POLICY_BSD, 0x10}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    tcptale_defrag_config config = defrag_test_config();
    config.policy_v4 = row[i].policy;
    defrag_test_init(&test, &config);
    struct frag ports = {.offset = 0, .len = 8, .more = 1, .fill = 1};
    struct frag mild = {.offset = 8, .len = 8, .more = 1, .data = ack};
    struct frag evil = {.offset = 8, .len = 8, .more = 1, .data = syn};
    struct frag rest = {.offset = 16, .len = 8, .fill = 3};
    cr_expect_eq(defrag_test_push(&test, &ports), TINY);
    cr_expect_eq(defrag_test_push(&test, &mild), 0, "told once per datagram");
    cr_expect_eq(defrag_test_push(&test, &evil), OVERLAP | CONFLICT);
    cr_expect_eq(defrag_test_push(&test, &rest), 0);
    cr_assert(test.result.complete);
    cr_expect_eq(test.result.data[13], row[i].flags, "row %zu", i);
    defrag_test_free(&test);
  }
  struct frag whole = {.offset = 0, .len = 24, .more = 1},
              short16 = {.offset = 0, .len = 16, .more = 1};
  struct frag over = {.offset = 8, .len = 8, .more = 1},
              udp = {.len = 8, .more = 1, .protocol = 17};
  RUN("a whole header", NULL, {whole, 0, NULL});
  RUN("20 bytes are a header, 16 are not", NULL, {short16, TINY, NULL});
  RUN("offset 8 alone", NULL, {over, TINY, NULL});
  RUN("other protocols may", NULL, {udp, 0, NULL}, {PIECE(1, 1, 1, 'b'), 0, NULL});
}

/* F04, F06, F08 and the rest of what cannot be. */
Test(defrag, f04_ends_that_disagree) {
  RUN("teardrop", NULL, {PIECE(0, 4, 1, 'a'), 0, NULL}, {PIECE(2, 1, 0, 'b'), INCONSISTENT, NULL},
      {PIECE(4, 1, 0, 'c'), 0, NULL});
  RUN("two lasts", NULL, {PIECE(4, 1, 0, 'a'), 0, NULL}, {PIECE(2, 1, 0, 'b'), INCONSISTENT, NULL});
  RUN("two lasts, the later further", NULL, {PIECE(2, 1, 0, 'a'), 0, NULL},
      {PIECE(4, 1, 0, 'b'), INCONSISTENT, NULL});
  RUN("beyond the end", NULL, {PIECE(2, 1, 0, 'a'), 0, NULL},
      {PIECE(3, 1, 1, 'b'), INCONSISTENT, NULL});
  RUN("beyond the end inside its cell", NULL,
      {{.offset = 16, .len = 3, .fill = 'a', .protocol = 17}, 0, NULL},
      {PIECE(1, 2, 1, 'b'), INCONSISTENT, NULL});
  RUN("one end, told twice, and touched by others", NULL, {PIECE(2, 1, 0, 'a'), 0, NULL},
      {PIECE(1, 2, 1, 'a'), OVERLAP, NULL}, {PIECE(0, 1, 1, 'b'), 0, "baa"});
  RUN("IPv6 too, and refused from then on", NULL,
      {{.version = 6, .offset = 16, .len = 8, .protocol = 17}, 0, NULL},
      {{.version = 6, .offset = 8, .len = 8, .protocol = 17, .fill = 'x'}, INCONSISTENT, NULL},
      {{.version = 6, .offset = 0, .len = 8, .more = 1, .protocol = 17}, 0, NULL},
      {{.version = 6, .offset = 8, .len = 8, .protocol = 17}, 0, NULL});
}

Test(defrag, f06_a_hole_beside_an_overlap_is_a_hole) {
  RUN("bytes add up to the length", NULL, {PIECE(0, 2, 1, 'a'), 0, NULL},
      {PIECE(1, 2, 1, 'b'), OVERLAP | CONFLICT, NULL}, {PIECE(4, 1, 0, 'c'), 0, NULL},
      {PIECE(3, 1, 1, 'd'), 0, "aabdc"});
}

Test(defrag, f08_odd_fragments) {
  RUN("a middle not of eights", NULL, {{.len = 12, .more = 1, .fill = 'a'}, INCONSISTENT, NULL});
  RUN("it goes alone", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {{.offset = 8, .len = 9, .more = 1, .protocol = 17}, INCONSISTENT, NULL},
      {PIECE(1, 1, 0, 'b'), 0, "ab"});
  RUN("an empty middle", NULL, {{.offset = 8, .more = 1}, INCONSISTENT, NULL});
  RUN("an empty last", NULL, {{.offset = 8}, INCONSISTENT, NULL});
  struct frag df = PIECE(0, 1, 1, 'a');
  df.flags = TCPTALE_PACKET_DONT_FRAGMENT;
  RUN("DF on a fragment", NULL, {df, 0, NULL}, {PIECE(1, 1, 0, 'b'), 0, "ab"});
}

Test(defrag, f08_only_middles_time_out) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  for (uint32_t i = 1; i < 20; i++) defrag_test_push(&test, &(struct frag)PIECE(i, 1, 1, 'm'));
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 1);
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 30 * SECOND, 10), 0);
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 30 * SECOND + 1, 10), 1);
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 0);
  cr_expect_eq(test.defrag->used_bytes, 0);
  defrag_test_free(&test);
}

/* F05: header and payload are at most 65535 bytes; IPv6 counts the headers before the fragment
 * header. */
Test(defrag, f05_the_longest_datagram) {
  static const struct {
    uint8_t version;
    uint16_t header_len;
    uint32_t offset, len;
    uint64_t anomalies;
  } row[] = {
      {4, 20, 65512, 3, 0},
      {4, 20, 65512, 4, INCONSISTENT},
      {4, 20, 65528, 8, INCONSISTENT},
      {4, 60, 65472, 3, 0},
      {4, 60, 65472, 4, INCONSISTENT},
      {6, 48, 65528, 7, 0},
      {6, 48, 65528, 8, INCONSISTENT},
      {6, 56, 65520, 7, 0},
      {6, 56, 65520, 8, INCONSISTENT},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    struct frag frag = {.version = row[i].version, .header_len = row[i].header_len, .protocol = 17};
    frag.offset = row[i].offset;
    frag.len = row[i].len;
    defrag_test_init(&test, NULL);
    cr_expect_eq(defrag_test_push(&test, &frag), row[i].anomalies, "row %zu", i);
    defrag_test_free(&test);
  }
}

Test(defrag, f05_the_first_header_decides) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  config.memory_bytes = 512 * 1024;
  config.max_fragments = 65;
  for (uint16_t header = 20; header <= 60; header = (uint16_t)(header + 40)) {
    defrag_test_init(&test, &config);
    struct frag last = {.offset = 65512, .len = 3, .fill = 'z', .protocol = 17};
    cr_expect_eq(defrag_test_push(&test, &last), 0);
    for (uint32_t at = 1024; at < 65512; at += 1024)
      defrag_test_push(&test, &(struct frag){.offset = at,
                                             .len = 65512 - at < 1024 ? 65512 - at : 1024,
                                             .more = 1,
                                             .protocol = 17});
    struct frag first = {.len = 1024, .more = 1, .header_len = header, .protocol = 17};
    cr_expect_eq(defrag_test_push(&test, &first), header == 20 ? 0 : INCONSISTENT);
    cr_expect_eq(test.result.complete, header == 20);
    if (test.result.complete) cr_expect_eq(test.result.len, 65515);
    defrag_test_free(&test);
  }
}

/* F07: what tells datagrams apart, and an id that comes again. */
Test(defrag, f07_other_datagrams_with_the_same_id) {
  static const struct {
    struct frag other;
    uint64_t scope;
    uint32_t flags;
    uint32_t same;
  } row[] = {
      {{.id = 8, .protocol = 17}, 0, TCPTALE_KEY_VLAN, 0},
      {{.id = 7, .protocol = 6}, 0, TCPTALE_KEY_VLAN, 0},
      {{.id = 7, .protocol = 17}, 1, TCPTALE_KEY_VLAN, 0},
      {{.id = 7, .protocol = 17, .vlan = 5}, 0, TCPTALE_KEY_VLAN, 0},
      {{.id = 7, .protocol = 17, .vlan = 5}, 0, 0, 1},
      {{.id = 7, .protocol = 17, .version = 6}, 0, 0, 0},
      {{.id = 7, .protocol = 17, .ttl = 60}, 0, TCPTALE_KEY_VLAN, 1},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    tcptale_defrag_config config = defrag_test_config();
    struct frag first = {.id = 7, .protocol = 17, .len = 24, .more = 1}, other = row[i].other;
    config.key_flags = row[i].flags;
    defrag_test_init(&test, &config);
    defrag_test_push(&test, &first);
    test.scope = row[i].scope;
    other.offset = 24;
    other.len = 8;
    defrag_test_push(&test, &other);
    cr_expect_eq(test.result.complete, row[i].same, "row %zu", i);
    cr_expect_eq(tcptale_defrag_pending(test.defrag), row[i].same ? 0u : 2u, "row %zu", i);
    defrag_test_free(&test);
  }
}

Test(defrag, f07_an_id_used_again_begins_anew) {
  RUN("at once", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL}, {PIECE(1, 1, 0, 'b'), 0, "ab"},
      {PIECE(1, 1, 0, 'd'), 0, NULL}, {PIECE(0, 1, 1, 'c'), 0, "cd"},
      {PIECE(0, 2, 1, 'e'), 0, NULL}, {PIECE(2, 1, 0, 'f'), 0, "eef"});
}

/* F09, X22: never more than the memory or the number named, oldest first. */
Test(defrag, f09_a_flood_of_incomplete_datagrams) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  config.max_datagrams = 100000;
  defrag_test_init(&test, &config);
  uint64_t limited = 0;
  for (uint32_t id = 0; id < 100000; id++) {
    struct frag frag = {.id = id, .len = 8, .more = 1, .protocol = 17};
    limited += defrag_test_push(&test, &frag) == LIMIT;
    if (id % 10000 == 0) cr_assert(tcptale_defrag_check(test.defrag));
  }
  uint32_t held = tcptale_defrag_pending(test.defrag);
  cr_expect_eq(limited + held, 100000, "each but those held was told");
  cr_expect_gt(held, 1000);
  cr_expect_leq(test.defrag->used_bytes, config.memory_bytes);
  struct frag youngest = {.id = 99999, .offset = 8, .len = 8, .protocol = 17};
  struct frag eldest = {.id = 100000 - held - 1, .offset = 8, .len = 8, .protocol = 17};
  defrag_test_push(&test, &youngest);
  cr_expect(test.result.complete);
  defrag_test_push(&test, &eldest);
  cr_expect_not(test.result.complete);
  defrag_test_free(&test);
}

Test(defrag, max_datagrams_and_max_fragments) {
  tcptale_defrag_config config = defrag_test_config();
  config.max_datagrams = 2;
  struct frag a = PIECE(0, 1, 1, 'a'), b = a, c = a, end = PIECE(1, 1, 0, 'e');
  b.id = 1;
  c.id = 2;
  struct frag six = {.version = 6, .len = 8, .more = 1, .protocol = 17, .fill = 's'}, other = six;
  other.fill = 'o';
  RUN("the oldest datagram goes", &config, {a, 0, NULL}, {b, 0, NULL}, {c, LIMIT, NULL},
      {end, LIMIT, NULL}, {a, 0, "ae"});
  RUN("one that was refused is no loss", &config, {six, 0, NULL}, {other, OVERLAP | CONFLICT, NULL},
      {a, 0, NULL}, {b, 0, NULL}, {c, LIMIT, NULL});

  config = defrag_test_config();
  config.max_fragments = 2;
  RUN("one fragment too many", &config, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {PIECE(1, 1, 1, 'b'), 0, NULL}, {PIECE(1, 1, 1, 'b'), 0, NULL},
      {PIECE(2, 1, 0, 'c'), LIMIT, NULL}, {PIECE(0, 1, 1, 'a'), 0, NULL},
      {PIECE(1, 1, 0, 'b'), 0, NULL});
}

/* A small generator, the same on every machine. */
static uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static void shuffle(uint32_t *order, uint32_t count, uint64_t *state) {
  for (uint32_t i = count; i > 1; i--) {
    uint32_t j = next_random(state) % i;
    uint32_t kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
  }
}

Test(defrag, f09_one_datagram_in_8190_fragments) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  static uint32_t order[8188];
  static uint8_t bytes[8188 * 8];
  uint64_t seed = 9;
  config.max_fragments = 8192;
  config.memory_bytes = 512 * 1024;
  for (uint32_t i = 0; i < 8188; i++) order[i] = i;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)next_random(&seed);
  shuffle(order, 8188, &seed);
  defrag_test_init(&test, &config);
  for (uint32_t i = 0; i < 8188; i++) {
    struct frag frag = {.offset = order[i] * 8, .len = 8, .more = order[i] != 8187, .protocol = 17};
    frag.data = bytes + frag.offset;
    cr_assert_eq(test.result.complete, 0);
    cr_assert_eq(defrag_test_push(&test, &frag), 0);
    if (i % 512 == 0) cr_assert(tcptale_defrag_check(test.defrag));
  }
  cr_assert(test.result.complete);
  cr_expect_eq(test.result.len, sizeof bytes);
  cr_expect_eq(test.result.fragment_count, 8188);
  cr_expect_arr_eq(test.result.data, bytes, sizeof bytes);
  defrag_test_free(&test);
}

/* F10: IPv6. An overlap ends it, for all fragments of it until it times out (RFC 5722; RFC 8200
 * asks this only of those that have come). */
#define SIX(at, length, m, letter)                                                                 \
  {                                                                                                \
    .offset = (at)*8, .len = (length)*8, .more = (m), .fill = (letter), .protocol = 17,            \
    .version = 6                                                                                   \
  }

Test(defrag, f10_ipv6) {
  RUN("an overlap", NULL, {SIX(0, 3, 1, 'a'), 0, NULL},
      {SIX(2, 3, 1, 'b'), OVERLAP | CONFLICT, NULL}, {SIX(0, 3, 1, 'a'), 0, NULL},
      {SIX(3, 1, 0, 'c'), 0, NULL});
  RUN("an overlap of equal bytes", NULL, {SIX(0, 3, 1, 'a'), 0, NULL},
      {SIX(2, 3, 1, 'a'), OVERLAP, NULL}, {SIX(5, 1, 0, 'a'), 0, NULL});
  RUN("the same extent, other bytes", NULL, {SIX(0, 1, 1, 'a'), 0, NULL},
      {SIX(0, 1, 1, 'b'), OVERLAP | CONFLICT, NULL}, {SIX(1, 1, 0, 'c'), 0, NULL});
  RUN("an exact copy", NULL, {SIX(0, 3, 1, 'a'), 0, NULL}, {SIX(0, 3, 1, 'a'), 0, NULL},
      {SIX(3, 1, 0, 'b'), 0, "aaab"});
  struct frag other = SIX(1, 1, 0, 'b');
  other.protocol = 60;
  RUN("the first fragment's next header counts", NULL, {other, 0, NULL},
      {SIX(0, 1, 1, 'a'), 0, "ab"});
  tcptale_defrag_config first = defrag_test_config();
  first.policy_v6 = TCPTALE_POLICY_FIRST;
  RUN("another policy, where asked for", &first, {SIX(0, 3, 1, 'a'), 0, NULL},
      {SIX(2, 2, 0, 'b'), OVERLAP | CONFLICT, "aaab"});
  tcptale_defrag_config discard = defrag_test_config();
  discard.policy_v4 = TCPTALE_FRAG_DISCARD;
  RUN("IPv4, where asked for", &discard, {PIECE(0, 3, 1, 'a'), 0, NULL},
      {PIECE(2, 2, 0, 'b'), OVERLAP | CONFLICT, NULL}, {PIECE(0, 2, 1, 'a'), 0, NULL},
      {PIECE(2, 2, 0, 'b'), 0, NULL});
}

Test(defrag, f10_the_first_fragments_header_is_the_datagrams) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  struct frag last = SIX(1, 1, 0, 'b'), first = SIX(0, 1, 1, 'a');
  last.protocol = 6;
  last.ttl = 5;
  first.ttl = 60;
  first.header_len = 56;
  first.protocol = 60;
  defrag_test_push(&test, &last);
  first.data = "\x11\0\1\4\0\0\0"; /* UDP behind destination options */
  defrag_test_push(&test, &first);
  cr_assert(test.result.complete);
  cr_expect_eq(test.result.first.ip_protocol, 60);
  cr_expect_eq(test.result.first.ip_ttl, 60);
  cr_expect_eq(test.result.first.ip_header_len, 56);
  defrag_test_free(&test);
}

/* Of two fragments at offset 0 the one whose bytes count gives the header. */
Test(defrag, the_header_goes_with_the_first_bytes) {
  for (uint32_t policy = TCPTALE_POLICY_FIRST; policy <= TCPTALE_POLICY_LAST; policy++) {
    struct defrag_test test;
    tcptale_defrag_config config = defrag_test_config();
    struct frag one = PIECE(0, 1, 1, '1'), two = PIECE(0, 1, 1, '2');
    one.ttl = 1;
    two.ttl = 2;
    config.policy_v4 = policy;
    defrag_test_init(&test, &config);
    defrag_test_push(&test, &one);
    defrag_test_push(&test, &two);
    defrag_test_push(&test, &(struct frag)PIECE(1, 1, 0, 'x'));
    cr_assert(test.result.complete);
    cr_expect_eq(test.result.data[0], policy == TCPTALE_POLICY_FIRST ? '1' : '2');
    cr_expect_eq(test.result.first.ip_ttl, policy == TCPTALE_POLICY_FIRST ? 1 : 2);
    defrag_test_free(&test);
  }
}

Test(defrag, f10_refused_until_the_timeout) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  defrag_test_push(&test, &(struct frag)SIX(0, 3, 1, 'a'));
  defrag_test_push(&test, &(struct frag)SIX(2, 3, 1, 'b'));
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 0);
  test.ts_ns = 30 * SECOND;
  defrag_test_push(&test, &(struct frag)SIX(0, 1, 1, 'a'));
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 0);
  test.ts_ns++;
  cr_expect_eq(defrag_test_push(&test, &(struct frag)SIX(0, 1, 1, 'a')), 0,
               "no timeout is told twice");
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 1);
  defrag_test_push(&test, &(struct frag)SIX(1, 1, 0, 'b'));
  cr_expect(test.result.complete);
  defrag_test_free(&test);
}

/* F11: the header chain, to the end of TCP's fixed part, is in the first fragment or the datagram
 * goes. */
Test(defrag, f11_ipv6_header_chain) {
  static const struct {
    const char *bytes;
    uint32_t given, len; /* the rest is zero */
    uint8_t protocol;
    uint64_t anomalies;
  } row[] = {
      {"", 0, 16, 6, TINY},                                     /* TCP, cut */
      {"", 0, 24, 6, 0},                                        /* TCP, whole */
      {"\x06\0\1\4\0\0\0", 8, 8, 60, TINY},                     /* options, no TCP */
      {"\x06\0\1\4\0\0\0", 8, 24, 60, TINY},                    /* options, 16 bytes of TCP */
      {"\x06\0\1\4\0\0\0", 8, 32, 60, 0},                       /* options and TCP */
      {"\x06\1\1\14\0\0\0", 8, 8, 60, TINY},                    /* the options are cut */
      {"\x3c\0\1\4\0\0\0\0\x3c\0\1\4\0\0\0", 16, 16, 60, TINY}, /* a third header is wanted */
      {"\x11\0\1\4\0\0\0", 8, 8, 60, 0},                        /* UDP is no matter of ours */
      {"\x06\4\0\0\0\0\0", 8, 24, 51, TINY},                    /* AH of 24 bytes, no TCP */
      {"", 0, 8, 59, 0},                                        /* no next header */
      {"\x06\4\0\0\0\0\0", 8, 48, 51, 0},                       /* AH and TCP */
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct defrag_test test;
    uint8_t bytes[48] = {0};
    memcpy(bytes, row[i].bytes, row[i].given);
    struct frag frag = {.version = 6, .len = row[i].len, .more = 1, .data = bytes};
    frag.protocol = row[i].protocol;
    defrag_test_init(&test, NULL);
    cr_expect_eq(defrag_test_push(&test, &frag), row[i].anomalies, "row %zu", i);
    frag.offset = row[i].len;
    frag.more = 0;
    defrag_test_push(&test, &frag);
    cr_expect_eq(test.result.complete, row[i].anomalies == 0, "row %zu", i);
    defrag_test_free(&test);
  }
}

/* F12, F13. */
Test(defrag, f12_f13_ttl_and_padding) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  for (uint32_t i = 0; i < 6; i++) {
    struct frag frag = PIECE(i, 1, i < 5, 'a');
    frag.ttl = (uint8_t)(5 + 11 * i);
    frag.padding = 13;
    cr_expect_eq(defrag_test_push(&test, &frag), 0);
  }
  cr_assert(test.result.complete);
  cr_expect_eq(test.result.len, 48);
  for (uint32_t i = 0; i < 48; i++) cr_expect_eq(test.result.data[i], 'a');
  defrag_test_free(&test);
}

Test(defrag, what_the_capture_cut_is_waited_for) {
  struct frag cut = PIECE(1, 2, 0, 'b');
  cut.captured = 9;
  RUN("a cut copy, then the whole", NULL, {PIECE(0, 1, 1, 'a'), 0, NULL}, {cut, 0, NULL},
      {PIECE(1, 2, 0, 'b'), 0, "abb"});
}

/* Time. */

Test(defrag, time_goes_forward_only) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  test.ts_ns = 1000 * SECOND;
  defrag_test_push(&test, &(struct frag)PIECE(0, 1, 1, 'a'));
  test.ts_ns = 0; /* a jump back: nothing becomes older or younger */
  cr_expect_eq(defrag_test_push(&test, &(struct frag)PIECE(2, 1, 0, 'c')), 0);
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 0, 10), 0);
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 1);
  test.ts_ns = 1030 * SECOND;
  defrag_test_push(&test, &(struct frag)PIECE(1, 1, 1, 'b'));
  cr_expect(test.result.complete, "its age is 30 s, not more");

  defrag_test_push(&test, &(struct frag)PIECE(0, 1, 1, 'a'));
  test.ts_ns = UINT64_MAX; /* a jump ahead */
  cr_expect_eq(defrag_test_push(&test, &(struct frag)PIECE(1, 1, 0, 'b')), TIMEOUT);
  cr_expect_not(test.result.complete);
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 1, "what came late begins anew");
  defrag_test_free(&test);
}

Test(defrag, expiry_is_bounded_and_told) {
  struct defrag_test test;
  defrag_test_init(&test, NULL);
  for (uint32_t id = 0; id < 1000; id++) {
    struct frag frag = {.id = id, .len = 8, .more = 1, .protocol = 17};
    defrag_test_push(&test, &frag);
  }
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 31 * SECOND, 300), 300);
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 700);
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 0, 0), 0);
  struct frag late = {.id = 999, .offset = 8, .len = 8, .protocol = 17};
  cr_expect_eq(defrag_test_push(&test, &late), TIMEOUT, "too old, though the backlog hides it");
  cr_expect_not(test.result.complete);
  cr_expect_eq(tcptale_defrag_expire(test.defrag, 31 * SECOND, UINT32_MAX), 691);
  cr_expect_eq(tcptale_defrag_pending(test.defrag), 1);
  defrag_test_free(&test);
}

/* Any cutting, order and copying gives the bytes back. */

struct original {
  uint8_t bytes[4096];
  uint32_t len;
  struct frag frag[64];
  uint32_t count;
  uint32_t order[96];
  uint32_t sends;
};

static void cut(struct original *o, uint64_t *seed) {
  o->len = 9 + next_random(seed) % (sizeof o->bytes - 9);
  o->count = 0;
  for (uint32_t i = 0; i < o->len; i++) o->bytes[i] = (uint8_t)next_random(seed);
  uint32_t step = o->len / 8 / 24 + 1;
  for (uint32_t at = 0; at < o->len;) {
    uint32_t len = (1 + next_random(seed) % (2 * step)) * 8;
    if (at == 0 && len >= o->len) len = 8;
    if (len > o->len - at) len = o->len - at;
    struct frag frag = {.offset = at, .len = len, .more = at + len < o->len, .data = o->bytes + at};
    frag.protocol = 17;
    o->frag[o->count++] = frag;
    at += len;
    if (o->count == 63) step = o->len;
  }
  for (uint32_t i = 0; i < o->count; i++) o->order[i] = i;
  o->sends = o->count;
  for (uint32_t i = next_random(seed) % 8; i > 0; i--)
    o->order[o->sends++] = next_random(seed) % o->count;
  shuffle(o->order, o->sends, seed);
}

static void send_and_compare(struct defrag_test *test, const struct original *o, uint32_t id,
                             uint8_t version) {
  uint32_t seen = 0, left = o->count;
  uint8_t sent[64] = {0};
  for (uint32_t i = 0; i < o->sends && left > 0; i++) {
    struct frag frag = o->frag[o->order[i]];
    frag.id = id;
    frag.version = version;
    left -= !sent[o->order[i]];
    sent[o->order[i]] = 1;
    cr_assert_eq(defrag_test_push(test, &frag), 0);
    cr_assert_eq(test->result.complete, left == 0);
    seen++;
  }
  cr_assert_eq(test->result.len, o->len);
  cr_assert_arr_eq(test->result.data, o->bytes, o->len);
  cr_assert_eq(test->result.fragment_count, o->count);
  cr_assert_geq(seen, o->count);
}

Test(defrag, random_fragmentation_gives_the_original) {
  static struct original o;
  struct defrag_test test;
  const char *given = getenv("SEED");
  uint64_t seed = given ? strtoull(given, NULL, 0) : 20240613;
  fprintf(stderr, "fragments: 20000 datagrams, SEED=%llu\n", (unsigned long long)seed);
  tcptale_defrag_config config = defrag_test_config();
  config.memory_bytes = 512 * 1024;
  for (uint32_t i = 0; i < 20000; i++) {
    if (i % 2000 == 0) {
      uint32_t policy = i / 2000;
      config.policy_v4 = policy == 0 ? (uint32_t)TCPTALE_FRAG_DISCARD : policy;
      defrag_test_init(&test, &config);
    }
    cut(&o, &seed);
    send_and_compare(&test, &o, next_random(&seed), i % 2 ? 6 : 4);
    if (i % 2000 == 1999) {
      cr_expect_eq(tcptale_defrag_pending(test.defrag), 0);
      defrag_test_free(&test);
    }
  }
}

/* Overlaps against a slow model: a list of what is left of each fragment, cut as the kernels cut
 * it. */

struct left {
  uint32_t start, end;
  char letter;
};

struct model {
  struct left left[64];
  uint32_t count;
};

static void model_insert(struct model *m, uint32_t at, struct left one) {
  memmove(&m->left[at + 1], &m->left[at], (m->count - at) * sizeof one);
  m->left[at] = one;
  m->count++;
}

static void model_remove(struct model *m, uint32_t at) {
  m->count--;
  memmove(&m->left[at], &m->left[at + 1], (m->count - at) * sizeof m->left[0]);
}

/* The one before keeps its bytes, those behind lose theirs; `equal`: one with the same start is
 * before. */
static void model_push(struct model *m, struct left one, int equal) {
  uint32_t at = 0;
  while (at < m->count &&
         (m->left[at].start < one.start || (equal && m->left[at].start == one.start)))
    at++;
  if (at > 0 && m->left[at - 1].end > one.start) one.start = m->left[at - 1].end;
  if (one.start >= one.end) return;
  while (at < m->count && m->left[at].end <= one.end) model_remove(m, at);
  if (at < m->count && m->left[at].start < one.end) m->left[at].start = one.end;
  model_insert(m, at, one);
}

static void bytes_push(char *text, struct left one, int last) {
  for (uint32_t i = one.start; i < one.end; i++)
    if (last || text[i] == 0) text[i] = one.letter;
}

static void model_text(const struct model *m, char *text) {
  for (uint32_t i = 0; i < m->count; i++) bytes_push(text, m->left[i], 1);
}

Test(defrag, overlaps_as_a_slow_model_has_them) {
  static const uint32_t policies[4] = {TCPTALE_POLICY_FIRST, TCPTALE_POLICY_LAST,
                                       TCPTALE_POLICY_BSD, TCPTALE_POLICY_LINUX};
  enum { CELLS = 20 };
  uint64_t seed = 4711;
  for (uint32_t round = 0; round < 20000; round++) {
    uint32_t policy = policies[round % 4];
    tcptale_defrag_config config = defrag_test_config();
    struct defrag_test test;
    struct model model = {.count = 0};
    char text[CELLS + 2] = "", got[CELLS + 2] = "";
    config.policy_v4 = policy;
    config.memory_bytes = 512 * 1024;
    defrag_test_init(&test, &config);
    uint32_t count = 3 + next_random(&seed) % 10;
    for (uint32_t i = 0; i <= count; i++) {
      struct left one = {next_random(&seed) % CELLS, 0, (char)('a' + i)};
      one.end = one.start + 1 + next_random(&seed) % (CELLS - one.start);
      if (i == count) one = (struct left){0, CELLS, 'z'}; /* so that no hole is left */
      defrag_test_push(&test,
                       &(struct frag)PIECE(one.start, one.end - one.start, 1, (uint8_t)one.letter));
      if (round % 4 < 2) bytes_push(text, one, policy == TCPTALE_POLICY_LAST);
      else model_push(&model, one, policy == TCPTALE_POLICY_BSD);
    }
    model_text(&model, text);
    text[CELLS] = 'Z';
    defrag_test_push(&test, &(struct frag)PIECE(CELLS, 1, 0, 'Z'));
    cr_assert(test.result.complete);
    for (uint32_t i = 0; i <= CELLS; i++) got[i] = (char)test.result.data[i * 8];
    cr_assert_str_eq(got, text, "round %u, policy %u", round, policy);
    defrag_test_free(&test);
  }
}

/* Little memory, and an arena that others use up: nothing is lost but datagrams, and that is
 * told. */

static void push_rubbish(struct tcptale_defrag *d, uint64_t *seed, const uint8_t *bytes) {
  tcptale_packet packet;
  tcptale_defrag_result result;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_defrag_result_init(&result, sizeof result);
  packet.ip_version = next_random(seed) % 2 ? 4 : 6;
  packet.layers = TCPTALE_LAYER_FRAGMENT;
  packet.ip_protocol = next_random(seed) % 2 ? 6 : 17;
  packet.ip_id = next_random(seed) % 12;
  packet.ip_header_len = packet.ip_version == 4 ? 20 : 48;
  packet.ip_payload_len = (1 + next_random(seed) % 400) * 8;
  packet.frag_offset = (uint16_t)(next_random(seed) % 8192 * 8);
  if (next_random(seed) % 2) packet.frag_offset &= 0x0ff8;
  if (next_random(seed) % 9) packet.flags = TCPTALE_PACKET_MORE_FRAGMENTS;
  packet.cap_len = packet.ip_payload_len;
  uint64_t out = d->forced_out;
  uint64_t ts_ns = (uint64_t)next_random(seed) % 1000 * SECOND / 10;
  cr_assert_eq(tcptale_defrag_push(d, &packet, bytes, 0, 1, ts_ns, &result), TCPTALE_OK);
  cr_assert_eq((result.anomalies_frag & LIMIT) != 0, d->forced_out != out);
  cr_assert(!result.complete || result.len <= 65535);
}

Test(defrag, little_memory_shared_with_others) {
  static uint8_t bytes[3200];
  size_t size = 20 * TCPTALE_ARENA_PAGE;
  uint8_t *block = aligned_alloc(64, size), *fixed;
  uint64_t seed = 7;
  for (uint64_t budget = 0; budget <= 24576; budget += 512) {
    struct tcptale_arena arena;
    struct tcptale_defrag d;
    uint32_t others[8];
    tcptale_defrag_config config = defrag_test_config();
    config.memory_bytes = budget;
    config.max_datagrams = 7;
    fixed = aligned_alloc(64, tcptale_defrag_fixed_bytes(&config));
    cr_assert_gt(tcptale_arena_init(&arena, block, size, 64), 0);
    tcptale_defrag_init(&d, &arena, &config, fixed);
    for (int round = 0; round < 40; round++) {
      for (int i = 0; i < 8; i++) others[i] = tcptale_arena_alloc(&arena, TCPTALE_ARENA_4096);
      for (int i = 0; i < 20; i++) push_rubbish(&d, &seed, bytes);
      cr_assert(tcptale_defrag_check(&d), "budget %u", (unsigned)budget);
      if (round % 3 == 0) tcptale_defrag_relieve(&d);
      for (int i = 0; i < 8; i++)
        if (others[i] != TCPTALE_ARENA_NONE) tcptale_arena_release(&arena, others[i]);
    }
    tcptale_defrag_clear(&d);
    cr_assert_eq(arena.pages_used, 0);
    free(fixed);
  }
  free(block);
}

/* The public edges. */

Test(defrag, arguments) {
  struct defrag_test test;
  tcptale_defrag_config config = defrag_test_config();
  tcptale_defrag_result result;
  tcptale_packet packet;
  tcptale_defrag *out = NULL;
  cr_expect_eq(tcptale_defrag_config_init(&config, sizeof config - 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_config_init(NULL, sizeof config), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_result_init(&result, 8), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_new(NULL, &config), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_new(&out, NULL), TCPTALE_ERR_ARG);
  config.memory_bytes = 512 * 1024 - 1;
  cr_expect_eq(tcptale_defrag_new(&out, &config), TCPTALE_ERR_NOMEM);
  cr_expect_null(out);
  cr_expect_eq(tcptale_defrag_expire(NULL, 0, 0), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_pending(NULL), 0);
  tcptale_defrag_free(NULL);

  defrag_test_init(&test, NULL);
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_defrag_result_init(&result, sizeof result);
  packet.ip_version = 4;
  cr_expect_eq(tcptale_defrag_push(test.defrag, &packet, (const uint8_t *)"", 0, 1, 0, &result),
               TCPTALE_ERR_ARG, "no fragment");
  packet.layers = TCPTALE_LAYER_FRAGMENT;
  cr_expect_eq(tcptale_defrag_push(test.defrag, NULL, (const uint8_t *)"", 0, 1, 0, &result),
               TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_push(test.defrag, &packet, NULL, 0, 1, 0, &result), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_defrag_push(test.defrag, &packet, (const uint8_t *)"", 0, 1, 0, NULL),
               TCPTALE_ERR_ARG);
  defrag_test_free(&test);
}

Test(defrag, configurations_out_of_range) {
  static const size_t at[] = {offsetof(tcptale_defrag_config, struct_size),
                              offsetof(tcptale_defrag_config, policy_v4),
                              offsetof(tcptale_defrag_config, policy_v6),
                              offsetof(tcptale_defrag_config, max_datagrams),
                              offsetof(tcptale_defrag_config, max_fragments),
                              offsetof(tcptale_defrag_config, key_flags)};
  static const uint32_t bad[] = {8, 10, 31, 0, 8193, 4};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    tcptale_defrag_config config = defrag_test_config();
    tcptale_defrag *out = NULL;
    memcpy((uint8_t *)&config + at[i], &bad[i], sizeof bad[i]);
    cr_expect_eq(tcptale_defrag_new(&out, &config), TCPTALE_ERR_ARG, "row %zu", i);
    cr_expect_null(out);
  }
}

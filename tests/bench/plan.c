/* plan.c - see plan.h. W: workloads; S: the packets of W3 with fewer connections at once; M: what
 * is remembered of a connection; C: right or wrong, small. */
#include "plan.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

#define MANY .request = 64, .response = 64, .exchanges = 2, .segment = 64
#define SMALL                                                                                      \
  .connections = 500, .active = 100, .request = 2000, .response = 100000, .segment = 1448,         \
  .ack_every = 2

static const struct plan plans[] = {
    {.name = "W1",
     .connections = 64,
     .active = 64,
     .request = 200,
     .response = 16777216,
     .segment = 1448,
     .ack_every = 2},
    {.name = "W2",
     .connections = 1000,
     .active = 1000,
     .request = 64,
     .response = 64,
     .exchanges = 2500,
     .segment = 64},
    {.name = "W3", .connections = 1000000, .active = 1000000, MANY},
    {.name = "W4",
     .connections = 500000,
     .active = 1000,
     .request = 200,
     .response = 1500,
     .segment = 1448,
     .ack_every = 2},
    {.name = "W5",
     .connections = 2000,
     .active = 500,
     .request = 20000,
     .response = 300000,
     .ack_every = 2,
     .late = 500,
     .again = 200,
     .lost = 100,
     .overlap = 200},
    {.name = "W6",
     .connections = 50000,
     .active = 1000,
     .request = 200,
     .response = 1500,
     .segment = 1448,
     .ack_every = 2,
     .flood = 10,
     .rate = 100000},
    {.name = "W7",
     .connections = 20000,
     .active = 2000,
     .request = 600,
     .response = 12000,
     .exchanges = 2,
     .ack_every = 2,
     .ipv6 = 3000,
     .vlan = 2000,
     .reset = 1000,
     .half_close = 500,
     .midstream = 500,
     .late = 50,
     .lost = 50,
     .again = 50},
    {.name = "S1k", .connections = 1000000, .active = 1000, MANY},
    {.name = "S10k", .connections = 1000000, .active = 10000, MANY},
    {.name = "S100k", .connections = 1000000, .active = 100000, MANY},
    {.name = "M4", .connections = 1000000, .active = 1000, MANY, .left_open = 10000},
    {.name = "M6", .connections = 1000000, .active = 1000, MANY, .left_open = 10000, .ipv6 = 10000},
    {.name = "Mhalf",
     .connections = 1,
     .active = 1,
     .request = 1,
     .response = 1,
     .segment = 1,
     .flood = 125000},
    {.name = "C_plain", SMALL},
    {.name = "C_missed", SMALL, .missed = 100},
    {.name = "C_conflict", SMALL, .overlap = 200, .conflict = 1},
    {.name = "C_corrupt", SMALL, .corrupt_every = 50},
    {.name = "C_midstream", SMALL, .midstream = 5000},
    {.name = "C_order", SMALL, .late = 2000, .lost = 500, .again = 1000, .overlap = 1000},
    {.name = "C_half", SMALL, .half_close = 5000, .reset = 3000},
    {.name = "C_wrap", SMALL, .late = 1000, .lost = 200, .again = 500, .overlap = 500, .wrap = 1},
    {.name = "C_overlap", SMALL, .overlap = 1000},
    {.name = "C_ipv6", SMALL, .ipv6 = 10000, .vlan = 5000, .late = 500},
};

/* Fields that an argument may change. */
#define FIELD(name)                                                                                \
  { #name, offsetof(struct plan, name) }
static const struct {
  const char *key;
  size_t at;
} fields[] = {FIELD(connections), FIELD(active),    FIELD(request),   FIELD(response),
              FIELD(exchanges),   FIELD(segment),   FIELD(ack_every), FIELD(late),
              FIELD(lost),        FIELD(again),     FIELD(overlap),   FIELD(missed),
              FIELD(ipv6),        FIELD(vlan),      FIELD(reset),     FIELD(half_close),
              FIELD(midstream),   FIELD(left_open), FIELD(conflict),  FIELD(corrupt_every),
              FIELD(wrap),        FIELD(flood),     FIELD(bare),      FIELD(rate)};
enum { FIELDS = sizeof fields / sizeof *fields };

static void check_keys(char **argv, const char *other_keys) {
  char known[1024];
  int n = snprintf(known, sizeof known, "%s", other_keys);
  for (int i = 0; i < FIELDS; i++)
    n += snprintf(known + n, sizeof known - (size_t)n, "%s ", fields[i].key);
  words_check(argv, known);
}

static const struct plan *find(const char *name) {
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
    if (strcmp(plans[i].name, name) == 0) return &plans[i];
  fprintf(stderr, "no such plan: %s\n", name);
  exit(2);
}

static void change(struct plan *plan, char **argv) {
  for (int i = 0; i < FIELDS; i++) {
    uint64_t *field = (uint64_t *)(void *)((char *)plan + fields[i].at);
    *field = number_of(argv, fields[i].key, *field);
  }
}

struct plan plan_read(char **argv, const char *other_keys) {
  check_keys(argv, other_keys);
  struct plan plan = *find(needed(argv, "plan"));
  change(&plan, argv);
  if (plan.exchanges == 0) plan.exchanges = 1;
  if (plan.rate == 0) plan.rate = 1000000;
  if (plan.active > plan.connections) plan.active = plan.connections;
  if (plan.active == 0 || plan.active >> 31 || plan.connections >> 32 || plan.segment > 1448) {
    fprintf(stderr, "%s: no such connections or segments\n", plan.name);
    exit(2);
  }
  return plan;
}

/* overlap.c - overlap policies as data: one row of nine answers per policy. Invariant: the
 * answer depends on nothing but the three extents. Floor 1. */
#include "overlap.h"

#include <string.h>

#include "tcptale/stream.h"

/* The nine relations of the old extent X to the new one Y, by how X's start and end lie to Y's:
 *
 *                  X ends before Y         same end                X ends after Y
 *   X starts first O   X ahead, Y past     Fi  Y inside, same end  Di  Y strictly inside
 *   same start     S   Y longer            Eq  the same            Si  Y shorter
 *   X starts after D   X strictly inside   F   same end, Y first   Oi  Y ahead, X past
 *
 * A row's answers stand in this order: n, the new copy wins; o, the old one keeps its bytes.
 *
 * BSD kernels cut a queued segment when a later one wins, so the next comparison sees the moved
 * start; the same goes for Linux' fragments. Linux' segment queue keeps every segment whole and
 * lets the one that starts first be read first. Of the others only pairs are known; they are
 * judged by what was sent. */
struct rule {
  char answer[12]; /* three rows of three, apart by a blank */
  uint8_t moved;   /* 1: X is what is left of it; 0: X is what came */
};

static const struct rule OLD_ALWAYS = {"ooo ooo ooo", 0};
static const struct rule NEW_ALWAYS = {"nnn nnn nnn", 0};

/* O Fi Di, S Eq Si, D F Oi */
static const struct rule SEGMENT_BSD = {"ooo ooo nnn", 1};
static const struct rule SEGMENT_LINUX = {"ooo noo nnn", 0};
static const struct rule SEGMENT_OLD_LINUX = {"ooo nno nnn", 0};
static const struct rule SEGMENT_SOLARIS = {"noo nno nno", 0};
static const struct rule SEGMENT_HPUX10 = {"ooo ooo nnn", 0};

static const struct rule FRAGMENT_BSD = {"ooo ooo nnn", 1};
static const struct rule FRAGMENT_BSD_RIGHT = {"noo nno nno", 0};
static const struct rule FRAGMENT_LINUX = {"ooo nnn nnn", 1};
static const struct rule FRAGMENT_WINDOWS = {"ooo ooo noo", 0};
static const struct rule FRAGMENT_SOLARIS = {"ooo ooo nno", 0};

static const struct rule *segment_rule(uint32_t policy) {
  switch (policy) {
  case TCPTALE_POLICY_LAST: return &NEW_ALWAYS;
  case TCPTALE_POLICY_BSD:
  case TCPTALE_POLICY_BSD_RIGHT:
  case TCPTALE_POLICY_WINDOWS: return &SEGMENT_BSD;
  case TCPTALE_POLICY_LINUX: return &SEGMENT_LINUX;
  case TCPTALE_POLICY_OLD_LINUX: return &SEGMENT_OLD_LINUX;
  case TCPTALE_POLICY_SOLARIS: return &SEGMENT_SOLARIS;
  case TCPTALE_POLICY_HPUX10: return &SEGMENT_HPUX10;
  default: return &OLD_ALWAYS;
  }
}

static const struct rule *fragment_rule(uint32_t policy) {
  switch (policy) {
  case TCPTALE_POLICY_LAST: return &NEW_ALWAYS;
  case TCPTALE_POLICY_BSD:
  case TCPTALE_POLICY_HPUX10: return &FRAGMENT_BSD;
  case TCPTALE_POLICY_BSD_RIGHT: return &FRAGMENT_BSD_RIGHT;
  case TCPTALE_POLICY_LINUX:
  case TCPTALE_POLICY_OLD_LINUX: return &FRAGMENT_LINUX;
  case TCPTALE_POLICY_WINDOWS: return &FRAGMENT_WINDOWS;
  case TCPTALE_POLICY_SOLARIS: return &FRAGMENT_SOLARIS;
  default: return &OLD_ALWAYS;
  }
}

/* 0, 1 or 2: `a` is less than, equal to or greater than `b`. */
static uint32_t order(uint64_t a, uint64_t b) {
  return (uint32_t)(a > b) * 2u + (uint32_t)(a == b);
}

int tcptale_overlap_new_wins(enum tcptale_overlap_kind kind, uint32_t policy,
                             const struct tcptale_extent *old_origin,
                             const struct tcptale_extent *old_now,
                             const struct tcptale_extent *fresh) {
  const struct rule *rule =
      kind == TCPTALE_OVERLAP_SEGMENT ? segment_rule(policy) : fragment_rule(policy);
  const struct tcptale_extent *old = rule->moved ? old_now : old_origin;

  return rule->answer[order(old->start, fresh->start) * 4 + order(old->end, fresh->end)] == 'n';
}

/* Appends start .. end - 1; beyond the exact runs the last one grows over it. */
static void add_run(struct tcptale_runs *runs, uint64_t start, uint64_t end) {
  if (runs->count > 0) {
    struct tcptale_extent *last = &runs->run[runs->count - 1];
    if (last->end == start || runs->count > TCPTALE_RUNS_EXACT) {
      last->end = end;
      return;
    }
  }
  runs->run[runs->count].start = start;
  runs->run[runs->count].end = end;
  runs->count++;
}

void tcptale_runs_compare(struct tcptale_runs *runs, uint64_t start, const uint8_t *a,
                          const uint8_t *b, size_t len) {
  size_t i = 0;

  if (len == 0 || memcmp(a, b, len) == 0) return;
  while (i < len) {
    size_t from;
    while (i < len && a[i] == b[i]) i++;
    from = i;
    while (i < len && a[i] != b[i]) i++;
    if (i > from) add_run(runs, start + from, start + i);
  }
}

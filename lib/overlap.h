/* overlap.h - who owns a byte that came twice: the rule of the receiving host, for queued TCP
 * segments and for IP fragments, and the exact places where two copies differ. Pure. Floor 1. */
#ifndef TCPTALE_LIB_OVERLAP_H
#define TCPTALE_LIB_OVERLAP_H

#include <stddef.h>
#include <stdint.h>

/* Positions start .. end - 1. */
struct tcptale_extent {
  uint64_t start;
  uint64_t end;
};

/* Which table of a policy counts. */
enum tcptale_overlap_kind { TCPTALE_OVERLAP_SEGMENT = 0, TCPTALE_OVERLAP_FRAGMENT = 1 };

/* Whether the new copy owns the bytes that both have; else the old one keeps them. `old_origin`
 * is the extent with which the old segment came, `old_now` what is left of it, `fresh` the
 * extent with which the new one came (cut at the receiver's next expected byte, not yet at its
 * neighbours). All three are not empty, and old_now meets fresh. `policy`: TCPTALE_POLICY_; an
 * unknown one counts as FIRST. */
int tcptale_overlap_new_wins(enum tcptale_overlap_kind kind, uint32_t policy,
                             const struct tcptale_extent *old_origin,
                             const struct tcptale_extent *old_now,
                             const struct tcptale_extent *fresh);

/* Where two copies differ: the first runs exactly, whatever follows them as one run that covers
 * it. */
#define TCPTALE_RUNS_EXACT 16
struct tcptale_runs {
  uint32_t count; /* at most TCPTALE_RUNS_EXACT + 1 */
  struct tcptale_extent run[TCPTALE_RUNS_EXACT + 1];
};

/* Adds the differences of `a` and `b`, `len` bytes that both stand at position `start`. Calls
 * come in ascending order of `start`; runs that touch across calls become one. */
void tcptale_runs_compare(struct tcptale_runs *runs, uint64_t start, const uint8_t *a,
                          const uint8_t *b, size_t len);

#endif

/* ahead.c - see ahead.h. Floor 20. */
#include "ahead.h"

enum { STEP = 3 }; /* announcements from one step of prefetching to the next */

_Static_assert(2 * STEP < TCPTALE_ANNOUNCED && (TCPTALE_ANNOUNCED & (TCPTALE_ANNOUNCED - 1)) == 0,
               "two steps back are still there, also when the count wraps");

/* One copy for each `may_have_gist` and `verify`: nearly all that a frame costs here is in line. */
static TCPTALE_INLINE void read_all(struct tcptale_tracker *t, struct tcptale_lookup *look,
                                    const tcptale_frame *f, size_t stride, uint32_t count,
                                    int may_have_gist, int verify) {
  const struct tcptale_lookup *end = look + count;
  for (; look < end; look++, f = tcptale_ahead_at(f, stride, 1))
    tcptale_ahead_read(t, f, look, may_have_gist, verify);
}

void tcptale_ahead_read_all(struct tcptale_tracker *t, struct tcptale_lookup *look,
                            const tcptale_frame *frames, size_t stride, uint32_t count) {
  int verify = tcptale_ahead_verifies(t);
  if (!t->wants_gists) read_all(t, look, frames, stride, count, 0, verify);
  else if (verify) read_all(t, look, frames, stride, count, 1, 1);
  else read_all(t, look, frames, stride, count, 1, 0);
}

/* The one that was announced so many before the latest. */
static struct tcptale_announced *announced_at(struct tcptale_tracker *t, uint32_t back) {
  return &t->announced[(t->announced_count - 1 - back) % TCPTALE_ANNOUNCED];
}

void tcptale_ahead_announce(struct tcptale_tracker *t, const tcptale_frame *frame) {
  struct tcptale_lookup *look = &t->look[TCPTALE_AHEAD];
  tcptale_ahead_read(t, frame, look, (int)t->wants_gists, 0);
  t->announced_count++;
  struct tcptale_announced *latest = announced_at(t, 0);
  struct tcptale_announced *with_slot = announced_at(t, STEP);
  struct tcptale_announced *with_connection = announced_at(t, 2 * STEP);
  latest->hash = look->key.hash;
  latest->home = look->home;
  latest->has_key = look->has_key;
  latest->ref = 0;
  if (with_slot->has_key)
    with_slot->ref = tcptale_roster_prefetch(&t->roster, &t->env, with_slot->hash, with_slot->home);
  if (with_connection->ref) tcptale_roster_prefetch_near(&t->roster, &t->env, with_connection->ref);
}

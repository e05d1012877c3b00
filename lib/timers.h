/* timers.h - deadlines: a hierarchical wheel of 8 levels with 64 slots each; a tick is 2^20 ns,
 * about 1 ms, so the wheel reaches as far as 64 bits of nanoseconds do. Setting, moving and
 * clearing a timer are O(1); advancing costs the timers that come up and at most a few words for
 * any jump of the clock. A timer is two words inside the owner's record, named by its reference,
 * which is even; when it is due the owner says.
 *
 * Invariant: a timer that is set is in the list of exactly one slot, whose time is not later
 * than its deadline; it is handed out only when its deadline has passed, oldest slot first.
 * Floor 4. */
#ifndef TCPTALE_LIB_TIMERS_H
#define TCPTALE_LIB_TIMERS_H

#include <stdint.h>

#include "arena.h"

enum { TCPTALE_WHEEL_LEVELS = 8, TCPTALE_WHEEL_SLOTS = 64, TCPTALE_WHEEL_TICK_SHIFT = 20 };

/* One timer: its neighbours in the slot's list. */
struct tcptale_timer {
  uint32_t next; /* references of records; 0: none */
  uint32_t prev; /* odd: it is the list's first, and this names the list; 0: it is not set */
};

struct tcptale_wheel {
  uint8_t *timers; /* that of a record lies at so many units of the arena from here */
  uint64_t (*deadline)(const void *ctx, uint32_t ref); /* when a record is due, in nanoseconds */
  const void *ctx;
  uint32_t count;                         /* timers that are set */
  uint64_t now;                           /* ticks up to which everything was handed out */
  uint64_t pending[TCPTALE_WHEEL_LEVELS]; /* slots with timers, a bit each */
  uint32_t head[TCPTALE_WHEEL_LEVELS * TCPTALE_WHEEL_SLOTS];
  uint32_t due; /* list of timers that came up and were not taken yet */
};

/* Begins an empty wheel for records in `arena` that hold their timer at `timer_offset`; `deadline`
 * says when one is due. */
void tcptale_wheel_init(struct tcptale_wheel *wheel, const struct tcptale_arena *arena,
                        uint32_t timer_offset, uint64_t (*deadline)(const void *ctx, uint32_t ref),
                        const void *ctx);

/* Sets, or moves, the timer of record `ref` to `deadline_ns`; one in the past comes up at the next
 * call of _next. A deadline that moves later need not be told: when the timer comes up it is placed
 * anew; one that moves earlier must. */
void tcptale_wheel_set(struct tcptale_wheel *wheel, uint32_t ref, uint64_t deadline_ns);

/* Clears the timer of record `ref`; nothing where it is not set. */
void tcptale_wheel_clear(struct tcptale_wheel *wheel, uint32_t ref);

/* The next record whose deadline is at or before `now_ns`, its timer cleared; 0 when there is
 * none. */
uint32_t tcptale_wheel_next(struct tcptale_wheel *wheel, uint64_t now_ns);

static inline int tcptale_timer_is_set(const struct tcptale_timer *timer) {
  return timer->prev != 0;
}

/* The neighbours of a timer, for a hint that they will be touched; 0: none. */
static inline uint32_t tcptale_timer_before(const struct tcptale_timer *timer) {
  return timer->prev & 1 ? 0 : timer->prev;
}

/* The tick of a deadline. They round up: a timer never comes up early. */
static inline uint64_t tcptale_wheel_tick(uint64_t ns) {
  return (ns >> TCPTALE_WHEEL_TICK_SHIFT) +
         ((ns & (((uint64_t)1 << TCPTALE_WHEEL_TICK_SHIFT) - 1)) != 0);
}

/* Whether the clock has left the tick that was handed out last: else nothing can come up but what
 * is in the list `due`. */
static inline int tcptale_wheel_is_behind(const struct tcptale_wheel *wheel, uint64_t now_ns) {
  return wheel->now < now_ns >> TCPTALE_WHEEL_TICK_SHIFT;
}

#endif

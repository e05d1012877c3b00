/* timers.c - see timers.h. A timer's level is the highest group of six bits in which its tick
 * differs from the present tick; its slot is the value of these bits. When the present tick
 * enters a slot of a higher level, the timers there are placed anew, one level down or lower.
 * Floor 4. */
#include "timers.h"

#include <string.h>

#include "util.h"

#define TICK_SHIFT TCPTALE_WHEEL_TICK_SHIFT
#define LEVEL_BITS 6
#define SLOT_MASK  ((uint64_t)(TCPTALE_WHEEL_SLOTS - 1))
#define DUE_PLACE  ((uint32_t)(TCPTALE_WHEEL_LEVELS * TCPTALE_WHEEL_SLOTS + 1))

static struct tcptale_timer *timer_of(const struct tcptale_wheel *wheel, uint32_t ref) {
  return (struct tcptale_timer *)(void *)(wheel->timers + (size_t)ref * TCPTALE_ARENA_UNIT);
}

/* The number of the highest set bit; `bits` is not 0. */
static uint32_t highest_bit(uint64_t bits) {
#if defined(__GNUC__)
  return 63u - (uint32_t)__builtin_clzll(bits);
#else
  uint32_t n = 63;
  while (!(bits >> n & 1)) n--;
  return n;
#endif
}

static uint32_t *list_of(struct tcptale_wheel *wheel, uint32_t place) {
  return place == DUE_PLACE ? &wheel->due : &wheel->head[place - 1];
}

void tcptale_wheel_init(struct tcptale_wheel *wheel, const struct tcptale_arena *arena,
                        uint32_t timer_offset, uint64_t (*deadline)(const void *ctx, uint32_t ref),
                        const void *ctx) {
  memset(wheel, 0, sizeof *wheel);
  wheel->timers = arena->base + timer_offset;
  wheel->deadline = deadline;
  wheel->ctx = ctx;
}

/* The mark of a list's first timer. */
static uint32_t mark_of(uint32_t place) {
  return place << 1 | 1;
}

static TCPTALE_INLINE uint32_t place_for(const struct tcptale_wheel *wheel, uint64_t tick) {
  if (tick <= wheel->now) return DUE_PLACE;
  uint32_t level = highest_bit(tick ^ wheel->now) / LEVEL_BITS;
  uint32_t slot = (uint32_t)(tick >> (LEVEL_BITS * level) & SLOT_MASK);
  return 1 + level * TCPTALE_WHEEL_SLOTS + slot;
}

/* Lists are stacks. A slot is turned over once when it comes up, so what was set first is handed
 * out first, as long as it did not move between levels; order within one tick is not promised. */
static TCPTALE_INLINE void insert(struct tcptale_wheel *wheel, uint32_t ref, uint32_t place) {
  struct tcptale_timer *timer = timer_of(wheel, ref);
  uint32_t *head = list_of(wheel, place);
  timer->prev = mark_of(place);
  timer->next = *head;
  if (*head) timer_of(wheel, *head)->prev = ref;
  *head = ref;
  if (place == DUE_PLACE) return;
  uint32_t slot = place - 1;
  wheel->pending[slot / TCPTALE_WHEEL_SLOTS] |= (uint64_t)1 << (slot % TCPTALE_WHEEL_SLOTS);
}

/* Takes the first timer out of its list. */
static TCPTALE_INLINE void withdraw_first(struct tcptale_wheel *wheel,
                                          struct tcptale_timer *timer) {
  uint32_t place = timer->prev >> 1, slot = place - 1;
  uint32_t *head = list_of(wheel, place);
  *head = timer->next;
  if (timer->next) timer_of(wheel, timer->next)->prev = timer->prev;
  if (*head != 0 || place == DUE_PLACE) return;
  wheel->pending[slot / TCPTALE_WHEEL_SLOTS] &= ~((uint64_t)1 << (slot % TCPTALE_WHEEL_SLOTS));
}

static TCPTALE_INLINE void withdraw(struct tcptale_wheel *wheel, struct tcptale_timer *timer) {
  if (timer->prev & 1) {
    withdraw_first(wheel, timer);
  } else {
    timer_of(wheel, timer->prev)->next = timer->next;
    if (timer->next) timer_of(wheel, timer->next)->prev = timer->prev;
  }
  timer->prev = 0;
}

void tcptale_wheel_set(struct tcptale_wheel *wheel, uint32_t ref, uint64_t deadline_ns) {
  struct tcptale_timer *timer = timer_of(wheel, ref);
  if (timer->prev) withdraw(wheel, timer);
  else wheel->count++;
  insert(wheel, ref, place_for(wheel, tcptale_wheel_tick(deadline_ns)));
}

void tcptale_wheel_clear(struct tcptale_wheel *wheel, uint32_t ref) {
  struct tcptale_timer *timer = timer_of(wheel, ref);
  if (!timer->prev) return;
  withdraw(wheel, timer);
  wheel->count--;
}

/* Places every timer of one slot anew, the present tick having moved. */
static void spill(struct tcptale_wheel *wheel, uint32_t slot) {
  uint32_t ref = wheel->head[slot];
  wheel->head[slot] = 0;
  wheel->pending[slot / TCPTALE_WHEEL_SLOTS] &= ~((uint64_t)1 << (slot % TCPTALE_WHEEL_SLOTS));
  while (ref) {
    uint32_t next = timer_of(wheel, ref)->next;
    insert(wheel, ref, place_for(wheel, tcptale_wheel_tick(wheel->deadline(wheel->ctx, ref))));
    ref = next;
  }
}

/* The level and slot that comes up first after the present tick, and the tick when; 0: nothing
 * is pending. */
static int first_slot(const struct tcptale_wheel *wheel, uint32_t *slot, uint64_t *tick) {
  for (uint32_t level = 0; level < TCPTALE_WHEEL_LEVELS; level++) {
    uint32_t here = (uint32_t)(wheel->now >> (LEVEL_BITS * level) & SLOT_MASK);
    uint64_t later = here == SLOT_MASK ? 0 : wheel->pending[level] & ~(uint64_t)0 << (here + 1);
    if (!later) continue;
    uint32_t index = tcptale_lowest_bit(later);
    uint64_t block = wheel->now >> (LEVEL_BITS * (level + 1)) << LEVEL_BITS;
    *slot = level * TCPTALE_WHEEL_SLOTS + index;
    *tick = (block | index) << (LEVEL_BITS * level);
    return 1;
  }
  return 0;
}

uint32_t tcptale_wheel_next(struct tcptale_wheel *wheel, uint64_t now_ns) {
  uint64_t target = now_ns >> TICK_SHIFT;
  uint32_t slot = 0;
  uint64_t tick = 0;
  while (!wheel->due && first_slot(wheel, &slot, &tick) && tick <= target) {
    wheel->now = tick;
    spill(wheel, slot);
  }
  uint32_t ref = wheel->due;
  if (ref) tcptale_wheel_clear(wheel, ref);
  else if (wheel->now < target)
    wheel->now = target; /* no slot lies between: every timer keeps its place */
  return ref;
}

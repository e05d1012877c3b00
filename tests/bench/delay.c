/* delay.c - see delay.h. */
#include "delay.h"

#include <string.h>

int delay_hold(struct delay *delay, uint32_t seq, uint32_t len, uint32_t after, int copy) {
  if (delay->count == DELAY_MOST) return 0;
  delay->held[delay->count++] = (struct delayed){.seq = seq,
                                                 .len = (uint16_t)len,
                                                 .due = (uint16_t)(delay->sent + after),
                                                 .copy = (uint16_t)copy};
  return 1;
}

static int is_due(const struct delay *delay, const struct delayed *held) {
  return (int16_t)(delay->sent - held->due) >= 0;
}

int delay_take(struct delay *delay, int all, struct delayed *out) {
  for (uint16_t i = 0; i < delay->count; i++) {
    if (!all && !is_due(delay, &delay->held[i])) continue;
    *out = delay->held[i];
    delay->count--;
    memmove(&delay->held[i], &delay->held[i + 1], (size_t)(delay->count - i) * sizeof *out);
    return 1;
  }
  return 0;
}

uint32_t delay_acked(const struct delay *delay, uint32_t next) {
  uint32_t least = next;
  for (uint16_t i = 0; i < delay->count; i++)
    if (!delay->held[i].copy && delay->held[i].seq < least) least = delay->held[i].seq;
  return least;
}

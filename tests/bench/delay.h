/* delay.h - data segments on a detour: they come later than those sent after them. */
#ifndef TCPTALE_BENCH_DELAY_H
#define TCPTALE_BENCH_DELAY_H

#include <stdint.h>

enum { DELAY_MOST = 24 };

struct delayed {
  uint32_t seq;
  uint16_t len;
  uint16_t due;  /* comes once so many segments were sent */
  uint16_t copy; /* 1: the receiver has it already */
};

/* One direction of a connection. */
struct delay {
  struct delayed held[DELAY_MOST];
  uint16_t count;
  uint16_t sent; /* segments so far, mod 2^16 */
};

/* Holds a segment until `after` others were sent; 0 where there is no room. */
int delay_hold(struct delay *delay, uint32_t seq, uint32_t len, uint32_t after, int copy);

/* Takes the first segment that is due; with `all`, any. 0: there is none. */
int delay_take(struct delay *delay, int all, struct delayed *out);

/* What the receiver of a direction has in order, of a sender that is at `next`. */
uint32_t delay_acked(const struct delay *delay, uint32_t next);

#endif

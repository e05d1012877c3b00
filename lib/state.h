/* state.h - the TCP state step where it is asked for at every segment: the table of state.c, read
 * in place. Floor 4. */
#ifndef TCPTALE_LIB_STATE_H
#define TCPTALE_LIB_STATE_H

#include "tcptale/state.h"

enum { TCPTALE_STATES = 11, TCPTALE_INPUTS = 12 };

extern const uint8_t tcptale_state_next[TCPTALE_STATES][TCPTALE_INPUTS];

/* As tcptale_state_step, for numbers that are in their range. */
static inline uint8_t tcptale_state_after(uint32_t state, uint32_t input) {
  return tcptale_state_next[state][input];
}

#endif

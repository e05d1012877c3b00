/* state.c - RFC 9293's states for one end, as a bystander sees them: a table and its look-up.
 * The table is the one printed in lib/README.md; tests walk every cell. Floor 4.
 *
 * Where a cell differs from the RFC's figure 5 it is because a bystander may have missed a
 * segment: an end that sends synchronised segments has an established peer, whatever was seen
 * before. */
#include "state.h"

enum {
  CL = TCPTALE_STATE_CLOSED,
  LI = TCPTALE_STATE_LISTEN,
  SS = TCPTALE_STATE_SYN_SENT,
  SR = TCPTALE_STATE_SYN_RECEIVED,
  ES = TCPTALE_STATE_ESTABLISHED,
  F1 = TCPTALE_STATE_FIN_WAIT_1,
  F2 = TCPTALE_STATE_FIN_WAIT_2,
  CW = TCPTALE_STATE_CLOSE_WAIT,
  CG = TCPTALE_STATE_CLOSING,
  LA = TCPTALE_STATE_LAST_ACK,
  TW = TCPTALE_STATE_TIME_WAIT
};

const uint8_t tcptale_state_next[TCPTALE_STATES][TCPTALE_INPUTS] = {
    /*        SYN> SA> FIN> RST> oth> >SYN >SA >FIN >RST aSYN aFIN time */
    /* CL */ {SS, SR, F1, CL, ES, LI, ES, CW, CL, ES, CL, CL},
    /* LI */ {SR, SR, F1, CL, ES, LI, ES, CW, LI, ES, LI, CL},
    /* SS */ {SS, SR, F1, CL, ES, SR, ES, SS, CL, ES, SS, CL},
    /* SR */ {SR, SR, F1, CL, SR, SR, ES, CW, CL, ES, SR, CL},
    /* ES */ {ES, ES, F1, CL, ES, ES, ES, CW, CL, ES, ES, CL},
    /* F1 */ {F1, F1, F1, CL, F1, F1, F1, CG, CL, F1, F2, CL},
    /* F2 */ {F2, F2, F2, CL, F2, F2, F2, TW, CL, F2, F2, CL},
    /* CW */ {CW, CW, LA, CL, CW, CW, CW, CW, CL, CW, CW, CL},
    /* CG */ {CG, CG, CG, CL, CG, CG, CG, CG, CL, CG, TW, CL},
    /* LA */ {LA, LA, LA, CL, LA, LA, LA, LA, CL, LA, CL, CL},
    /* TW */ {SS, SR, TW, CL, TW, LI, TW, TW, CL, TW, TW, CL},
};

uint32_t tcptale_state_step(uint32_t state, uint32_t input) {
  if (state >= TCPTALE_STATES || input >= TCPTALE_INPUTS) return state;
  return tcptale_state_after(state, input);
}

int tcptale_state_is_finished(uint32_t state) {
  return state == F1 || state == F2 || state == CG || state == LA || state == TW;
}

int tcptale_state_is_synchronized(uint32_t state) {
  return state >= ES && state < TCPTALE_STATES;
}

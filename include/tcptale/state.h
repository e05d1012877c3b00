/* tcptale/state.h - the TCP state machine of RFC 9293 3.3.2 as a bystander follows it: a pure
 * step over a printed table (lib/README.md). One state per end; every segment is an input to
 * both, as `sent` for its sender and as `received` for the other. */
#ifndef TCPTALE_STATE_H
#define TCPTALE_STATE_H

#include "tcptale/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The states of one end. A bystander cannot tell CLOSED from LISTEN before the first segment: an
 * end that has not spoken is in LISTEN where it was called, else in CLOSED. */
enum tcptale_state {
  TCPTALE_STATE_CLOSED = 0,
  TCPTALE_STATE_LISTEN = 1,
  TCPTALE_STATE_SYN_SENT = 2,
  TCPTALE_STATE_SYN_RECEIVED = 3,
  TCPTALE_STATE_ESTABLISHED = 4,
  TCPTALE_STATE_FIN_WAIT_1 = 5,
  TCPTALE_STATE_FIN_WAIT_2 = 6,
  TCPTALE_STATE_CLOSE_WAIT = 7,
  TCPTALE_STATE_CLOSING = 8,
  TCPTALE_STATE_LAST_ACK = 9,
  TCPTALE_STATE_TIME_WAIT = 10
};

/* What can happen to an end. A segment is split into these and fed in the order of RFC 9293
 * 3.10.7: RST, SYN, ACK, FIN. */
enum tcptale_input {
  TCPTALE_INPUT_SEND_SYN = 0,     /* it sent SYN without ACK */
  TCPTALE_INPUT_SEND_SYN_ACK = 1, /* it sent SYN with ACK */
  TCPTALE_INPUT_SEND_FIN = 2,     /* its FIN was accepted as believable */
  TCPTALE_INPUT_SEND_RST = 3,
  TCPTALE_INPUT_SEND_OTHER = 4,   /* it sent a synchronised segment: data or ACK */
  TCPTALE_INPUT_RECV_SYN = 5,
  TCPTALE_INPUT_RECV_SYN_ACK = 6, /* acknowledging its SYN */
  TCPTALE_INPUT_RECV_FIN = 7,     /* the peer's FIN, all before it received */
  TCPTALE_INPUT_RECV_RST = 8,     /* a RST that counts */
  TCPTALE_INPUT_ACK_OF_SYN = 9,   /* the peer acknowledged its SYN */
  TCPTALE_INPUT_ACK_OF_FIN = 10,  /* the peer acknowledged its FIN */
  TCPTALE_INPUT_TIMEOUT = 11      /* TIME-WAIT, or the caller's patience, is over */
};

/* The state after `input` in `state`; inputs that mean nothing in a state leave it as it is. An
 * unknown state or input gives `state` back. Pure. Since 0.9. */
TCPTALE_API uint32_t tcptale_state_step(uint32_t state, uint32_t input);

/* Whether the end has said all it will (its FIN was sent), 0 or 1. Since 0.9. */
TCPTALE_API int tcptale_state_is_finished(uint32_t state);

/* Whether the handshake is behind the end: ESTABLISHED or later, 0 or 1. Since 0.9. */
TCPTALE_API int tcptale_state_is_synchronized(uint32_t state);

#ifdef __cplusplus
}
#endif
#endif

/* tcptale.h - libtcptale watches TCP from the outside. It is given packets and tells the tale of
 * every connection.
 *
 * How it fits together. Bytes of a frame go through tcptale_decode (packet.h), which gives a
 * tcptale_packet. IP fragments go through tcptale_defrag (defrag.h) first. The tracker (tracker.h)
 * does both, finds the packet's connection by its key (flow.h), asks the state machine (state.h)
 * what the segment means and the two streams (stream.h) what is new in it, and tells you by
 * callbacks: open, established, data, gap, half_close, reset, close, anomaly. Every unit is public
 * and works alone: decode without tracking, or reassemble without decoding.
 *
 *   frames -> decode -> packet -> (defrag) -> tracker -> state, streams -> your callbacks
 *
 * Words, used in one meaning everywhere:
 *   client, server  who sent the SYN, who answered; guessed where no SYN was seen, and marked so
 *   direction       0 = client to server, 1 = server to client
 *   segment         one TCP packet
 *   offset          64-bit position in a direction; byte 0 is the first byte after the SYN
 *   gap             bytes that will not be delivered, with the reason
 *   half-close      one direction is finished (FIN), the other still runs
 *   anomaly         what was not believed, not stored, or odd; names.h has a sentence on each
 *
 * Shortest use: examples/minimal.c. */
#ifndef TCPTALE_H
#define TCPTALE_H

#include "tcptale/base.h"
#include "tcptale/checksum.h"
#include "tcptale/defrag.h"
#include "tcptale/flow.h"
#include "tcptale/format.h"
#include "tcptale/names.h"
#include "tcptale/packet.h"
#include "tcptale/seq.h"
#include "tcptale/state.h"
#include "tcptale/stream.h"
#include "tcptale/tracker.h"

#endif

/* tcptale/seq.h - TCP sequence numbers: arithmetic modulo 2^32 (RFC 9293 3.4), and the step from a
 * 32-bit sequence number to a 64-bit position. Pure; every call is O(1). */
#ifndef TCPTALE_SEQ_H
#define TCPTALE_SEQ_H

#include "tcptale/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The signed distance from `b` to `a`, in -2^31 .. 2^31-1: positive where `a` lies after `b`.
 * Since 0.9. */
TCPTALE_API int32_t tcptale_seq_diff(uint32_t a, uint32_t b);

/* Whether `a` lies before `b`, and the other three; 0 or 1. Since 0.9. */
TCPTALE_API int tcptale_seq_lt(uint32_t a, uint32_t b);
TCPTALE_API int tcptale_seq_le(uint32_t a, uint32_t b);
TCPTALE_API int tcptale_seq_gt(uint32_t a, uint32_t b);
TCPTALE_API int tcptale_seq_ge(uint32_t a, uint32_t b);

/* The 64-bit position of sequence number `seq`, where `known_seq` stands at position
 * `known_pos`: the one of the positions with that number that is nearest to `known_pos`.
 * Positions may be negative (before the first byte). Exact as long as the true distance is below
 * 2^31. Since 0.9. */
TCPTALE_API int64_t tcptale_seq_unwrap(uint32_t seq, uint32_t known_seq, int64_t known_pos);

#ifdef __cplusplus
}
#endif
#endif

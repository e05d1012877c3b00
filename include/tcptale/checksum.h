/* tcptale/checksum.h - the Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 * Pure. Cost: O(len). */
#ifndef TCPTALE_CHECKSUM_H
#define TCPTALE_CHECKSUM_H

#include "tcptale/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds `len` bytes to the unfolded one's complement sum `sum` (0 to begin with) and returns the
 * new sum. A piece of odd length may only be the last one: its missing byte counts as 0. Since
 * 0.9. */
TCPTALE_API uint64_t tcptale_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* Folds a sum to 16 bits, without complementing it; 0xffff over data that holds its own right
 * checksum (0 only where every byte was 0). Since 0.9. */
TCPTALE_API uint16_t tcptale_checksum_fold(uint64_t sum);

/* The checksum to store for `data`: complement of the folded sum. Since 0.9. */
TCPTALE_API uint16_t tcptale_checksum(const uint8_t *data, size_t len);

/* The sum of the pseudo header of TCP: `addr_len` is 4 or 16, the length of `src` and of `dst`;
 * `protocol` 6 for TCP; `len` the bytes of the segment. 0 for any other `addr_len`. Since 0.9. */
TCPTALE_API uint64_t tcptale_checksum_pseudo(const uint8_t *src, const uint8_t *dst,
                                             size_t addr_len, uint8_t protocol, uint32_t len);

/* The checksum after one 16-bit word of the data changed from `before` to `after` (RFC 1624,
 * equation 3). Since 0.9. */
TCPTALE_API uint16_t tcptale_checksum_update(uint16_t checksum, uint16_t before, uint16_t after);

#ifdef __cplusplus
}
#endif
#endif

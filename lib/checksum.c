/* checksum.c - the checksum of RFC 1071 and its update (RFC 1624). Invariant: a sum counts words
 * in network order on every machine, so partial sums may come from anywhere. Floor 1. */
#include "tcptale/checksum.h"

#include "bytes.h"
#include "sum.h"

uint64_t tcptale_checksum_add(uint64_t sum, const uint8_t *data, size_t len) {
  uint16_t folded = tcptale_sum_fold(tcptale_sum_bytes(data, len));
  uint8_t bytes[2];
  memcpy(bytes, &folded, sizeof bytes);
  return sum + tcptale_be16(bytes);
}

uint16_t tcptale_checksum_fold(uint64_t sum) {
  return tcptale_sum_fold(sum);
}

uint16_t tcptale_checksum(const uint8_t *data, size_t len) {
  return (uint16_t)~tcptale_checksum_fold(tcptale_checksum_add(0, data, len));
}

uint64_t tcptale_checksum_pseudo(const uint8_t *src, const uint8_t *dst, size_t addr_len,
                                 uint8_t protocol, uint32_t len) {
  if (addr_len != 4 && addr_len != 16) return 0;
  uint64_t sum = (uint64_t)protocol + len;
  for (size_t at = 0; at < addr_len; at += 4)
    sum += (uint64_t)tcptale_be32(src + at) + tcptale_be32(dst + at);
  return sum;
}

uint16_t tcptale_checksum_update(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~before + after;
  return (uint16_t)~tcptale_sum_fold(sum);
}

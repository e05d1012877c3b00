/* checksum.c - one's complement sums (RFC 1071) and their update (RFC 1624). Invariant: a sum
 * counts words in network order on every machine, so partial sums may come from anywhere. Floor
 * 1. */
#include "tcptale/checksum.h"

#include <string.h>

#include "bytes.h"

static uint32_t fold32(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  return (uint32_t)sum;
}

static uint16_t fold16(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Words in the machine's own order add up to the same sum, byte-swapped (RFC 1071 2 B), so they
 * are summed as they lie and put in order at the end: 32 bits into 64, which cannot overflow, in
 * separate lanes, so that no addition waits for the one before and a compiler may put several
 * into one register. */
enum { LANES = 4, BLOCK = LANES * 4 };

static uint64_t sum_blocks(const uint8_t *data, size_t len) {
  uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (size_t at = 0; at < len; at += BLOCK) {
    uint32_t w0, w1, w2, w3;
    memcpy(&w0, data + at, 4);
    memcpy(&w1, data + at + 4, 4);
    memcpy(&w2, data + at + 8, 4);
    memcpy(&w3, data + at + 12, 4);
    s0 += w0;
    s1 += w1;
    s2 += w2;
    s3 += w3;
  }
  return (uint64_t)fold32(s0) + fold32(s1) + fold32(s2) + fold32(s3);
}

uint64_t tcptale_checksum_add(uint64_t sum, const uint8_t *data, size_t len) {
  size_t at = len - len % BLOCK;
  uint64_t own = sum_blocks(data, at);
  for (; len - at >= 4; at += 4) {
    uint32_t word;
    memcpy(&word, data + at, sizeof word);
    own += word;
  }
  if (at < len) {
    uint32_t word = 0;
    memcpy(&word, data + at, len - at);
    own += word;
  }
  uint16_t folded = fold16(fold32(own));
  uint8_t bytes[2];
  memcpy(bytes, &folded, sizeof bytes);
  return sum + tcptale_be16(bytes);
}

uint16_t tcptale_checksum_fold(uint64_t sum) {
  return fold16(fold32(sum));
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
  return (uint16_t)~fold16(sum);
}

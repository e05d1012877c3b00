/* bytes.h - the one place that shifts bytes: reads of network-order numbers from packet bytes,
 * at any alignment. Invariant: the caller has checked the length; nothing here does. Floor 0. */
#ifndef TCPTALE_LIB_BYTES_H
#define TCPTALE_LIB_BYTES_H

#include <stdint.h>

static inline uint16_t tcptale_be16(const uint8_t *p) {
  return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t tcptale_be24(const uint8_t *p) {
  return ((uint32_t)p[0] << 16) | ((uint32_t)p[1] << 8) | p[2];
}

static inline uint32_t tcptale_be32(const uint8_t *p) {
  return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline uint64_t tcptale_be64(const uint8_t *p) {
  return ((uint64_t)tcptale_be32(p) << 32) | tcptale_be32(p + 4);
}

static inline uint16_t tcptale_le16(const uint8_t *p) {
  return (uint16_t)((p[1] << 8) | p[0]);
}

static inline uint32_t tcptale_le32(const uint8_t *p) {
  return ((uint32_t)p[3] << 24) | ((uint32_t)p[2] << 16) | ((uint32_t)p[1] << 8) | p[0];
}

static inline uint64_t tcptale_le64(const uint8_t *p) {
  return ((uint64_t)tcptale_le32(p + 4) << 32) | tcptale_le32(p);
}

#endif

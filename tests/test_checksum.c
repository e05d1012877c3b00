/* The Internet checksum against one that adds byte by byte, at every alignment and length, and RFC 1624's
 * update against sums made anew. */
#include <criterion/criterion.h>

#include "tcptale/checksum.h"

#include "build.h"
#include "guard.h"

static uint16_t slow_sum(const uint8_t *data, size_t len) {
  uint32_t sum = 0;
  for (size_t i = 0; i < len; i++) {
    sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return (uint16_t)sum;
}

static void fill(uint8_t *data, size_t len, uint32_t seed) {
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (uint8_t)(seed >> 24);
  }
}

/* The example of RFC 1071, section 3. */
Test(checksum, rfc_1071_example) {
  const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  cr_expect_eq(tcptale_checksum_fold(tcptale_checksum_add(0, data, sizeof data)), 0xddf2);
  cr_expect_eq(tcptale_checksum(data, sizeof data), 0x220d);
}

Test(checksum, every_length_and_alignment) {
  static uint8_t room[512];
  for (size_t offset = 0; offset < 8; offset++)
    for (size_t len = 0; len <= 300; len++) {
      fill(room + offset, len, (uint32_t)(len * 8 + offset));
      uint16_t want = slow_sum(room + offset, len);
      cr_assert_eq(tcptale_checksum_fold(tcptale_checksum_add(0, room + offset, len)), want,
                   "%zu bytes at %zu", len, offset);
      cr_assert_eq(tcptale_checksum(guard_copy(room + offset, len), len), (uint16_t)~want);
    }
}

Test(checksum, large_and_extreme_data) {
  static uint8_t room[65536];
  for (int byte = 0; byte < 256; byte += 255) {
    memset(room, byte, sizeof room);
    cr_expect_eq(tcptale_checksum_fold(tcptale_checksum_add(0, room, sizeof room)),
                 byte ? 0xffff : 0);
    cr_expect_eq(tcptale_checksum_fold(tcptale_checksum_add(0, room, 65535)),
                 slow_sum(room, 65535));
  }
  fill(room, sizeof room, 7);
  cr_expect_eq(tcptale_checksum(room, 65535), (uint16_t)~slow_sum(room, 65535));
}

/* Pieces of even length may be summed one after the other, wherever they begin. */
Test(checksum, sums_go_on) {
  uint8_t data[64];
  fill(data, sizeof data, 3);
  for (size_t cut = 0; cut <= 64; cut += 2) {
    uint64_t sum = tcptale_checksum_add(tcptale_checksum_add(0, data, cut), data + cut, 64 - cut);
    cr_expect_eq(tcptale_checksum_fold(sum), slow_sum(data, 64));
  }
  cr_expect_eq(tcptale_checksum_fold(tcptale_checksum_add(UINT32_MAX, data, 64)),
               slow_sum(data, 64), "a sum of ones adds nothing");
}

Test(checksum, pseudo_header) {
  uint8_t bytes[40];
  for (size_t addr_len = 4; addr_len <= 16; addr_len += 12)
    for (uint32_t len = 0; len < 0x20000; len += 0x7001) {
      fill(bytes, 32, len + (uint32_t)addr_len);
      size_t at = 2 * addr_len;
      uint8_t tail[8] = {(uint8_t)(len >> 24),
                         (uint8_t)(len >> 16),
                         (uint8_t)(len >> 8),
                         (uint8_t)len,
                         0,
                         0,
                         0,
                         6};
      memcpy(bytes + at, tail, sizeof tail);
      uint64_t sum = tcptale_checksum_pseudo(bytes, bytes + addr_len, addr_len, 6, len);
      cr_expect_eq(tcptale_checksum_fold(sum), slow_sum(bytes, at + 8), "%zu, %u", addr_len, len);
    }
  cr_expect_eq(tcptale_checksum_pseudo(bytes, bytes, 6, 6, 20), 0);
}

/* RFC 1624 section 4: the older equation gives 0xffff where 0x0000 is right. */
Test(checksum, update) {
  cr_expect_eq(tcptale_checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
  for (uint32_t before = 0; before <= 0xffff; before += 0x0f0f)
    for (uint32_t after = 0; after <= 0xffff; after += 0x1111) {
      uint8_t data[6] = {0x12, 0x34, (uint8_t)(before >> 8), (uint8_t)before, 0x00, 0x01};
      uint16_t old_sum = tcptale_checksum(data, sizeof data);
      data[2] = (uint8_t)(after >> 8);
      data[3] = (uint8_t)after;
      cr_expect_eq(tcptale_checksum_update(old_sum, (uint16_t)before, (uint16_t)after),
                   (uint16_t)~slow_sum(data, sizeof data), "%04x to %04x", before, after);
    }
}

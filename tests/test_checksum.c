/* The Internet checksum against one that adds byte by byte, by each way to sum that the machine
 * has, at every alignment and length, and RFC 1624's update against sums made anew. */
#include <criterion/criterion.h>

#include "tcptale/checksum.h"

#include "build.h"
#include "guard.h"
#include "sum.h"

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

enum { WAYS = 3 };

/* The folded sum in network order, by each way in turn; `*name` is what the way is called. */
static uint16_t sum_by(int way, const uint8_t *data, size_t len, const char **name) {
  uint8_t bytes[2];
  *name = way == 0 ? "public" : way == 1 ? "fastest" : "portable";
  if (way == 0) return tcptale_checksum_fold(tcptale_checksum_add(0, data, len));
  uint64_t sum = way == 1 ? tcptale_sum_bytes(data, len) : tcptale_sum_portable(data, len);
  uint16_t folded = tcptale_sum_fold(sum);
  memcpy(bytes, &folded, sizeof bytes);
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void expect_sum(const uint8_t *data, size_t len) {
  uint16_t want = slow_sum(data, len);
  for (int way = 0; way < WAYS; way++) {
    const char *name;
    uint16_t got = sum_by(way, data, len, &name);
    cr_assert_eq(got, want, "%s: %zu bytes from %02x: %04x, not %04x", name, len,
                 len > 0 ? data[0] : 0, got, want);
  }
}

enum { RANDOM, ONES, ZEROS, CONTENTS };

static void fill_with(int content, uint8_t *data, size_t len, uint32_t seed) {
  if (content == RANDOM) fill(data, len, seed);
  else memset(data, content == ONES ? 0xff : 0, len);
}

/* What lies before and behind the data is not 0, so that it shows where it is added. */
Test(checksum, every_length_and_alignment) {
  static _Alignas(16) uint8_t room[512];
  for (int content = 0; content < CONTENTS; content++)
    for (size_t offset = 0; offset < 16; offset++)
      for (size_t len = 0; len <= 300; len++) {
        memset(room, 0xa5, sizeof room);
        fill_with(content, room + offset, len, (uint32_t)(len * 16 + offset));
        expect_sum(room + offset, len);
      }
}

/* One byte in the midst of others of 0, at every place: none is left out, added twice or
 * swapped. */
Test(checksum, every_place) {
  static uint8_t room[300];
  for (size_t len = 1; len <= sizeof room; len += 13)
    for (size_t at = 0; at < len; at++) {
      room[at] = 0x81;
      expect_sum(room, len);
      room[at] = 0;
    }
}

/* Neither in front of the data nor behind it may be read. */
Test(checksum, nothing_else_is_read) {
  static uint8_t room[512];
  fill(room, sizeof room, 5);
  for (size_t len = 0; len <= 300; len++) expect_sum(guard_copy(room, len), len);
  for (size_t len = 0; len <= 300; len++) expect_sum(guard_copy_behind(room, len), len);
}

Test(checksum, large_and_extreme_data) {
  static _Alignas(16) uint8_t room[(1 << 20) + 16];
  static const size_t lengths[] = {1460, 9000, 65535, 65536, (1 << 20) - 1, 1 << 20};
  for (int content = 0; content < CONTENTS; content++) {
    fill_with(content, room, sizeof room, 7);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
      for (size_t offset = 0; offset < 16; offset += 5) expect_sum(room + offset, lengths[i]);
  }
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

/* A segment: pseudo header, header, and a payload whose odd byte is the last one. */
Test(checksum, pieces_of_a_segment) {
  uint8_t data[12 + 20 + 301];
  for (size_t payload = 0; payload <= 301; payload++) {
    size_t len = 20 + payload;
    fill(data, sizeof data, (uint32_t)payload);
    memcpy(data + 8, (uint8_t[]){0, 6, (uint8_t)(len >> 8), (uint8_t)len}, 4);
    uint64_t sum = tcptale_checksum_pseudo(data, data + 4, 4, 6, (uint32_t)len);
    sum = tcptale_checksum_add(sum, data + 12, 20);
    sum = tcptale_checksum_add(sum, data + 32, payload);
    cr_expect_eq(tcptale_checksum_fold(sum), slow_sum(data, 12 + len), "%zu bytes", payload);
  }
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

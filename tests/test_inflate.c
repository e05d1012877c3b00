/* DEFLATE: streams of each kind of block against their bytes, random streams against a model, and
 * streams that are none: nothing is read or written out of bounds, nothing is accepted that RFC
 * 1951 forbids. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "inflate.h"

enum { ROOM = 70000 };

/* 200 letters, the first ones of the alphabet most often. */
static size_t letters(uint8_t *out, size_t len) {
  uint32_t seed = 12345;
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1103515245u + 12345u;
    uint32_t r = seed >> 16 & 255;
    out[i] = (uint8_t)('a' + (r < 128 ? 0 : r < 192 ? 1 : r < 224 ? 2 : r < 240 ? 3 : 4 + r % 12));
  }
  return len;
}

static size_t text(uint8_t *out, const char *bytes) {
  memcpy(out, bytes, strlen(bytes));
  return strlen(bytes);
}

static size_t same(uint8_t *out, uint8_t byte, size_t len) {
  memset(out, byte, len);
  return len;
}

/* Packed with what this test was not written with: zlib, at level 9 but for the stored one. */
#define DYNAMIC                                                                                    \
  "05c14152c3400004b1b7aa67714c2506fe7f421a899d00975b28c06b8a1da616b7981f970c918e263a2739839d6f"   \
  "ef3a39cc026ae85e9e4d8f5faf7de94f45c1c71c8fa899b9c6845c65927f"
#define DYNAMIC_COPIES                                                                             \
  "358e510e80200c43cfda76a24651efff65d7288451b6f50d01f486ca216b60eb04f8275645ab7cac649d0ee17233"   \
  "7d37a331052ab2aaa1d515fb761ca43301e8c31ad471f37bcaae89db9316f07189fff8d38ec20cd486de43f94786"   \
  "0e329a7801"

static size_t expected(int row, uint8_t *out, const char **hex) {
  switch (row) {
  case 0: *hex = "0300"; return 0;
  case 1: *hex = "010500faff68656c6c6f"; return text(out, "hello");
  case 2: *hex = "cb48cdc9c957c8409000"; return text(out, "hello hello hello");
  case 3: *hex = "aba81805a360140c770000"; return same(out, 'x', 1000);
  case 4: *hex = DYNAMIC; return letters(out, 200);
  case 5: *hex = DYNAMIC_COPIES; return letters(out, 200);
  case 6: /* three blocks: stored, nothing, fixed */
    *hex = "000500faff68656c6c6f 000000ffff cb48cdc9c957c8409000";
    return text(out, "hellohello hello hello");
  default: *hex = NULL; return 0;
  }
}

Test(inflate, streams) {
  static uint8_t want[ROOM];
  uint8_t bytes[512];
  const char *hex;
  size_t len;
  for (int row = 0; len = expected(row, want, &hex), hex != NULL; row++) {
    size_t packed = guard_hex(bytes, sizeof bytes, hex);
    uint8_t *in = guard_copy(bytes, packed), *out = malloc(len + 1);
    cr_assert_eq(tcptale_inflate(in, packed, out, len), (int32_t)len, "row %d", row);
    cr_expect_eq(memcmp(out, want, len), 0, "row %d", row);
    if (len > 0) cr_expect_eq(tcptale_inflate(in, packed, out, len - 1), -1, "row %d, room", row);
    free(out);
    for (size_t cut = 0; cut < packed; cut++) {
      out = malloc(len + 1);
      cr_expect_eq(tcptale_inflate(guard_copy(bytes, cut), cut, out, len), -1, "row %d to %zu", row,
                   cut);
      free(out);
    }
    bytes[packed] = 0;
    out = malloc(len + 1);
    cr_expect_eq(tcptale_inflate(guard_copy(bytes, packed + 1), packed + 1, out, len), -1,
                 "row %d and a byte more", row);
    free(out);
  }
}

Test(inflate, what_is_no_stored_block) {
  static const struct {
    const char *what;
    const char *hex;
    int32_t result;
  } rows[] = {
      {"as it should be", "010500faff68656c6c6f", 5},
      {"length and its complement differ", "010500fbff68656c6c6f", -1},
      {"beyond the input", "010600f9ff68656c6c6f", -1},
      {"a block of the reserved kind", "070500faff68656c6c6f", -1},
  };
  uint8_t bytes[64], out[64];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t len = guard_hex(bytes, sizeof bytes, rows[i].hex);
    cr_expect_eq(tcptale_inflate(guard_copy(bytes, len), len, out, sizeof out), rows[i].result,
                 "%s", rows[i].what);
  }
}

/* Whatever the bytes: no more than `room` is written, and the same bytes give the same. */
Test(inflate, any_bytes) {
  uint8_t bytes[512];
  const char *hex;
  static uint8_t want[ROOM], out[ROOM], again[ROOM];
  for (int row = 1; expected(row, want, &hex), hex != NULL; row++) {
    size_t packed = guard_hex(bytes, sizeof bytes, hex);
    for (size_t bit = 0; bit < packed * 8; bit++) {
      const size_t room = 300;
      bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
      memset(out, 0xee, room + 8);
      int32_t got = tcptale_inflate(guard_copy(bytes, packed), packed, out, room);
      cr_expect_leq(got, (int32_t)room);
      for (size_t i = room; i < room + 8; i++) cr_expect_eq(out[i], 0xee);
      cr_expect_eq(tcptale_inflate(guard_copy_behind(bytes, packed), packed, again, room), got);
      bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
  }
}

/* ---- random streams of fixed codes ---- */

struct writer {
  uint8_t packed[ROOM];
  size_t bit_count;
  uint8_t bytes[ROOM];
  size_t len;
};

static void write_bits(struct writer *w, uint32_t value, uint32_t count) {
  for (uint32_t i = 0; i < count; i++, w->bit_count++)
    w->packed[w->bit_count / 8] |= (uint8_t)((value >> i & 1) << w->bit_count % 8);
}

/* A Huffman code goes from its highest bit on. */
static void write_code(struct writer *w, uint32_t code, uint32_t count) {
  while (count-- > 0) write_bits(w, code >> count & 1, 1);
}

static void write_literal(struct writer *w, uint32_t symbol) {
  if (symbol < 144) write_code(w, 0x30 + symbol, 8);
  else if (symbol < 256) write_code(w, 0x190 + symbol - 144, 9);
  else if (symbol < 280) write_code(w, symbol - 256, 7);
  else write_code(w, 0xc0 + symbol - 280, 8);
}

/* The tables as RFC 1951 3.2.5 prints them. */
static const uint16_t LENGTH_BASE[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                         15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                         67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_BITS[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                        2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t DISTANCE_BASE[30] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t DISTANCE_BITS[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                          6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static void write_copy(struct writer *w, uint32_t length_symbol, uint32_t length_extra,
                       uint32_t distance_symbol, uint32_t distance_extra) {
  uint32_t length_bits = LENGTH_BITS[length_symbol], distance_bits = DISTANCE_BITS[distance_symbol];
  length_extra &= (1u << length_bits) - 1;
  distance_extra &= (1u << distance_bits) - 1;
  if (length_symbol == 27 && length_extra == 31) length_extra = 30; /* 258 has its own symbol */
  uint32_t len = LENGTH_BASE[length_symbol] + length_extra;
  uint32_t distance = DISTANCE_BASE[distance_symbol] + distance_extra;
  if (distance > w->len || w->len + len > 60000) return;
  write_literal(w, 257 + length_symbol);
  write_bits(w, length_extra, length_bits);
  write_code(w, distance_symbol, 5);
  write_bits(w, distance_extra, distance_bits);
  for (; len > 0; len--, w->len++) w->bytes[w->len] = w->bytes[w->len - distance];
}

static uint32_t next_random(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33);
}

Test(inflate, random_streams) {
  static struct writer w;
  static uint8_t out[ROOM];
  uint64_t seed = 20240620;
  uint32_t seen_lengths = 0, seen_distances = 0;
  for (int round = 0; round < 400; round++) {
    memset(&w, 0, sizeof w);
    uint32_t blocks = 1 + next_random(&seed) % 3;
    for (uint32_t block = 0; block < blocks; block++) {
      write_bits(&w, (block + 1 == blocks) | 1u << 1, 3);
      for (uint32_t n = next_random(&seed) % 900; n > 0; n--) {
        uint32_t length = next_random(&seed) % 29, distance = next_random(&seed) % 30;
        size_t before = w.len;
        if (n % 2 == 0) {
          w.bytes[w.len++] = (uint8_t)next_random(&seed);
          write_literal(&w, w.bytes[w.len - 1]);
          continue;
        }
        write_copy(&w, length, next_random(&seed), distance, next_random(&seed));
        if (w.len > before) seen_lengths |= 1u << length, seen_distances |= 1u << distance;
      }
      write_literal(&w, 256);
    }
    size_t packed = (w.bit_count + 7) / 8;
    cr_assert_eq(tcptale_inflate(guard_copy(w.packed, packed), packed, out, w.len), (int32_t)w.len,
                 "round %d", round);
    cr_expect_eq(memcmp(out, w.bytes, w.len), 0, "round %d", round);
  }
  cr_expect_eq(seen_lengths, (1u << 29) - 1, "every length symbol: %x", seen_lengths);
  cr_expect_eq(seen_distances, (1u << 30) - 1, "every distance symbol: %x", seen_distances);
}

static int32_t unpack(const struct writer *w) {
  static uint8_t out[ROOM];
  size_t packed = (w->bit_count + 7) / 8;
  return tcptale_inflate(guard_copy(w->packed, packed), packed, out, sizeof out);
}

/* A byte, one copy with these symbols, the end. */
static int32_t one_copy(uint32_t length_symbol, uint32_t distance_code) {
  static struct writer w;
  memset(&w, 0, sizeof w);
  write_bits(&w, 3, 3);
  write_literal(&w, 'x');
  write_literal(&w, length_symbol);
  write_code(&w, distance_code, 5);
  write_bits(&w, 0, distance_code >= 4 && distance_code < 30 ? distance_code / 2 - 1 : 0);
  write_literal(&w, 256);
  return unpack(&w);
}

Test(inflate, copies_that_cannot_be) {
  cr_expect_eq(one_copy(257, 0), 4);
  cr_expect_eq(one_copy(285, 0), 259);
  cr_expect_eq(one_copy(286, 0), -1, "there is no such length");
  cr_expect_eq(one_copy(287, 0), -1);
  cr_expect_eq(one_copy(257, 1), -1, "from before the first byte");
  cr_expect_eq(one_copy(257, 29), -1);
  cr_expect_eq(one_copy(257, 30), -1, "there is no such distance");
  cr_expect_eq(one_copy(257, 31), -1);
}

/* A block with codes of its own: lengths are packed as 0: a length of 1, 10: one of 2, 11: a run of
 * zeros. */
static void write_run(struct writer *w, uint32_t zeros) {
  write_code(w, 3, 2);
  write_bits(w, zeros - 11, 7);
}

struct own_codes {
  const char *what;
  uint32_t literals; /* beyond 257 */
  uint32_t a;        /* the lengths of the codes of 'a', of the end, and of distance 1: 1 or 2 */
  uint32_t end;      /* 0: none */
  uint32_t distance;
  int32_t result;
};

static void write_length(struct writer *w, uint32_t len) {
  if (len == 1) write_code(w, 0, 1);
  else write_code(w, 2, 2);
}

static int32_t own_codes(const struct own_codes *row) {
  static const uint8_t lengths[18] = {0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
  static struct writer w;
  memset(&w, 0, sizeof w);
  write_bits(&w, 1 | 2u << 1, 3);
  write_bits(&w, row->literals, 5);
  write_bits(&w, 0, 5);
  write_bits(&w, 14, 4);
  for (int i = 0; i < 18; i++) write_bits(&w, lengths[i], 3);
  write_run(&w, 97);
  write_length(&w, row->a);
  write_run(&w, 138);
  write_run(&w, row->end ? 20 : 21);
  if (row->end) write_length(&w, row->end);
  if (row->literals) write_run(&w, row->literals);
  write_length(&w, row->distance);
  write_bits(&w, 0, 2); /* two of the first symbol, which is the letter, or the shorter one */
  write_bits(&w, 1, 1); /* the end */
  return unpack(&w);
}

Test(inflate, codes_of_its_own) {
  static const struct own_codes rows[] = {
      {"two codes of one bit", 0, 1, 1, 1, 2},
      {"as many literals as there are", 29, 1, 1, 1, 2},
      {"more literals than there are", 30, 1, 1, 1, -1},
      {"a code that is not all used", 0, 1, 2, 1, -1},
      {"no code for the end", 0, 1, 0, 1, -1},
      {"one distance of two bits", 0, 1, 1, 2, -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    cr_expect_eq(own_codes(&rows[i]), rows[i].result, "%s: %d", rows[i].what, own_codes(&rows[i]));
}

/* A few bytes that would become very many. */
Test(inflate, a_bomb_ends_at_the_room) {
  static struct writer w;
  static uint8_t out[ROOM];
  memset(&w, 0, sizeof w);
  write_bits(&w, 3, 3);
  write_literal(&w, 'x');
  for (int i = 0; i < 1000; i++) { /* 258,001 bytes of about 1,600 */
    write_literal(&w, 285);
    write_code(&w, 0, 5);
  }
  write_literal(&w, 256);
  size_t packed = (w.bit_count + 7) / 8;
  out[65535] = 0xee;
  cr_expect_eq(tcptale_inflate(w.packed, packed, out, 65535), -1);
  cr_expect_eq(out[65535], 0xee);
  cr_expect_eq(out[65534], 'x', "it went as far as there was room");
}

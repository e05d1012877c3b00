/* sha1.c - SHA-1 in one call: whole blocks from the message itself, then one or two blocks with
 * its rest, the padding bit and its length. Floor 1. */
#include "sha1.h"

#include <string.h>

#include "bytes.h"

enum { BLOCK = 64, LENGTH_AT = 56 };

static uint32_t rotate(uint32_t x, unsigned bits) {
  return (x << bits) | (x >> (32 - bits));
}

/* The function f and the constant K of round t (FIPS 180-4, 4.1.1 and 4.2.1). */
static uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return ((b & c) ^ (~b & d)) + 0x5a827999u;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1u;
  if (t < 60) return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdcu;
  return (b ^ c ^ d) + 0xca62c1d6u;
}

static void block(uint32_t state[5], const uint8_t *bytes) {
  uint32_t w[80];
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (unsigned t = 0; t < 16; t++) w[t] = tcptale_be32(bytes + 4 * t);
  for (unsigned t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (unsigned t = 0; t < 80; t++) {
    uint32_t next = rotate(a, 5) + mix(t, b, c, d) + e + w[t];
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

static void put_be32(uint8_t *p, uint32_t number) {
  for (unsigned i = 0; i < 4; i++) p[i] = (uint8_t)(number >> (24 - 8 * i));
}

void tcptale_sha1(const uint8_t *data, size_t len, uint8_t digest[20]) {
  uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
  uint8_t tail[2 * BLOCK] = {0};
  size_t rest = len % BLOCK;
  size_t tail_len = rest < LENGTH_AT ? BLOCK : 2 * BLOCK;

  for (size_t at = 0; at < len - rest; at += BLOCK) block(state, data + at);
  if (rest > 0) memcpy(tail, data + (len - rest), rest);
  tail[rest] = 0x80;
  put_be32(tail + tail_len - 8, (uint32_t)((uint64_t)len >> 29));
  put_be32(tail + tail_len - 4, (uint32_t)((uint64_t)len << 3));
  for (size_t at = 0; at < tail_len; at += BLOCK) block(state, tail + at);
  for (unsigned i = 0; i < 5; i++) put_be32(digest + 4 * i, state[i]);
}

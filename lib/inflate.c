/* inflate.c - see inflate.h. A code is read bit by bit along the lengths that it has: packets are
 * short, so tables for speed would cost more than they save. Whatever runs out (input, room, a
 * code that does not exist) sets `bad`, and all further reads give 0. Floor 1. */
#include "inflate.h"

#include <string.h>

enum {
  LENGTHS = 16,       /* code lengths 0 .. 15 */
  LITERALS = 288,     /* literals 0 .. 255, end of block, lengths */
  DISTANCES = 32,     /* of which 30 and 31 never occur */
  END_OF_BLOCK = 256, /* RFC 1951 3.2.5 */
  FIRST_LENGTH = 257
};

/* A canonical code (RFC 1951 3.2.2): how many symbols have codes of each length, and the symbols
 * in the order of their codes. */
struct code {
  uint16_t count[LENGTHS];
  uint16_t symbol[LITERALS];
};

struct state {
  const uint8_t *in;
  size_t len;
  size_t at; /* the next byte of `in` */
  uint8_t *out;
  size_t room;
  size_t written;
  uint32_t byte; /* the one that bits are taken from, lowest first */
  uint32_t left; /* of its bits */
  int bad;
};

static uint32_t bit(struct state *s) {
  if (s->left == 0) {
    if (s->at == s->len) s->bad = 1;
    if (s->bad) return 0;
    s->byte = s->in[s->at++];
    s->left = 8;
  }
  uint32_t value = s->byte & 1;
  s->byte >>= 1;
  s->left--;
  return value;
}

static uint32_t bits(struct state *s, uint32_t count) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < count; i++) value |= bit(s) << i;
  return value;
}

/* Makes the code whose symbols have these lengths, 0: none. A code has to use all that its
 * lengths make room for; one bit for a single symbol is the exception. Returns 0 where it does
 * not. */
static int make_code(struct code *code, const uint8_t *lengths, uint32_t symbols) {
  uint16_t place[LENGTHS];
  int32_t unused = 1;
  memset(code->count, 0, sizeof code->count);
  for (uint32_t i = 0; i < symbols; i++) code->count[lengths[i]]++;
  code->count[0] = 0;
  uint32_t used = 0;
  for (uint32_t len = 1; len < LENGTHS; len++) {
    unused = 2 * unused - code->count[len];
    if (unused < 0) return 0;
    place[len] = (uint16_t)used;
    used += code->count[len];
  }
  for (uint32_t i = 0; i < symbols; i++)
    if (lengths[i] != 0) code->symbol[place[lengths[i]]++] = (uint16_t)i;
  return unused == 0 || used == code->count[1];
}

/* Reads one symbol: codes of a length follow on from those of the length before, doubled. */
static uint32_t symbol(struct state *s, const struct code *code) {
  uint32_t value = 0, first = 0, place = 0;
  for (uint32_t len = 1; len < LENGTHS && !s->bad; len++) {
    value = value << 1 | bit(s);
    first <<= 1;
    if (value - first < code->count[len]) return code->symbol[place + (value - first)];
    first += code->count[len];
    place += code->count[len];
  }
  s->bad = 1;
  return 0;
}

static void put(struct state *s, uint8_t byte) {
  if (s->written == s->room) s->bad = 1;
  else s->out[s->written++] = byte;
}

/* RFC 1951 3.2.4: to the next byte, the length, its complement, the bytes. */
static void stored(struct state *s) {
  s->left = 0;
  uint32_t len = bits(s, 16), complement = bits(s, 16);
  if ((len ^ complement) != 0xffff || len > s->len - s->at || len > s->room - s->written)
    s->bad = 1;
  if (s->bad) return;
  memcpy(s->out + s->written, s->in + s->at, len);
  s->written += len;
  s->at += len;
}

/* RFC 1951 3.2.5: the length of a copy for its symbol, with the bits that follow it. Symbols go in
 * fours, each four with one more bit than the one before; 285 stands for the greatest length. */
static uint32_t copy_length(struct state *s, uint32_t of) {
  uint32_t n = of - FIRST_LENGTH;
  if (n > 28) s->bad = 1;
  if (n >= 28) return 258;
  if (n < 8) return 3 + n;
  uint32_t extra = n / 4 - 1;
  return 3 + ((4 + n % 4) << extra) + bits(s, extra);
}

/* The same for a distance, whose symbols go in pairs. */
static uint32_t copy_distance(struct state *s, uint32_t n) {
  if (n > 29) s->bad = 1;
  if (n < 4) return 1 + n;
  uint32_t extra = n / 2 - 1;
  return 1 + ((2 + n % 2) << extra) + bits(s, extra);
}

/* The copy may run into what it writes: byte by byte. */
static void copy(struct state *s, uint32_t len, uint32_t distance) {
  if (distance > s->written) s->bad = 1;
  for (uint32_t i = 0; i < len && !s->bad; i++) put(s, s->out[s->written - distance]);
}

static void packed(struct state *s, const struct code *literal, const struct code *distance) {
  while (!s->bad) {
    uint32_t next = symbol(s, literal);
    if (s->bad || next == END_OF_BLOCK) return;
    if (next < END_OF_BLOCK) {
      put(s, (uint8_t)next);
      continue;
    }
    uint32_t len = copy_length(s, next);
    copy(s, len, copy_distance(s, symbol(s, distance)));
  }
}

/* RFC 1951 3.2.6. */
static void fixed(struct state *s) {
  uint8_t lengths[LITERALS];
  struct code literal, distance;
  for (uint32_t i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  make_code(&literal, lengths, LITERALS);
  memset(lengths, 5, DISTANCES);
  make_code(&distance, lengths, DISTANCES);
  packed(s, &literal, &distance);
}

/* Reads `count` code lengths, which are packed with a code of their own: 16 repeats the one
 * before, 17 and 18 are runs of zeros (RFC 1951 3.2.7). */
static void read_lengths(struct state *s, const struct code *code, uint8_t *lengths,
                         uint32_t count) {
  for (uint32_t i = 0; i < count && !s->bad;) {
    uint32_t value = symbol(s, code), times = 1;
    uint8_t len = (uint8_t)value;
    if (value == 16 && i == 0) s->bad = 1;
    if (s->bad) return;
    if (value >= 16) len = value == 16 ? lengths[i - 1] : 0;
    if (value == 16) times = 3 + bits(s, 2);
    if (value == 17) times = 3 + bits(s, 3);
    if (value == 18) times = 11 + bits(s, 7);
    if (times > count - i) s->bad = 1;
    for (; times > 0 && !s->bad; times--) lengths[i++] = len;
  }
}

/* RFC 1951 3.2.7: the two codes come with the block. */
static void dynamic(struct state *s) {
  static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                    11, 4,  12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[LITERALS + DISTANCES] = {0};
  struct code literal, distance;
  uint32_t literals = 257 + bits(s, 5), distances = 1 + bits(s, 5), own = 4 + bits(s, 4);
  for (uint32_t i = 0; i < own; i++) lengths[order[i]] = (uint8_t)bits(s, 3);
  if (literals > 286 || !make_code(&literal, lengths, 19)) s->bad = 1;
  if (s->bad) return;
  memset(lengths, 0, sizeof lengths);
  read_lengths(s, &literal, lengths, literals + distances);
  if (s->bad || lengths[END_OF_BLOCK] == 0) s->bad = 1;
  if (!make_code(&literal, lengths, literals)) s->bad = 1;
  if (!make_code(&distance, lengths + literals, distances)) s->bad = 1;
  packed(s, &literal, &distance);
}

int32_t tcptale_inflate(const uint8_t *in, size_t len, uint8_t *out, size_t room) {
  enum { STORED = 0, FIXED = 1, DYNAMIC = 2 };
  struct state s = {.in = in, .len = len, .out = out, .room = room};
  for (uint32_t is_last = 0; !is_last && !s.bad;) {
    is_last = bit(&s);
    uint32_t kind = bits(&s, 2);
    if (kind == STORED) stored(&s);
    else if (kind == FIXED) fixed(&s);
    else if (kind == DYNAMIC) dynamic(&s);
    else s.bad = 1;
  }
  return s.bad || s.at != s.len ? -1 : (int32_t)s.written;
}

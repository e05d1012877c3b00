/* capture_pcapng.c - pcapng files: blocks, of which section headers, interface descriptions and the
 * three kinds of packet blocks are read and all others skipped. Invariant: in->interfaces holds the
 * interfaces of the current section, in the order of their numbers. Names of blocks and fields are
 * those of the pcapng specification. */
#include "capture_parts.h"

#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum {
  BLOCK_INTERFACE = 1,
  BLOCK_PACKET = 2, /* obsolete */
  BLOCK_SIMPLE = 3,
  BLOCK_ENHANCED = 6,
  BLOCK_FRAME = 12, /* type, length; length again at the end */
  SECTION_HEADER_MIN = 28,
  OPTION_END = 0,
  OPTION_TSRESOL = 9,
  OPTION_TSOFFSET = 14,
  INTERFACE_LIMIT = 65536
};
#define BLOCK_SECTION 0x0a0d0d0au

/* A block whose whole length lies in the buffer. */
typedef struct block {
  uint32_t type;
  uint32_t len;        /* all of it */
  const uint8_t *body; /* after type and length */
  uint32_t body_len;
} block;

static enum capture_result damaged(capture *in, const char *why) {
  return capture_fail(in, CAPTURE_DAMAGED,
                      "damaged: the block at byte %llu, after %llu packets, %s",
                      (unsigned long long)in->offset, (unsigned long long)in->number, why);
}

/* Times */

static uint64_t power_of_ten(unsigned exponent) {
  uint64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

/* floor(ticks * 10^9 / 2^shift), split at 32 bits so that nothing overflows below a second. */
static uint64_t binary_fraction_ns(uint64_t ticks, unsigned shift) {
  uint64_t low = (ticks & 0xffffffffu) * 1000000000u;
  uint64_t upper = (ticks >> 32) * 1000000000u + (low >> 32);
  if (shift <= 32) return low >> shift;
  return shift - 32 < 64 ? upper >> (shift - 32) : 0;
}

/* Seconds and nanoseconds of a time in units of if_tsresol: 10^-n, or 2^-n where the top bit is
 * set. */
static void split_time(uint64_t ticks, uint8_t resolution, uint64_t *seconds, uint64_t *ns) {
  unsigned n = resolution & 0x7f;
  if (resolution & 0x80) {
    uint64_t whole = n < 64 ? ticks >> n : 0;
    *seconds = whole;
    *ns = binary_fraction_ns(n < 64 ? ticks - (whole << n) : ticks, n);
  } else if (n <= 19) {
    uint64_t unit = power_of_ten(n);
    *seconds = ticks / unit;
    *ns = n <= 9 ? ticks % unit * power_of_ten(9 - n) : ticks % unit / power_of_ten(n - 9);
  } else {
    *seconds = 0;
    *ns = n - 9 <= 19 ? ticks / power_of_ten(n - 9) : 0;
  }
}

/* Times before 1970 become 0, times past the range of a signed 64-bit number its greatest value. */
static uint64_t record_time(const capture_interface *from, uint32_t high, uint32_t low) {
  const uint64_t last = INT64_MAX / 1000000000 - 1;
  uint64_t seconds, ns;
  split_time((uint64_t)high << 32 | low, from->resolution, &seconds, &ns);
  if (seconds > last) return INT64_MAX;
  if (from->offset_s > (int64_t)last) return INT64_MAX;
  if (from->offset_s < -(int64_t)seconds) return 0;
  seconds = (uint64_t)((int64_t)seconds + from->offset_s);
  return seconds > last ? INT64_MAX : seconds * 1000000000 + ns;
}

/* Packet blocks */

static enum capture_result give(capture *in, const block *b, capture_record *record, uint32_t at) {
  if (record->cap_len > CAPTURE_LIMIT) return damaged(in, "claims an impossible packet length");
  if (b->body_len - at < record->cap_len) return damaged(in, "is shorter than the packet in it");
  record->data = b->body + at;
  return CAPTURE_RECORD;
}

static const capture_interface *interface_of(const capture *in, uint32_t id) {
  return id < in->interface_count ? &in->interfaces[id] : NULL;
}

/* Enhanced and (obsolete) Packet Blocks differ in the width of the interface number only. */
static enum capture_result read_packet(capture *in, const block *b, capture_record *record) {
  const capture_interface *from;
  if (b->body_len < 20) return damaged(in, "is too short for a packet block");
  from = interface_of(in, b->type == BLOCK_PACKET ? capture_u16(in, b->body)
                                                  : capture_u32(in, b->body));
  if (!from) return damaged(in, "names an interface that was not described");
  record->time_ns = record_time(from, capture_u32(in, b->body + 4), capture_u32(in, b->body + 8));
  record->cap_len = capture_u32(in, b->body + 12);
  record->wire_len = capture_u32(in, b->body + 16);
  record->link_type = from->link_type;
  return give(in, b, record, 20);
}

/* A Simple Packet Block has no time and belongs to interface 0, whose snap length says how much it
 * holds. */
static enum capture_result read_simple(capture *in, const block *b, capture_record *record) {
  const capture_interface *from = interface_of(in, 0);
  if (b->body_len < 4) return damaged(in, "is too short for a packet block");
  if (!from) return damaged(in, "names an interface that was not described");
  record->time_ns = 0;
  record->wire_len = capture_u32(in, b->body);
  record->cap_len = record->wire_len;
  if (from->snap_len != 0 && record->cap_len > from->snap_len) record->cap_len = from->snap_len;
  record->link_type = from->link_type;
  return give(in, b, record, 4);
}

/* Interfaces and sections */

static int64_t signed_64(const capture *in, const uint8_t *p) {
  uint64_t high = capture_u32(in, in->swapped ? p : p + 4);
  uint64_t bits = high << 32 | capture_u32(in, in->swapped ? p + 4 : p);
  return bits <= INT64_MAX ? (int64_t)bits : -(int64_t)(UINT64_MAX - bits) - 1;
}

/* Returns 0 where an option runs past the block. */
static int read_interface_options(const capture *in, const block *b, capture_interface *to) {
  uint32_t at = 8;
  while (b->body_len - at >= 4) {
    uint32_t code = capture_u16(in, b->body + at);
    uint32_t len = capture_u16(in, b->body + at + 2);
    uint32_t padded = (len + 3) & ~3u;
    at += 4;
    if (code == OPTION_END) return 1;
    if (b->body_len - at < padded) return 0;
    if (code == OPTION_TSRESOL && len >= 1) to->resolution = b->body[at];
    if (code == OPTION_TSOFFSET && len >= 8) to->offset_s = signed_64(in, b->body + at);
    at += padded;
  }
  return 1;
}

static int add_interface(capture *in, const capture_interface *add) {
  if (in->interface_count == in->interface_room) {
    uint32_t room = in->interface_room ? in->interface_room * 2 : 8;
    capture_interface *grown = realloc(in->interfaces, room * sizeof *grown);
    if (!grown) return 0;
    in->interfaces = grown;
    in->interface_room = room;
  }
  in->interfaces[in->interface_count++] = *add;
  return 1;
}

static enum capture_result read_interface(capture *in, const block *b) {
  capture_interface add = {0, 0, 0, 6};
  if (b->body_len < 8) return damaged(in, "is too short for an interface description");
  add.link_type = capture_u16(in, b->body);
  add.snap_len = capture_u32(in, b->body + 4);
  if (!read_interface_options(in, b, &add))
    return damaged(in, "has an option that runs past its end");
  if (in->interface_count == INTERFACE_LIMIT)
    return damaged(in, "describes one interface too many");
  if (!add_interface(in, &add)) return damaged(in, "finds no memory for its interface");
  return CAPTURE_RECORD;
}

/* The section header sets the byte order, which its own length is written in too. Before the first
 * one nothing is known to be a capture, so what is wrong with it is a refusal. */
static enum capture_result start_section(capture *in) {
  enum capture_result bad = in->next ? CAPTURE_DAMAGED : CAPTURE_REFUSED;
  size_t have = capture_fill(in, 16);
  const uint8_t *p = capture_at(in);
  unsigned major, minor;
  if (have < 16)
    return capture_cut(in, "the section header before record", have, SECTION_HEADER_MIN);
  in->swapped = 0;
  if (capture_u32(in, p + 8) != BYTE_ORDER_MAGIC) in->swapped = 1;
  if (capture_u32(in, p + 8) != BYTE_ORDER_MAGIC)
    return capture_fail(in, bad,
                        "is no pcapng file: the section header at byte %llu has no byte order",
                        (unsigned long long)in->offset);
  major = capture_u16(in, p + 12);
  minor = capture_u16(in, p + 14);
  if (major != 1 || (minor != 0 && minor != 2))
    return capture_fail(in, bad, "holds a pcapng section of the unknown version %u.%u at byte %llu",
                        major, minor, (unsigned long long)in->offset);
  in->interface_count = 0;
  return CAPTURE_RECORD;
}

/* Blocks */

static int is_read(uint32_t type) {
  return type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE ||
         type == BLOCK_ENHANCED;
}

/* Passes over a block of any length and checks the length at its end. */
static enum capture_result skip_block(capture *in, uint32_t len) {
  uint64_t start = in->offset, done = capture_skip(in, len - 4);
  size_t have = done == len - 4 ? capture_fill(in, 4) : 0;
  uint32_t trailer = have >= 4 ? capture_u32(in, capture_at(in)) : 0;
  if (have >= 4) capture_take(in, 4);
  if (have >= 4 && trailer == len) return CAPTURE_RECORD;
  in->offset = start;
  if (have < 4) return capture_cut(in, "the block before record", done + have, len);
  return damaged(in, "has different lengths at its two ends");
}

/* Brings a block that is read as a whole into the buffer. */
static enum capture_result load_block(capture *in, block *b) {
  size_t have;
  if (b->len > CAPTURE_BUFFER) return damaged(in, "is impossibly long");
  have = capture_fill(in, b->len);
  if (have < b->len) return capture_cut(in, "the block of record", have, b->len);
  b->body = capture_at(in) + 8;
  b->body_len = b->len - BLOCK_FRAME;
  if (capture_u32(in, b->body + b->body_len) != b->len)
    return damaged(in, "has different lengths at its two ends");
  return CAPTURE_RECORD;
}

/* Reads type and length. CAPTURE_END: the input ends before the block. */
static enum capture_result peek_block(capture *in, block *b) {
  size_t have = capture_fill(in, 8);
  const uint8_t *p = capture_at(in);
  if (have == 0 && in->error == 0) return CAPTURE_END;
  if (have < 8) return capture_cut(in, "the block before record", have, BLOCK_FRAME);
  b->type = capture_u32(in, p);
  if (b->type == BLOCK_SECTION) {
    enum capture_result started = start_section(in);
    if (started != CAPTURE_RECORD) return started;
  }
  b->len = capture_u32(in, capture_at(in) + 4);
  if (b->len % 4 != 0) return damaged(in, "has a length that is no multiple of 4");
  if (b->len < (b->type == BLOCK_SECTION ? SECTION_HEADER_MIN : BLOCK_FRAME))
    return damaged(in, "has a length below the least possible");
  return CAPTURE_RECORD;
}

static enum capture_result next_record(capture *in, capture_record *record) {
  for (;;) {
    block b = {0, 0, NULL, 0};
    enum capture_result result = peek_block(in, &b);
    if (result != CAPTURE_RECORD) return result;
    result = is_read(b.type) ? load_block(in, &b) : skip_block(in, b.len);
    if (result != CAPTURE_RECORD) return result;
    if (!is_read(b.type)) continue;
    if (b.type == BLOCK_INTERFACE) result = read_interface(in, &b);
    else if (b.type == BLOCK_SIMPLE) result = read_simple(in, &b, record);
    else result = read_packet(in, &b, record);
    if (result != CAPTURE_RECORD) return result;
    capture_take(in, b.len);
    if (b.type != BLOCK_INTERFACE) return CAPTURE_RECORD;
  }
}

enum capture_result capture_pcapng_start(capture *in) {
  enum capture_result result = start_section(in);
  if (result == CAPTURE_RECORD) in->next = next_record;
  return result;
}

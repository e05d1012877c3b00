/* capture_pcap.c - classic pcap files: a header of 24 bytes, then records. Both byte orders, micro-
 * and nanoseconds, the modified format with records' headers of 24 bytes, and the old versions 2.0
 * to 2.3, in which the two lengths stand the other way round. */
#include "capture_parts.h"

#define MAGIC_MICRO    0xa1b2c3d4u
#define MAGIC_NANO     0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

enum {
  FILE_HEADER = 24,
  LINK_TYPE_MASK = 0x03ffffff /* above it: length of the frame check sequence */
};

static int is_magic(uint32_t magic) {
  return magic == MAGIC_MICRO || magic == MAGIC_NANO || magic == MAGIC_MODIFIED;
}

int capture_pcap_known(uint32_t big, uint32_t little) {
  return is_magic(big) || is_magic(little);
}

static enum capture_result next_record(capture *in, capture_record *record) {
  size_t have = capture_fill(in, in->header_len);
  const uint8_t *p = capture_at(in);
  uint32_t cap_len, wire_len;
  uint64_t fraction;
  if (have == 0 && in->error == 0) return CAPTURE_END;
  if (have < in->header_len) return capture_cut(in, "record", have, in->header_len);
  cap_len = capture_u32(in, p + 8);
  wire_len = capture_u32(in, p + 12);
  if (in->lengths == CAPTURE_LENGTHS_SWAPPED ||
      (in->lengths == CAPTURE_LENGTHS_EITHER && cap_len > wire_len)) {
    uint32_t first = cap_len;
    cap_len = wire_len;
    wire_len = first;
  }
  if (cap_len > CAPTURE_LIMIT)
    return capture_fail(in, CAPTURE_DAMAGED,
                        "damaged: record %llu, which begins at byte %llu, claims to hold %lu bytes",
                        (unsigned long long)in->number + 1, (unsigned long long)in->offset,
                        (unsigned long)cap_len);
  have = capture_fill(in, in->header_len + cap_len);
  if (have - in->header_len < cap_len)
    return capture_cut(in, "record", have, (uint64_t)in->header_len + cap_len);
  p = capture_at(in);
  fraction = capture_u32(in, p + 4);
  record->time_ns =
      capture_u32(in, p) * (uint64_t)1000000000 + fraction * (in->nanoseconds ? 1 : 1000);
  record->data = p + in->header_len;
  record->cap_len = cap_len;
  record->wire_len = wire_len;
  record->link_type = in->link_type;
  capture_take(in, in->header_len + cap_len);
  return CAPTURE_RECORD;
}

/* Versions that exist: 2.0 to 2.4, and 543.0 of an old system, which writes the lengths as 2.2
 * did. */
static int read_version(capture *in, unsigned major, unsigned minor) {
  if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0)) return 0;
  in->lengths = CAPTURE_LENGTHS_PLAIN;
  if (major == 543 || minor < 3) in->lengths = CAPTURE_LENGTHS_SWAPPED;
  if (major == 2 && minor == 3) in->lengths = CAPTURE_LENGTHS_EITHER;
  return 1;
}

enum capture_result capture_pcap_start(capture *in) {
  size_t have = capture_fill(in, FILE_HEADER);
  const uint8_t *p = capture_at(in);
  uint32_t magic;
  if (have < FILE_HEADER)
    return capture_fail(in, CAPTURE_DAMAGED,
                        "ends in the middle of the file header: %u of %u bytes", (unsigned)have,
                        (unsigned)FILE_HEADER);
  in->swapped = !is_magic(capture_u32(in, p));
  magic = capture_u32(in, p);
  in->nanoseconds = magic == MAGIC_NANO;
  in->header_len = magic == MAGIC_MODIFIED ? 24 : 16;
  in->link_type = capture_u32(in, p + 20) & LINK_TYPE_MASK;
  if (!read_version(in, capture_u16(in, p + 4), capture_u16(in, p + 6)))
    return capture_fail(in, CAPTURE_REFUSED, "is a pcap file of the unknown version %u.%u",
                        (unsigned)capture_u16(in, p + 4), (unsigned)capture_u16(in, p + 6));
  capture_take(in, FILE_HEADER);
  in->next = next_record;
  return CAPTURE_RECORD;
}

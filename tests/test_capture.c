/* test_capture.c - the capture reader: every format, byte order and kind of damage, from files and
 * from pipes. Each input is built here; what the reader gives is compared as text, a line a record
 * and one for the end. */
#include <criterion/criterion.h>

#include "capture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 65536 };

/* Bytes under construction. */
typedef struct bytes {
  uint8_t at[ROOM];
  size_t len;
  int big; /* byte order of the numbers that follow */
} bytes;

static void put(bytes *b, const void *data, size_t len) {
  cr_assert(len <= ROOM - b->len);
  memcpy(b->at + b->len, data, len);
  b->len += len;
}

static void put_number(bytes *b, uint64_t value, size_t len) {
  uint8_t out[8];
  for (size_t i = 0; i < len; i++) out[b->big ? len - 1 - i : i] = (uint8_t)(value >> 8 * i);
  put(b, out, len);
}

static void put_words(bytes *b, size_t count, ...) {
  va_list args;
  va_start(args, count);
  for (size_t i = 0; i < count; i++) put_number(b, va_arg(args, uint32_t), 4);
  va_end(args);
}

/* The reader's account */

typedef struct account {
  char text[4096];
  size_t len;
  unsigned long records;
  enum capture_result end;
} account;

static void say(account *a, const char *format, ...) {
  va_list args;
  int n;
  va_start(args, format);
  n = vsnprintf(a->text + a->len, sizeof a->text - a->len, format, args);
  va_end(args);
  if (n > 0)
    a->len += (size_t)n < sizeof a->text - a->len ? (size_t)n : sizeof a->text - 1 - a->len;
}

static void read_all(account *a, int fd, unsigned flags) {
  capture *in = capture_open_fd(fd, "test", flags);
  capture_record r;
  static const int statuses[] = {0, 0, 1, 2};
  memset(a, 0, sizeof *a);
  while ((a->end = capture_next(in, &r)) == CAPTURE_RECORD) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < r.cap_len; i++) sum += r.data[i];
    a->records++;
    say(a, "%llu: link %u, %u of %u bytes, sum %u, at %llu\n", (unsigned long long)r.number,
        r.link_type, r.cap_len, r.wire_len, sum, (unsigned long long)r.time_ns);
  }
  say(a, "%s\n", a->end == CAPTURE_END ? "end" : capture_message(in));
  cr_assert_eq(capture_next(in, &r), a->end, "the end is final");
  cr_assert((a->end == CAPTURE_END) == (capture_message(in)[0] == 0));
  cr_assert_eq(capture_close(in, NULL), statuses[a->end < 0 ? 1 - a->end : 0]);
}

static void read_file(account *a, const void *data, size_t len, unsigned flags) {
  FILE *file = tmpfile();
  cr_assert(file && fwrite(data, 1, len, file) == len && fflush(file) == 0);
  rewind(file);
  read_all(a, fileno(file), flags);
  fclose(file);
}

/* From a pipe that is given `step` bytes at a time. */
static void read_pipe(account *a, const uint8_t *data, size_t len, size_t step, unsigned flags) {
  int ends[2];
  pid_t child;
  cr_assert_eq(pipe(ends), 0);
  child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    close(ends[0]);
    for (size_t i = 0; i < len; i += step)
      if (write(ends[1], data + i, len - i < step ? len - i : step) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  read_all(a, ends[0], flags);
  close(ends[0]);
  cr_assert_eq(waitpid(child, NULL, 0), child);
}

static void expect(const char *name, const bytes *b, unsigned flags, const char *wanted) {
  account a;
  read_file(&a, b->at, b->len, flags);
  cr_expect_str_eq(a.text, wanted, "%s:\n%sinstead of\n%s", name, a.text, wanted);
}

/* Classic pcap */

#define MICRO    0xa1b2c3d4u
#define NANO     0xa1b23c4du
#define MODIFIED 0xa1b2cd34u

static void start_pcap(bytes *b, int big, uint32_t magic, unsigned major, unsigned minor,
                       uint32_t link) {
  memset(b, 0, sizeof *b);
  b->big = big;
  put_number(b, magic, 4);
  put_number(b, major, 2);
  put_number(b, minor, 2);
  put_words(b, 4, 0, 0, 0, link); /* snap length 0: no limit, as some writers mean it */
}

static void add_record(bytes *b, uint32_t seconds, uint32_t fraction, uint32_t first_len,
                       uint32_t second_len, const char *data) {
  put_words(b, 4, seconds, fraction, first_len, second_len);
  put(b, data, strlen(data));
}

Test(capture, pcap_variants) {
  bytes b;
  for (int big = 0; big < 2; big++) {
    start_pcap(&b, big, MICRO, 2, 4, 1);
    add_record(&b, 1, 2, 3, 60, "\1\2\3");
    add_record(&b, 0xffffffff, 999999, 0, 5, "");
    expect("microseconds", &b, 0,
           "1: link 1, 3 of 60 bytes, sum 6, at 1000002000\n"
           "2: link 1, 0 of 5 bytes, sum 0, at 4294967295999999000\nend\n");
    start_pcap(&b, big, NANO, 2, 4, 101);
    add_record(&b, 1, 2, 1, 1, "\7");
    expect("nanoseconds", &b, 0, "1: link 101, 1 of 1 bytes, sum 7, at 1000000002\nend\n");
    start_pcap(&b, big, MODIFIED, 2, 4, 1);
    put_words(&b, 6, 1, 2, 1, 9, 77, 88);
    put(&b, "\5", 1);
    put_words(&b, 6, 1, 3, 1, 1, 0, 0);
    put(&b, "\6", 1);
    expect("modified", &b, 0,
           "1: link 1, 1 of 9 bytes, sum 5, at 1000002000\n2: link 1, 1 of 1 bytes, sum 6, at "
           "1000003000\nend\n");
    start_pcap(&b, big, MICRO, 2, 4, 0xf4000071);
    add_record(&b, 0, 0, 1, 1, "\1");
    expect("check sequence length above the link type", &b, 0,
           "1: link 113, 1 of 1 bytes, sum 1, at 0\nend\n");
  }
}

Test(capture, pcap_odd_numbers) {
  static const struct {
    const char *name;
    unsigned major, minor;
    uint32_t fraction, first_len, second_len;
    const char *wanted;
  } rows[] = {
      {"wire length 0", 2, 4, 0, 2, 0, "1: link 1, 2 of 2 bytes, sum 3, at 0\nend\n"},
      {"captured more than was there", 2, 4, 0, 2, 1,
       "1: link 1, 2 of 2 bytes, sum 3, at 0\nend\n"},
      {"a million microseconds", 2, 4, 1000000, 2, 2,
       "1: link 1, 2 of 2 bytes, sum 3, at 1000000000\nend\n"},
      {"negative microseconds", 2, 4, 0xffffffff, 2, 2,
       "1: link 1, 2 of 2 bytes, sum 3, at 4294967295000\nend\n"},
      {"2.2: lengths change places", 2, 2, 0, 60, 2,
       "1: link 1, 2 of 60 bytes, sum 3, at 0\nend\n"},
      {"2.0", 2, 0, 0, 60, 2, "1: link 1, 2 of 60 bytes, sum 3, at 0\nend\n"},
      {"543.0", 543, 0, 0, 60, 2, "1: link 1, 2 of 60 bytes, sum 3, at 0\nend\n"},
      {"2.3 either way", 2, 3, 0, 60, 2, "1: link 1, 2 of 60 bytes, sum 3, at 0\nend\n"},
      {"2.3 either way, plain", 2, 3, 0, 2, 60, "1: link 1, 2 of 60 bytes, sum 3, at 0\nend\n"},
      {"2.5", 2, 5, 0, 2, 2, "is a pcap file of the unknown version 2.5\n"},
      {"1.4", 1, 4, 0, 2, 2, "is a pcap file of the unknown version 1.4\n"},
      {"543.1", 543, 1, 0, 2, 2, "is a pcap file of the unknown version 543.1\n"},
      {"one byte over the limit", 2, 4, 0, CAPTURE_LIMIT + 1, CAPTURE_LIMIT + 1,
       "damaged: record 1, which begins at byte 24, claims to hold 1048577 bytes\n"},
      {"length -1", 2, 4, 0, 0xffffffff, 60,
       "damaged: record 1, which begins at byte 24, claims to hold 4294967295 bytes\n"},
      {"the limit, cut", 2, 4, 0, CAPTURE_LIMIT, CAPTURE_LIMIT,
       "ends in the middle of record 1, which begins at byte 24: 18 of 1048592 bytes\n"},
  };
  bytes b;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    start_pcap(&b, 0, MICRO, rows[i].major, rows[i].minor, 1);
    add_record(&b, 0, rows[i].fraction, rows[i].first_len, rows[i].second_len, "\1\2");
    expect(rows[i].name, &b, 0, rows[i].wanted);
  }
}

/* pcapng */

enum {
  SECTION = 0x0a0d0d0a,
  ORDER = 0x1a2b3c4d,
  INTERFACE = 1,
  PACKET = 2,
  SIMPLE = 3,
  ENHANCED = 6
};

/* Opens a block; returns where it begins. The length is written when it ends. */
static size_t begin_block(bytes *b, uint32_t type) {
  size_t start = b->len;
  put_words(b, 2, type, 0);
  return start;
}

static void end_block(bytes *b, size_t start) {
  bytes number = {.big = b->big};
  while ((b->len - start) % 4 != 0) put(b, "", 1);
  put_number(&number, b->len - start + 4, 4);
  memcpy(b->at + start + 4, number.at, 4);
  put(b, number.at, 4);
}

static void add_section(bytes *b, int big) {
  size_t start;
  b->big = big;
  start = begin_block(b, SECTION);
  put_number(b, ORDER, 4);
  put_number(b, 1, 2);
  put_number(b, 0, 2);
  put_words(b, 2, 0xffffffff, 0xffffffff);
  end_block(b, start);
}

static void add_interface(bytes *b, unsigned link, uint32_t snap_len) {
  size_t start = begin_block(b, INTERFACE);
  put_number(b, link, 2);
  put_number(b, 0, 2);
  put_number(b, snap_len, 4);
  end_block(b, start);
}

static void add_enhanced(bytes *b, uint32_t interface, uint64_t ticks, uint32_t wire_len,
                         const char *data) {
  size_t start = begin_block(b, ENHANCED);
  put_words(b, 5, interface, (uint32_t)(ticks >> 32), (uint32_t)ticks, (uint32_t)strlen(data),
            wire_len);
  put(b, data, strlen(data));
  end_block(b, start);
}

static void add_simple(bytes *b, uint32_t wire_len, const char *data) {
  size_t start = begin_block(b, SIMPLE);
  put_number(b, wire_len, 4);
  put(b, data, strlen(data));
  end_block(b, start);
}

static void add_old_packet(bytes *b, unsigned interface, const char *data) {
  size_t start = begin_block(b, PACKET);
  put_number(b, interface, 2);
  put_number(b, 9, 2); /* drops */
  put_words(b, 4, 0, 5, (uint32_t)strlen(data), 50);
  put(b, data, strlen(data));
  end_block(b, start);
}

Test(capture, pcapng_blocks) {
  for (int big = 0; big < 2; big++) {
    bytes b = {.len = 0};
    size_t start;
    add_section(&b, big);
    add_interface(&b, 1, 0);
    add_interface(&b, 113, 2);
    start = begin_block(&b, 5); /* statistics: skipped, also before packets */
    put_words(&b, 4, 0, 0, 0, 0);
    end_block(&b, start);
    add_enhanced(&b, 1, 7, 60, "\1\2\3");
    start = begin_block(&b, 0x80000001);
    end_block(&b, start);
    add_simple(&b, 3, "\1\1\1");
    add_old_packet(&b, 1, "\4");
    add_enhanced(&b, 0, 0, 0, "");
    add_section(&b, !big);
    add_interface(&b, 101, 2);
    add_simple(&b, 9, "\7\7");
    add_enhanced(&b, 0, 1, 1, "\1");
    expect(big ? "big, then little" : "little, then big", &b, 0,
           "1: link 113, 3 of 60 bytes, sum 6, at 7000\n"
           "2: link 1, 3 of 3 bytes, sum 3, at 0\n"
           "3: link 113, 1 of 50 bytes, sum 4, at 5000\n"
           "4: link 1, 0 of 0 bytes, sum 0, at 0\n"
           "5: link 101, 2 of 9 bytes, sum 14, at 0\n"
           "6: link 101, 1 of 1 bytes, sum 1, at 1000\nend\n");
  }
}

/* One packet of one interface whose options give its times. */
static void time_case(bytes *b, int big, int resolution, int64_t offset, uint64_t ticks) {
  size_t start;
  memset(b, 0, sizeof *b);
  add_section(b, big);
  start = begin_block(b, INTERFACE);
  put_number(b, 1, 2);
  put_number(b, 0, 6);
  put_number(b, 2, 2); /* a name first: options are walked */
  put_number(b, 3, 2);
  put(b, "eth\0", 4);
  if (resolution >= 0) {
    put_number(b, 9, 2);
    put_number(b, 1, 2);
    put(b, (uint8_t[]){(uint8_t)resolution, 0, 0, 0}, 4);
  }
  put_number(b, 14, 2);
  put_number(b, 8, 2);
  put_number(b, (uint64_t)offset, 8);
  put_number(b, 0, 4);
  end_block(b, start);
  add_enhanced(b, 0, ticks, 0, "");
}

Test(capture, pcapng_times) {
  static const struct {
    int resolution; /* -1: no such option */
    int64_t offset;
    uint64_t ticks, wanted_ns;
  } rows[] = {
      {-1, 0, 1234567, 1234567000},
      {6, 0, 1234567, 1234567000},
      {0, 0, 12, 12000000000},
      {3, 0, 1234, 1234000000},
      {9, 0, 1700000000123456789, 1700000000123456789},
      {9, 5, 1, 5000000001},
      {9, -2, 3000000001, 1000000001},
      {9, -4, 3000000001, 0},
      {10, 0, 19, 1},
      {12, 0, 1999, 1},
      {18, 0, 3000000001999999999, 3000000001},
      {19, 0, 10000000000000000000u, 1000000000},
      {20, 0, 18446744073709551615u, 184467440},
      {28, 0, 18446744073709551615u, 1},
      {29, 0, 18446744073709551615u, 0},
      {127, 0, 18446744073709551615u, 0},
      {0x80, 0, 3, 3000000000},
      {0x81, 0, 3, 1500000000},
      {0x80 + 20, 0, (1u << 20) + (1u << 19), 1500000000},
      {0x80 + 32, 0, ((uint64_t)7 << 32) + 0x80000000u, 7500000000},
      {0x80 + 33, 0, (uint64_t)3 << 32, 1500000000},
      {0x80 + 63, 0, (uint64_t)1 << 63, 1000000000},
      {0x80 + 64, 0, (uint64_t)1 << 63, 500000000},
      {0x80 + 65, 0, (uint64_t)1 << 63, 250000000},
      {0xff, 0, 18446744073709551615u, 0},
      {0, 0, 9223372035, 9223372035000000000},
      {0, 0, 18446744073709551615u, INT64_MAX},
      {9, INT64_MAX, 1, INT64_MAX},
      {0, INT64_MIN, 1, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows * 2; i++) {
    bytes b;
    account a;
    char wanted[100];
    size_t k = i / 2;
    time_case(&b, (int)(i % 2), rows[k].resolution, rows[k].offset, rows[k].ticks);
    read_file(&a, b.at, b.len, 0);
    snprintf(wanted, sizeof wanted, "1: link 1, 0 of 0 bytes, sum 0, at %llu\nend\n",
             (unsigned long long)rows[k].wanted_ns);
    cr_expect_str_eq(a.text, wanted, "row %zu: %sinstead of %s", k, a.text, wanted);
  }
}

/* A good file of a section, an interface and a packet, in which four bytes are then written
 * over. */
enum { AT_SECTION = 0, AT_INTERFACE = 28, AT_PACKET = 48, PACKET_LEN = 36 };

static void small_pcapng(bytes *b) {
  memset(b, 0, sizeof *b);
  add_section(b, 0);
  add_interface(b, 1, 0);
  cr_assert_eq(b->len, AT_PACKET);
  add_enhanced(b, 0, 1, 4, "\1\1\1\1");
  cr_assert_eq(b->len, AT_PACKET + PACKET_LEN);
}

Test(capture, pcapng_damage) {
  static const struct {
    size_t at;
    uint32_t value;
    const char *wanted;
  } rows[] = {
      {AT_PACKET + 4, 34,
       "damaged: the block at byte 48, after 0 packets, has a length that is no multiple of 4\n"},
      {AT_PACKET + 4, 8,
       "damaged: the block at byte 48, after 0 packets, has a length below the least possible\n"},
      {AT_PACKET + 4, 0,
       "damaged: the block at byte 48, after 0 packets, has a length below the least possible\n"},
      {AT_PACKET + 4, 32,
       "damaged: the block at byte 48, after 0 packets, has different lengths at its two ends\n"},
      {AT_PACKET + 4, 40,
       "ends in the middle of the block of record 1, which begins at byte 48: 36 of 40 bytes\n"},
      {AT_PACKET + 4, 0xfffffffc,
       "damaged: the block at byte 48, after 0 packets, is impossibly long\n"},
      {AT_PACKET + 8, 1,
       "damaged: the block at byte 48, after 0 packets, names an interface that was not "
       "described\n"},
      {AT_PACKET + 20, 5,
       "damaged: the block at byte 48, after 0 packets, is shorter than the packet in it\n"},
      {AT_PACKET + 20, 0xffffffff,
       "damaged: the block at byte 48, after 0 packets, claims an impossible packet length\n"},
      {AT_PACKET + 32, 32,
       "damaged: the block at byte 48, after 0 packets, has different lengths at its two ends\n"},
      {AT_PACKET, 77, "end\n"},
      {AT_PACKET, SECTION, "is no pcapng file: the section header at byte 48 has no byte order\n"},
      {AT_INTERFACE, 77,
       "damaged: the block at byte 48, after 0 packets, names an interface that was not "
       "described\n"},
      {AT_SECTION + 8, 0, "is no pcapng file: the section header at byte 0 has no byte order\n"},
      {AT_SECTION + 12, 2, "holds a pcapng section of the unknown version 2.0 at byte 0\n"},
      {AT_SECTION + 12, 0x10001, "holds a pcapng section of the unknown version 1.1 at byte 0\n"},
      {AT_SECTION + 12, 0x20001, "1: link 1, 4 of 4 bytes, sum 4, at 1000\nend\n"},
      {AT_SECTION + 4, 24,
       "damaged: the block at byte 0, after 0 packets, has a length below the least possible\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bytes b, number = {.len = 0};
    small_pcapng(&b);
    put_number(&number, rows[i].value, 4);
    memcpy(b.at + rows[i].at, number.at, 4);
    expect(rows[i].wanted, &b, 0, rows[i].wanted);
  }
}

Test(capture, pcapng_more_damage) {
  bytes b = {.len = 0};
  size_t start;
  add_section(&b, 0);
  add_simple(&b, 1, "\1");
  expect("a simple packet without an interface", &b, 0,
         "damaged: the block at byte 28, after 0 packets, names an interface that was not "
         "described\n");
  b.len = 28;
  start = begin_block(&b, INTERFACE);
  put_words(&b, 3, 1, 0, 0x00200002); /* option 2 of 32 bytes, of which none are there */
  end_block(&b, start);
  expect("an option past the end", &b, 0,
         "damaged: the block at byte 28, after 0 packets, has an option that runs past its end\n");
  b.len = 28;
  start = begin_block(&b, INTERFACE);
  put_words(&b, 1, 1);
  end_block(&b, start);
  expect("half an interface", &b, 0,
         "damaged: the block at byte 28, after 0 packets, is too short for an interface "
         "description\n");
  b.len = 28;
  add_interface(&b, 1, 0);
  add_enhanced(&b, 0, 0, 1, "\1");
  add_section(&b, 1);
  add_enhanced(&b, 0, 0, 1, "\1");
  expect("interfaces end with their section", &b, 0,
         "1: link 1, 1 of 1 bytes, sum 1, at 0\n"
         "damaged: the block at byte 112, after 1 packets, names an interface that was not "
         "described\n");
  b.len = 28;
  b.big = 0;
  add_interface(&b, 1, 0);
  add_simple(&b, 5, "\1\1\1\1");
  expect("a simple packet longer than its block", &b, 0,
         "damaged: the block at byte 48, after 0 packets, is shorter than the packet in it\n");
  for (uint32_t len = 0; len < 20; len += 4) {
    b.len = 48;
    start = begin_block(&b, len < 4 ? SIMPLE : ENHANCED);
    put(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", len);
    end_block(&b, start);
    expect("half a packet", &b, 0,
           "damaged: the block at byte 48, after 0 packets, is too short for a packet block\n");
  }
}

/* Any prefix of a capture gives the records that are whole in it, and the end of the good file only
 * where a record ends too. `good_ends` lists those lengths. */
static void every_prefix(const bytes *b, const size_t *good_ends, size_t count, size_t least) {
  for (size_t len = 0; len <= b->len; len++) {
    account a;
    enum capture_result wanted = len < 4 ? CAPTURE_REFUSED : CAPTURE_DAMAGED;
    unsigned long whole = 0;
    for (size_t i = 0; i < count; i++) {
      if (len == good_ends[i]) wanted = CAPTURE_END;
      if (len >= good_ends[i] && good_ends[i] > least) whole++;
    }
    read_file(&a, b->at, len, 0);
    cr_expect(a.end == wanted && a.records == whole,
              "prefix of %zu bytes: %d instead of %d, %lu of %lu records", len, a.end, wanted,
              a.records, whole);
  }
}

Test(capture, every_prefix_of_pcap) {
  bytes b;
  size_t ends[4] = {24};
  start_pcap(&b, 0, MICRO, 2, 4, 1);
  for (int i = 1; i < 4; i++) {
    add_record(&b, 1, 2, 5, 60, "\1\2\3\4\5");
    ends[i] = b.len;
  }
  every_prefix(&b, ends, 4, 24);
}

Test(capture, every_prefix_of_pcapng) {
  bytes b = {.len = 0};
  size_t ends[5];
  add_section(&b, 1);
  ends[0] = b.len;
  add_interface(&b, 1, 0);
  ends[1] = b.len;
  for (int i = 2; i < 5; i++) {
    add_enhanced(&b, 0, 1, 5, "\1\2\3\4\5");
    ends[i] = b.len;
  }
  every_prefix(&b, ends, 5, ends[1]);
}

/* Bytes that come one at a time say the same as a file. */
Test(capture, pipes) {
  bytes inputs[3] = {{.len = 0}};
  const char *text =
      "12:00:00.000001 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S], seq 5, win 6, length 0\nand prose";
  start_pcap(&inputs[0], 1, NANO, 2, 4, 1);
  for (int i = 0; i < 3; i++) add_record(&inputs[0], 1, 2, 5, 60, "\1\2\3\4\5");
  add_section(&inputs[1], 0);
  add_interface(&inputs[1], 1, 0);
  for (int i = 0; i < 3; i++) add_enhanced(&inputs[1], 0, 1, 5, "\1\2\3\4\5");
  put(&inputs[2], text, strlen(text));
  for (int i = 0; i < 3; i++) {
    account from_file, from_pipe;
    read_file(&from_file, inputs[i].at, inputs[i].len, CAPTURE_TEXT);
    cr_expect_eq(from_file.end, CAPTURE_END, "%s", from_file.text);
    cr_expect_eq(from_file.records, i < 2 ? 3 : 1);
    for (size_t step = 1; step < 12; step += 5) {
      read_pipe(&from_pipe, inputs[i].at, inputs[i].len, step, CAPTURE_TEXT);
      cr_expect_str_eq(from_pipe.text, from_file.text);
    }
    read_file(&from_file, inputs[i].at, inputs[i].len - 1, 0);
    read_pipe(&from_pipe, inputs[i].at, inputs[i].len - 1, 1, 0);
    cr_expect_str_eq(from_pipe.text, from_file.text, "%s", from_pipe.text);
  }
}

/* Records of the largest size, more of them than any buffer, and a skipped block longer than
 * all. */
Test(capture, larger_than_the_buffer) {
  FILE *file = tmpfile();
  bytes head;
  uint8_t *big = malloc(CAPTURE_LIMIT);
  account a;
  cr_assert(file && big);
  memset(big, 1, CAPTURE_LIMIT);
  start_pcap(&head, 0, MICRO, 2, 4, 1);
  fwrite(head.at, 1, head.len, file);
  for (int i = 0; i < 6; i++) {
    head.len = 0;
    put_words(&head, 4, 0, 0, CAPTURE_LIMIT, CAPTURE_LIMIT);
    fwrite(head.at, 1, head.len, file);
    fwrite(big, 1, CAPTURE_LIMIT, file);
  }
  rewind(file);
  read_all(&a, fileno(file), 0);
  cr_expect(a.end == CAPTURE_END && a.records == 6, "%s", a.text);
  cr_expect(strstr(a.text, "6: link 1, 1048576 of 1048576 bytes, sum 1048576, at 0\n"));
  fclose(file);
  file = tmpfile();
  memset(&head, 0, sizeof head);
  add_section(&head, 0);
  put_words(&head, 2, 99, 5 * CAPTURE_LIMIT + 12);
  fwrite(head.at, 1, head.len, file);
  for (int i = 0; i < 5; i++) fwrite(big, 1, CAPTURE_LIMIT, file);
  head.len = 0;
  put_words(&head, 1, 5 * CAPTURE_LIMIT + 12);
  add_interface(&head, 1, 0);
  add_enhanced(&head, 0, 0, 1, "\1");
  fwrite(head.at, 1, head.len, file);
  rewind(file);
  read_all(&a, fileno(file), 0);
  cr_expect_str_eq(a.text, "1: link 1, 1 of 1 bytes, sum 1, at 0\nend\n");
  fclose(file);
  free(big);
}

Test(capture, strangers) {
  static const struct {
    const char *data;
    size_t len;
    unsigned flags;
    const char *wanted;
  } rows[] = {
      {"", 0, CAPTURE_TEXT, "is empty\n"},
      {"\xa1\xb2", 2, 0, "is text, and this program reads pcap and pcapng only\n"},
      {"\0\0\0\0", 4, CAPTURE_TEXT, "is no capture (neither pcap nor pcapng)\n"},
      {"\x1f\x8b\x08\x00", 4, 0, "is compressed: unpack it first, as in `zcat FILE | ... -`\n"},
      {"hello\n", 6, 0, "is text, and this program reads pcap and pcapng only\n"},
      {"hello\n", 6, CAPTURE_TEXT,
       "is no capture, and holds no TCP line as tcpdump -n prints it\n"},
      {"hello\0\n", 7, CAPTURE_TEXT, "is no capture (neither pcap nor pcapng)\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    account a;
    read_file(&a, rows[i].data, rows[i].len, rows[i].flags);
    cr_expect_str_eq(a.text, rows[i].wanted, "row %zu: %s", i, a.text);
    cr_expect_eq(a.end, CAPTURE_REFUSED);
  }
}

Test(capture, files_that_cannot_be_read) {
  capture_record r;
  capture *in = capture_open("tests/no such file", 0);
  cr_expect_eq(capture_next(in, &r), CAPTURE_REFUSED);
  cr_expect_str_eq(capture_message(in), "cannot be opened: No such file or directory");
  cr_expect_eq(capture_close(in, NULL), 2);
  in = capture_open("tests", 0);
  cr_expect_eq(capture_next(in, &r), CAPTURE_REFUSED);
  cr_expect_str_eq(capture_message(in), "cannot be read: Is a directory");
  cr_expect_eq(capture_close(in, NULL), 2);
  cr_expect_eq(capture_next(NULL, &r), CAPTURE_REFUSED);
  cr_expect_eq(capture_close(NULL, NULL), 2);
}

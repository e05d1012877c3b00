/* trace.c - see trace.h. */
#define _GNU_SOURCE
#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct record {
  uint32_t seconds;
  uint32_t microseconds;
  uint32_t cap_len;
  uint32_t wire_len;
};

enum { FILE_HEADER = 24, HUGE_PAGE = 2 << 20 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

void *trace_memory(size_t len) {
  void *memory =
      mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("memory");
  uint8_t *aligned = (uint8_t *)(((uintptr_t)memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
  madvise(aligned, len, MADV_HUGEPAGE);
  return aligned;
}

static const uint8_t *map_file(const char *path, size_t *len) {
  struct stat status;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &status)) fail(path);
  *len = (size_t)status.st_size;
  const uint8_t *bytes = mmap(NULL, *len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (bytes == MAP_FAILED) fail(path);
  return bytes;
}

/* The record at `at`; its length in the file, 0 where the file ends before it does. */
static size_t read_record(const uint8_t *bytes, size_t len, size_t at, struct record *record) {
  if (len - at < sizeof *record) return 0;
  memcpy(record, bytes + at, sizeof *record);
  return record->cap_len <= len - at - sizeof *record ? sizeof *record + record->cap_len : 0;
}

static size_t count_records(const uint8_t *bytes, size_t len) {
  struct record record;
  size_t count = 0;
  for (size_t at = FILE_HEADER, size; (size = read_record(bytes, len, at, &record)) > 0; at += size)
    count++;
  return count;
}

static tcptale_frame frame_of(const struct record *record, const uint8_t *data, uint64_t number) {
  return (tcptale_frame){.struct_size = sizeof(tcptale_frame),
                         .link_type = TCPTALE_LINK_ETHERNET,
                         .cap_len = record->cap_len,
                         .wire_len = record->wire_len,
                         .ts_ns = record->seconds * 1000000000ull + record->microseconds * 1000ull,
                         .index = number,
                         .data = data};
}

struct trace trace_open(const char *path, uint64_t limit) {
  size_t len, at = FILE_HEADER;
  const uint8_t *bytes = map_file(path, &len);
  if (len < FILE_HEADER || memcmp(bytes, "\xd4\xc3\xb2\xa1", 4) != 0) {
    fprintf(stderr, "%s: not a trace\n", path);
    exit(1);
  }
  struct trace trace = {.count = count_records(bytes, len)};
  trace.frames = trace_memory((trace.count + TRACE_MORE) * sizeof *trace.frames);
  struct record record = {0};
  for (size_t i = 0; i < trace.count; i++) {
    size_t size = read_record(bytes, len, at, &record);
    trace.frames[i] = frame_of(&record, bytes + at + sizeof record, i + 1);
    at += size;
  }
  for (size_t i = 0; i < TRACE_MORE; i++) trace.frames[trace.count + i].data = bytes;
  if (limit > 0 && limit < trace.count) trace.count = limit;
  return trace;
}

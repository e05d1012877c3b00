/* capture.c - the reader's door: opens, recognises the format, keeps the buffer, says how it ended.
 * Invariant: buffer[begin, end) are the bytes of the input from `offset` on. */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include "capture_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCAPNG_MAGIC 0x0a0d0d0au

/* The buffer */

size_t capture_fill(capture *in, size_t want) {
  if (in->end - in->begin >= want) return in->end - in->begin;
  memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
  in->end -= in->begin;
  in->begin = 0;
  while (in->end < want && !in->eof) {
    size_t room = CAPTURE_BUFFER - in->end;
    ssize_t got = read(in->fd, in->buffer + in->end, room < CAPTURE_STEP ? room : CAPTURE_STEP);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) in->error = errno;
    if (got <= 0) in->eof = 1;
    if (got > 0) in->end += (size_t)got;
  }
  return in->end;
}

const uint8_t *capture_at(const capture *in) {
  return in->buffer + in->begin;
}

void capture_take(capture *in, size_t len) {
  in->begin += len;
  in->offset += len;
}

uint64_t capture_skip(capture *in, uint64_t len) {
  uint64_t done = 0;
  while (done < len) {
    uint64_t left = len - done;
    size_t have = capture_fill(in, 1);
    if (have == 0) break;
    if (have > left) have = (size_t)left;
    capture_take(in, have);
    done += have;
  }
  return done;
}

/* How it ends */

enum capture_result capture_fail(capture *in, enum capture_result result, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(in->message, sizeof in->message, format, args);
  va_end(args);
  in->ended = result;
  return result;
}

enum capture_result capture_cut(capture *in, const char *what, uint64_t have, uint64_t want) {
  if (in->error != 0)
    return capture_fail(in, CAPTURE_DAMAGED, "cannot read on at byte %llu: %s",
                        (unsigned long long)(in->offset + have), strerror(in->error));
  return capture_fail(
      in, CAPTURE_DAMAGED,
      "ends in the middle of %s %llu, which begins at byte %llu: %llu of %llu bytes", what,
      (unsigned long long)in->number + 1, (unsigned long long)in->offset, (unsigned long long)have,
      (unsigned long long)want);
}

/* Numbers */

uint16_t capture_u16(const capture *in, const uint8_t *p) {
  return (uint16_t)(in->swapped ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

uint32_t capture_u32(const capture *in, const uint8_t *p) {
  uint32_t high = capture_u16(in, in->swapped ? p : p + 2);
  return high << 16 | capture_u16(in, in->swapped ? p + 2 : p);
}

/* Recognition */

static int looks_like_text(const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len && i < 4096; i++)
    if (data[i] < 0x20 && (data[i] < '\t' || data[i] > '\r') && data[i] != 0x1b) return 0;
  return 1;
}

static const char *known_stranger(uint32_t big) {
  if (big >> 16 == 0x1f8b) return "is compressed: unpack it first, as in `zcat FILE | ... -`";
  if (big == 0x28b52ffd) return "is compressed: unpack it first, as in `zstdcat FILE | ... -`";
  if (big == 0xfd377a58) return "is compressed: unpack it first, as in `xzcat FILE | ... -`";
  return "is no capture (neither pcap nor pcapng)";
}

static enum capture_result recognise(capture *in) {
  size_t have = capture_fill(in, 4);
  const uint8_t *p = capture_at(in);
  uint32_t big, little;
  if (in->error != 0)
    return capture_fail(in, CAPTURE_REFUSED, "cannot be read: %s", strerror(in->error));
  if (have == 0) return capture_fail(in, CAPTURE_REFUSED, "is empty");
  if (have >= 4) {
    little = capture_u32(in, p);
    in->swapped = 1;
    big = capture_u32(in, p);
    in->swapped = 0;
    if (capture_pcap_known(big, little)) return capture_pcap_start(in);
    if (little == PCAPNG_MAGIC) return capture_pcapng_start(in);
    if (known_stranger(big) != known_stranger(0))
      return capture_fail(in, CAPTURE_REFUSED, "%s", known_stranger(big));
  }
  if (!looks_like_text(p, have)) return capture_fail(in, CAPTURE_REFUSED, "%s", known_stranger(0));
  if (in->flags & CAPTURE_TEXT) return capture_text_start(in);
  return capture_fail(in, CAPTURE_REFUSED, "is text, and this program reads pcap and pcapng only");
}

/* The public calls */

static char *copy_of(const char *text) {
  size_t len = strlen(text) + 1;
  char *copy = malloc(len);
  return copy ? memcpy(copy, text, len) : NULL;
}

static capture *new_capture(const char *name, unsigned flags) {
  capture *in = calloc(1, sizeof *in);
  if (!in) return NULL;
  in->fd = -1;
  in->flags = flags;
  in->ended = CAPTURE_RECORD;
  in->buffer = malloc(CAPTURE_BUFFER);
  in->name = copy_of(name);
  if (in->buffer && in->name) return in;
  capture_close(in, NULL);
  return NULL;
}

capture *capture_open(const char *path, unsigned flags) {
  int standard = strcmp(path, "-") == 0;
  capture *in = new_capture(standard ? "standard input" : path, flags);
  if (!in) return NULL;
  in->own_fd = !standard;
  in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (in->fd < 0) capture_fail(in, CAPTURE_REFUSED, "cannot be opened: %s", strerror(errno));
  else recognise(in);
  return in;
}

capture *capture_open_fd(int fd, const char *name, unsigned flags) {
  capture *in = new_capture(name, flags);
  if (!in) return NULL;
  in->fd = fd;
  recognise(in);
  return in;
}

enum capture_result capture_next(capture *in, capture_record *record) {
  enum capture_result result;
  if (!in) return CAPTURE_REFUSED;
  if (in->ended != CAPTURE_RECORD) return in->ended;
  result = in->next(in, record);
  if (result != CAPTURE_RECORD) {
    in->ended = result;
    return result;
  }
  record->number = ++in->number;
  if (record->wire_len < record->cap_len) record->wire_len = record->cap_len;
  return result;
}

const char *capture_message(const capture *in) {
  return in ? in->message : "there is no memory to read it";
}

uint64_t capture_offset(const capture *in) {
  return in ? in->offset : 0;
}

int capture_close(capture *in, const char *program) {
  int status = 2;
  if (in && (in->ended == CAPTURE_RECORD || in->ended == CAPTURE_END)) status = 0;
  if (in && in->ended == CAPTURE_DAMAGED) status = 1;
  if (status != 0 && program)
    fprintf(stderr, "%s: %s: %s\n", program, in ? in->name : "input", capture_message(in));
  if (!in) return status;
  if (in->own_fd && in->fd >= 0) close(in->fd);
  capture_text_free(in->text);
  free(in->interfaces);
  free(in->buffer);
  free(in->name);
  free(in);
  return status;
}

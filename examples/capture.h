/* capture.h - reads packet records from a file or a pipe: classic pcap, pcapng, and the text that
 * `tcpdump -n` prints. For the example programs; needs neither libpcap nor the tcptale library.
 *
 * The kind is recognised by content, the input is read once from front to back through one buffer
 * of fixed size, so a capture may be larger than memory and may come from a pipe. The usual shape
 * of a program:
 *
 *   capture *in = capture_open(path, CAPTURE_TEXT);
 *   while (capture_next(in, &record) == CAPTURE_RECORD) ...
 *   return capture_close(in, "dump"); */
#ifndef TCPTALE_EXAMPLES_CAPTURE_H
#define TCPTALE_EXAMPLES_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

typedef struct capture capture;

typedef struct capture_record {
  const uint8_t *data; /* valid until the next call of capture_next or capture_close */
  uint32_t cap_len;    /* bytes at data */
  uint32_t wire_len;   /* bytes on the wire, never below cap_len */
  uint64_t time_ns;    /* since the epoch; 0 where the record has no time */
  uint64_t number;     /* 1 for the first packet record of the input */
  uint32_t link_type;  /* as pcap files number them */
} capture_record;

/* What capture_next returns. */
enum capture_result {
  CAPTURE_END = 0,      /* the input ended after a whole record */
  CAPTURE_RECORD = 1,   /* a record was written */
  CAPTURE_DAMAGED = -1, /* the input ends in the middle of something, or holds damage */
  CAPTURE_REFUSED = -2  /* it could not be opened, is empty or is no capture */
};

/* What capture_open is asked for. */
enum capture_flag {
  CAPTURE_TEXT = 1 /* accept tcpdump's text too */
};

enum {
  CAPTURE_LIMIT = 1048576 /* captured bytes of a record; a record that claims more is damage */
};

/* Opens `path`, or standard input for "-". What goes wrong is told by capture_next and
 * capture_close, so the result needs no check: NULL (no memory) is accepted by every call below. */
capture *capture_open(const char *path, unsigned flags);

/* The same for a descriptor that stays the caller's; `name` is copied, for messages. */
capture *capture_open_fd(int fd, const char *name, unsigned flags);

/* Reads the next record. Once it returned anything but CAPTURE_RECORD it returns the same
 * forever. */
enum capture_result capture_next(capture *in, capture_record *record);

/* Where and why the reading ended, without the file's name; "" if it has not ended or ended
 * well. */
const char *capture_message(const capture *in);

/* Bytes of the input that were consumed. */
uint64_t capture_offset(const capture *in);

/* Frees it. Where the reading ended badly, one line `PROGRAM: FILE: MESSAGE` goes to standard error
 * (`program` NULL: none). Returns the exit status: 0 good, 1 damaged, 2 refused. */
int capture_close(capture *in, const char *program);

#endif

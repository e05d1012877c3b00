/* capture_parts.h - what the files of the capture reader share: the buffer and the state of each
 * format. */
#ifndef TCPTALE_EXAMPLES_CAPTURE_PARTS_H
#define TCPTALE_EXAMPLES_CAPTURE_PARTS_H

#include "capture.h"

enum {
  CAPTURE_BUFFER = 2 * CAPTURE_LIMIT, /* the largest thing that must lie in one piece, and more */
  CAPTURE_STEP = 262144               /* bytes asked of the system at once */
};

struct capture_text;

typedef struct capture_interface {
  uint32_t link_type;
  uint32_t snap_len;  /* 0: no limit */
  int64_t offset_s;   /* if_tsoffset */
  uint8_t resolution; /* if_tsresol as in the file: 6 is microseconds */
} capture_interface;

struct capture {
  int fd;
  int own_fd; /* close it at the end */
  int eof;    /* the system has no more bytes */
  int error;  /* errno of a failed read, 0 if none */
  unsigned flags;
  uint8_t *buffer;
  size_t begin; /* the bytes not yet consumed: [begin, end) */
  size_t end;
  uint64_t offset; /* of begin in the input */
  uint64_t number; /* records given so far */
  enum capture_result (*next)(capture *in, capture_record *record);
  enum capture_result ended; /* CAPTURE_RECORD while it has not */
  char message[200];
  char *name;

  int swapped;                   /* pcap and pcapng: numbers are big-endian */
  int nanoseconds;               /* pcap: fraction of a second */
  int lengths;                   /* pcap: order of the two lengths, CAPTURE_LENGTHS_ */
  uint32_t header_len;           /* pcap: of a record */
  uint32_t link_type;            /* pcap */
  capture_interface *interfaces; /* pcapng: of the current section */
  uint32_t interface_count;
  uint32_t interface_room;
  struct capture_text *text;
};

/* Files before version 2.3 hold the wire length first; 2.3 exists both ways. */
enum { CAPTURE_LENGTHS_PLAIN, CAPTURE_LENGTHS_SWAPPED, CAPTURE_LENGTHS_EITHER };

/* Reads until at least `want` bytes (at most CAPTURE_BUFFER) lie at capture_at, or the input ends.
 * Returns how many there are. Moves the buffer: pointers into it die. */
size_t capture_fill(capture *in, size_t want);

const uint8_t *capture_at(const capture *in);

/* Consumes `len` bytes that are in the buffer. */
void capture_take(capture *in, size_t len);

/* Consumes `len` bytes, read or not. Returns how many there were. */
uint64_t capture_skip(capture *in, uint64_t len);

/* Ends the reading with a message and returns `result`. */
enum capture_result capture_fail(capture *in, enum capture_result result, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Ends it because only `have` bytes of `want` are there, in the middle of `what`. */
enum capture_result capture_cut(capture *in, const char *what, uint64_t have, uint64_t want);

/* Numbers in the byte order of the file. */
uint16_t capture_u16(const capture *in, const uint8_t *p);
uint32_t capture_u32(const capture *in, const uint8_t *p);

/* Recognise the format at the start of the input: set in->next, or fail. Each is called where the
 * first four bytes (or, for text, nothing binary) speak for it. */
enum capture_result capture_pcap_start(capture *in);
enum capture_result capture_pcapng_start(capture *in);
enum capture_result capture_text_start(capture *in);

/* The magic numbers, as read from the first four bytes: does it open a pcap file? */
int capture_pcap_known(uint32_t big, uint32_t little);

void capture_text_free(struct capture_text *text);

#endif

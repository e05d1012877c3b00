/* text_line.h - one line of `tcpdump -n` taken apart: pure, no state. */
#ifndef TCPTALE_EXAMPLES_TEXT_LINE_H
#define TCPTALE_EXAMPLES_TEXT_LINE_H

#include <stdint.h>

/* The kinds of time columns. */
enum {
  TEXT_TIME_NONE,  /* -t, or a continued line of -v */
  TEXT_TIME_CLOCK, /* 12:34:56.789012, nanoseconds since midnight; of -ttt since the line before */
  TEXT_TIME_EPOCH  /* -tt and -tttt: nanoseconds since 1970 */
};

typedef struct text_line {
  unsigned version; /* 4 or 6 */
  uint8_t src[16], dst[16];
  uint16_t src_port, dst_port;
  uint16_t flags; /* the TCP header's twelve bits */
  uint16_t window, urgent;
  int has_seq;
  uint32_t seq, ack; /* as printed */
  uint32_t length;
  uint8_t options[40]; /* as in a header, padded to a multiple of 4 */
  unsigned options_len;
  unsigned sack_at;    /* where in options the edges of SACK blocks begin ... */
  unsigned sack_edges; /* ... and how many there are; as printed */
  int time_kind;
  uint64_t time_ns;
} text_line;

/* Reads a line (without its end). Returns 1 where it tells of a TCP segment, 0 where it is anything
 * else; the time fields are written where a time column leads the line, also of the first line of
 * two that -v prints. */
int text_line_read(text_line *line, const char *text);

#endif

/* tcptale/format.h - one decoded TCP segment as the line that `tcpdump -n` (4.99) prints for it:
 *
 *   IP 10.0.2.15.43830 > 93.184.216.34.80: Flags [P.], seq 1:38, ack 1, win 29200, length 37
 *
 * without a time before it and without the text of protocols above TCP behind it. Pure. */
#ifndef TCPTALE_FORMAT_H
#define TCPTALE_FORMAT_H

#include "tcptale/base.h"
#include "tcptale/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tcptale_line_flag {
  TCPTALE_LINE_AE = 0x01 /* print the flag AE too, as `e`; tcpdump does so from 4.99.4 on */
};

/* How a line is to be printed. The bases are subtracted from the numbers; all 0: absolute
 * numbers. */
typedef struct tcptale_line {
  uint32_t struct_size; /* written by tcptale_line_init */
  uint32_t flags;       /* TCPTALE_LINE_ */
  uint32_t seq_base;    /* of the sequence number */
  uint32_t ack_base;    /* of the acknowledgement number */
  uint32_t sack_base; /* of the edges of SACK blocks: ack_base, also where ack itself is absolute */
  uint32_t reserved0;
} tcptale_line;

enum {
  TCPTALE_LINE_ROOM =
      1024 /* bytes that hold any line over at most 8 IPv6 extension headers of usual size */
};

/* Writes defaults (absolute numbers) and the size. TCPTALE_ERR_ARG: NULL, or too small. Since
 * 0.9. */
TCPTALE_API int tcptale_line_init(tcptale_line *line, size_t struct_size);

/* Writes the line and a closing 0 into `text`. `data` is the buffer that `packet` was decoded
 * from; `line` NULL means absolute numbers. Malformed and truncated TCP headers are told as
 * tcpdump tells them. Returns the length without the 0; TCPTALE_ERR_NOT_FOUND where the packet
 * holds no TCP header, not even the start of one (also for a fragment); TCPTALE_ERR_SPACE where
 * the text does not fit: `text` then holds the part that does, closed by 0 if text_size is not
 * 0; TCPTALE_ERR_ARG: NULL, or unknown sizes. Since 0.9. */
TCPTALE_API int tcptale_format_line(const tcptale_packet *packet, const uint8_t *data,
                                    const tcptale_line *line, char *text, size_t text_size);

#ifdef __cplusplus
}
#endif
#endif

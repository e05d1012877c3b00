/* lines.h - a capture's records as tcpdump's lines: decodes, puts IP fragments together, counts
 * relative numbers and formats. What dump prints and tale sets under its headings. */
#ifndef TCPTALE_EXAMPLES_LINES_H
#define TCPTALE_EXAMPLES_LINES_H

#include "capture.h"

typedef struct lines lines;

/* `absolute`: 1 prints sequence numbers as they are. NULL: no memory. */
lines *lines_new(int absolute);
void lines_free(lines *maker);

/* The line of a record, without its end, or NULL where the record holds no TCP segment and
 * completes none. Records in the order of the capture. Valid until the next call. */
const char *lines_of(lines *maker, const capture_record *record);

#endif

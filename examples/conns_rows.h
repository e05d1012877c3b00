/* conns_rows.h - the table that conns prints: a row for each connection, by its number. It grows
 * with the capture and any row may still change (a segment can come long after the close), so it
 * lies in a temporary file, and memory holds the rows in use. */
#ifndef TCPTALE_EXAMPLES_CONNS_ROWS_H
#define TCPTALE_EXAMPLES_CONNS_ROWS_H

#include "tcptale/tracker.h"

typedef struct conns_row {
  uint64_t conn; /* 0: nothing is known of it */
  tcptale_endpoints ends;
  uint32_t how;   /* 0: it was never opened */
  uint32_t close; /* TCPTALE_CLOSE_ */
  uint64_t packets[2];
  uint64_t payload[2];
  uint64_t stream[2];
  uint64_t gap[2];
  int64_t rtt_ns; /* -1: not known */
  uint64_t first_ns;
  uint64_t last_ns;
} conns_row;

typedef struct conns_rows conns_rows;

/* NULL where there is no memory or no temporary file. */
conns_rows *conns_rows_new(void);

/* The row of a connection, made on first use; to be read and written until the next call of this
 * module. */
conns_row *conns_rows_at(conns_rows *rows, uint64_t conn);

/* The highest number asked for. */
uint64_t conns_rows_last(const conns_rows *rows);

/* 1: the temporary file could not be written or read somewhere. */
int conns_rows_failed(const conns_rows *rows);

void conns_rows_free(conns_rows *rows);

#endif

/* laws.h - what every caller may rely on (include/tcptale/tracker.h), asserted over whatever events
 * come: for scripts, captures and random conversations alike. Hand every event to it; the first law
 * that is broken is kept as a sentence. */
#ifndef TCPTALE_TESTS_LAWS_H
#define TCPTALE_TESTS_LAWS_H

#include "tcptale/tracker.h"

struct laws_conn {
  uint64_t next[2]; /* up to here data and gaps tile the direction */
  uint64_t delivered[2];
  uint64_t missing[2];
  uint8_t half_closed[2];
  uint8_t opened;
  uint8_t established;
  uint8_t closed;
  uint8_t started; /* data, a gap or a half-close was told */
};

struct laws {
  struct laws_conn *conns; /* by id - 1 */
  uint64_t count;
  char broken[200]; /* empty: none */
};

void laws_init(struct laws *laws);

/* After the tracker was flushed: every connection that was opened is closed. Returns the first
 * broken law, or NULL, and frees what was kept. */
const char *laws_finish(struct laws *laws);

/* One function an event. */
void laws_open(struct laws *laws, tcptale_conn *conn, const tcptale_open_event *event);
void laws_established(struct laws *laws, tcptale_conn *conn,
                      const tcptale_established_event *event);
void laws_data(struct laws *laws, tcptale_conn *conn, const tcptale_data_event *event);
void laws_gap(struct laws *laws, tcptale_conn *conn, const tcptale_gap_event *event);
void laws_half_close(struct laws *laws, tcptale_conn *conn, const tcptale_half_close_event *event);
void laws_reset(struct laws *laws, tcptale_conn *conn, const tcptale_reset_event *event);
void laws_close(struct laws *laws, tcptale_conn *conn, const tcptale_close_event *event);
void laws_anomaly(struct laws *laws, tcptale_conn *conn, const tcptale_anomaly_event *event);

/* The same as a table of callbacks whose user pointer is a struct laws. */
void laws_callbacks(tcptale_callbacks *callbacks);

#endif

/* laws.c - the laws of the tracker, one check each. */
#include "laws.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void laws_init(struct laws *laws) {
  memset(laws, 0, sizeof *laws);
}

static void broken(struct laws *laws, uint64_t id, const char *format, ...) {
  va_list args;
  int used;

  if (laws->broken[0]) return;
  used = snprintf(laws->broken, sizeof laws->broken, "connection %llu: ", (unsigned long long)id);
  va_start(args, format);
  vsnprintf(laws->broken + used, sizeof laws->broken - (size_t)used, format, args);
  va_end(args);
}

/* The record of a connection that an event speaks of; NULL, and a broken law, where it may not. */
static struct laws_conn *conn_of(struct laws *laws, tcptale_conn *conn, uint64_t id,
                                 const char *event) {
  struct laws_conn *one;

  if (id == 0 || id > laws->count) {
    broken(laws, id, "%s before open", event);
    return NULL;
  }
  one = &laws->conns[id - 1];
  if (one->closed) broken(laws, id, "%s after close", event);
  if (conn == NULL) broken(laws, id, "%s without a handle", event);
  else if (tcptale_conn_id(conn) != id) broken(laws, id, "%s with another's handle", event);
  return one;
}

void laws_open(struct laws *laws, tcptale_conn *conn, const tcptale_open_event *event) {
  struct laws_conn *grown;

  if (event->conn_id != laws->count + 1) {
    broken(laws, event->conn_id, "opened after %llu", (unsigned long long)laws->count);
    return;
  }
  if ((laws->count & (laws->count - 1)) == 0) {
    grown = realloc(laws->conns, (size_t)(laws->count ? laws->count * 2 : 1) * sizeof *grown);
    if (grown == NULL) abort();
    laws->conns = grown;
  }
  memset(&laws->conns[laws->count++], 0, sizeof *laws->conns);
  conn_of(laws, conn, event->conn_id, "open");
  if (event->how < TCPTALE_OPEN_SYN || event->how > TCPTALE_OPEN_MIDSTREAM)
    broken(laws, event->conn_id, "opened in an unknown way");
}

void laws_established(struct laws *laws, tcptale_conn *conn,
                      const tcptale_established_event *event) {
  struct laws_conn *one = conn_of(laws, conn, event->conn_id, "established");

  if (one == NULL) return;
  if (one->established) broken(laws, event->conn_id, "established twice");
  if (one->started) broken(laws, event->conn_id, "established after data");
  if (event->rtt_ns < -1) broken(laws, event->conn_id, "negative round-trip time");
  one->established = 1;
}

/* Data and gaps: the next piece of the tiling. */
static struct laws_conn *tile(struct laws *laws, tcptale_conn *conn, uint64_t id,
                              uint32_t direction, uint64_t offset, uint64_t len,
                              const char *event) {
  struct laws_conn *one = conn_of(laws, conn, id, event);

  if (one == NULL) return NULL;
  if (direction > 1) {
    broken(laws, id, "%s without a direction", event);
    return NULL;
  }
  if (len == 0) broken(laws, id, "%s of no bytes", event);
  if (one->half_closed[direction]) broken(laws, id, "%s after half_close", event);
  if (offset != one->next[direction])
    broken(laws, id, "%s at %llu where %llu is next", event, (unsigned long long)offset,
           (unsigned long long)one->next[direction]);
  one->next[direction] = offset + len;
  one->started = 1;
  return one;
}

void laws_data(struct laws *laws, tcptale_conn *conn, const tcptale_data_event *event) {
  struct laws_conn *one =
      tile(laws, conn, event->conn_id, event->direction, event->offset, event->len, "data");

  if (one == NULL) return;
  one->delivered[event->direction] += event->len;
  if (event->data == NULL) broken(laws, event->conn_id, "data without bytes");
  if (event->index != 0 && event->from_index > event->index)
    broken(laws, event->conn_id, "data from a packet that was not fed yet");
}

void laws_gap(struct laws *laws, tcptale_conn *conn, const tcptale_gap_event *event) {
  struct laws_conn *one =
      tile(laws, conn, event->conn_id, event->direction, event->offset, event->len, "gap");

  if (one == NULL) return;
  one->missing[event->direction] += event->len;
  if (event->why < TCPTALE_GAP_ACKED || event->why > TCPTALE_GAP_END)
    broken(laws, event->conn_id, "gap for an unknown reason");
}

void laws_half_close(struct laws *laws, tcptale_conn *conn, const tcptale_half_close_event *event) {
  struct laws_conn *one = conn_of(laws, conn, event->conn_id, "half_close");

  if (one == NULL) return;
  if (event->direction > 1) {
    broken(laws, event->conn_id, "half_close without a direction");
    return;
  }
  if (one->half_closed[event->direction]) broken(laws, event->conn_id, "half_close twice");
  if (event->offset != one->next[event->direction])
    broken(laws, event->conn_id, "half_close at %llu where %llu is next",
           (unsigned long long)event->offset, (unsigned long long)one->next[event->direction]);
  one->half_closed[event->direction] = 1;
  one->started = 1;
}

void laws_reset(struct laws *laws, tcptale_conn *conn, const tcptale_reset_event *event) {
  conn_of(laws, conn, event->conn_id, "reset");
  if (event->direction > 1) broken(laws, event->conn_id, "reset without a direction");
  if (event->verdict < TCPTALE_RESET_EXACT || event->verdict > TCPTALE_RESET_REFUTED)
    broken(laws, event->conn_id, "reset with an unknown verdict");
}

void laws_close(struct laws *laws, tcptale_conn *conn, const tcptale_close_event *event) {
  struct laws_conn *one = conn_of(laws, conn, event->conn_id, "close");
  unsigned d;

  if (one == NULL) return;
  one->closed = 1;
  if (event->why < TCPTALE_CLOSE_FIN || event->why > TCPTALE_CLOSE_END)
    broken(laws, event->conn_id, "closed for an unknown reason");
  if (event->why == TCPTALE_CLOSE_FIN && !(one->half_closed[0] && one->half_closed[1]))
    broken(laws, event->conn_id, "close fin without both half_close");
  for (d = 0; d < 2; d++) {
    if (event->delivered[d] != one->delivered[d] || event->missing[d] != one->missing[d])
      broken(laws, event->conn_id, "close counts other bytes than were told");
  }
}

/* An anomaly may come without a handle: it belongs to no connection, or to one that is closed. */
void laws_anomaly(struct laws *laws, tcptale_conn *conn, const tcptale_anomaly_event *event) {
  if (conn != NULL) conn_of(laws, conn, event->conn_id, "anomaly");
  else if (event->conn_id > laws->count) broken(laws, event->conn_id, "anomaly before open");
  else if (event->conn_id != 0 && !laws->conns[event->conn_id - 1].closed)
    broken(laws, event->conn_id, "anomaly of an open connection without a handle");
  if (event->code == TCPTALE_ANOMALY_NONE) broken(laws, event->conn_id, "anomaly without a code");
}

const char *laws_finish(struct laws *laws) {
  uint64_t i;

  for (i = 0; i < laws->count; i++) {
    if (!laws->conns[i].closed) broken(laws, i + 1, "never closed");
  }
  free(laws->conns);
  laws->conns = NULL;
  return laws->broken[0] ? laws->broken : NULL;
}

/* ---- as callbacks ---- */

static void on_open(tcptale_conn *c, const tcptale_open_event *event, void *user) {
  laws_open(user, c, event);
}

static void on_established(tcptale_conn *c, const tcptale_established_event *event, void *user) {
  laws_established(user, c, event);
}

static void on_data(tcptale_conn *c, const tcptale_data_event *event, void *user) {
  laws_data(user, c, event);
}

static void on_gap(tcptale_conn *c, const tcptale_gap_event *event, void *user) {
  laws_gap(user, c, event);
}

static void on_half_close(tcptale_conn *c, const tcptale_half_close_event *event, void *user) {
  laws_half_close(user, c, event);
}

static void on_reset(tcptale_conn *c, const tcptale_reset_event *event, void *user) {
  laws_reset(user, c, event);
}

static void on_close(tcptale_conn *c, const tcptale_close_event *event, void *user) {
  laws_close(user, c, event);
}

static void on_anomaly(tcptale_conn *c, const tcptale_anomaly_event *event, void *user) {
  laws_anomaly(user, c, event);
}

void laws_callbacks(tcptale_callbacks *callbacks) {
  tcptale_callbacks_init(callbacks, sizeof *callbacks);
  callbacks->on_open = on_open;
  callbacks->on_established = on_established;
  callbacks->on_data = on_data;
  callbacks->on_gap = on_gap;
  callbacks->on_half_close = on_half_close;
  callbacks->on_reset = on_reset;
  callbacks->on_close = on_close;
  callbacks->on_anomaly = on_anomaly;
}

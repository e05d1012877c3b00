/* conns_rows.c - rows in a file behind a direct-mapped cache: connection n has place n in the file
 * and slot n mod SLOTS in memory; a slot's row is written back when another one needs its slot. */
#include "conns_rows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

enum { SLOTS = 65536 };

struct conns_rows {
  int fd;
  int failed;
  uint64_t last;
  conns_row slots[SLOTS];
};

conns_rows *conns_rows_new(void) {
  conns_rows *rows = calloc(1, sizeof *rows);
  if (rows == NULL) return NULL;
  rows->fd = scratch_open();
  if (rows->fd >= 0) return rows;
  free(rows);
  return NULL;
}

static uint64_t place_of(uint64_t conn) {
  return (conn - 1) * sizeof(conns_row);
}

static void write_back(conns_rows *rows, const conns_row *row) {
  if (row->conn == 0) return;
  if (scratch_write(rows->fd, row, sizeof *row, place_of(row->conn)) != 0) rows->failed = 1;
}

static void begin_row(conns_row *row, uint64_t conn) {
  memset(row, 0, sizeof *row);
  row->conn = conn;
  row->rtt_ns = -1;
}

static void load(conns_rows *rows, conns_row *row, uint64_t conn) {
  if (scratch_read(rows->fd, row, sizeof *row, place_of(conn)) != 0) rows->failed = 1;
  if (row->conn != conn) begin_row(row, conn);
}

conns_row *conns_rows_at(conns_rows *rows, uint64_t conn) {
  conns_row *row = &rows->slots[conn % SLOTS];
  if (row->conn == conn) return row;
  write_back(rows, row);
  if (conn > rows->last) begin_row(row, conn);
  else load(rows, row, conn);
  if (conn > rows->last) rows->last = conn;
  return row;
}

uint64_t conns_rows_last(const conns_rows *rows) {
  return rows->last;
}

int conns_rows_failed(const conns_rows *rows) {
  return rows->failed;
}

void conns_rows_free(conns_rows *rows) {
  if (rows == NULL) return;
  close(rows->fd);
  free(rows);
}

/* conns - one row for each connection: who, how it began and ended, packets, bytes, times. Packets
 * are counted as the library attributes them, so also those that come after the close. */
#include <inttypes.h>
#include <stdio.h>

#include "output.h"
#include "conns_rows.h"
#include "options.h"
#include "run.h"
#include "tcptale/names.h"
#include "labels.h"

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  conns_row *row = conns_rows_at(user, event->conn_id);
  (void)conn;
  row->ends = event->endpoints;
  row->how = event->how;
  row->first_ns = row->last_ns = event->ts_ns;
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  (void)conn;
  conns_rows_at(user, event->conn_id)->rtt_ns = event->rtt_ns;
}

/* The library counts up to the close; the roles may have become known after the opening. */
static void take_counters(conns_row *row, const tcptale_conn *conn) {
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  if (tcptale_conn_endpoints(conn, &ends) == TCPTALE_OK) row->ends = ends;
  if (tcptale_conn_stats_read(conn, &stats) != TCPTALE_OK) return;
  row->first_ns = stats.first_ns;
  row->last_ns = stats.last_ns;
  for (unsigned dir = TCPTALE_C2S; dir <= TCPTALE_S2C; dir++) {
    row->packets[dir] = stats.packets[dir];
    row->payload[dir] = stats.payload_bytes[dir];
  }
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  conns_row *row = conns_rows_at(user, event->conn_id);
  take_counters(row, conn);
  row->close = event->why;
  for (unsigned dir = TCPTALE_C2S; dir <= TCPTALE_S2C; dir++) {
    row->stream[dir] = event->delivered[dir];
    row->gap[dir] = event->missing[dir];
  }
}

/* Segments that still come after the close. */
static void on_segment(tcptale_conn *conn, const tcptale_segment_event *event, void *user) {
  if (conn != NULL || event->conn_id == 0) return;
  if (event->direction > TCPTALE_S2C || event->bad_checksum) return;
  conns_row *row = conns_rows_at(user, event->conn_id);
  row->packets[event->direction]++;
  row->payload[event->direction] += event->len;
  if (row->last_ns < event->ts_ns) row->last_ns = event->ts_ns;
}

static void print_tsv(const conns_row *row) {
  char client[LABEL_ADDRESS], server[LABEL_ADDRESS];
  printf("%" PRIu64 "\t%s\t%u\t%s\t%u\t%s\t%s", row->conn, label_address(&row->ends, 0, client),
         row->ends.port[0], label_address(&row->ends, 1, server), row->ends.port[1],
         tcptale_how_name(row->how), tcptale_close_name(row->close));
  const uint64_t *pairs[] = {row->packets, row->payload, row->stream, row->gap};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    printf("\t%" PRIu64 "\t%" PRIu64, pairs[i][0], pairs[i][1]);
  if (row->rtt_ns < 0) printf("\t-");
  else printf("\t%" PRId64, row->rtt_ns);
  printf("\t%" PRIu64 "\t%" PRIu64 "\n", row->first_ns, row->last_ns);
}

static void print_json(const conns_row *row) {
  static const char *const names[] = {"pkts", "payload", "stream", "gap"};
  char client[LABEL_ADDRESS], server[LABEL_ADDRESS];
  printf("{\"conn\":%" PRIu64 ",\"client\":\"%s\",\"cport\":%u,\"server\":\"%s\",\"sport\":%u,"
         "\"how\":\"%s\",\"close\":\"%s\"",
         row->conn, label_address(&row->ends, 0, client), row->ends.port[0],
         label_address(&row->ends, 1, server), row->ends.port[1], tcptale_how_name(row->how),
         tcptale_close_name(row->close));
  const uint64_t *pairs[] = {row->packets, row->payload, row->stream, row->gap};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    printf(",\"%s_c2s\":%" PRIu64 ",\"%s_s2c\":%" PRIu64, names[i], pairs[i][0], names[i],
           pairs[i][1]);
  if (row->rtt_ns < 0) printf(",\"rtt_ns\":null");
  else printf(",\"rtt_ns\":%" PRId64, row->rtt_ns);
  printf(",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64 "}\n", row->first_ns, row->last_ns);
}

static void print_rows(conns_rows *rows, int json) {
  if (!json)
    puts("conn\tclient\tcport\tserver\tsport\thow\tclose\tpkts_c2s\tpkts_s2c\tpayload_c2s\tpayload_"
         "s2c\t"
         "stream_c2s\tstream_s2c\tgap_c2s\tgap_s2c\trtt_ns\tfirst_ns\tlast_ns");
  for (uint64_t conn = 1; conn <= conns_rows_last(rows); conn++) {
    const conns_row *row = conns_rows_at(rows, conn);
    if (row->how == 0) continue;
    if (json) print_json(row);
    else print_tsv(row);
  }
}

static int run(const options *opt, int json) {
  tcptale_callbacks callbacks;
  tcptale_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_open = on_open;
  callbacks.on_established = on_established;
  callbacks.on_close = on_close;
  callbacks.on_segment = on_segment;
  conns_rows *rows = conns_rows_new();
  if (rows == NULL) {
    fprintf(stderr, "conns: no memory, or no room for a temporary file\n");
    return 2;
  }
  run_job job = {.opt = opt, .callbacks = &callbacks, .user = rows};
  int status = run_capture(&job, NULL);
  if (status != 2) print_rows(rows, json);
  if (conns_rows_failed(rows)) {
    fprintf(stderr, "conns: the temporary file could not be written; rows are missing\n");
    status = 1;
  }
  conns_rows_free(rows);
  return output_finish("conns", status);
}

int main(int argc, char **argv) {
  int json = 0;
  const options_own own[] = {{"--json", &json, NULL}};
  const options_program program = {"conns", "[--json] FILE",
                                   "Prints one row for each connection, in order of opening.\n"
                                   "  --json            JSON objects in place of tabs\n",
                                   own, sizeof own / sizeof *own};
  options opt;
  int status = options_read(&opt, &program, argc, argv);
  if (status != OPTIONS_GO_ON) return status;
  return run(&opt, json);
}

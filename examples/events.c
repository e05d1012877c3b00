/* events - every callback as one JSON object on one line.
 * No text in the output comes from the capture, so nothing needs escaping: words are the library's,
 * the rest is numbers, addresses and hex digits. */
#include <inttypes.h>
#include <stdio.h>

#include "options.h"
#include "run.h"
#include "tcptale/names.h"
#include "labels.h"

enum { HISTORY_BYTES = 65536 };

typedef struct events_choice {
  int hex;
  int segments;
} events_choice;

/* The keys that every line has. */
static void begin(const char *ev, uint64_t conn, uint64_t pkt, uint64_t ts_ns) {
  printf("{\"ev\":\"%s\",\"conn\":%" PRIu64 ",\"pkt\":%" PRIu64 ",\"t\":%" PRIu64, ev, conn, pkt,
         ts_ns);
}

static void direction(uint32_t dir) {
  if (dir != TCPTALE_NO_DIR) printf(",\"dir\":\"%s\"", tcptale_direction_name(dir));
}

static void end(void) {
  fputs("}\n", stdout);
}

static void print_hex(const uint8_t *data, uint32_t len) {
  static const char digits[] = "0123456789abcdef";
  fputs(",\"hex\":\"", stdout);
  for (uint32_t i = 0; i < len; i++) {
    putchar(digits[data[i] >> 4]);
    putchar(digits[data[i] & 15]);
  }
  putchar('"');
}

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  char client[LABEL_ADDRESS], server[LABEL_ADDRESS];
  const tcptale_endpoints *ends = &event->endpoints;
  (void)conn, (void)user;
  begin("open", event->conn_id, event->index, event->ts_ns);
  printf(",\"how\":\"%s\",\"client\":\"%s\",\"cport\":%u,\"server\":\"%s\",\"sport\":%u,\"role\":"
         "\"%s\"",
         tcptale_how_name(event->how), label_address(ends, TCPTALE_C2S, client),
         ends->port[TCPTALE_C2S], label_address(ends, TCPTALE_S2C, server), ends->port[TCPTALE_S2C],
         event->role == TCPTALE_ROLE_KNOWN ? "known" : "guess");
  end();
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  (void)conn, (void)user;
  begin("established", event->conn_id, event->index, event->ts_ns);
  if (event->rtt_ns < 0) fputs(",\"rtt\":null", stdout);
  else printf(",\"rtt\":%" PRId64, event->rtt_ns);
  end();
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  const events_choice *choice = user;
  (void)conn;
  begin("data", event->conn_id, event->index, event->ts_ns);
  direction(event->direction);
  printf(",\"off\":%" PRIu64 ",\"len\":%" PRIu32 ",\"from\":%" PRIu64, event->offset, event->len,
         event->from_index);
  if (choice->hex) print_hex(event->data, event->len);
  end();
}

static void on_gap(tcptale_conn *conn, const tcptale_gap_event *event, void *user) {
  (void)conn, (void)user;
  begin("gap", event->conn_id, event->index, event->ts_ns);
  direction(event->direction);
  printf(",\"off\":%" PRIu64 ",\"len\":%" PRIu64 ",\"why\":\"%s\"", event->offset, event->len,
         tcptale_gap_name(event->why));
  end();
}

static void on_half_close(tcptale_conn *conn, const tcptale_half_close_event *event, void *user) {
  (void)conn, (void)user;
  begin("half_close", event->conn_id, event->index, event->ts_ns);
  direction(event->direction);
  printf(",\"off\":%" PRIu64, event->offset);
  end();
}

static void on_reset(tcptale_conn *conn, const tcptale_reset_event *event, void *user) {
  (void)conn, (void)user;
  begin("reset", event->conn_id, event->index, event->ts_ns);
  direction(event->direction);
  printf(",\"verdict\":\"%s\"", tcptale_reset_name(event->verdict));
  end();
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn, (void)user;
  begin("close", event->conn_id, event->index, event->ts_ns);
  printf(",\"why\":\"%s\",\"c2s\":%" PRIu64 ",\"s2c\":%" PRIu64 ",\"c2s_gap\":%" PRIu64
         ",\"s2c_gap\":%" PRIu64,
         tcptale_close_name(event->why), event->delivered[TCPTALE_C2S],
         event->delivered[TCPTALE_S2C], event->missing[TCPTALE_C2S], event->missing[TCPTALE_S2C]);
  end();
}

static void on_anomaly(tcptale_conn *conn, const tcptale_anomaly_event *event, void *user) {
  (void)conn, (void)user;
  begin("anomaly", event->conn_id, event->index, event->ts_ns);
  printf(",\"code\":\"%s\"", tcptale_anomaly_name(event->code));
  direction(event->direction);
  if (event->code == TCPTALE_ANOMALY_OVERLAP_CONFLICT)
    printf(",\"off\":%" PRIu64 ",\"len\":%" PRIu64, event->offset, event->len);
  end();
}

static void on_segment(tcptale_conn *conn, const tcptale_segment_event *event, void *user) {
  char flags[LABEL_FLAGS];
  (void)conn, (void)user;
  begin("segment", event->conn_id, event->index, event->ts_ns);
  direction(event->direction);
  printf(",\"seq\":%" PRIu32 ",\"len\":%" PRIu32 ",\"flags\":\"%s\",\"verdict\":\"%s\"", event->seq,
         event->len, label_flags(event->tcp_flags, flags), tcptale_verdict_name(event->verdict));
  end();
}

int main(int argc, char **argv) {
  events_choice choice = {0, 0};
  const options_own own[] = {{"--hex", &choice.hex, NULL}, {"--segments", &choice.segments, NULL}};
  const options_program program = {
      "events", "[--hex] [--segments] FILE",
      "Prints every callback of the library as one JSON object on one line.\n"
      "  --hex             the bytes of data events, too\n"
      "  --segments        the verdict on each TCP segment, too\n",
      own, sizeof own / sizeof *own};
  options opt;
  int status = options_read(&opt, &program, argc, argv);
  if (status != OPTIONS_GO_ON) return status;
  opt.config.history_bytes = HISTORY_BYTES;

  tcptale_callbacks callbacks;
  tcptale_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_open = on_open;
  callbacks.on_established = on_established;
  callbacks.on_data = on_data;
  callbacks.on_gap = on_gap;
  callbacks.on_half_close = on_half_close;
  callbacks.on_reset = on_reset;
  callbacks.on_close = on_close;
  callbacks.on_anomaly = on_anomaly;
  if (choice.segments) callbacks.on_segment = on_segment;
  run_job job = {.opt = &opt, .callbacks = &callbacks, .user = &choice};
  return run_capture(&job, NULL);
}

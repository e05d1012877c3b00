/* tale - the story of every connection of a capture: tcpdump's lines under the headings of what
 * happens, with sentences for those who do not know TCP and marks for those who do.
 *
 * What the library reports becomes items. A connection's items wait in a temporary file until it
 * has ended and a while has passed, then they are told; with --live they are told at once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "capture.h"
#include "options.h"
#include "relative.h"
#include "run.h"
#include "tale_conns.h"
#include "tale_print.h"
#include "tale_store.h"
#include "tale_story.h"
#include "tcptale/names.h"

enum {
  ENDED_MOST = 1024, /* ended connections that wait for stragglers */
  CODES = 256        /* anomaly codes that are counted */
};

static const uint64_t straggle_ns = 2000000000; /* of packet time */

typedef struct ended {
  uint64_t id;
  uint64_t ts_ns;
} ended;

typedef struct tale {
  int live;
  relative *numbers;
  tale_store store;
  tale_conns conns;
  tale_chain strays; /* items of no connection; told last */
  tale_story *stray_story;
  tale_teller teller;
  ended ended[ENDED_MOST]; /* a ring, in order of closing */
  size_t ended_first;
  size_t ended_count;
  uint64_t now_ns;
  uint64_t packet_index;       /* of the latest TCP segment ... */
  uint64_t packet_conn;        /* ... and whose it was */
  uint64_t late_conn;          /* the connection that got the latest late packet */
  uint64_t stray_count;        /* segments of no connection */
  uint64_t stray_times[CODES]; /* by code, how often at least outside of any connection ... */
  uint8_t stray_alone[CODES];  /* ... and whether one belongs to no packet told */
  int short_of_memory;
} tale;

/* Bytes of an item that count, by its kind. */
static size_t item_size(uint32_t kind) {
  static const size_t sizes[] = {
      [TALE_LINE] = sizeof(tale_line),
      [TALE_ESTABLISHED] = sizeof(tcptale_established_event),
      [TALE_DATA] = sizeof(tcptale_data_event),
      [TALE_GAP] = sizeof(tcptale_gap_event),
      [TALE_RESET] = sizeof(tcptale_reset_event),
      [TALE_ANOMALY] = sizeof(tcptale_anomaly_event),
      [TALE_CLOSE] = sizeof(tcptale_close_event),
  };
  size_t size = kind < sizeof sizes / sizeof *sizes ? sizes[kind] : 0;
  return offsetof(tale_item, as) + size;
}

static void tell_chain(tale *t, tale_chain *chain, tale_story *story) {
  tale_reader reader;
  tale_item item;
  char text[TCPTALE_LINE_ROOM];
  tale_reader_begin(&reader, &t->store, chain);
  while (tale_reader_get(&reader, &item, offsetof(tale_item, as))) {
    size_t rest = item_size(item.kind) - offsetof(tale_item, as);
    if (!tale_reader_get(&reader, &item.as, rest)) break;
    if (item.text_len >= sizeof text || !tale_reader_get(&reader, text, item.text_len)) break;
    tale_tell(&t->teller, story, &item, text);
  }
  tale_flush(&t->teller);
  tale_store_drop(&t->store, chain);
}

static void tell_waiting(tale *t, tale_conn *conn) {
  tale_story story = {.conn = conn->id};
  tale_story_open(&story, &conn->open);
  tell_chain(t, &conn->chain, &story);
}

static void forget(tale *t, uint64_t id) {
  tale_conn *conn = tale_conns_find(&t->conns, id);
  if (conn == NULL) return;
  tale_flush(&t->teller);
  if (!t->live) tell_waiting(t, conn);
  tale_conns_remove(&t->conns, conn);
}

/* Tells the connections that ended long enough ago; all of them where `all` is set. */
static void tell_ended(tale *t, int all) {
  while (t->ended_count > 0) {
    ended *oldest = &t->ended[t->ended_first];
    int is_due = all || t->ended_count == ENDED_MOST || t->now_ns - oldest->ts_ns >= straggle_ns;
    if (!is_due) return;
    uint64_t id = oldest->id;
    t->ended_first = (t->ended_first + 1) % ENDED_MOST;
    t->ended_count--;
    forget(t, id);
  }
}

static void add_ended(tale *t, uint64_t id) {
  if (t->ended_count == ENDED_MOST) tell_ended(t, 0);
  t->ended[(t->ended_first + t->ended_count++) % ENDED_MOST] = (ended){id, t->now_ns};
}

static void store_item(tale *t, tale_chain *chain, const tale_item *item, const char *text) {
  tale_store_append(&t->store, chain, item, item_size(item->kind));
  tale_store_append(&t->store, chain, text, item->text_len);
}

/* A packet that comes so long after the close that its connection is forgotten is told alone. */
static void tell_late(tale *t, uint64_t id, const tale_item *item, const char *text) {
  tale_story story = {.conn = id, .closed = 1};
  tale_flush(&t->teller);
  if (t->late_conn == id && t->teller.titled == id) {
    story.titled = 1;
    story.turn.phase = TALE_PHASE_LATE;
  }
  t->late_conn = id;
  tale_tell(&t->teller, &story, item, text);
  tale_flush(&t->teller);
}

static void add_stray(tale *t, const tale_item *item, const char *text) {
  if (t->live) tale_tell(&t->teller, t->stray_story, item, text);
  else store_item(t, &t->strays, item, text);
}

static void add_item(tale *t, uint64_t id, const tale_item *item, const char *text) {
  if (id == 0) {
    add_stray(t, item, text);
    return;
  }
  tale_conn *conn = tale_conns_find(&t->conns, id);
  if (conn == NULL) tell_late(t, id, item, text);
  else if (!t->live) store_item(t, &conn->chain, item, text);
  else if (conn->story != NULL) tale_tell(&t->teller, conn->story, item, text);
}

static tale_item item_of(enum tale_kind kind, uint64_t index, uint64_t ts_ns) {
  return (tale_item){.kind = kind, .index = index, .ts_ns = ts_ns};
}

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  tale *t = user;
  tale_conn *place = tale_conns_add(&t->conns, event->conn_id);
  (void)conn;
  if (place != NULL && t->live) place->story = calloc(1, sizeof *place->story);
  if (place == NULL || (t->live && place->story == NULL)) {
    t->short_of_memory = 1;
    return;
  }
  place->open = *event;
  if (t->live) tale_story_open(place->story, event);
}

static void on_established(tcptale_conn *conn, const tcptale_established_event *event, void *user) {
  tale_item item = item_of(TALE_ESTABLISHED, event->index, event->ts_ns);
  (void)conn;
  item.as.established = *event;
  add_item(user, event->conn_id, &item, "");
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  tale_item item = item_of(TALE_DATA, event->index, event->ts_ns);
  (void)conn;
  item.as.data = *event;
  item.as.data.data = NULL;
  add_item(user, event->conn_id, &item, "");
}

static void on_gap(tcptale_conn *conn, const tcptale_gap_event *event, void *user) {
  tale_item item = item_of(TALE_GAP, event->index, event->ts_ns);
  (void)conn;
  item.as.gap = *event;
  add_item(user, event->conn_id, &item, "");
}

static void on_reset(tcptale_conn *conn, const tcptale_reset_event *event, void *user) {
  tale_item item = item_of(TALE_RESET, event->index, event->ts_ns);
  (void)conn;
  item.as.reset = *event;
  add_item(user, event->conn_id, &item, "");
}

/* The 1st, 10th, 100th ... are reported: each report stands for those since the one before it,
 * too. */
static void count_stray(tale *t, const tcptale_anomaly_event *event, int has_line) {
  if (event->code >= CODES) return;
  t->stray_times[event->code] += event->count - event->count / 10;
  if (!has_line) t->stray_alone[event->code] = 1;
}

/* An anomaly without a connection is told at its packet's line where there is one, else counted
 * only. */
static void on_anomaly(tcptale_conn *conn, const tcptale_anomaly_event *event, void *user) {
  tale *t = user;
  tale_item item = item_of(TALE_ANOMALY, event->index, event->ts_ns);
  uint64_t id = event->conn_id;
  (void)conn;
  item.as.anomaly = *event;
  item.as.anomaly.data = NULL;
  int has_line = event->index != 0 && event->index == t->packet_index;
  if (id == 0 && has_line) id = t->packet_conn;
  if (id == 0) count_stray(t, event, has_line);
  if (id != 0 || has_line) add_item(t, id, &item, "");
}

/* Who called whom may have become known after the opening. */
static void refresh_ends(tale *t, const tcptale_conn *conn, uint64_t id) {
  tcptale_endpoints ends = {.struct_size = sizeof ends};
  tale_conn *place = tale_conns_find(&t->conns, id);
  if (place == NULL || tcptale_conn_endpoints(conn, &ends) != TCPTALE_OK) return;
  place->open.endpoints = ends;
  place->open.role = ends.role;
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  tale *t = user;
  tale_item item = item_of(TALE_CLOSE, event->index, event->ts_ns);
  item.as.close = *event;
  refresh_ends(t, conn, event->conn_id);
  add_item(t, event->conn_id, &item, "");
  add_ended(t, event->conn_id);
}

/* The packet's line, and its numbers as the line shows them. */
static void on_segment(tcptale_conn *conn, const tcptale_segment_event *event, void *user) {
  tale *t = user;
  char text[TCPTALE_LINE_ROOM];
  tcptale_line style;
  tale_item item = item_of(TALE_LINE, event->index, event->ts_ns);
  (void)conn;
  if (event->ts_ns > t->now_ns) t->now_ns = event->ts_ns;
  tell_ended(t, 0);
  tcptale_line_init(&style, sizeof style);
  relative_bases(t->numbers, event->packet, event->data, &style);
  tcptale_format_line(event->packet, event->data, &style, text, sizeof text);
  item.text_len = (uint32_t)strlen(text);
  item.as.line = (tale_line){.direction = event->direction,
                             .verdict = event->verdict,
                             .anomaly = event->anomaly,
                             .bad_checksum = event->bad_checksum,
                             .tcp_flags = event->tcp_flags,
                             .seq = event->packet->seq - style.seq_base,
                             .ack = event->packet->ack - style.ack_base,
                             .len = event->len};
  t->packet_index = event->index;
  t->packet_conn = event->conn_id;
  if (event->conn_id == 0) t->stray_count++;
  add_item(t, event->conn_id, &item, text);
}

static void on_fed(void *user) {
  tale *t = user;
  if (!t->live) return;
  tale_flush(&t->teller);
  fflush(stdout);
}

/* What is left when every connection is told: packets of none, and the counts. */

static void tell_strays(tale *t) {
  if (!t->live && t->strays.first != 0) tell_chain(t, &t->strays, t->stray_story);
}

static void print_count(const char *lead, uint64_t count, const char *one, const char *many) {
  printf("%s%" PRIu64 " %s", lead, count, count == 1 ? one : many);
}

static void tell_counts(tale *t, const tcptale_tracker_stats *stats) {
  t->teller.out.conn = TALE_NOBODY;
  tale_print_title(&t->teller.out, "in all");
  print_count("", stats->frames, "packet", "packets");
  print_count(" read: ", stats->segments, "TCP segment", "TCP segments");
  print_count(" in ", stats->opened, "connection", "connections");
  if (t->stray_count > 0) print_count("; ", t->stray_count, "of no connection", "of no connection");
  if (stats->frames > stats->segments)
    print_count("; ", stats->frames - stats->segments, "packet without a whole TCP segment",
                "packets without a whole TCP segment");
  puts(".");
  for (uint32_t code = 0; code < CODES; code++) {
    if (!t->stray_alone[code]) continue;
    printf("Outside of any connection: %s", tcptale_anomaly_name(code));
    print_count(", at least ", t->stray_times[code], "time.\n", "times.\n");
  }
}

static int start(tale *t) {
  t->numbers = relative_new();
  t->stray_story = calloc(1, sizeof *t->stray_story);
  return t->numbers != NULL && t->stray_story != NULL && tale_conns_init(&t->conns) &&
         tale_store_init(&t->store);
}

static void finish(tale *t) {
  relative_free(t->numbers);
  tale_conns_clear(&t->conns);
  tale_store_clear(&t->store);
  free(t->stray_story);
}

static int run(const options *opt, tale *t) {
  tcptale_callbacks callbacks;
  tcptale_tracker_stats stats = {0};
  tcptale_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_open = on_open;
  callbacks.on_established = on_established;
  callbacks.on_data = on_data;
  callbacks.on_gap = on_gap;
  callbacks.on_reset = on_reset;
  callbacks.on_close = on_close;
  callbacks.on_anomaly = on_anomaly;
  callbacks.on_segment = on_segment;
  run_job job = {opt, CAPTURE_TEXT, &callbacks, t, on_fed};
  int status = run_capture(&job, &stats);
  tale_flush(&t->teller);
  tell_ended(t, 1);
  tell_strays(t);
  if (status != 2) tell_counts(t, &stats);
  if (!t->store.failed && !t->short_of_memory) return status;
  fprintf(stderr, "tale: the temporary file or memory did not suffice; packets are missing\n");
  return status == 0 ? 1 : status;
}

int main(int argc, char **argv) {
  static tale t;
  int no_explain = 0, no_color = 0;
  const options_own own[] = {{"--no-explain", &no_explain, NULL},
                             {"--no-color", &no_color, NULL},
                             {"--live", &t.live, NULL}};
  const options_program program = {
      "tale", "[--no-explain] [--no-color] [--live] FILE",
      "Tells the story of every connection: tcpdump's lines, set under what happens in them.\n"
      "  --no-explain      lines, marks and headings only\n"
      "  --no-color        no colour (also: NO_COLOR set, or output that is no terminal)\n"
      "  --live            tell each packet as it comes, not each connection when it has ended\n"
      "FILE may also be text that 'tcpdump -n' printed.\n",
      own, sizeof own / sizeof *own};
  options opt;
  int status = options_read(&opt, &program, argc, argv);
  if (status != OPTIONS_GO_ON) return status;
  if (t.live && opt.batch == 0) opt.batch = 1;
  tale_print_init(&t.teller.out, no_explain, no_color, t.live);
  t.store.fd = -1;
  if (!start(&t)) {
    fprintf(stderr, "tale: no memory, or no room for a temporary file\n");
    status = 2;
  } else {
    status = run(&opt, &t);
  }
  finish(&t);
  return output_finish("tale", status);
}

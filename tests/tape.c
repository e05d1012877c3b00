/* tape.c - the tracker's events in a fixed shape. */
#include "tape.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracker.h"

static const char *const KINDS[] = {"open",  "established", "data",    "gap",    "half_close",
                                    "reset", "close",       "anomaly", "segment"};

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static uint64_t digest(uint64_t h, const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) h = (h ^ data[i]) * UINT64_C(0x100000001b3);
  return h;
}

void tape_begin(struct tape *tape, unsigned flags) {
  memset(tape, 0, sizeof *tape);
  tape->flags = flags;
  laws_init(&tape->laws);
}

void tape_wipe(struct tape *tape) {
  free(tape->events);
  tape->events = NULL;
  tape->count = tape->room = 0;
}

/* Joins data that touches what came before; returns 1 where it did. */
static int join(struct tape *tape, const struct tape_event *event, const uint8_t *data) {
  struct tape_event *last = tape->count ? &tape->events[tape->count - 1] : NULL;

  if (!(tape->flags & TAPE_JOINED) || event->kind != TAPE_DATA || last == NULL) return 0;
  if (last->kind != TAPE_DATA || last->conn != event->conn || last->direction != event->direction)
    return 0;
  last->digest = digest(last->digest, data, (size_t)event->len);
  last->len += event->len;
  return 1;
}

static void write_down(struct tape *tape, tcptale_conn *conn, struct tape_event event,
                       const uint8_t *data) {
  if (!(tape->flags & TAPE_PLACES))
    event.index = event.ts_ns = event.from_index = event.from_ts_ns = 0;
  if (data != NULL && event.kind != TAPE_OPEN)
    event.digest = digest(DIGEST_START, data, (size_t)event.len);
  if (!join(tape, &event, data)) {
    if (tape->count == tape->room) {
      tape->room = tape->room ? tape->room * 2 : 64;
      tape->events = realloc(tape->events, tape->room * sizeof *tape->events);
      if (tape->events == NULL) abort();
    }
    tape->events[tape->count++] = event;
  }
  if (tape->hook) tape->hook(tape, conn, &event, data);
}

#define EVENT(what)                                                                                \
  struct tape *tape = user;                                                                        \
  struct tape_event event = {                                                                      \
      .kind = (what), .conn = e->conn_id, .index = e->index, .ts_ns = e->ts_ns}

static void on_open(tcptale_conn *c, const tcptale_open_event *e, void *user) {
  EVENT(TAPE_OPEN);
  laws_open(&tape->laws, c, e);
  event.code = e->how;
  event.len = e->role;
  event.digest = digest(DIGEST_START, (const uint8_t *)e->endpoints.port, 4);
  write_down(tape, c, event, NULL);
}

static void on_established(tcptale_conn *c, const tcptale_established_event *e, void *user) {
  EVENT(TAPE_ESTABLISHED);
  laws_established(&tape->laws, c, e);
  if (!(tape->flags & TAPE_NO_RTT)) {
    event.code = (uint64_t)e->rtt_ns;
    event.len = (uint64_t)e->syn_synack_ns;
  }
  write_down(tape, c, event, NULL);
}

static void on_data(tcptale_conn *c, const tcptale_data_event *e, void *user) {
  EVENT(TAPE_DATA);
  laws_data(&tape->laws, c, e);
  event.direction = e->direction;
  event.offset = e->offset;
  event.len = e->len;
  event.from_index = e->from_index;
  event.from_ts_ns = e->from_ts_ns;
  write_down(tape, c, event, e->data);
}

static void on_gap(tcptale_conn *c, const tcptale_gap_event *e, void *user) {
  EVENT(TAPE_GAP);
  laws_gap(&tape->laws, c, e);
  event.direction = e->direction;
  event.code = e->why;
  event.offset = e->offset;
  event.len = e->len;
  write_down(tape, c, event, NULL);
}

static void on_half_close(tcptale_conn *c, const tcptale_half_close_event *e, void *user) {
  EVENT(TAPE_HALF_CLOSE);
  laws_half_close(&tape->laws, c, e);
  event.direction = e->direction;
  event.offset = e->offset;
  write_down(tape, c, event, NULL);
}

static void on_reset(tcptale_conn *c, const tcptale_reset_event *e, void *user) {
  EVENT(TAPE_RESET);
  laws_reset(&tape->laws, c, e);
  event.direction = e->direction;
  event.code = e->verdict;
  write_down(tape, c, event, NULL);
}

/* A digest of what the connection counted. */
static uint64_t counters_of(const tcptale_conn *conn) {
  tcptale_conn_stats stats = {.struct_size = sizeof stats};
  uint64_t digest = 0;

  tcptale_conn_stats_read(conn, &stats);
  for (int d = 0; d < 2; d++) {
    digest = digest * 31 + stats.packets[d];
    digest = digest * 31 + stats.payload_bytes[d];
    digest = digest * 31 + (uint64_t)tcptale_conn_state(conn, (uint32_t)d);
  }
  return digest * 31 + stats.last_ns - stats.first_ns;
}

static void on_close(tcptale_conn *c, const tcptale_close_event *e, void *user) {
  EVENT(TAPE_CLOSE);
  laws_close(&tape->laws, c, e);
  event.code = e->why;
  if (tape->flags & TAPE_PLACES) event.digest = counters_of(c);
  write_down(tape, c, event, NULL);
}

static void on_anomaly(tcptale_conn *c, const tcptale_anomaly_event *e, void *user) {
  EVENT(TAPE_ANOMALY);
  laws_anomaly(&tape->laws, c, e);
  if (e->code < 256) tape->anomalies[e->code]++;
  if (!(tape->flags & TAPE_ANOMALIES)) return;
  event.direction = e->direction;
  event.code = e->code;
  event.offset = e->offset;
  event.len = e->len;
  event.from_index = e->count;
  write_down(tape, c, event, e->data);
}

static void on_segment(tcptale_conn *c, const tcptale_segment_event *e, void *user) {
  EVENT(TAPE_SEGMENT);
  if (!(tape->flags & TAPE_SEGMENTS)) return;
  event.direction = e->direction;
  event.code = (uint64_t)e->verdict << 32 | e->anomaly << 16 | e->tcp_flags;
  event.offset = (uint64_t)e->seq << 32 | e->ack;
  event.len = e->len;
  write_down(tape, c, event, NULL);
}

void tape_callbacks(tcptale_callbacks *callbacks) {
  tcptale_callbacks_init(callbacks, sizeof *callbacks);
  callbacks->on_open = on_open;
  callbacks->on_established = on_established;
  callbacks->on_data = on_data;
  callbacks->on_gap = on_gap;
  callbacks->on_half_close = on_half_close;
  callbacks->on_reset = on_reset;
  callbacks->on_close = on_close;
  callbacks->on_anomaly = on_anomaly;
  callbacks->on_segment = on_segment;
}

/* The default block is kept from one tracker to the next: tests make hundreds of thousands of
 * them. */
static void *block_of(size_t len) {
  static void *kept;
  static size_t kept_len;

  if (len > kept_len) {
    free(kept);
    kept = malloc(len);
    kept_len = len;
    if (kept == NULL) abort();
  }
  return kept;
}

static int in_use;

tcptale_tracker *tape_tracker(struct tape *tape, const tcptale_config *config) {
  tcptale_config own;
  tcptale_callbacks callbacks;
  int result;

  if (config == NULL) {
    tcptale_config_init(&own, sizeof own);
    own.memory_bytes = 1 << 20;
    config = &own;
  }
  tape_callbacks(&callbacks);
  if (!(tape->flags & TAPE_SEGMENTS)) callbacks.on_segment = NULL;
  if (in_use) {
    result = tcptale_tracker_new(&tape->tracker, config, &callbacks, tape);
  } else {
    size_t len = (size_t)config->memory_bytes;
    result =
        tcptale_tracker_new_in(&tape->tracker, config, &callbacks, tape, block_of(len + 64), len);
    in_use = tape->kept_block = result == TCPTALE_OK;
  }
  cr_assert_eq(result, TCPTALE_OK, "no tracker: %s", tcptale_result_name(result));
  tape->tracker->later.over = 0; /* what is fed alone is put off, as if connections were many */
  return tape->tracker;
}

const char *tape_end(struct tape *tape) {
  if (tape->tracker) {
    tcptale_tracker_free(tape->tracker);
    if (tape->kept_block) in_use = 0;
  }
  tape->tracker = NULL;
  tape->kept_block = 0;
  return laws_finish(&tape->laws);
}

void tape_drop_segments(struct tape *tape) {
  size_t kept = 0;

  for (size_t i = 0; i < tape->count; i++)
    if (tape->events[i].kind != TAPE_SEGMENT) tape->events[kept++] = tape->events[i];
  tape->count = kept;
}

size_t tape_count(const struct tape *tape, uint32_t kind, uint64_t code) {
  size_t n = 0;

  for (size_t i = 0; i < tape->count; i++)
    n += tape->events[i].kind == kind && (code == TAPE_ANY || tape->events[i].code == code);
  return n;
}

const struct tape_event *tape_find(const struct tape *tape, uint32_t kind, size_t n) {
  for (size_t i = 0; i < tape->count; i++)
    if (tape->events[i].kind == kind && n-- == 0) return &tape->events[i];
  return NULL;
}

static void print_event(const char *which, const struct tape *tape, size_t i) {
  const struct tape_event *e = i < tape->count ? &tape->events[i] : NULL;

  if (e == NULL) fprintf(stderr, "  %s %zu: no event\n", which, i);
  else
    fprintf(stderr,
            "  %s %zu: #%" PRIu64 " %s %c code=%" PRIu64 " offset=%" PRIu64 " len=%" PRIu64
            " digest=%016" PRIx64 " index=%" PRIu64 " from=%" PRIu64 " ts=%" PRIu64
            " from_ts=%" PRIu64 "\n",
            which, i, e->conn, KINDS[e->kind], "cs?"[e->direction % 3], e -> code, e -> offset,
            e -> len, e -> digest, e -> index, e -> from_index, e -> ts_ns, e -> from_ts_ns);
}

void tape_print(const struct tape *tape) {
  for (size_t i = 0; i < tape->count; i++) print_event("told", tape, i);
}

int tape_same(const struct tape *a, const struct tape *b, size_t count, const char *what) {
  size_t least = a->count < b->count ? a->count : b->count;
  size_t i = 0;

  if (least > count) least = count;
  while (i < least && memcmp(&a->events[i], &b->events[i], sizeof *a->events) == 0) i++;
  if (i == count || (i == a->count && i == b->count)) return 1;
  fprintf(stderr, "%s: another tale from event %zu on\n", what, i);
  for (size_t j = i > 3 ? i - 3 : 0; j < i + 3; j++) {
    print_event("one", a, j);
    print_event("two", b, j);
  }
  return 0;
}

int tape_equal(const struct tape *a, const struct tape *b, const char *what) {
  return tape_same(a, b, SIZE_MAX, what);
}

void tape_render(struct script_steps *steps, const char *text) {
  struct script_line line = {text, 1};
  struct script_case one = {.name = "conversation", .packets = {&line, 1}};
  struct script_variant variant = {.version = 4, .isn = {1000, 5000000}};

  script_render(steps, &one, &variant);
  cr_assert_str_empty(steps->error, "%s: %s", text, steps->error);
}

int tape_feed(tcptale_tracker *tracker, const struct script_steps *steps) {
  int first = TCPTALE_OK;

  for (size_t i = 0; i < steps->count; i++) {
    const struct script_step *step = &steps->items[i];
    int result = TCPTALE_OK;

    if (step->kind == SCRIPT_FRAME) result = tcptale_tracker_feed(tracker, &step->frame, 1, NULL);
    if (step->kind == SCRIPT_EXPIRE) result = tcptale_tracker_expire(tracker, step->frame.ts_ns);
    if (step->kind == SCRIPT_FLUSH) result = tcptale_tracker_flush(tracker);
    if (result < 0 && first == TCPTALE_OK) first = result;
  }
  return first;
}

void tape_run(struct tape *tape, const tcptale_config *config, const char *text) {
  struct script_steps steps;
  const char *law;

  tape_render(&steps, text);
  tape_feed(tape_tracker(tape, config), &steps);
  law = tape_end(tape);
  cr_expect_null(law, "%s: %s", text, law);
  script_steps_free(&steps);
}

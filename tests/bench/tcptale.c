/* tcptale.c - the library on a trace.
 *
 *   tcptale trace=FILE [batch=N] [announce=N] [checksum=on] [memory=MIB] [connections=N]
 *           [verify=on] [limit=N]
 *
 * batch: frames to a call of feed, 256, as a block of a capture ring holds; 1 is a packet a call.
 * announce: before each, the frame that is so many behind it is announced
 * (tcptale_tracker_prefetch). memory: that of the tracker, 64 MiB. connections: its max_connections
 * and max_half_open. The configuration is the default but for these, for ONE_A_CALL where the batch
 * is 1 and nothing is announced, and for checksums, which are looked at with checksum=on only. The
 * block is memory of the kernel's own, in large pages where it has them, as the floors' tables
 * are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tally.h"
#include "tcptale.h"
#include "words.h"

struct subject {
  struct tally tally;
  tcptale_tracker *tracker;
  size_t batch;
  size_t announce;                     /* 0: none */
  uint64_t why[TCPTALE_CLOSE_END + 1]; /* closes */
  tcptale_tracker_stats fullest;       /* when most were open, looked at now and then */
};

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  (void)conn, (void)event;
  struct subject *subject = user;
  tally_opened(&subject->tally);
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  (void)conn;
  struct subject *subject = user;
  tally_bytes(&subject->tally, event->data, event->len, event->offset);
}

static void on_gap(tcptale_conn *conn, const tcptale_gap_event *event, void *user) {
  (void)conn;
  struct subject *subject = user;
  subject->tally.gap_bytes += event->len;
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn;
  struct subject *subject = user;
  subject->why[event->why]++;
  tally_closed(&subject->tally);
}

static void work_one_by_one(struct subject *subject, const tcptale_frame *frames, size_t count) {
  for (size_t i = 0; i < count; i++) tcptale_tracker_feed(subject->tracker, frames + i, 1, NULL);
}

static void work_in_batches(struct subject *subject, const tcptale_frame *frames, size_t count) {
  for (size_t at = 0; at < count; at += subject->batch) {
    size_t n = count - at < subject->batch ? count - at : subject->batch;
    if (subject->announce && at + subject->announce < count)
      tcptale_tracker_prefetch(subject->tracker, frames + at + subject->announce);
    tcptale_tracker_feed(subject->tracker, frames + at, n, NULL);
  }
}

static void work(void *user, const tcptale_frame *frames, size_t count) {
  struct subject *subject = user;
  if (subject->batch == 1 && subject->announce == 0) work_one_by_one(subject, frames, count);
  else work_in_batches(subject, frames, count);
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};
  tcptale_tracker_stats_read(subject->tracker, &stats);
  if (stats.open_now > subject->fullest.open_now) subject->fullest = stats;
}

static void make_tracker(struct subject *subject, char **argv) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.memory_bytes = number_of(argv, "memory", 64) << 20;
  config.max_connections = (uint32_t)number_of(argv, "connections", 0);
  config.max_half_open = config.max_connections;
  if (subject->batch == 1 && subject->announce == 0) config.flags |= TCPTALE_CONFIG_ONE_A_CALL;
  config.checksum = switch_of(argv, "checksum") ? TCPTALE_CHECKSUM_VERIFY : TCPTALE_CHECKSUM_IGNORE;
  tcptale_callbacks calls = {sizeof calls, .on_open = on_open, .on_data = on_data, .on_gap = on_gap,
                             .on_close = on_close};
  void *block = trace_memory(config.memory_bytes);
  if (tcptale_tracker_new_in(&subject->tracker, &config, &calls, subject, block,
                             config.memory_bytes)) {
    fputs("no tracker of this memory\n", stderr);
    exit(1);
  }
}

/* The end of the input is not part of the time. */
static void print(struct subject *subject, char **argv) {
  char more[512];
  const tcptale_tracker_stats *full = &subject->fullest;
  uint64_t early = subject->tally.closed;
  tcptale_tracker_flush(subject->tracker);
  snprintf(more, sizeof more,
           ",\"closed_before_end\":%" PRIu64 ",\"fin\":%" PRIu64 ",\"rst\":%" PRIu64
           ",\"evicted\":%" PRIu64 ",\"timeout\":%" PRIu64 ",\"memory_mib\":%" PRIu64
           ",\"used_bytes\":%" PRIu64 ",\"open\":%" PRIu32 ",\"used_per_open\":%.1f",
           early, subject->why[TCPTALE_CLOSE_FIN], subject->why[TCPTALE_CLOSE_RST],
           subject->why[TCPTALE_CLOSE_EVICTED], subject->why[TCPTALE_CLOSE_TIMEOUT],
           number_of(argv, "memory", 64), full->memory_used, full->open_now,
           full->open_now ? (double)full->memory_used / full->open_now : 0);
  tally_print(&subject->tally, "tcptale", more);
}

int main(int argc, char **argv) {
  (void)argc;
  static struct subject subject;
  words_check(argv, " trace batch announce checksum memory connections verify limit ");
  struct trace trace = trace_open(needed(argv, "trace"), number_of(argv, "limit", 0));
  subject.batch = number_of(argv, "batch", 256);
  subject.announce = number_of(argv, "announce", 0);
  subject.tally.verify = switch_of(argv, "verify");
  tally_begin(&subject.tally);
  make_tracker(&subject, argv);
  tally_run(&subject.tally, &trace, work, &subject);
  print(&subject, argv);
  return tcptale_tracker_free(subject.tracker) != TCPTALE_OK;
}

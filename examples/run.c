/* run.c - the loop of the tracking programs. A record is valid until the next one is read, a batch
 * needs many at once: so records are copied into one buffer of fixed size, and a batch ends early
 * where that is full. */
#define _POSIX_C_SOURCE 200809L
#include "run.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "tcptale/names.h"

enum {
  BATCH_USUAL = 32,
  BATCH_BYTES = 4 * CAPTURE_LIMIT, /* holds at least four records of any size */
  PROGRESS_EVERY = 16384           /* records between two looks at the clock */
};

typedef struct run_state {
  const run_job *job;
  capture *in;
  tcptale_tracker *tracker;
  tcptale_frame *frames;
  uint8_t *bytes; /* what the frames point into */
  size_t frame_count;
  size_t frame_most;
  size_t byte_count;
  int shows_progress;
  time_t shown_at;
} run_state;

static int complain(const run_state *run, const char *what, const char *why) {
  fprintf(stderr, "%s: %s: %s\n", run->job->opt->program, what, why);
  return 2;
}

static void feed_batch(run_state *run) {
  if (run->frame_count == 0) return;
  tcptale_tracker_feed(run->tracker, run->frames, run->frame_count, NULL);
  run->frame_count = 0;
  run->byte_count = 0;
  if (run->job->fed != NULL) run->job->fed(run->job->user);
}

static void add_record(run_state *run, const capture_record *record) {
  if (BATCH_BYTES - run->byte_count < record->cap_len) feed_batch(run);
  uint8_t *copy = run->bytes + run->byte_count;
  if (record->cap_len > 0) memcpy(copy, record->data, record->cap_len);
  run->byte_count += record->cap_len;
  run->frames[run->frame_count++] = (tcptale_frame){.struct_size = sizeof(tcptale_frame),
                                                    .link_type = record->link_type,
                                                    .cap_len = record->cap_len,
                                                    .wire_len = record->wire_len,
                                                    .ts_ns = record->time_ns,
                                                    .index = record->number,
                                                    .data = copy};
  if (run->frame_count == run->frame_most) feed_batch(run);
}

static void show_progress(run_state *run, uint64_t number) {
  if (!run->shows_progress || number % PROGRESS_EVERY != 0) return;
  time_t now = time(NULL);
  if (now == run->shown_at) return;
  run->shown_at = now;
  fprintf(stderr, "\r%llu packets, %llu MB ", (unsigned long long)number,
          (unsigned long long)(capture_offset(run->in) / 1000000));
}

static void read_all(run_state *run) {
  capture_record record;
  time_t begun = run->shown_at;
  while (capture_next(run->in, &record) == CAPTURE_RECORD) {
    add_record(run, &record);
    show_progress(run, record.number);
  }
  feed_batch(run);
  if (run->shown_at != begun) fputs("\r\033[K", stderr);
}

/* The index's secret: results do not depend on it, but nobody can write a capture that slows the
 * index down. */
static void draw_secret(tcptale_config *config) {
  FILE *source = fopen("/dev/urandom", "rb");
  if (source == NULL) return;
  size_t got = fread(config->hash_key, 1, sizeof config->hash_key, source);
  if (got != sizeof config->hash_key) memset(config->hash_key, 0, sizeof config->hash_key);
  fclose(source);
}

static int make_tracker(run_state *run) {
  tcptale_config config = run->job->opt->config;
  draw_secret(&config);
  int result = tcptale_tracker_new(&run->tracker, &config, run->job->callbacks, run->job->user);
  if (result == TCPTALE_OK) return 0;
  return complain(run, "the tracker cannot be made", tcptale_result_name(result));
}

/* The first record decides whether there is anything to run on: what is no capture gives no
 * output. */
static int run_all(run_state *run) {
  size_t most = run->job->opt->batch;
  if (most == 0) most = strcmp(run->job->opt->file, "-") == 0 ? 1 : BATCH_USUAL;
  run->frame_most = most;
  run->frames = calloc(most, sizeof *run->frames);
  run->bytes = malloc(BATCH_BYTES);
  if (run->frames == NULL || run->bytes == NULL) return complain(run, "not started", "no memory");
  int status = make_tracker(run);
  if (status != 0) return status;
  run->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
  run->shown_at = time(NULL);
  read_all(run);
  tcptale_tracker_flush(run->tracker);
  return 0;
}

int run_capture(const run_job *job, tcptale_tracker_stats *stats) {
  run_state run = {.job = job};
  run.in = capture_open(job->opt->file, job->capture_flags);
  int status = run_all(&run);
  if (status == 0 && stats != NULL) {
    stats->struct_size = sizeof *stats;
    tcptale_tracker_stats_read(run.tracker, stats);
  }
  tcptale_tracker_free(run.tracker);
  free(run.bytes);
  free(run.frames);
  status = output_finish(job->opt->program, status);
  int read_status = capture_close(run.in, job->opt->program);
  return status != 0 ? status : read_status;
}

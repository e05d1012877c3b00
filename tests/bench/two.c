/* two.c - two trackers in two threads against one: frames are shared out by the flow hash, so that
 * a tracker sees all of a connection, and each thread has a tracker of its own. Nothing is locked,
 * nothing is shared.
 *
 *   two trace=FILE [rounds=N] [batch=N] [memory=MIB] [limit=N]
 *
 * Prints, as one JSON object, the medians of what one tracker and two took and of the ratio of
 * their throughputs; the ratio of two threads that only read the same frames, which is what the
 * machine gives; and what was heard, which has to be the same. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tcptale.h"
#include "trace.h"
#include "words.h"

enum { THREADS = 2, ROUNDS_MOST = 99 };

/* What one thread has to do; on cache lines of its own. */
struct part {
  _Alignas(128) const tcptale_frame *frames;
  size_t count;
  size_t batch;
  uint64_t memory_bytes;
  void *block; /* the tracker's memory, touched before any race */
  tcptale_tracker *tracker;
  double began;
  double ended;
  uint64_t bytes;
  uint64_t closed;
  uint64_t sum;
  pthread_barrier_t *start;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  (void)conn;
  ((struct part *)user)->bytes += event->len;
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  (void)conn, (void)event;
  ((struct part *)user)->closed++;
}

static void track(struct part *part) {
  for (size_t at = 0; at < part->count; at += part->batch) {
    size_t n = part->count - at < part->batch ? part->count - at : part->batch;
    tcptale_tracker_feed(part->tracker, part->frames + at, n, NULL);
  }
}

/* The control: work over the same frames without the library. */
static void read_only(struct part *part) {
  uint64_t sum = 0;
  for (size_t i = 0; i < part->count; i++)
    for (uint32_t round = 0; round < 4; round++)
      for (uint32_t at = 0; at < 64 && at < part->frames[i].cap_len; at++)
        sum = sum * 31 + part->frames[i].data[at];
  part->sum = sum;
}

static void run(struct part *part, void (*job)(struct part *part)) {
  pthread_barrier_wait(part->start);
  part->began = now();
  job(part);
  part->ended = now();
}

static void *run_tracker(void *user) {
  run(user, track);
  return NULL;
}

static void *run_reader(void *user) {
  run(user, read_only);
  return NULL;
}

/* Seconds from the first thread's beginning to the last one's end, each with its part. */
static double race(struct part *parts, unsigned count, void *(*thread)(void *)) {
  pthread_t threads[THREADS];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, count);
  for (unsigned i = 0; i < count; i++) {
    parts[i].start = &start;
    if (pthread_create(&threads[i], NULL, thread, &parts[i])) exit(1);
  }
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
  double began = parts[0].began, ended = parts[0].ended;
  for (unsigned i = 1; i < count; i++) {
    if (parts[i].began < began) began = parts[i].began;
    if (parts[i].ended > ended) ended = parts[i].ended;
  }
  return ended - began;
}

/* The same with new trackers. */
static double race_trackers(struct part *parts, unsigned count) {
  tcptale_callbacks calls = {sizeof calls, .on_data = on_data, .on_close = on_close};
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.checksum = TCPTALE_CHECKSUM_IGNORE;
  for (unsigned i = 0; i < count; i++) {
    config.memory_bytes = parts[i].memory_bytes;
    parts[i].bytes = parts[i].closed = 0;
    if (tcptale_tracker_new_in(&parts[i].tracker, &config, &calls, &parts[i], parts[i].block,
                               parts[i].memory_bytes))
      exit(1);
  }
  double took = race(parts, count, run_tracker);
  for (unsigned i = 0; i < count; i++) tcptale_tracker_free(parts[i].tracker);
  return took;
}

static uint64_t flow_hash(const tcptale_frame *frame) {
  static const uint8_t secret[16] = "any 16 bytes do";
  tcptale_packet packet;
  tcptale_flow_key key = {.struct_size = sizeof key};
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_decode(&packet, frame->link_type, frame->data, frame->cap_len, frame->wire_len, 0);
  if (tcptale_flow_key_of(&packet, frame->scope, 0, &key, NULL)) return 0;
  return tcptale_flow_hash(&key, secret);
}

/* Before any clock starts. */
static void share_out(const struct trace *trace, struct part *parts) {
  tcptale_frame *shares[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    shares[i] = trace_memory((trace->count + TRACE_MORE) * sizeof *shares[i]);
    parts[i].frames = shares[i];
    parts[i].count = 0;
  }
  for (size_t i = 0; i < trace->count; i++) {
    struct part *part = &parts[flow_hash(&trace->frames[i]) % THREADS];
    shares[part - parts][part->count++] = trace->frames[i];
  }
}

static void take_block(struct part *part) {
  part->block = trace_memory(part->memory_bytes);
  memset(part->block, 1, part->memory_bytes);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_size);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Rounds of all four races, in turn. */
static void measure(struct part *one, struct part *two, size_t rounds, double out[4]) {
  static double single[ROUNDS_MOST], both[ROUNDS_MOST], ratio[ROUNDS_MOST], machine[ROUNDS_MOST];
  for (size_t i = 0; i < rounds; i++) {
    single[i] = race_trackers(one, 1);
    both[i] = race_trackers(two, THREADS);
    ratio[i] = single[i] / both[i];
    machine[i] = race(one, 1, run_reader);
    machine[i] /= race(two, THREADS, run_reader);
  }
  out[0] = median(single, rounds);
  out[1] = median(both, rounds);
  out[2] = median(ratio, rounds);
  out[3] = median(machine, rounds);
}

int main(int argc, char **argv) {
  (void)argc;
  static struct part one, two[THREADS];
  words_check(argv, " trace rounds batch memory limit ");
  struct trace trace = trace_open(needed(argv, "trace"), number_of(argv, "limit", 0));
  uint64_t rounds = number_of(argv, "rounds", 5);
  if (rounds == 0 || rounds > ROUNDS_MOST) rounds = ROUNDS_MOST;
  one = (struct part){.frames = trace.frames,
                      .count = trace.count,
                      .batch = number_of(argv, "batch", 256),
                      .memory_bytes = number_of(argv, "memory", 64) << 20};
  two[0] = two[1] = one;
  take_block(&one);
  for (unsigned i = 0; i < THREADS; i++) take_block(&two[i]);
  share_out(&trace, two);
  double took[4];
  measure(&one, two, rounds, took);
  printf("{\"name\":\"two\",\"packets\":%zu,\"share\":%.3f,\"ns_one\":%.2f,\"ns_two\":%.2f,"
         "\"ratio\":%.3f,"
         "\"machine\":%.3f,\"bytes_one\":%" PRIu64 ",\"bytes_two\":%" PRIu64
         ",\"closed_one\":%" PRIu64 ",\"closed_two\":%" PRIu64 "}\n",
         trace.count, (double)two[0].count / (double)trace.count,
         took[0] * 1e9 / (double)trace.count, took[1] * 1e9 / (double)trace.count, took[2], took[3],
         one.bytes, two[0].bytes + two[1].bytes, one.closed, two[0].closed + two[1].closed);
  return 0;
}

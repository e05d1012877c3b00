/* Real captures, and damaged ones: whatever they hold, the laws of the tracker (laws.h) are kept,
 * under every policy and delivery, in the least memory, and in batches of any size the tale is the
 * same to the byte. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture.h"
#include "tape.h"

struct trace {
  tcptale_frame *frames;
  uint8_t **bytes;
  size_t count;
  size_t room;
};

static struct trace trace;
static size_t ways; /* how often a capture was told */

static void add(const capture_record *record) {
  uint8_t *copy = malloc(record->cap_len + 1);

  if (trace.count == trace.room) {
    trace.room = trace.room ? trace.room * 2 : 1024;
    trace.frames = realloc(trace.frames, trace.room * sizeof *trace.frames);
    trace.bytes = realloc(trace.bytes, trace.room * sizeof *trace.bytes);
  }
  cr_assert(copy && trace.frames && trace.bytes);
  memcpy(copy, record->data, record->cap_len);
  trace.bytes[trace.count] = copy;
  trace.frames[trace.count] = (tcptale_frame){.struct_size = sizeof(tcptale_frame),
                                              .link_type = record->link_type,
                                              .cap_len = record->cap_len,
                                              .wire_len = record->wire_len,
                                              .ts_ns = record->time_ns,
                                              .index = record->number,
                                              .data = copy};
  trace.count++;
}

static void load(const char *path) {
  capture *in = capture_open(path, 0);
  capture_record record;

  while (trace.count > 0) free(trace.bytes[--trace.count]);
  while (capture_next(in, &record) == CAPTURE_RECORD) add(&record);
  capture_close(in, NULL);
}

enum { EVERYTHING = TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS };

/* The trace told in batches; the laws must hold. */
static void tell(struct tape *tape, unsigned flags, const tcptale_config *config, size_t batch,
                 const char *what) {
  const char *law;
  tcptale_tracker_stats stats = {.struct_size = sizeof stats};

  ways++;
  tape_begin(tape, flags);
  tape_tracker(tape, config);
  for (size_t at = 0; at < trace.count; at += batch) {
    size_t n = trace.count - at < batch ? trace.count - at : batch;
    cr_assert_eq(tcptale_tracker_feed(tape->tracker, &trace.frames[at], n, NULL), TCPTALE_OK);
  }
  tcptale_tracker_flush(tape->tracker);
  tcptale_tracker_stats_read(tape->tracker, &stats);
  cr_expect_eq(stats.frames, trace.count);
  cr_expect_eq(stats.opened, stats.closed, "%s", what);
  cr_expect_eq(stats.opened, tape_count(tape, TAPE_OPEN, TAPE_ANY), "%s", what);
  cr_expect_eq(stats.open_now + stats.lingering_now, 0, "%s", what);
  cr_expect_leq(stats.memory_used, stats.memory_bytes, "%s", what);
  law = tape_end(tape);
  cr_expect_null(law, "%s: %s", what, law);
}

static void default_config(tcptale_config *config) {
  tcptale_config_init(config, sizeof *config);
  config->memory_bytes = 16 << 20;
}

static void check_batches(const char *path) {
  static const size_t BATCHES[] = {7, 64};
  tcptale_config config;
  struct tape one, other;

  default_config(&config);
  tell(&one, EVERYTHING, &config, 1, path);
  for (size_t i = 0; i < 2; i++) {
    tell(&other, EVERYTHING, &config, BATCHES[i], path);
    cr_expect(tape_equal(&one, &other, path));
    tape_wipe(&other);
  }
  /* Without verdicts usual segments go a shorter way, to the same events. */
  tape_drop_segments(&one);
  tell(&other, EVERYTHING & ~(unsigned)TAPE_SEGMENTS, &config, 16, path);
  cr_expect(tape_equal(&one, &other, path));
  tape_wipe(&other);
  tape_wipe(&one);
}

static void check_settings(const char *path) {
  static const uint64_t MEMORY[] = {TCPTALE_MEMORY_LEAST, 1 << 20};
  tcptale_config config;
  struct tape tape;

  for (uint32_t way = 0; way < 24; way += getenv("TEST_QUICK") ? 9 : 1) {
    default_config(&config);
    config.policy[0] = config.policy[1] = config.frag_policy_v4 = 1 + way % 6;
    config.delivery = 1 + way / 6 % 2;
    config.history_bytes = way / 12 ? 8192 : 0;
    config.rst_policy = 1 + way % 3;
    config.checksum = 1 + way / 3 % 3;
    config.urgent = 1 + way % 4;
    config.flags = way / 12 ? TCPTALE_CONFIG_KEY_VLAN | TCPTALE_CONFIG_KEY_TUNNEL : 0;
    if (way % 5 == 0) config.flags |= TCPTALE_CONFIG_ASYNC;
    if (way % 7 == 0) config.queue_bytes = 5000;
    tell(&tape, EVERYTHING, &config, 16, path);
    tape_wipe(&tape);
  }
  for (size_t i = 0; i < 2; i++) {
    default_config(&config);
    config.memory_bytes = MEMORY[i];
    config.max_connections = i ? 0 : 20;
    tell(&tape, EVERYTHING, &config, 16, path);
    tape_wipe(&tape);
  }
}

static void check_folder(const char *folder, int least) {
  struct dirent *entry;
  struct stat status;
  DIR *dir = opendir(folder);
  int captures = 0;
  size_t packets = 0;

  if (dir == NULL) {
    fprintf(stderr, "skipped: no %s\n", folder);
    return;
  }
  while ((entry = readdir(dir)) != NULL) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) continue;
    load(path);
    if (trace.count == 0) continue;
    captures++;
    packets += trace.count;
    check_batches(path);
    check_settings(path);
  }
  closedir(dir);
  fprintf(stderr, "%s: %d captures of %zu packets, told in %zu ways in all\n", folder, captures,
          packets, ways);
  cr_expect_geq(captures, least);
}

static const char *captures_folder(void) {
  const char *folder = getenv("CAPTURES");

  return folder && *folder ? folder : "../shared/captures";
}

Test(captures, laws_hold, .timeout = 600) {
  check_folder(captures_folder(), 100);
}

Test(captures, laws_hold_on_damaged_ones, .timeout = 600) {
  char path[4000];

  snprintf(path, sizeof path, "%s/malformed", captures_folder());
  check_folder(path, 50);
}

/* floor.c - how fast it could be: each mode does less of the work than a tracker has to; those with
 * a w add idle instructions.
 *
 *   floor trace=FILE mode=MODE [checksum=on] [slots=N] [verify=on] [limit=N]
 *
 * decode  every frame decoded, nothing remembered
 * table   decoded, found, taken in: one frame after the other
 * tablew  table, and 240 independent instructions a frame: a program that does more for a packet
 * tableiw the same with 8-byte slots that point to records: two dependent misses instead of one
 * tablehw and tableihw: the 240 come before the line is looked at, which is asked for in front of
 *         them: what could be gained by work that needs no connection
 * batch   table by 32: all are decoded and their connections' lines prefetched, then all are taken
 * batchp  batch, and the headers of the 32 that follow prefetched, as an array of frames allows
 * batchi  batchp with 8-byte slots that point to records: less memory, one more line
 *
 * checksum=on verifies that of TCP in any mode. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floor_sum.h"
#include "floor_table.h"
#include "words.h"

enum { BATCH = 32, LINE = 64 };

#define INLINE static inline __attribute__((always_inline))

struct floor {
  struct tally tally;
  struct floor_table table;
  int checksum;
  uint64_t decoded; /* so that nothing is left out as unused */
};

/* Bytes go through a pointer: whoever compiles must not look into what the user does with them. */
static void hear(struct tally *tally, const uint8_t *data, size_t len, uint64_t offset) {
  tally_bytes(tally, data, len, offset);
}

static inline int take(const struct floor *floor, const tcptale_frame *frame,
                       struct floor_segment *out) {
  struct floor_layers layers;
  return floor_decode(frame, out, &layers) && (!floor->checksum || floor_sum_good(&layers));
}

static void work_decode(void *user, const tcptale_frame *frames, size_t count) {
  struct floor *floor = user;
  struct floor_segment segment;
  for (size_t i = 0; i < count; i++)
    if (take(floor, &frames[i], &segment)) floor->decoded += segment.hash ^ segment.seq;
}

INLINE void one(uint64_t *n) {
  ++*n;
  __asm__ volatile("" : "+r"(*n));
}

INLINE void twenty(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d) {
  one(a), one(b), one(c), one(d), one(a), one(b), one(c), one(d), one(a), one(b);
  one(c), one(d), one(a), one(b), one(c), one(d), one(a), one(b), one(c), one(d);
}

INLINE void eighty(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d) {
  twenty(a, b, c, d), twenty(a, b, c, d), twenty(a, b, c, d), twenty(a, b, c, d);
}

/* 240 additions in four chains; the empty asm keeps the compiler from merging them. */
INLINE void toil(void) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  eighty(&a, &b, &c, &d), eighty(&a, &b, &c, &d), eighty(&a, &b, &c, &d);
}

enum toil { TOIL_NOT, TOIL_AFTER, TOIL_BEFORE };

INLINE void fetch_and_toil(const struct floor *floor, const struct floor_segment *segment,
                           int pool) {
  if (pool) floor_fetch_slot(&floor->table, segment->hash);
  else floor_fetch(&floor->table, segment->hash);
  toil();
}

/* One frame after the other, with more work for each before or after the look at its connection. */
INLINE void one_by_one(struct floor *floor, const tcptale_frame *frames, size_t count, int pool,
                       enum toil when) {
  struct floor_segment segment;
  for (size_t i = 0; i < count; i++) {
    if (take(floor, &frames[i], &segment)) {
      if (when == TOIL_BEFORE) fetch_and_toil(floor, &segment, pool);
      if (pool) floor_track_pool(&floor->table, &segment);
      else floor_track(&floor->table, &segment);
    }
    if (when == TOIL_AFTER) toil();
  }
}

static void work_table(void *user, const tcptale_frame *frames, size_t count) {
  one_by_one(user, frames, count, 0, TOIL_NOT);
}

static void work_tablew(void *user, const tcptale_frame *frames, size_t count) {
  one_by_one(user, frames, count, 0, TOIL_AFTER);
}

static void work_tableiw(void *user, const tcptale_frame *frames, size_t count) {
  one_by_one(user, frames, count, 1, TOIL_AFTER);
}

static void work_tablehw(void *user, const tcptale_frame *frames, size_t count) {
  one_by_one(user, frames, count, 0, TOIL_BEFORE);
}

static void work_tableihw(void *user, const tcptale_frame *frames, size_t count) {
  one_by_one(user, frames, count, 1, TOIL_BEFORE);
}

/* Asks for the headers of a frame that will be decoded in the next batch. The rest of a frame is
 * left to the machine's own prefetcher, which is better at it. */
static inline void fetch_frame(const tcptale_frame *frame) {
  __builtin_prefetch(frame->data);
  __builtin_prefetch(frame->data + LINE);
}

/* Decodes up to BATCH frames, and asks for as many that follow; what is no segment, or a wrong one,
 * is left out. */
static inline size_t take_batch(const struct floor *floor, const tcptale_frame *frames,
                                size_t count, int fetch, struct floor_segment *out) {
  size_t taken = 0;
  for (size_t i = 0; i < count; i++) {
    if (fetch) fetch_frame(&frames[i + BATCH]);
    if (!take(floor, &frames[i], &out[taken])) continue;
    floor_fetch(&floor->table, out[taken].hash);
    taken++;
  }
  return taken;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

static inline void batches(struct floor *floor, const tcptale_frame *frames, size_t count,
                           int fetch) {
  struct floor_segment segments[BATCH];
  for (size_t at = 0; at < count; at += BATCH) {
    size_t taken = take_batch(floor, frames + at, least(count - at, BATCH), fetch, segments);
    for (size_t i = 0; i < taken; i++) floor_track(&floor->table, &segments[i]);
  }
}

static void work_batch(void *user, const tcptale_frame *frames, size_t count) {
  batches(user, frames, count, 0);
}

static void work_batchp(void *user, const tcptale_frame *frames, size_t count) {
  batches(user, frames, count, 1);
}

static void work_batchi(void *user, const tcptale_frame *frames, size_t count) {
  struct floor *floor = user;
  struct floor_segment segments[BATCH];
  for (size_t at = 0; at < count; at += BATCH) {
    size_t n = least(count - at, BATCH), taken = 0;
    for (size_t i = 0; i < n; i++) {
      fetch_frame(&frames[at + i + BATCH]);
      if (!take(floor, &frames[at + i], &segments[taken])) continue;
      floor_fetch_slot(&floor->table, segments[taken++].hash);
    }
    for (size_t i = 0; i < taken; i++) floor_fetch_record(&floor->table, segments[i].hash);
    for (size_t i = 0; i < taken; i++) floor_track_pool(&floor->table, &segments[i]);
  }
}

static const struct mode {
  const char *name;
  void (*work)(void *user, const tcptale_frame *frames, size_t count);
} modes[] = {{"decode", work_decode},   {"table", work_table},     {"tablew", work_tablew},
             {"batch", work_batch},     {"batchp", work_batchp},   {"batchi", work_batchi},
             {"tableiw", work_tableiw}, {"tablehw", work_tablehw}, {"tableihw", work_tableihw}};

static const struct mode *mode_of(const char *name) {
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (strcmp(modes[i].name, name) == 0) return &modes[i];
  fprintf(stderr, "no such mode: %s\n", name);
  exit(2);
}

static uint32_t power_of_two(uint64_t least_slots) {
  uint32_t slots = 64;
  while (slots < least_slots) slots *= 2;
  return slots;
}

int main(int argc, char **argv) {
  (void)argc;
  static struct floor floor;
  words_check(argv, " trace mode checksum slots verify limit ");
  const struct mode *mode = mode_of(needed(argv, "mode"));
  struct trace trace = trace_open(needed(argv, "trace"), number_of(argv, "limit", 0));
  floor.checksum = switch_of(argv, "checksum");
  floor.tally.verify = switch_of(argv, "verify");
  tally_begin(&floor.tally);
  uint32_t slots = power_of_two(number_of(argv, "slots", 1 << 21));
  floor_table_init(&floor.table, &floor.tally, slots,
                   mode->work == work_batchi || mode->work == work_tableiw ||
                       mode->work == work_tableihw);
  floor.table.on_bytes = hear;
  tally_run(&floor.tally, &trace, mode->work, &floor);
  char name[32], more[64];
  snprintf(name, sizeof name, "floor-%s%s", mode->name, floor.checksum ? "+checksum" : "");
  snprintf(more, sizeof more, ",\"slots\":%u,\"sum\":%u", slots,
           (unsigned)(floor.decoded & 0xffff));
  tally_print(&floor.tally, name, more);
  return 0;
}

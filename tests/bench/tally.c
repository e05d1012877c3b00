/* tally.c - see tally.h. */
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { PIECE = 1 << 18 }; /* frames between two looks at memory */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t anonymous_kib(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  uint64_t kib = 0;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1) break;
  if (file) fclose(file);
  return kib;
}

static void look(struct tally *tally) {
  uint64_t kib = anonymous_kib();
  if (kib > tally->most_kib) tally->most_kib = kib;
}

void tally_digest(struct tally *tally, const uint8_t *data, size_t len, uint64_t offset) {
  tally->digest += truth_digest(data, len, offset);
}

void tally_begin(struct tally *tally) {
  tally->memory_kib = tally->most_kib = anonymous_kib();
}

static void count_packets(struct tally *tally, const struct trace *trace) {
  tally->packets = trace->count;
  for (size_t i = 0; i < trace->count; i++) tally->wire += trace->frames[i].wire_len;
}

void tally_run(struct tally *tally, const struct trace *trace,
               void (*work)(void *user, const tcptale_frame *frames, size_t count), void *user) {
  count_packets(tally, trace);
  double start = now();
  for (size_t at = 0; at < trace->count; at += PIECE) {
    work(user, trace->frames + at, trace->count - at < PIECE ? trace->count - at : PIECE);
    look(tally);
  }
  tally->seconds = now() - start;
}

void tally_print(const struct tally *tally, const char *name, const char *more) {
  double packets = (double)(tally->packets ? tally->packets : 1),
         kib = (double)(tally->most_kib - tally->memory_kib);
  printf("{\"name\":\"%s\",\"packets\":%" PRIu64
         ",\"ns_pkt\":%.2f,\"gbps_payload\":%.3f,\"gbps_wire\":%.3f,"
         "\"seconds\":%.4f,\"opened\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"peak_conns\":%" PRIu64
         ",\"bytes\":%" PRIu64 ",\"gap_bytes\":%" PRIu64 ",\"digest\":\"%016" PRIx64
         "\",\"rss_anon_kb\":%.0f,\"bytes_per_conn\":%.1f%s}\n",
         name, tally->packets, tally->seconds * 1e9 / packets,
         (double)tally->bytes * 8e-9 / tally->seconds, (double)tally->wire * 8e-9 / tally->seconds,
         tally->seconds, tally->opened, tally->closed, tally->peak, tally->bytes, tally->gap_bytes,
         tally->digest, kib, tally->peak ? kib * 1024 / (double)tally->peak : 0, more);
}

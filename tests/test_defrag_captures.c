/* Real captures: every datagram that is put together from fragments of TCP has a good checksum,
 * which no test of ours computed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "tcptale/defrag.h"

struct tally {
  int fragments, segments, good;
};

static void take(tcptale_defrag *defrag, const capture_record *record, struct tally *tally) {
  tcptale_packet packet;
  tcptale_defrag_result result;
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_defrag_result_init(&result, sizeof result);
  tcptale_decode(&packet, record->link_type, record->data, record->cap_len, record->wire_len, 0);
  if (packet.stop_reason != TCPTALE_STOP_FRAGMENT) return;
  tally->fragments++;
  cr_assert_eq(tcptale_defrag_push(defrag, &packet, record->data, 0, record->number,
                                   record->time_ns, &result),
               TCPTALE_OK);
  if (!result.complete) return;
  packet = result.first;
  cr_assert_eq(
      tcptale_decode_reassembled(&packet, result.data, result.len, TCPTALE_DECODE_CHECKSUM),
      TCPTALE_OK);
  if (!(packet.layers & TCPTALE_LAYER_TCP)) return;
  tally->segments++;
  tally->good += packet.tcp_csum == TCPTALE_CSUM_GOOD;
}

static struct tally read_all(const char *path) {
  struct tally tally = {0, 0, 0};
  tcptale_defrag *defrag;
  tcptale_defrag_config config;
  capture_record record;
  capture *in = capture_open(path, 0);
  tcptale_defrag_config_init(&config, sizeof config);
  cr_assert_eq(tcptale_defrag_new(&defrag, &config), TCPTALE_OK);
  while (capture_next(in, &record) == CAPTURE_RECORD) take(defrag, &record, &tally);
  cr_expect_eq(capture_close(in, NULL), 0);
  tcptale_defrag_free(defrag);
  return tally;
}

Test(defrag_captures, reassembled_segments_have_good_checksums) {
  static const char *const names[] = {"PcapPlusPlus__frag_http_req.pcap",
                                      "pcap-analyzer__assets__frag_tcp_80_ipv4.pcap"};
  const char *captures = getenv("CAPTURES");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", captures && *captures ? captures : "../shared/captures",
             names[i]);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
      fprintf(stderr, "skipped: no %s\n", path);
      continue;
    }
    fclose(file);
    struct tally tally = read_all(path);
    fprintf(stderr, "%s: %d fragments, %d segments, %d of good checksum\n", names[i],
            tally.fragments, tally.segments, tally.good);
    cr_expect_gt(tally.segments, 0);
    cr_expect_eq(tally.good, tally.segments);
  }
}

/* peer_libnids.c - libnids on a trace: its packet handler called directly, without its port-scan
 * detector.
 *
 *   libnids trace=FILE [streams=N] [checksum=on] [verify=on] [limit=N]
 *
 * streams: the size of its table, 1,040 by default; it evicts the oldest when three quarters are
 * taken. */
#include <pcap.h>
#include <nids.h>
#include <stdint.h>
#include <stdio.h>

#include "tally.h"
#include "words.h"

static struct tally tally;

static void no_words(void) {
}

static void hear_data(const struct tcp_stream *stream) {
  const struct half_stream *half = stream->client.count_new > 0 ? &stream->client : &stream->server;
  tally_bytes(&tally, (const uint8_t *)half->data, (size_t)half->count_new,
              (uint64_t)(half->count - half->count_new));
}

static void hear(struct tcp_stream *stream, void **param) {
  (void)param;
  if (stream->nids_state == NIDS_JUST_EST) {
    stream->client.collect = stream->server.collect = 1;
    tally_opened(&tally);
  } else if (stream->nids_state == NIDS_DATA) {
    hear_data(stream);
  } else {
    tally_closed(&tally);
  }
}

/* The library takes functions as pointers to void. */
typedef void (*any_function)(void);
static void *as_void(any_function function) {
  return (void *)(uintptr_t)function;
}

static int begin(char **argv) {
  nids_params.n_tcp_streams = (int)number_of(argv, "streams", 1040);
  nids_params.pcap_desc = pcap_open_dead(DLT_EN10MB, 65535);
  nids_params.scan_num_hosts = 0;
  nids_params.device = NULL;
  nids_params.promisc = 0;
  nids_params.syslog = no_words;
  if (!nids_init()) return 0;
  static struct nids_chksum_ctl checksums;
  checksums.action = switch_of(argv, "checksum") ? NIDS_DO_CHKSUM : NIDS_DONT_CHKSUM;
  nids_register_chksum_ctl(&checksums, 1);
  nids_register_tcp(as_void((any_function)hear));
  return 1;
}

static void work(void *user, const tcptale_frame *frames, size_t count) {
  (void)user;
  for (size_t i = 0; i < count; i++) {
    struct pcap_pkthdr header = {.caplen = frames[i].cap_len, .len = frames[i].wire_len};
    header.ts.tv_sec = (time_t)(frames[i].ts_ns / 1000000000);
    header.ts.tv_usec = (suseconds_t)(frames[i].ts_ns / 1000 % 1000000);
    trace_fetch(&frames[i]);
    nids_pcap_handler(NULL, &header, (u_char *)(uintptr_t)frames[i].data);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  words_check(argv, " trace streams checksum verify limit ");
  struct trace trace = trace_open(needed(argv, "trace"), number_of(argv, "limit", 0));
  tally.verify = switch_of(argv, "verify");
  tally_begin(&tally);
  if (!begin(argv)) {
    fprintf(stderr, "nids_init: %s\n", nids_errbuf);
    return 1;
  }
  tally_run(&tally, &trace, work, NULL);
  tally_print(&tally, "libnids", "");
  return 0;
}

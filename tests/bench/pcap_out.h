/* pcap_out.h - segments as frames of a classic pcap file: little-endian, microseconds, Ethernet. */
#ifndef TCPTALE_BENCH_PCAP_OUT_H
#define TCPTALE_BENCH_PCAP_OUT_H

#include <stdint.h>
#include <stdio.h>

#include "dialog.h"

struct pcap_out {
  FILE *file;
  uint64_t packets;
  uint64_t data_segments;
};

/* Begins the file. Ends the program where that fails, as the calls below do. */
void pcap_out_open(struct pcap_out *out, const char *path);

/* Writes a segment of connection `id`; before it, where the plan wants one, its corrupt twin. */
void pcap_out_segment(struct pcap_out *out, const struct world *world, uint32_t id,
                      const struct segment *segment);

/* Writes a SYN of stranger `n`. */
void pcap_out_stranger(struct pcap_out *out, const struct world *world, uint32_t n);

void pcap_out_close(struct pcap_out *out);

#endif

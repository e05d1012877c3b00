/* lines.c - a record, decoded, put together where it completes a fragmented datagram, as a line. */
#include "lines.h"

#include "relative.h"

#include <tcptale/defrag.h>
#include <tcptale/format.h>

#include <stdlib.h>

enum {
  LINE_ROOM = 65536, /* a line with the largest extension headers */
  NESTED = 4         /* fragments in tunnels in fragments */
};

struct lines {
  int absolute;
  relative *numbers;
  tcptale_defrag *fragments;
  tcptale_defrag_result whole;
  tcptale_packet packet;
  tcptale_line line;
  char text[LINE_ROOM];
};

static int start_fragments(lines *maker) {
  tcptale_defrag_config config;
  tcptale_defrag_config_init(&config, sizeof config);
  tcptale_defrag_result_init(&maker->whole, sizeof maker->whole);
  return tcptale_defrag_new(&maker->fragments, &config) == TCPTALE_OK;
}

lines *lines_new(int absolute) {
  lines *maker = calloc(1, sizeof *maker);
  if (!maker) return NULL;
  maker->absolute = absolute;
  maker->numbers = relative_new();
  tcptale_packet_init(&maker->packet, sizeof maker->packet);
  tcptale_line_init(&maker->line, sizeof maker->line);
  if (maker->numbers && start_fragments(maker)) return maker;
  lines_free(maker);
  return NULL;
}

void lines_free(lines *maker) {
  if (!maker) return;
  relative_free(maker->numbers);
  tcptale_defrag_free(maker->fragments);
  free(maker);
}

/* Decodes the record, and in the place of a fragment the datagram that it completes. Returns the
 * bytes that the packet's offsets count from, or NULL. */
static const uint8_t *decode(lines *maker, const capture_record *record) {
  const uint8_t *data = record->data;
  tcptale_packet *packet = &maker->packet;
  tcptale_decode(packet, record->link_type, data, record->cap_len, record->wire_len, 0);
  for (int i = 0; i < NESTED && packet->stop_reason == TCPTALE_STOP_FRAGMENT; i++) {
    if (tcptale_defrag_push(maker->fragments, packet, data, 0, record->number, record->time_ns,
                            &maker->whole) != TCPTALE_OK)
      return NULL;
    if (!maker->whole.complete) return NULL;
    *packet = maker->whole.first;
    data = maker->whole.data;
    tcptale_decode_reassembled(packet, data, maker->whole.len, 0);
  }
  return data;
}

const char *lines_of(lines *maker, const capture_record *record) {
  const uint8_t *data = decode(maker, record);
  if (!data) return NULL;
  if (!maker->absolute) relative_bases(maker->numbers, &maker->packet, data, &maker->line);
  if (tcptale_format_line(&maker->packet, data, &maker->line, maker->text, sizeof maker->text) < 0)
    return NULL;
  return maker->text;
}

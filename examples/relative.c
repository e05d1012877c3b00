/* relative.c - which numbers tcpdump counts from. Invariant: base[] of a record are the numbers
 * that the segment which set them was printed with; [0] is the low end of the key. */
#include "relative.h"

#include "pairs.h"

#include <stdlib.h>

enum { CONNECTIONS = 1048576, TCP_MIN = 20 };

struct relative {
  pairs *connections;
};

typedef struct bases {
  uint32_t base[2];
} bases;

relative *relative_new(void) {
  relative *table = calloc(1, sizeof *table);
  if (table) table->connections = pairs_new(sizeof(bases), CONNECTIONS);
  if (table && table->connections) return table;
  relative_free(table);
  return NULL;
}

void relative_free(relative *table) {
  if (!table) return;
  pairs_free(table->connections);
  free(table);
}

static uint32_t number_at(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The TCP header where its fixed part was captured and plausible, whatever the decoder thought of
 * the rest. */
static const uint8_t *header_of(const tcptale_packet *packet, const uint8_t *data) {
  uint32_t at = packet->layers & TCPTALE_LAYER_TCP ? packet->tcp_offset : packet->stop_offset;
  if (!(packet->layers & TCPTALE_LAYER_TCP) && packet->stop_layer != TCPTALE_LAYER_TCP) return NULL;
  if (at > packet->cap_len || packet->cap_len - at < TCP_MIN) return NULL;
  if (packet->ip_payload_len < TCP_MIN || data[at + 12] >> 4 < 5) return NULL;
  return data + at;
}

void relative_bases(relative *table, const tcptale_packet *packet, const uint8_t *data,
                    tcptale_line *line) {
  const uint8_t *tcp = header_of(packet, data);
  pair_key key;
  bases *known;
  int from, is_new;
  line->seq_base = line->ack_base = line->sack_base = 0;
  if (!tcp || !(tcp[13] & TCPTALE_TCP_ACK)) return;
  from = pair_key_make(&key, packet->ip_version, packet->src, (unsigned)(tcp[0] << 8 | tcp[1]),
                       packet->dst, (unsigned)(tcp[2] << 8 | tcp[3]));
  known = pairs_find(table->connections, &key);
  is_new = !known || (tcp[13] & TCPTALE_TCP_SYN);
  if (!known) known = pairs_add(table->connections, &key);
  if (!known) return;
  if (is_new) {
    known->base[from] = number_at(tcp + 4);
    known->base[!from] = number_at(tcp + 8) - 1;
  } else {
    line->seq_base = known->base[from];
    line->ack_base = known->base[!from];
  }
  line->sack_base = known->base[!from];
}

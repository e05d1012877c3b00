/* dialog.h - one connection, a segment at a time: handshake, exchanges, end. Sequence numbers are
 * relative: the SYN is 0, the first byte 1. */
#ifndef TCPTALE_BENCH_DIALOG_H
#define TCPTALE_BENCH_DIALOG_H

#include <stdint.h>

#include "delay.h"
#include "plan.h"
#include "truth.h"

struct segment {
  uint32_t seq;
  uint32_t ack;
  uint32_t len;
  uint32_t lie; /* its first bytes, so many, are not those of the stream */
  uint8_t dir;  /* 0: from the client */
  uint8_t flags;
};

/* What all connections of a trace share. */
struct world {
  struct plan plan;
  struct truth truth;
  uint64_t seed;
  uint64_t rng;
  uint8_t *pattern; /* all streams are pieces of it */
};

struct dialog {
  struct delay *delay; /* two of them, or NULL: nothing is ever delayed */
  uint32_t id;
  uint32_t next[2]; /* to be sent */
  uint32_t left;    /* bytes of this turn */
  uint32_t exchange;
  uint32_t wait; /* rounds until it begins */
  uint8_t stage;
  uint8_t step;    /* within the handshake or the end */
  uint8_t turn;    /* who speaks */
  uint8_t unacked; /* data segments since the last bare ACK */
};

/* What is settled for a connection by its id alone. */
enum trait {
  TRAIT_CLIENT_BYTES,
  TRAIT_SERVER_BYTES,
  TRAIT_CLIENT_ISN,
  TRAIT_SERVER_ISN,
  TRAIT_SERVER_ADDRESS,
  TRAIT_IPV6,
  TRAIT_VLAN,
  TRAIT_RESET,
  TRAIT_HALF_CLOSE,
  TRAIT_MIDSTREAM,
  TRAIT_LEFT_OPEN,
  TRAIT_STRANGER
};

/* Is connection `id` one of the `share` of 10,000 that have the trait? */
int world_chosen(const struct world *world, uint32_t id, enum trait trait, uint64_t share);

/* The bytes of a stream from `offset` on; at least 64 KiB can be read. */
const uint8_t *world_stream(const struct world *world, uint32_t id, int dir, uint32_t offset);

/* Begins connection `id`. */
void dialog_begin(struct dialog *dialog, struct world *world, uint32_t id);

/* Its next segment; 0: it is over. */
int dialog_next(struct dialog *dialog, struct world *world, struct segment *out);

#endif

/* tracker.h - what a tracker is made of: `feed` moves frames through it, `handle` makes, frees and
 * answers. Floor 16. */
#ifndef TCPTALE_LIB_TRACKER_H
#define TCPTALE_LIB_TRACKER_H

#include <stddef.h>
#include <string.h>

#include "tcptale/tracker.h"

#include "defrag.h"
#include "dup.h"
#include "record.h"
#include "roster.h"

enum {
  TCPTALE_AHEAD = 32, /* frames of a batch that are read ahead, at most */
  TCPTALE_COMING = 8  /* frames announced that are not forgotten yet */
};

/* Bytes that a compressed datagram unpacks to: what IP can carry. */
#define TCPTALE_UNPACKED_MOST ((size_t)65535)

/* Where a packet's connection is to be found. */
struct tcptale_lookup {
  struct tcptale_gist gist; /* as the key, where `known` is 1; else of kind ODD */
  struct tcptale_key key;
  uint32_t home;       /* where the index of keys is searched from */
  uint32_t known;      /* 1: TCP, and addresses */
  uint32_t has_packet; /* 1: it was decoded; 0: its gist is all that was read */
};

/* A frame that was announced, and how far what it needs was asked for. */
struct tcptale_coming {
  uint32_t hash;
  uint32_t home;
  uint32_t known; /* 1: it has a key */
  uint32_t ref;   /* its connection, as far as is known; 0: none */
};

struct tcptale_tracker {
  struct tcptale_conn_env env;
  struct tcptale_roster roster;
  struct tcptale_dup dup;
  struct tcptale_defrag defrag;
  tcptale_defrag_result datagram;
  uint8_t *unpacked;           /* TCPTALE_UNPACKED_MOST bytes: the datagram unpacked last */
  tcptale_tracker_stats stats; /* frames and segments; the rest is counted where it happens */
  uint32_t key_flags;          /* TCPTALE_KEY_ */
  uint32_t decode_flags;       /* TCPTALE_DECODE_ */
  uint32_t wants_gists; /* 1: usual segments may go the short way, and their keys are plain */
  tcptale_packet ahead[TCPTALE_AHEAD + 1]; /* the last: of the frame announced last */
  struct tcptale_lookup look[TCPTALE_AHEAD + 1];
  struct tcptale_coming coming[TCPTALE_COMING];
  uint32_t announced;      /* modulo 2^32 */
  tcptale_free_fn release; /* NULL: the block is the caller's */
  void *release_user;
  void *block; /* as it was given, before alignment */
};

/* Tells connections and directions apart. */
static inline uint64_t tcptale_flow_of(const struct tcptale_key *key) {
  uint64_t flow;
  _Static_assert(offsetof(struct tcptale_key, from) == offsetof(struct tcptale_key, hash) + 4,
                 "they are one number");
  memcpy(&flow, (const uint8_t *)key + offsetof(struct tcptale_key, hash), sizeof flow);
  return flow;
}

#endif

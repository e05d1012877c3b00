/* tracker.h - what a tracker is made of: `tracker` moves frames through it, `handle` makes,
 * frees and answers. Floor 13. */
#ifndef TCPTALE_LIB_TRACKER_H
#define TCPTALE_LIB_TRACKER_H

#include "tcptale/tracker.h"

#include "defrag.h"
#include "dup.h"
#include "record.h"
#include "roster.h"

enum { TCPTALE_AHEAD = 16 }; /* frames of a batch that are decoded ahead */

/* Where a packet's connection is to be found. */
struct tcptale_lookup {
  struct tcptale_key key;
  int32_t known; /* 0: no TCP, or no addresses; nothing else is set */
};

struct tcptale_tracker {
  struct tcptale_conn_env env;
  struct tcptale_roster roster;
  struct tcptale_dup dup;
  struct tcptale_defrag defrag;
  tcptale_defrag_result datagram;
  tcptale_tracker_stats stats; /* frames and segments; the rest is counted where it happens */
  tcptale_packet ahead[TCPTALE_AHEAD];
  struct tcptale_lookup look[TCPTALE_AHEAD];
  tcptale_free_fn release; /* NULL: the block is the caller's */
  void *release_user;
  void *block; /* as it was given, before alignment */
};

#endif

/* tracker.h - what a tracker is made of: `feed` moves frames through it, `handle` makes, frees and
 * answers. Floor 16. */
#ifndef TCPTALE_LIB_TRACKER_H
#define TCPTALE_LIB_TRACKER_H

#include "tcptale/tracker.h"

#include "defrag.h"
#include "dup.h"
#include "record.h"
#include "roster.h"
#include "step.h"

enum {
  TCPTALE_AHEAD = 32,   /* frames of a batch that are read ahead, at most */
  TCPTALE_ANNOUNCED = 8 /* frames announced that are not forgotten yet */
};

/* Bytes that a compressed datagram unpacks to: what IP can carry. */
#define TCPTALE_UNPACKED_MOST ((size_t)65535)

/* What was read of a frame, and where its connection is looked for. */
struct tcptale_lookup {
  struct tcptale_gist gist; /* as the key, where has_key is 1; else of kind ODD */
  struct tcptale_key key;
  struct tcptale_card *guess; /* of a frame that is fed alone; NULL: none */
  uint32_t home;              /* where the index of keys is searched from */
  uint32_t has_key;           /* 1: TCP, and addresses */
  uint32_t has_packet;        /* 1: it was decoded; 0: its gist is all that was read */
};

/* A frame that was announced, and how far what it needs was prefetched. */
struct tcptale_announced {
  uint32_t hash;
  uint32_t home;
  uint32_t has_key;
  uint32_t ref; /* its connection, which may be gone by now; 0: none, or not looked for yet */
};

enum tcptale_later_what {
  TCPTALE_LATER_NOTHING = 0,  /* or a step */
  TCPTALE_LATER_REMEMBER = 1, /* the frame; with each of the others, too */
  TCPTALE_LATER_ENTER = 2,    /* a call that has opened enters the indexes, and its class */
  TCPTALE_LATER_ANSWER = 3,   /* it becomes a card */
  TCPTALE_LATER_ESTABLISH = 4,
  TCPTALE_LATER_END = 5,   /* a usual FIN, told to nobody, takes effect */
  TCPTALE_LATER_LINGER = 6 /* both sides are over, which was told: the ports are kept in mind */
};

/* What the last frame has left to be done (later.h). At most one thing: the step has a card, or
 * `what` is not NOTHING. */
struct tcptale_later {
  uint32_t puts_off; /* 1: the frame at hand may leave something */
  uint32_t over;     /* that it came alone, and that more connections are open: FEW; tests set it */
  struct tcptale_step_later step;
  const struct tcptale_lookup *look; /* the frame's */
  struct tcptale_lookup *next;       /* that the next frame fed alone is read into: not `look` */
  uint64_t sample;                   /* of the payload (dup.h), which is gone by then */
  uint32_t what;                     /* TCPTALE_LATER_ */
  uint32_t ref;                      /* to which connection; not of REMEMBER */
  uint64_t due_ns;                   /* ESTABLISH: when that was due */
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
  uint32_t reads_alone; /* 1: what is fed alone may have its key read first (ahead.h) */
  tcptale_packet ahead[TCPTALE_AHEAD + 1]; /* the last: of the frame announced last */
  struct tcptale_lookup look[TCPTALE_AHEAD + 1];
  struct tcptale_later later;
  struct tcptale_announced announced[TCPTALE_ANNOUNCED];
  uint32_t announced_count; /* modulo 2^32 */
  tcptale_free_fn release;  /* NULL: the block is the caller's */
  void *release_user;
  void *block; /* as it was given, before alignment */
};

#endif

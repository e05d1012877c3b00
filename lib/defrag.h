/* defrag.h - the defragmenter, embedded: the tracker keeps one that lives in the tracker's
 * arena, tcptale_defrag_new makes one in a block of its own. Floor 4.
 *
 * Invariant between calls: an entry is in the index and in the list by age, or it does not
 * exist; the list is ordered by birth, so the oldest is first to time out and first to give way;
 * `used_bytes` is the size of all blocks that entries hold and never exceeds
 * config.memory_bytes. */
#ifndef TCPTALE_LIB_DEFRAG_H
#define TCPTALE_LIB_DEFRAG_H

#include "tcptale/defrag.h"
#include "arena.h"

struct tcptale_defrag {
  struct tcptale_arena *arena;
  uint8_t *scratch;     /* 64 KiB: the datagram handed out last */
  uint32_t *bucket;     /* arena references of chains of entries */
  uint32_t bucket_mask; /* their number less one */
  uint32_t oldest;      /* arena references; TCPTALE_ARENA_NONE */
  uint32_t newest;
  uint32_t entries; /* datagrams waited for and datagrams refused */
  uint32_t pending; /* the former alone */
  uint32_t reserved0;
  uint64_t now_ns; /* the latest time seen */
  uint64_t used_bytes;
  uint64_t timed_out;  /* incomplete datagrams that went for age, since the beginning */
  uint64_t forced_out; /* and for a limit */
  tcptale_defrag_config config;
};

/* Bytes of fixed memory beside the arena that a configuration needs; a multiple of 64. */
size_t tcptale_defrag_fixed_bytes(const tcptale_defrag_config *config);

/* 1 if every value of `config` is in its range. */
int tcptale_defrag_config_valid(const tcptale_defrag_config *config);

/* Begins an empty defragmenter with a valid `config`, whose memory_bytes is the most that it
 * takes from `arena`. `fixed`: tcptale_defrag_fixed_bytes(config) bytes, aligned to 64, that
 * stay the owner's. */
void tcptale_defrag_init(struct tcptale_defrag *defrag, struct tcptale_arena *arena,
                         const tcptale_defrag_config *config, void *fixed);

/* The owner of the arena needs memory: drops the oldest datagram (it counts in forced_out). 0:
 * there was none. */
int tcptale_defrag_relieve(struct tcptale_defrag *defrag);

/* Gives all memory back to the arena. */
void tcptale_defrag_clear(struct tcptale_defrag *defrag);

/* 1 if the invariant holds, for tests. */
int tcptale_defrag_check(const struct tcptale_defrag *defrag);

#endif

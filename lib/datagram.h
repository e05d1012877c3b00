/* datagram.h - the bytes of one datagram that comes in fragments, and which fragment each of
 * them is from. Fragments lie on a grid of eight bytes (RFC 791), so a datagram is at most 8192
 * cells; a cell knows the extent of the fragment that owns it, which is all that the overlap
 * policies ask for. Cells live in chunks that exist where something was stored. A fragment costs
 * O(its own length), whatever came before and however many there are; nothing is searched.
 *
 * Invariant: `covered` is the number of cells that have an owner; no owner reaches beyond `top`,
 * and where the end is known, `top` is not beyond `end`. Floor 3. */
#ifndef TCPTALE_LIB_DATAGRAM_H
#define TCPTALE_LIB_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "fragment.h"

#define TCPTALE_DATAGRAM_NO_END      UINT32_MAX
#define TCPTALE_DATAGRAM_CHUNK_CLASS TCPTALE_ARENA_1536 /* what a chunk takes from the arena */

enum {
  TCPTALE_DATAGRAM_CELL = 8,    /* bytes */
  TCPTALE_DATAGRAM_CELLS = 128, /* of a chunk */
  TCPTALE_DATAGRAM_CHUNKS = 64  /* of a datagram */
};

struct tcptale_datagram {
  uint32_t covered; /* cells that have an owner */
  uint32_t top;     /* bytes; the furthest end of any fragment */
  uint32_t end;     /* bytes; where the last fragment ends, or TCPTALE_DATAGRAM_NO_END */
  uint32_t
      chunk[TCPTALE_DATAGRAM_CHUNKS]; /* arena references; TCPTALE_ARENA_NONE: nothing there yet */
};

/* What a fragment is to what is there, as bits. */
enum tcptale_datagram_relation {
  TCPTALE_DATAGRAM_NEW = 0x01,      /* brings cells that nobody brought */
  TCPTALE_DATAGRAM_OVERLAP = 0x02,  /* brings cells that another brought */
  TCPTALE_DATAGRAM_CONFLICT = 0x04, /* and bytes in them differ */
  TCPTALE_DATAGRAM_COPY =
      0x08 /* one with the same extent and bytes is there, whole: nothing to do */
};

/* Begins an empty datagram. */
void tcptale_datagram_init(struct tcptale_datagram *datagram);

/* 1 if `fragment` and the fragments that are there can be of one datagram: the last one ends it,
 * there is one end, and nothing reaches beyond it. What follows takes only fragments that agree. */
int tcptale_datagram_agrees(const struct tcptale_datagram *datagram,
                            const struct tcptale_fragment *fragment);

/* The relations of `fragment` to what is stored. */
uint32_t tcptale_datagram_compare(const struct tcptale_arena *arena,
                                  const struct tcptale_datagram *datagram,
                                  const struct tcptale_fragment *fragment);

/* The first chunk that `fragment` needs and that is not there; TCPTALE_DATAGRAM_CHUNKS: none is
 * lacking. */
uint32_t tcptale_datagram_lacks(const struct tcptale_datagram *datagram,
                                const struct tcptale_fragment *fragment);

/* Gives chunk `number` the block `ref`, of class TCPTALE_DATAGRAM_CHUNK_CLASS. */
void tcptale_datagram_grant(const struct tcptale_arena *arena, struct tcptale_datagram *datagram,
                            uint32_t number, uint32_t ref);

/* Stores what of `fragment` counts under `policy` (TCPTALE_POLICY_); no chunk may be lacking.
 * Returns 1 if the fragment owns its first cell now. */
int tcptale_datagram_store(const struct tcptale_arena *arena, struct tcptale_datagram *datagram,
                           const struct tcptale_fragment *fragment, uint32_t policy);

/* 1 if the end is known and there is no hole below it (RFC 815: the hole list is empty). */
int tcptale_datagram_complete(const struct tcptale_datagram *datagram);

/* Writes the `end` bytes of a complete datagram to `out`. */
void tcptale_datagram_assemble(const struct tcptale_arena *arena,
                               const struct tcptale_datagram *datagram, uint8_t *out);

/* Gives all chunks back; returns how many there were. */
uint32_t tcptale_datagram_release(struct tcptale_arena *arena, struct tcptale_datagram *datagram);

/* 1 if the invariant holds, for tests. */
int tcptale_datagram_check(const struct tcptale_arena *arena,
                           const struct tcptale_datagram *datagram);

#endif

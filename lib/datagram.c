/* datagram.c - cells, chunks and who owns what; see datagram.h. Floor 3. */
#include "datagram.h"

#include <string.h>

#include "overlap.h"
#include "util.h"

enum {
  CELL = TCPTALE_DATAGRAM_CELL,
  CELLS = TCPTALE_DATAGRAM_CELLS,
  CHUNKS = TCPTALE_DATAGRAM_CHUNKS,
  CHUNK_BYTES = CELL * CELLS
};

/* The fragment that owns a cell, in cells, as it was on the wire: a later cut does not change
 * it. */
struct owner {
  uint16_t first;
  uint16_t after; /* 0: nobody owns the cell */
};

struct chunk {
  uint8_t data[CHUNK_BYTES];
  struct owner owner[CELLS];
};

_Static_assert(sizeof(struct chunk) == 1536, "a chunk fills its block");
_Static_assert(CHUNKS *CHUNK_BYTES >= 65535, "chunks for the longest datagram");

static struct owner owner_of(const struct tcptale_fragment *fragment) {
  uint32_t after = (fragment->offset + fragment->len + CELL - 1) / CELL;
  return (struct owner){(uint16_t)(fragment->offset / CELL), (uint16_t)after};
}

static struct chunk *chunk_of(const struct tcptale_arena *arena,
                              const struct tcptale_datagram *datagram, uint32_t cell) {
  uint32_t ref = datagram->chunk[cell / CELLS];
  return ref == TCPTALE_ARENA_NONE ? NULL : tcptale_arena_at(arena, ref);
}

static int is_same(struct owner a, struct owner b) {
  return a.first == b.first && a.after == b.after;
}

/* The owner of `cell`, as a value: none where there is no chunk. */
static struct owner owner_at(const struct tcptale_arena *arena,
                             const struct tcptale_datagram *datagram, uint32_t cell) {
  const struct chunk *chunk = chunk_of(arena, datagram, cell);
  return chunk == NULL ? (struct owner){0, 0} : chunk->owner[cell % CELLS];
}

/* The bytes of `cell` that are within the fragment: fewer than eight only in the last one. */
static uint32_t bytes_in(const struct tcptale_fragment *fragment, uint32_t cell) {
  return tcptale_min_u32(CELL, fragment->offset + fragment->len - cell * CELL);
}

static const uint8_t *bytes_of(const struct tcptale_fragment *fragment, uint32_t cell) {
  return fragment->data + (cell * CELL - fragment->offset);
}

void tcptale_datagram_init(struct tcptale_datagram *datagram) {
  memset(datagram, 0, sizeof *datagram);
  datagram->end = TCPTALE_DATAGRAM_NO_END;
}

int tcptale_datagram_agrees(const struct tcptale_datagram *datagram,
                            const struct tcptale_fragment *fragment) {
  uint32_t after = fragment->offset + fragment->len;
  if (datagram->end == TCPTALE_DATAGRAM_NO_END) return !fragment->last || datagram->top <= after;
  return fragment->last ? after == datagram->end : after <= datagram->end;
}

static uint32_t compare_cell(const struct chunk *chunk, const struct tcptale_fragment *fragment,
                             struct owner own, uint32_t cell) {
  const struct owner *old = chunk == NULL ? NULL : &chunk->owner[cell % CELLS];
  if (old == NULL || old->after == 0) return TCPTALE_DATAGRAM_NEW;

  uint32_t relation = TCPTALE_DATAGRAM_OVERLAP;
  if (is_same(*old, own)) relation |= TCPTALE_DATAGRAM_COPY;
  if (memcmp(chunk->data + cell % CELLS * CELL, bytes_of(fragment, cell),
             bytes_in(fragment, cell)) != 0)
    relation |= TCPTALE_DATAGRAM_CONFLICT;
  return relation;
}

/* It is a copy if every cell says so and none says anything against it. */
uint32_t tcptale_datagram_compare(const struct tcptale_arena *arena,
                                  const struct tcptale_datagram *datagram,
                                  const struct tcptale_fragment *fragment) {
  struct owner own = owner_of(fragment);
  uint32_t any = 0;
  uint32_t every = TCPTALE_DATAGRAM_COPY;
  for (uint32_t cell = own.first; cell < own.after; cell++) {
    uint32_t relation = compare_cell(chunk_of(arena, datagram, cell), fragment, own, cell);
    any |= relation;
    every &= relation;
  }
  any &= ~(uint32_t)TCPTALE_DATAGRAM_COPY;
  return any == TCPTALE_DATAGRAM_OVERLAP ? any | every : any;
}

uint32_t tcptale_datagram_lacks(const struct tcptale_datagram *datagram,
                                const struct tcptale_fragment *fragment) {
  uint32_t last = (fragment->offset + fragment->len - 1) / CHUNK_BYTES;
  for (uint32_t number = fragment->offset / CHUNK_BYTES; number <= last; number++)
    if (datagram->chunk[number] == TCPTALE_ARENA_NONE) return number;
  return CHUNKS;
}

void tcptale_datagram_grant(const struct tcptale_arena *arena, struct tcptale_datagram *datagram,
                            uint32_t number, uint32_t ref) {
  struct chunk *chunk = tcptale_arena_at(arena, ref);
  memset(chunk->owner, 0, sizeof chunk->owner);
  datagram->chunk[number] = ref;
}

/* Whether the new fragment `own` takes a run of cells from `old`, which starts at `start` by
 * now. Policies that cut the older fragment cut its front, so its end is where it was. */
static int takes(uint32_t policy, struct owner old, uint32_t start, struct owner own) {
  struct tcptale_extent origin = {old.first, old.after};
  struct tcptale_extent now = {start, old.after};
  struct tcptale_extent fresh = {own.first, own.after};
  if (old.after == 0) return 1;
  return tcptale_overlap_new_wins(TCPTALE_OVERLAP_FRAGMENT, policy, &origin, &now, &fresh);
}

/* A fragment that ends inside a cell is the last one, and nothing may reach beyond its end, so
 * two owners of a cell always bring equally many bytes of it. One decision holds for a run of
 * cells of one owner; a run that goes on before the fragment starts before it. */
int tcptale_datagram_store(const struct tcptale_arena *arena, struct tcptale_datagram *datagram,
                           const struct tcptale_fragment *fragment, uint32_t policy) {
  struct owner own = owner_of(fragment);
  struct owner before =
      own.first == 0 ? (struct owner){0, 0} : owner_at(arena, datagram, own.first - 1u);
  int wins = 0;
  int leads = 0;
  for (uint32_t cell = own.first; cell < own.after; cell++) {
    struct chunk *chunk = chunk_of(arena, datagram, cell);
    struct owner *place = &chunk->owner[cell % CELLS];
    struct owner old = *place;
    int goes_on = is_same(old, before);
    if (cell == own.first || !goes_on) wins = takes(policy, old, goes_on ? old.first : cell, own);
    before = old;
    if (!wins) continue;
    datagram->covered += old.after == 0;
    *place = own;
    memcpy(chunk->data + cell % CELLS * CELL, bytes_of(fragment, cell), bytes_in(fragment, cell));
    if (cell == own.first) leads = 1;
  }
  if (fragment->offset + fragment->len > datagram->top)
    datagram->top = fragment->offset + fragment->len;
  if (fragment->last) datagram->end = fragment->offset + fragment->len;
  return leads;
}

int tcptale_datagram_complete(const struct tcptale_datagram *datagram) {
  if (datagram->end == TCPTALE_DATAGRAM_NO_END) return 0;
  return datagram->covered == (datagram->end + CELL - 1) / CELL;
}

void tcptale_datagram_assemble(const struct tcptale_arena *arena,
                               const struct tcptale_datagram *datagram, uint8_t *out) {
  for (uint32_t at = 0; at < datagram->end; at += CHUNK_BYTES) {
    const struct chunk *chunk = chunk_of(arena, datagram, at / CELL);
    memcpy(out + at, chunk->data, tcptale_min_u32(CHUNK_BYTES, datagram->end - at));
  }
}

uint32_t tcptale_datagram_release(struct tcptale_arena *arena, struct tcptale_datagram *datagram) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < CHUNKS; i++) {
    if (datagram->chunk[i] == TCPTALE_ARENA_NONE) continue;
    tcptale_arena_release(arena, datagram->chunk[i]);
    count++;
  }
  tcptale_datagram_init(datagram);
  return count;
}

int tcptale_datagram_check(const struct tcptale_arena *arena,
                           const struct tcptale_datagram *datagram) {
  uint32_t covered = 0;
  for (uint32_t cell = 0; cell < CHUNKS * CELLS; cell++) {
    struct owner own = owner_at(arena, datagram, cell);
    if (own.after == 0) continue;
    if (cell < own.first || cell >= own.after) return 0;
    if ((own.after - 1u) * CELL >= datagram->top) return 0;
    covered++;
  }
  if (datagram->end != TCPTALE_DATAGRAM_NO_END && datagram->top > datagram->end) return 0;
  return covered == datagram->covered;
}

/* segments.c - see segments.h. The tree is an AVL tree with parent links: a hostile order of
 * arrival cannot make it deep, nothing recurses, and no key is needed. Floor 2. */
#include "segments.h"

#include <string.h>

#include "util.h"

#define NONE TCPTALE_ARENA_NONE

/* The most bytes of one range: a block of 1536, of which a page holds ten. */
#define RANGE_BYTES TCPTALE_SEGMENT_BYTES

static struct tcptale_segment *at(const struct tcptale_arena *arena, uint32_t ref) {
  return tcptale_segment_at(arena, ref);
}

static uint64_t stored(const struct tcptale_segment *segment) {
  return segment->flags & TCPTALE_SEG_ABSENT ? 0 : segment->end - segment->start;
}

/* The tree. */

static int height(const struct tcptale_arena *arena, uint32_t ref) {
  return ref == NONE ? 0 : at(arena, ref)->height;
}

static void measure(const struct tcptale_arena *arena, struct tcptale_segment *node) {
  int left = height(arena, node->child[0]);
  int right = height(arena, node->child[1]);
  node->height = (uint8_t)((left > right ? left : right) + 1);
}

/* Lets `parent` (or the root) point at `fresh` where it pointed at `old`. */
static void relink(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t parent,
                   uint32_t old, uint32_t fresh) {
  if (parent == NONE) set->root = fresh;
  else at(arena, parent)->child[at(arena, parent)->child[1] == old] = fresh;
  if (fresh != NONE) at(arena, fresh)->parent = parent;
}

/* Turns the tree at `ref` towards `side`: its other child comes up. Returns that child. */
static uint32_t rotate(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref,
                       int side) {
  struct tcptale_segment *node = at(arena, ref);
  uint32_t up = node->child[!side];
  struct tcptale_segment *top = at(arena, up);

  relink(arena, set, node->parent, ref, up);
  node->child[!side] = top->child[side];
  if (top->child[side] != NONE) at(arena, top->child[side])->parent = ref;
  top->child[side] = ref;
  node->parent = up;
  measure(arena, node);
  measure(arena, top);
  return up;
}

/* Restores the balance of one node; returns what stands in its place. */
static uint32_t balance(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref) {
  struct tcptale_segment *node = at(arena, ref);
  int lean = height(arena, node->child[1]) - height(arena, node->child[0]);
  int heavy = lean > 0;
  const struct tcptale_segment *child;

  measure(arena, node);
  if (lean >= -1 && lean <= 1) return ref;
  /* A heavy child that leans the other way is turned first. */
  child = at(arena, node->child[heavy]);
  if (height(arena, child->child[!heavy]) > height(arena, child->child[heavy]))
    rotate(arena, set, node->child[heavy], heavy);
  return rotate(arena, set, ref, !heavy);
}

/* Walks up from `ref`, whose subtrees changed, until heights are as they were. */
static void retrace(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref) {
  while (ref != NONE) {
    int before = at(arena, ref)->height;
    ref = balance(arena, set, ref);
    set->steps++;
    if (at(arena, ref)->height == before) return;
    ref = at(arena, ref)->parent;
  }
}

/* Below which range one that begins at `start` hangs, and on which side; NONE: it is the only one.
 * What comes above all others is not searched for. */
static uint32_t parent_for(const struct tcptale_arena *arena, struct tcptale_segments *set,
                           uint64_t start, int *side) {
  uint32_t parent = NONE;

  *side = 1;
  if (set->last != NONE && at(arena, set->last)->start < start) return set->last;
  for (uint32_t below = set->root; below != NONE; set->steps++) {
    parent = below;
    *side = at(arena, below)->start < start;
    below = at(arena, below)->child[*side];
  }
  return parent;
}

void tcptale_segments_attach(struct tcptale_arena *arena, struct tcptale_segments *set,
                             uint32_t ref) {
  struct tcptale_segment *node = at(arena, ref);
  int side;
  uint32_t parent = parent_for(arena, set, node->start, &side);

  if (parent == set->last && side == 1) set->last = ref;
  if (parent == set->first && (side == 0 || parent == NONE)) set->first = ref;
  node->child[0] = node->child[1] = NONE;
  node->parent = parent;
  node->height = 1;
  if (parent == NONE) set->root = ref;
  else at(arena, parent)->child[side] = ref;
  set->count++;
  set->bytes += stored(node);
  retrace(arena, set, parent);
}

static uint32_t outermost(const struct tcptale_arena *arena, uint32_t ref, int side) {
  while (ref != NONE && at(arena, ref)->child[side] != NONE) ref = at(arena, ref)->child[side];
  return ref;
}

/* The neighbour of a range: above it for side 1, below it for side 0. */
static uint32_t neighbour(const struct tcptale_arena *arena, struct tcptale_segments *set,
                          uint32_t ref, int side) {
  uint32_t up = at(arena, ref)->parent;

  set->steps++;
  if (at(arena, ref)->child[side] != NONE)
    return outermost(arena, at(arena, ref)->child[side], !side);
  while (up != NONE && at(arena, up)->child[side] == ref) {
    ref = up;
    up = at(arena, up)->parent;
  }
  return up;
}

/* The neighbour, on `side`, of a range that has none on the other side. */
static uint32_t beside_end(const struct tcptale_arena *arena, const struct tcptale_segment *node,
                           int side) {
  return node->child[side] == NONE ? node->parent : outermost(arena, node->child[side], !side);
}

void tcptale_segments_detach(struct tcptale_arena *arena, struct tcptale_segments *set,
                             uint32_t ref) {
  struct tcptale_segment *node = at(arena, ref);
  uint32_t changed = node->parent;

  if (set->first == ref) set->first = beside_end(arena, node, 1);
  if (set->last == ref) set->last = beside_end(arena, node, 0);
  if (node->child[0] != NONE && node->child[1] != NONE) {
    /* The next range up takes its place; it has no lower child. */
    uint32_t heir = outermost(arena, node->child[1], 0);
    struct tcptale_segment *next = at(arena, heir);
    changed = next->parent == ref ? heir : next->parent;
    relink(arena, set, next->parent, heir, next->child[1]);
    relink(arena, set, node->parent, ref, heir);
    next->child[0] = node->child[0];
    next->child[1] = node->child[1];
    next->height = node->height;
    at(arena, next->child[0])->parent = heir;
    if (next->child[1] != NONE) at(arena, next->child[1])->parent = heir;
  } else {
    relink(arena, set, node->parent, ref, node->child[node->child[0] == NONE]);
  }
  set->count--;
  set->bytes -= stored(node);
  retrace(arena, set, changed);
}

uint32_t tcptale_segments_next(const struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref) {
  return neighbour(arena, set, ref, 1);
}

uint32_t tcptale_segments_reaching(const struct tcptale_arena *arena, struct tcptale_segments *set,
                                   uint64_t pos) {
  uint32_t best = NONE;
  uint32_t ref = set->root;

  if (ref == NONE || at(arena, set->last)->end <= pos) return NONE;
  if (at(arena, set->first)->end > pos) return set->first;
  while (ref != NONE) {
    int above = at(arena, ref)->end > pos;
    if (above) best = ref;
    ref = at(arena, ref)->child[!above];
    set->steps++;
  }
  return best;
}

/* Ranges. */

static void drop(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref) {
  tcptale_segments_detach(arena, set, ref);
  tcptale_arena_release(arena, ref);
}

static void begin_at(struct tcptale_segment *node, uint64_t start) {
  if (!(node->flags & TCPTALE_SEG_ABSENT))
    node->skip = (uint16_t)(node->skip + (start - node->start));
  node->start = start;
  node->flags &= (uint8_t)~TCPTALE_SEG_CONTINUES;
}

int tcptale_segments_cut_front(struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref, uint64_t to) {
  struct tcptale_segment *node = at(arena, ref);

  if (to >= node->end) {
    drop(arena, set, ref);
    return 0;
  }
  set->bytes -= stored(node);
  begin_at(node, to);
  set->bytes += stored(node);
  return 1;
}

void tcptale_segments_put_back(struct tcptale_arena *arena, struct tcptale_segments *set,
                               uint32_t ref, uint64_t start) {
  begin_at(at(arena, ref), start);
  tcptale_segments_attach(arena, set, ref);
}

static void cut_back(struct tcptale_segments *set, struct tcptale_segment *node, uint64_t to) {
  set->bytes -= stored(node);
  node->end = to;
  set->bytes += stored(node);
}

/* By a call: where gcc sees how many bytes it is at most, it puts a slow instruction in line. */
static TCPTALE_APART void copy(uint8_t *to, const uint8_t *from, size_t len) {
  memcpy(to, from, len);
}

/* A copy of start .. end - 1 with the marks of `fresh`, not yet in the tree; NONE: no memory. */
static inline uint32_t make(struct tcptale_arena *arena, const struct tcptale_fresh *fresh,
                            uint64_t start, uint64_t end) {
  size_t len = fresh->flags & TCPTALE_SEG_ABSENT ? 0 : (size_t)(end - start);
  uint32_t ref =
      tcptale_arena_alloc(arena, tcptale_arena_class_for(sizeof(struct tcptale_segment) + len));
  struct tcptale_segment *node;

  if (ref == NONE) return NONE;
  node = at(arena, ref);
  node->start = start;
  node->end = end;
  node->origin = fresh->origin;
  node->from_index = fresh->from_index;
  node->from_ts_ns = fresh->from_ts_ns;
  node->skip = 0;
  node->flags = (uint8_t)fresh->flags;
  if (len > 0) copy(node->data, fresh->data + (start - fresh->start), len);
  return ref;
}

/* Takes start .. end - 1, which lies strictly inside of a range, out of it. 0: no memory,
 * nothing changed. */
static int split(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref,
                 uint64_t start, uint64_t end) {
  struct tcptale_segment *node = at(arena, ref);
  struct tcptale_fresh tail = {.start = end,
                               .end = node->end,
                               .origin = node->origin,
                               .from_index = node->from_index,
                               .from_ts_ns = node->from_ts_ns,
                               .flags = node->flags & (uint32_t)~TCPTALE_SEG_CONTINUES};
  uint32_t right;

  if (!(node->flags & TCPTALE_SEG_ABSENT))
    tail.data = tcptale_segment_bytes(node) + (end - node->start);
  right = make(arena, &tail, end, node->end);
  if (right == NONE) return 0;
  cut_back(set, node, start);
  tcptale_segments_attach(arena, set, right);
  return 1;
}

/* Takes start .. end - 1 out of a range that meets it. 0: no memory. */
static int take(struct tcptale_arena *arena, struct tcptale_segments *set, uint32_t ref,
                uint64_t start, uint64_t end) {
  struct tcptale_segment *node = at(arena, ref);

  if (node->start >= start) {
    tcptale_segments_cut_front(arena, set, ref, end);
    return 1;
  }
  if (node->end > end) return split(arena, set, ref, start, end);
  cut_back(set, node, start);
  return 1;
}

/* Stores start .. end - 1 of `fresh`, where nothing lies. Returns the position up to which it is
 * stored. */
static uint64_t store(struct tcptale_arena *arena, struct tcptale_segments *set,
                      const struct tcptale_fresh *fresh, uint64_t start, uint64_t end) {
  uint64_t pos = start;

  while (pos < end) {
    uint64_t len = end - pos;
    uint32_t ref;
    if (len > RANGE_BYTES && !(fresh->flags & TCPTALE_SEG_ABSENT)) len = RANGE_BYTES;
    ref = make(arena, fresh, pos, pos + len);
    if (ref == NONE) return pos;
    if (pos > start) at(arena, ref)->flags |= TCPTALE_SEG_CONTINUES;
    tcptale_segments_attach(arena, set, ref);
    pos += len;
  }
  return end;
}

/* Overlaps. */

static int rank(uint32_t flags) {
  if (flags & TCPTALE_SEG_ABSENT) return 0;
  return flags & TCPTALE_SEG_PROVISIONAL ? 1 : 2;
}

/* As tcptale_segments_new_wins, for a range whose segment still begins at `head`. */
static int wins(enum tcptale_overlap_kind kind, uint32_t policy, const struct tcptale_segment *old,
                uint64_t head, const struct tcptale_fresh *fresh) {
  struct tcptale_extent now = {head, old->end};
  int old_rank = rank(old->flags);
  int new_rank = rank(fresh->flags);

  if (old_rank != new_rank) return new_rank > old_rank;
  if (old_rank < 2) return old_rank == 1;
  return tcptale_overlap_new_wins(kind, policy, &old->origin, &now, &fresh->origin);
}

int tcptale_segments_new_wins(enum tcptale_overlap_kind kind, uint32_t policy,
                              const struct tcptale_segment *old,
                              const struct tcptale_fresh *fresh) {
  return wins(kind, policy, old, old->start, fresh);
}

/* Where the segment that a range is part of begins now. */
static uint64_t head_of(const struct tcptale_arena *arena, struct tcptale_segments *set,
                        uint32_t ref) {
  while (at(arena, ref)->flags & TCPTALE_SEG_CONTINUES) {
    uint32_t before = neighbour(arena, set, ref, 0);
    if (before == NONE) break;
    ref = before;
  }
  return at(arena, ref)->start;
}

uint64_t tcptale_segments_add(struct tcptale_arena *arena, struct tcptale_segments *set,
                              enum tcptale_overlap_kind kind, uint32_t policy,
                              const struct tcptale_fresh *fresh) {
  if (!tcptale_segments_may_meet(arena, set, fresh->start, fresh->end))
    return store(arena, set, fresh, fresh->start, fresh->end);
  uint64_t from = fresh->start; /* from here on up to the range looked at, all is fresh's */
  uint32_t ref = tcptale_segments_reaching(arena, set, fresh->start);
  uint64_t head = ref == NONE ? 0 : head_of(arena, set, ref);
  int eaten = 0; /* the range looked at last lost its end */

  while (ref != NONE && at(arena, ref)->start < fresh->end) {
    struct tcptale_segment *old = at(arena, ref);
    uint32_t next = neighbour(arena, set, ref, 1);
    if (!(old->flags & TCPTALE_SEG_CONTINUES)) head = old->start;
    eaten = wins(kind, policy, old, head, fresh);
    if (eaten) {
      eaten = old->end <= fresh->end;
      if (!take(arena, set, ref, fresh->start, fresh->end)) return from;
    } else {
      if (old->start > from) {
        uint64_t done = store(arena, set, fresh, from, old->start);
        if (done < old->start) return done;
      }
      from = old->end;
    }
    ref = next;
  }
  /* The range above began as a part of one that has no end any more. */
  if (eaten && ref != NONE) at(arena, ref)->flags &= (uint8_t)~TCPTALE_SEG_CONTINUES;
  return from < fresh->end ? store(arena, set, fresh, from, fresh->end) : fresh->end;
}

void tcptale_segments_compare(const struct tcptale_arena *arena, struct tcptale_segments *set,
                              uint64_t start, const uint8_t *data, size_t len,
                              struct tcptale_runs *runs) {
  uint64_t end = start + len;
  uint32_t ref = tcptale_segments_reaching(arena, set, start);

  while (ref != NONE && at(arena, ref)->start < end) {
    const struct tcptale_segment *old = at(arena, ref);
    uint64_t from = old->start > start ? old->start : start;
    uint64_t to = old->end < end ? old->end : end;
    if (rank(old->flags) == 2)
      tcptale_runs_compare(runs, from, data + (from - start),
                           tcptale_segment_bytes(old) + (from - old->start), (size_t)(to - from));
    ref = neighbour(arena, set, ref, 1);
  }
}

uint64_t tcptale_segments_covered(const struct tcptale_arena *arena, struct tcptale_segments *set,
                                  uint64_t start, uint64_t end) {
  uint32_t ref = tcptale_segments_reaching(arena, set, start);

  while (start < end && ref != NONE && at(arena, ref)->start <= start) {
    start = at(arena, ref)->end;
    ref = neighbour(arena, set, ref, 1);
  }
  return start < end ? start : end;
}

void tcptale_segments_clear(struct tcptale_arena *arena, struct tcptale_segments *set) {
  uint32_t ref = set->root;

  /* Down to a leaf, off with it, on from its parent. */
  while (ref != NONE) {
    struct tcptale_segment *node = at(arena, ref);
    int side = node->child[0] != NONE ? 0 : 1;
    uint32_t below = node->child[side];
    if (below != NONE) {
      node->child[side] = NONE;
      ref = below;
    } else {
      uint32_t parent = node->parent;
      tcptale_arena_release(arena, ref);
      ref = parent;
    }
  }
  set->root = set->first = set->last = NONE;
  set->count = 0;
  set->bytes = 0;
}

/* Whether a node's links, height and balance fit its children. */
static int node_fits(const struct tcptale_arena *arena, uint32_t ref) {
  const struct tcptale_segment *node = at(arena, ref);
  int left = height(arena, node->child[0]);
  int right = height(arena, node->child[1]);

  for (int side = 0; side < 2; side++)
    if (node->child[side] != NONE && at(arena, node->child[side])->parent != ref) return 0;
  return node->height == (left > right ? left : right) + 1 && left - right <= 1 &&
         right - left <= 1;
}

int tcptale_segments_check(const struct tcptale_arena *arena, const struct tcptale_segments *set) {
  struct tcptale_segments walk = *set;
  uint64_t bytes = 0, floor = 0;
  uint32_t count = 0;

  if (set->first != outermost(arena, set->root, 0)) return 6;
  if (set->last != outermost(arena, set->root, 1)) return 6;
  for (uint32_t ref = set->first; ref != NONE; ref = neighbour(arena, &walk, ref, 1)) {
    const struct tcptale_segment *node = at(arena, ref);
    if (node->start >= node->end) return 1;
    if (count > 0 && node->start < floor) return 2;
    if (!node_fits(arena, ref)) return 3;
    floor = node->end;
    bytes += stored(node);
    if (++count > set->count) return 4;
  }
  if (count != set->count) return 4;
  return bytes == set->bytes ? 0 : 5;
}

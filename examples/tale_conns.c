/* tale_conns.c - open addressing with linear probing; at least a quarter of the places is free. */
#include "tale_conns.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES_AT_FIRST = 1024 };

int tale_conns_init(tale_conns *conns) {
  memset(conns, 0, sizeof *conns);
  conns->places = calloc(PLACES_AT_FIRST, sizeof *conns->places);
  conns->mask = PLACES_AT_FIRST - 1;
  return conns->places != NULL;
}

void tale_conns_clear(tale_conns *conns) {
  if (conns->places == NULL) return;
  for (size_t i = 0; i <= conns->mask; i++) free(conns->places[i].story);
  free(conns->places);
  memset(conns, 0, sizeof *conns);
}

/* Ids are consecutive: in a row they would form one cluster, through which every removal had to
 * walk. */
static size_t home_of(const tale_conns *conns, uint64_t id) {
  return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & conns->mask;
}

/* The place that holds `id`, or the free one where it would go. */
static tale_conn *place_of(const tale_conns *conns, uint64_t id) {
  size_t at = home_of(conns, id);
  while (conns->places[at].id != 0 && conns->places[at].id != id) at = (at + 1) & conns->mask;
  return &conns->places[at];
}

tale_conn *tale_conns_find(tale_conns *conns, uint64_t id) {
  tale_conn *conn = place_of(conns, id);
  return conn->id == id && id != 0 ? conn : NULL;
}

static int grow(tale_conns *conns) {
  tale_conns larger = {.mask = conns->mask * 2 + 1, .used = conns->used};
  larger.places = calloc(larger.mask + 1, sizeof *larger.places);
  if (larger.places == NULL) return 0;
  for (size_t i = 0; i <= conns->mask; i++)
    if (conns->places[i].id != 0) *place_of(&larger, conns->places[i].id) = conns->places[i];
  free(conns->places);
  *conns = larger;
  return 1;
}

tale_conn *tale_conns_add(tale_conns *conns, uint64_t id) {
  if (conns->used >= (conns->mask + 1) / 4 * 3 && !grow(conns)) return NULL;
  tale_conn *conn = place_of(conns, id);
  memset(conn, 0, sizeof *conn);
  conn->id = id;
  conns->used++;
  return conn;
}

/* Entries behind the freed place move up if they could not be found any more: those whose own place
 * does not lie between the free one and theirs. */
void tale_conns_remove(tale_conns *conns, tale_conn *conn) {
  size_t hole = (size_t)(conn - conns->places);
  free(conn->story);
  conns->used--;
  for (size_t at = (hole + 1) & conns->mask; conns->places[at].id != 0;
       at = (at + 1) & conns->mask) {
    size_t home = home_of(conns, conns->places[at].id);
    if (((at - home) & conns->mask) < ((at - hole) & conns->mask)) continue;
    conns->places[hole] = conns->places[at];
    hole = at;
  }
  memset(&conns->places[hole], 0, sizeof conns->places[hole]);
}

/* tale_conns.h - the connections that tale keeps something about: from the opening until a while
 * after the close, so that the packets that straggle in behind the last F are told with the
 * rest. */
#ifndef TCPTALE_EXAMPLES_TALE_CONNS_H
#define TCPTALE_EXAMPLES_TALE_CONNS_H

#include <stddef.h>
#include <stdint.h>

#include "tale_store.h"
#include "tale_story.h"

typedef struct tale_conn {
  uint64_t id; /* 0: the place is free */
  tcptale_open_event open;
  tale_chain chain;  /* its items, where they wait */
  tale_story *story; /* with --live, where nothing waits */
} tale_conn;

typedef struct tale_conns {
  tale_conn *places; /* open addressing by id */
  size_t mask;
  size_t used;
} tale_conns;

/* 0: no memory. */
int tale_conns_init(tale_conns *conns);
void tale_conns_clear(tale_conns *conns);

/* NULL where it is not there. Handles are good until the next add or remove. */
tale_conn *tale_conns_find(tale_conns *conns, uint64_t id);

/* Adds one that is not there; NULL: no memory. */
tale_conn *tale_conns_add(tale_conns *conns, uint64_t id);

void tale_conns_remove(tale_conns *conns, tale_conn *conn);

#endif

/* plan.h - the workloads: which connections there are, and what happens to their segments. */
#ifndef TCPTALE_BENCH_PLAN_H
#define TCPTALE_BENCH_PLAN_H

#include <stdint.h>

enum { PLAN_CHANCE_OF = 10000 };

struct plan {
  const char *name;
  uint64_t connections;
  uint64_t active;    /* of them at once */
  uint64_t request;   /* bytes from the client in one exchange */
  uint64_t response;  /* bytes from the server */
  uint64_t exchanges; /* of one connection */
  uint64_t segment;   /* payload of a full segment; 0: 24, 536 and 1,448 as 7 : 4 : 1 */
  uint64_t ack_every; /* data segments to a bare ACK; 0: acknowledgements ride on data only */

  /* What happens to a data segment: chances of 10,000. */
  uint64_t late;    /* comes 1 to 3 segments later */
  uint64_t lost;    /* before the capture; resent 4 to 19 segments later */
  uint64_t again;   /* is resent 4 to 19 segments later */
  uint64_t overlap; /* begins within bytes that were sent before */
  uint64_t missed;  /* reaches the receiver, not the capture */

  /* What a connection is: chances of 10,000. */
  uint64_t ipv6;
  uint64_t vlan;
  uint64_t reset;      /* ends by RST */
  uint64_t half_close; /* the client finishes, the server sends 200 bytes more */
  uint64_t midstream;  /* its handshake was not captured */
  uint64_t left_open;  /* never ends */

  uint64_t conflict; /* 1: what an overlap repeats differs from the first copy */
  uint64_t
      corrupt_every; /* every so manieth data segment has a wrong twin, and bad sum, before it */
  uint64_t wrap;     /* 1: sequence numbers pass 2^32 within the first 64 KiB */
  uint64_t flood;    /* SYNs of strangers to a packet of the connections */
  uint64_t bare;     /* 1: no TCP timestamps */
  uint64_t rate;     /* packets in a second */
};

/* The plan of that name, changed by the arguments that are named as its fields. Ends the program
 * where there is none, or where the arguments make no sense. */
struct plan plan_read(char **argv, const char *other_keys);

#endif

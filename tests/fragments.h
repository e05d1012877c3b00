/* fragments.h - fragments for tests, as the decoder would name them, without a decoder. */
#ifndef TCPTALE_TESTS_FRAGMENTS_H
#define TCPTALE_TESTS_FRAGMENTS_H

#include "tcptale/defrag.h"

#define SECOND ((uint64_t)1000000000)

/* One fragment to be sent; what is 0 is usual: IPv4, id 0, TCP, header of 20 (IPv6: 48) bytes. */
struct frag {
  uint32_t offset; /* bytes */
  uint32_t len;
  uint32_t more;
  const void *data; /* NULL: `len` bytes with the value `fill` */
  uint8_t fill;
  uint8_t version;
  uint8_t protocol;
  uint8_t vlan;
  uint8_t ttl;
  uint8_t padding; /* bytes of the frame behind the payload */
  uint16_t header_len;
  uint16_t flags; /* TCPTALE_PACKET_ */
  uint32_t id;
  uint32_t captured; /* bytes of the payload; 0: all */
};

struct defrag_test {
  tcptale_defrag *defrag;
  tcptale_defrag_result result; /* of the last push */
  uint64_t index;               /* of the last push */
  uint64_t ts_ns;               /* of the next */
  uint64_t scope;
};

/* The default configuration with a known key. */
tcptale_defrag_config defrag_test_config(void);

/* Begins with `config`, or the default one for NULL. */
void defrag_test_init(struct defrag_test *test, const tcptale_defrag_config *config);
void defrag_test_free(struct defrag_test *test);

/* Sends a fragment whose bytes end where the heap block ends. Returns the anomaly bits. */
uint64_t defrag_test_push(struct defrag_test *test, const struct frag *frag);

/* The bit of an anomaly in a result. */
uint64_t frag_bit(uint32_t anomaly);

#endif

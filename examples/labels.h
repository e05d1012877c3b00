/* labels.h - small texts that several programs print: addresses and flags. */
#ifndef TCPTALE_EXAMPLES_LABELS_H
#define TCPTALE_EXAMPLES_LABELS_H

#include <stdint.h>

#include "tcptale/tracker.h"

enum {
  LABEL_ADDRESS = 48, /* bytes that hold any address */
  LABEL_FLAGS = 16    /* bytes that hold any set of flags */
};

/* The address of one end (index as in tcptale_endpoints) in `text`; returns `text`. */
const char *label_address(const tcptale_endpoints *ends, unsigned end, char text[LABEL_ADDRESS]);

/* The flags in tcpdump's letters: "S", "P.", "none"; returns `text`. */
const char *label_flags(uint32_t tcp_flags, char text[LABEL_FLAGS]);

#endif

/* option_text.h - the bytes of a TCP header's options as tcpdump 4.99 prints them. Pure. Floor
 * 3. */
#ifndef TCPTALE_LIB_OPTION_TEXT_H
#define TCPTALE_LIB_OPTION_TEXT_H

#include "text.h"

/* What an option's text, or the whole list, came to. */
enum tcptale_option_text {
  TCPTALE_OPTION_TEXT_OK = 0,
  TCPTALE_OPTION_TEXT_BAD = 1, /* a length contradicts the kind or the header: the line ends here */
  TCPTALE_OPTION_TEXT_CUT =
      2, /* the captured bytes end before a value of known size: the line ends here */
  TCPTALE_OPTION_TEXT_END =
      3 /* they end where the next byte was wanted: the same, without a bracket */
};

/* The list, and what its text depends on. */
struct tcptale_option_list {
  const uint8_t *data;
  size_t len;         /* what the header says */
  size_t cap;         /* what was captured */
  uint32_t sack_base; /* subtracted from SACK edges */
  uint32_t tcp_flags; /* they decide what some MPTCP options mean */
  int is_whole;       /* 1: header and payload were captured to their end */
};

/* Writes the list without its opening bracket. */
enum tcptale_option_text tcptale_option_text_put(struct tcptale_text *text,
                                                 const struct tcptale_option_list *list);

#endif

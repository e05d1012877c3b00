/* mptcp_text.h - one Multipath TCP option (RFC 6824, RFC 8684) as tcpdump 4.99 prints it. Pure.
 * Floor 2. */
#ifndef TCPTALE_LIB_MPTCP_TEXT_H
#define TCPTALE_LIB_MPTCP_TEXT_H

#include "text.h"

/* Writes what follows the option's name. `data` is the whole option, kind byte included, of
 * `len` >= 3 bytes; `tcp_flags` are those of the segment: they decide the form of MP_CAPABLE and
 * MP_JOIN. Returns 1, or 0 where the length fits no form of the subtype: text that was written
 * before that shows stays. */
int tcptale_mptcp_text_put(struct tcptale_text *text, const uint8_t *data, size_t len,
                           uint32_t tcp_flags);

#endif

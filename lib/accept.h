/* accept.h - is this segment believable? The checks of RFC 9293 3.10.7.4, 5961 and 7323, as a
 * bystander can make them, in the receiver's order: flags, sequence, window, acknowledgement,
 * timestamps, signature. Pure: the record is read, the verdict written into the segment. Floor
 * 6. */
#ifndef TCPTALE_LIB_ACCEPT_H
#define TCPTALE_LIB_ACCEPT_H

#include "record.h"

/* Places the segment (offset, ack_offset) and judges one without SYN and RST: writes verdict,
 * anomaly and notes. */
void tcptale_accept(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                    struct tcptale_arrival *seg);

/* Writes the segment's offsets only, as far as the two directions have begun. */
void tcptale_accept_place(const struct tcptale_conn *conn, struct tcptale_arrival *seg);

/* The shift of this end's 16-bit window field; 14, the largest, where it is not known (RFC 7323
 * 2.3). */
static inline uint32_t tcptale_accept_scale_of(const struct tcptale_conn *conn,
                                               const struct tcptale_end *end) {
  if (!tcptale_conn_has(conn, TCPTALE_CONN_AGREED)) return 14;
  return tcptale_conn_has(conn, TCPTALE_CONN_SCALED) ? end->wscale : 0;
}

static inline uint32_t tcptale_accept_scale(const struct tcptale_conn *conn, uint32_t dir) {
  return tcptale_accept_scale_of(conn, &conn->ends[dir]);
}

/* The widest window, in bytes, that this end can offer. */
static inline uint64_t tcptale_accept_window_most(const struct tcptale_conn *conn, uint32_t dir) {
  return (uint64_t)65535 << tcptale_accept_scale(conn, dir);
}

/* The window that a segment offers, scaled as far as that is known (RFC 7323 2.3); that of a SYN
 * never is (2.2). */
static inline uint64_t tcptale_accept_window(const struct tcptale_conn *conn,
                                             const struct tcptale_arrival *seg) {
  if (seg->packet->tcp_flags & TCPTALE_TCP_SYN) return seg->packet->window;
  return (uint64_t)seg->packet->window << tcptale_accept_scale(conn, seg->dir);
}

/* Anomaly of the flags alone that makes a segment without RST unbelievable: bad_flags,
 * no_ack_flag, or 0 (rule R11; RFC 9293 3.10.7.4: without ACK a synchronised receiver drops all
 * but SYN and RST). */
static inline uint32_t tcptale_accept_flags(const tcptale_packet *packet) {
  if (packet->anomalies & (1u << TCPTALE_ANOMALY_BAD_FLAGS)) return TCPTALE_ANOMALY_BAD_FLAGS;
  if (packet->tcp_flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_ACK)) return 0;
  return TCPTALE_ANOMALY_NO_ACK_FLAG;
}

#endif

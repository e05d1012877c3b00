/* handshake.h - the SYNs and SYN+ACKs that may begin a connection (rule R8). Up to four of each
 * are kept; the acknowledgement that comes back chooses. Nothing is overwritten blindly: a
 * forged SYN costs a place in a list, not the connection. Exists from open to established. Floor
 * 6. */
#ifndef TCPTALE_LIB_HANDSHAKE_H
#define TCPTALE_LIB_HANDSHAKE_H

#include "record.h"

enum { TCPTALE_CANDIDATES = 4 };

/* One SYN or SYN+ACK. */
struct tcptale_candidate {
  uint64_t ts_ns;
  uint32_t isn;
  uint32_t ack; /* of a SYN+ACK; of a SYN: of what chose it */
  uint32_t ts_val;
  uint32_t len; /* data on it, on the copy that had most */
  uint16_t window;
  uint16_t options; /* TCPTALE_HAS_ WSCALE, TIMESTAMPS, MD5 (or AO) */
  uint8_t wscale;   /* TCPTALE_WSCALE_NONE: not offered */
  uint8_t bad_csum; /* 1: its checksum is wrong; believed once it is answered */
  uint8_t reserved0[2];
};

struct tcptale_handshake {
  struct tcptale_candidate syn[TCPTALE_CANDIDATES];
  struct tcptale_candidate synack[TCPTALE_CANDIDATES];
  uint32_t bad_ack; /* what a SYN+ACK acknowledged that answers no SYN */
  uint8_t has_bad_ack;
  uint8_t syn_count;
  uint8_t synack_count;
  uint8_t chosen_syn;    /* 1 + index; 0: not yet */
  uint8_t chosen_synack; /* 1 + index; 0: not yet */
  uint8_t reserved0[3];
};

/* What adding a candidate found. */
enum tcptale_candidate_result {
  TCPTALE_CANDIDATE_NEW = 0,
  TCPTALE_CANDIDATE_SAME = 1, /* this sequence number stood there already */
  TCPTALE_CANDIDATE_FLOOD = 2 /* it is new and pushed the second oldest out */
};

/* The candidates of a connection; NULL once it is established. */
static inline struct tcptale_handshake *tcptale_handshake_of(const struct tcptale_conn_env *env,
                                                             const struct tcptale_conn *conn) {
  if (conn->handshake == TCPTALE_ARENA_NONE) return NULL;
  return tcptale_arena_at(&env->arena, conn->handshake);
}

/* Gives them back; nothing where there are none. */
void tcptale_handshake_end(struct tcptale_conn_env *env, struct tcptale_conn *conn);

/* Adds the segment's SYN, or SYN+ACK where `is_answer` is 1, to its list. */
uint32_t tcptale_handshake_add(struct tcptale_handshake *hs, const struct tcptale_arrival *seg,
                               int is_answer);

/* How many bytes the client's SYN of that sequence number carried so far. */
uint32_t tcptale_handshake_syn_len(const struct tcptale_handshake *hs, uint32_t isn);

/* The client's SYN that `ack` answers, with or without the data on it: chosen, and returned;
 * NULL: none. */
struct tcptale_candidate *tcptale_handshake_choose_syn(struct tcptale_handshake *hs, uint32_t ack);

/* The SYN+ACK, or bare SYN of the server, that a client's `ack` answers: the nearest below;
 * NULL: none. */
struct tcptale_candidate *tcptale_handshake_choose_synack(struct tcptale_handshake *hs,
                                                          uint32_t ack);

/* The chosen ones, else the latest of each; NULL where there is none. */
struct tcptale_candidate *tcptale_handshake_syn(struct tcptale_handshake *hs);
struct tcptale_candidate *tcptale_handshake_synack(struct tcptale_handshake *hs);

#endif

/* tcptale/names.h - words for numbers: the anomaly codes, each with its sentence, and one
 * function a family that gives the word for a value. Every function returns static text, never
 * NULL, "unknown" for a value that this library does not know. The words are a contract;
 * programs print them. All functions since 0.9. */
#ifndef TCPTALE_NAMES_H
#define TCPTALE_NAMES_H

#include "tcptale/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Anomalies: what was not believed, not stored, not understood, or merely odd. The name that
 * tcptale_anomaly_name gives is the constant's last part in lower case. Codes below 32 are seen
 * by the decoder in one packet alone; they are the bits 1u << code of tcptale_packet.anomalies. */
enum tcptale_anomaly {
  TCPTALE_ANOMALY_NONE = 0,
  TCPTALE_ANOMALY_BAD_IP_CSUM = 1,     /* IPv4 header checksum is wrong: the packet is ignored */
  TCPTALE_ANOMALY_BAD_TCP_CSUM = 2,    /* TCP checksum is wrong; the segment changes nothing */
  TCPTALE_ANOMALY_CSUM_OFFLOAD = 3,    /* checksum left to the sender's hardware: not held against
                                          it */
  TCPTALE_ANOMALY_TRUNCATED = 4,       /* the capture holds less of the headers than was on the
                                          wire */
  TCPTALE_ANOMALY_MALFORMED = 5,       /* a header contradicts itself or its carrier */
  TCPTALE_ANOMALY_TOO_MANY_LAYERS = 6, /* more tags, extension headers or tunnels than are
                                          followed */
  TCPTALE_ANOMALY_BAD_FLAGS = 7,       /* no flags, FIN+PSH+URG, SYN with FIN or RST, FIN without
                                          ACK ... */
  TCPTALE_ANOMALY_NO_ACK_FLAG = 8,     /* a segment that needs ACK lacks it: receivers drop it (RFC
                                          9293) */
  TCPTALE_ANOMALY_LAND = 9,            /* source and destination endpoint are the same */
  TCPTALE_ANOMALY_OPT_MALFORMED = 10,  /* a TCP option has an impossible length, or runs past the
                                          header */
  TCPTALE_ANOMALY_OPT_DUP = 11,        /* a TCP option that may stand once stands twice: the first
                                          counts */
  TCPTALE_ANOMALY_WSCALE_RANGE = 12,   /* window scale above 14; taken as 14 (RFC 7323) */
  TCPTALE_ANOMALY_IP_OPT_ROUTE = 13,   /* source routing: the header's destination may not be the
                                          end */
  TCPTALE_ANOMALY_IP_OPT_MALFORMED = 14, /* an option of IPv4 or IPv6 has an impossible length */
  TCPTALE_ANOMALY_MPTCP = 15,          /* a Multipath TCP subflow: its stream is a slice of a larger
                                          one */
  TCPTALE_ANOMALY_RST_DATA = 16,       /* a RST carries bytes: never stream data (RFC 1122) */
  TCPTALE_ANOMALY_SYN_DATA = 17,       /* a SYN carries data */

  /* Handshake. */
  TCPTALE_ANOMALY_SYN_DATA_IGNORED = 32, /* the server did not acknowledge the SYN's data:
                                            discarded */
  TCPTALE_ANOMALY_DATA_BEFORE_EST = 33,  /* data of the server before the handshake was complete */
  TCPTALE_ANOMALY_SYN_FLOOD_FLOW = 34,   /* more differing SYN on one connection than are kept */
  TCPTALE_ANOMALY_SYNACK_BAD_ACK = 35,   /* SYN+ACK acknowledges no SYN that was seen */
  TCPTALE_ANOMALY_SYNACK_DIFF_SEQ = 36,  /* a further SYN+ACK with another initial sequence
                                            number */
  TCPTALE_ANOMALY_SYNACK_WRONG_DIR = 37, /* SYN+ACK from the side that is, or turns out, the
                                            client */
  TCPTALE_ANOMALY_SPLIT_HANDSHAKE = 38,  /* the server answered SYN with SYN: 4 or 5 packets */
  TCPTALE_ANOMALY_SIMULTANEOUS_OPEN = 39, /* both sides called at once (RFC 9293 3.5) */
  TCPTALE_ANOMALY_TS_MISSING = 40,       /* timestamps were agreed, this segment has none */
  TCPTALE_ANOMALY_MD5_UNEXPECTED = 41,   /* MD5 or AO signature where the handshake had none */
  TCPTALE_ANOMALY_SYN_IN_ESTABLISHED = 42, /* SYN in a live connection (RFC 5961 4) */
  TCPTALE_ANOMALY_SYN_AFTER_CLOSE = 43,  /* SYN on ports that just closed, not clearly a new
                                            connection */
  TCPTALE_ANOMALY_PORT_REUSE = 44,       /* a new connection on an old one's ports (RFC 6191) */

  /* Sequence, acknowledgement and window. */
  TCPTALE_ANOMALY_SEQ_IMPLAUSIBLE = 50, /* sequence number further off than any window reaches */
  TCPTALE_ANOMALY_OUT_OF_WINDOW = 51,   /* data beyond every window that the receiver offered */
  TCPTALE_ANOMALY_ACK_UNSEEN = 52,      /* ACK of bytes that the capture does not hold (yet) */
  TCPTALE_ANOMALY_ACK_IMPLAUSIBLE = 53, /* ACK far beyond anything sent; without effect */
  TCPTALE_ANOMALY_ACK_OLD = 54,         /* ACK below all that a receiver accepts (RFC 5961 5.2) */
  TCPTALE_ANOMALY_BROKEN_ACK = 55,      /* ACK number is not 0 although the ACK bit is clear */
  TCPTALE_ANOMALY_WINDOW_SHRINK = 56,   /* the right edge of the offered window moved back */
  TCPTALE_ANOMALY_WINDOW_TOO_LARGE = 57, /* reserved: no setting names a limit, nothing raises it */
  TCPTALE_ANOMALY_WINDOW_BAD = 58,      /* a window update on a segment that is not believed */
  TCPTALE_ANOMALY_PAWS = 59,            /* timestamp older than the receiver's: dropped (RFC 7323
                                           5) */

  /* Stream bytes. */
  TCPTALE_ANOMALY_OVERLAP_CONFLICT = 70, /* two copies of the same bytes differ */
  TCPTALE_ANOMALY_OVERLAP_LIMIT = 71,    /* reserved: overlaps are told one by one, nothing raises
                                            it */
  TCPTALE_ANOMALY_LATE_AFTER_GAP = 72,   /* bytes of a gap that was told already: not put in the
                                            stream */
  TCPTALE_ANOMALY_HOLE_LIMIT = 73,       /* too much queued above a hole; the hole became a gap */
  TCPTALE_ANOMALY_SEG_LIMIT = 74,        /* too many queued segments in one direction */
  TCPTALE_ANOMALY_BYTE_LIMIT = 75,       /* too many queued bytes in one direction */
  TCPTALE_ANOMALY_SMALL_SEGMENTS = 76,   /* a long run of tiny segments */
  TCPTALE_ANOMALY_URGENT = 77,           /* urgent data, or an urgent pointer that makes no sense */
  TCPTALE_ANOMALY_URGENT_LIMIT = 78,     /* more urgent bytes than are told apart */
  TCPTALE_ANOMALY_DISCARDED = 79,        /* waited (above a hole, for an ACK, after a RST), dropped
                                            at the close */

  /* Teardown. */
  TCPTALE_ANOMALY_FIN_MOVED = 90,        /* a second FIN at another position */
  TCPTALE_ANOMALY_DATA_AFTER_FIN = 91,   /* bytes at or above the position of the FIN */
  TCPTALE_ANOMALY_FIN_OUT_OF_WINDOW = 92, /* a FIN that its receiver does not accept */
  TCPTALE_ANOMALY_RST_OUT_OF_WINDOW = 93, /* a RST that its receiver does not accept (RFC 5961 3) */
  TCPTALE_ANOMALY_RST_IN_WINDOW = 94,    /* a RST in the window, not at the exact number */
  TCPTALE_ANOMALY_RST_IGNORED = 95,      /* a tentative RST was refuted: the connection goes on */
  TCPTALE_ANOMALY_RST_SUSPECT_INJECTION = 96, /* the apparent sender of a RST goes on talking */
  TCPTALE_ANOMALY_RST_BAD_ACK = 97,      /* a RST whose ACK number does not answer the SYN */
  TCPTALE_ANOMALY_DATA_AFTER_RST = 98,   /* data after a RST that counted */

  /* The path. */
  TCPTALE_ANOMALY_MAC_CHANGE = 110, /* the sender's link address changed */
  TCPTALE_ANOMALY_TTL_JUMP = 111,   /* the sender's TTL or hop limit jumped */

  /* IP fragments. */
  TCPTALE_ANOMALY_FRAG_OVERLAP = 120,      /* fragments overlap */
  TCPTALE_ANOMALY_FRAG_CONFLICT = 121,     /* overlapping fragments differ */
  TCPTALE_ANOMALY_FRAG_TINY = 122,         /* a first fragment without the whole TCP header (RFC
                                              1858) */
  TCPTALE_ANOMALY_FRAG_INCONSISTENT = 123, /* fragments disagree on the end of the datagram */
  TCPTALE_ANOMALY_FRAG_LIMIT = 124,        /* too many fragments or datagrams; one was dropped */
  TCPTALE_ANOMALY_FRAG_TIMEOUT = 125,      /* a datagram was never completed */

  /* Resources. */
  TCPTALE_ANOMALY_EVICTED = 140, /* the connection had to make room */
  TCPTALE_ANOMALY_NOMEM = 141    /* no room for what this packet asked for; it was not followed */
};

/* A value of the enum that is named like the parameter or the function, and for example its word:
 * TCPTALE_ANOMALY_, TCPTALE_OK and TCPTALE_ERR_, a direction, TCPTALE_LINK_ (a number of pcap),
 * one bit of TCPTALE_LAYER_, TCPTALE_STOP_, the kind of a TCP option, the subtype of one of
 * Multipath TCP, TCPTALE_POLICY_, TCPTALE_STATE_, TCPTALE_OPEN_, TCPTALE_GAP_, TCPTALE_RESET_,
 * TCPTALE_CLOSE_, TCPTALE_SEGMENT_, TCPTALE_CSUM_. */
TCPTALE_API const char *tcptale_anomaly_name(uint32_t code);          /* "overlap_conflict" */
TCPTALE_API const char *tcptale_result_name(int32_t result);          /* "err_arg" */
TCPTALE_API const char *tcptale_direction_name(uint32_t direction);   /* "c2s" */
TCPTALE_API const char *tcptale_link_name(uint32_t link_type);        /* "ethernet" */
TCPTALE_API const char *tcptale_layer_name(uint32_t layer);           /* "ipv4" */
TCPTALE_API const char *tcptale_stop_name(uint32_t stop_reason);      /* "truncated" */
TCPTALE_API const char *tcptale_tcp_option_name(uint32_t kind);       /* "mss" */
TCPTALE_API const char *tcptale_mptcp_subtype_name(uint32_t subtype); /* "mp_capable" */
TCPTALE_API const char *tcptale_policy_name(uint32_t policy);         /* "linux" */
TCPTALE_API const char *tcptale_state_name(uint32_t state);           /* "SYN-SENT" */
TCPTALE_API const char *tcptale_how_name(uint32_t how);               /* "synack" */
TCPTALE_API const char *tcptale_gap_name(uint32_t why);               /* "acked" */
TCPTALE_API const char *tcptale_reset_name(uint32_t verdict);         /* "tentative" */
TCPTALE_API const char *tcptale_close_name(uint32_t reason);          /* "superseded" */
TCPTALE_API const char *tcptale_verdict_name(uint32_t verdict);       /* "keepalive" */
TCPTALE_API const char *tcptale_checksum_name(uint32_t checksum);     /* "partial" */

#ifdef __cplusplus
}
#endif
#endif

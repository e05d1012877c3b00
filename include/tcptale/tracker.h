/* tcptale/tracker.h - the connection tracker: frames go in, the tale of every connection comes out
 * as callbacks.
 *
 * What a caller may rely on, whatever the input:
 * - Order. For one connection: open, at most one established, then data, gap and half_close, then
 *   close. Open comes first, close last, each exactly once. Reset and anomaly come where they
 *   happen in the stream; an anomaly of the handshake may come before established. The verdict on a
 *   segment comes before all that the segment causes but open. After its close only the verdict on
 *   a late segment still names a connection; conn is NULL then, and what is odd about such a
 *   segment is told as of no connection.
 * - Tiling. Data and gap events of a direction tile it from offset 0 to the offset of its
 *   half_close.
 * - Determinism. Same frames, same configuration: same callbacks, singly or in batches.
 * - One block. All memory is config.memory_bytes, taken once by tcptale_tracker_new.
 *
 * Limits, and what happens at each (all of them are reported):
 * - memory_bytes used up: this gives way, in this order: closed connections that linger; the oldest
 *   incomplete datagrams; half-open connections; midstream ones of which one side was seen, and
 *   those that a RST is about to end; then those idle longest. An evicted one gets anomaly evicted,
 *   what waits in its streams is settled as at any end, and close (evicted).
 * - max_connections, max_half_open: the same, so that the number is never exceeded. A call that
 *   nobody answered costs 64 bytes (IPv6: 96; 128 where scope, tags or tunnels are part of its key;
 *   another 64 while fewer than 256 wait, or with ONE_A_CALL) and its share of the index, and
 *   pushes out older ones: a flood of SYNs stays in a few megabytes and ends no established
 *   connection, or one where as many as may be open are established. 65,536, unless the
 *   configuration says otherwise, are 4 MiB, which most caches hold; at 100,000 SYNs a second they
 *   leave a real one 0.6 s to be answered.
 * - closed connections: 16,384 are remembered for their ports, at most; the one that was closed
 *   first is forgotten then. Up to 546 closes a second all linger for closed_ns.
 * - queue_bytes, queue_segments of a direction: its lowest hole becomes a gap (budget), with
 *   anomaly byte_limit or seg_limit.
 * - no room for bytes that came early even so: they are not stored, anomaly nomem; the hole they
 *   leave is told as a gap in its time.
 * - fragments: the defaults of defrag.h, in at most 4 MiB or a quarter of the memory; the oldest
 *   datagram goes, anomaly frag_limit.
 * - a compressed datagram (IPComp) unpacks to 65,535 bytes at most, in a place of its own in the
 *   block; one that is not DEFLATE, or larger, is left alone.
 * - timers: at most timer_budget come up in one call of feed or expire; the rest follows in the
 *   next.
 * - anomalies: of one code and connection the 1st, 10th, 100th ... is told. */
#ifndef TCPTALE_TRACKER_H
#define TCPTALE_TRACKER_H

#include "tcptale/base.h"
#include "tcptale/flow.h"
#include "tcptale/names.h"
#include "tcptale/packet.h"
#include "tcptale/state.h"
#include "tcptale/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tcptale_tracker tcptale_tracker;

/* A connection, inside a callback. The handle is good until that callback returns; outside, a
 * connection is its id, and tcptale_tracker_find gives a handle back. */
typedef struct tcptale_conn tcptale_conn;

/* Which checksums count. A host whose network card computes checksums shows wrong ones in its own
 * captures; it is recognised by being answered all the same. */
enum tcptale_checksum_mode {
  TCPTALE_CHECKSUM_AUTO = 1,   /* verify, but not against a sender whose checksums its hardware
                                  computes */
  TCPTALE_CHECKSUM_VERIFY = 2, /* verify; only partial sums and an IPv4 checksum of 0 are excused */
  TCPTALE_CHECKSUM_IGNORE = 3  /* none; the fastest */
};

/* Which RST ends a connection. */
enum tcptale_rst_policy {
  TCPTALE_RST_RFC5961 = 1, /* the exact next sequence number; in the window it is tentative */
  TCPTALE_RST_RFC793 = 2,  /* any in the window */
  TCPTALE_RST_HPUX11 = 3   /* any at or above the next sequence number */
};

/* Bits of tcptale_config.flags. */
enum tcptale_config_flag {
  TCPTALE_CONFIG_ASYNC = 0x01,        /* captures are one-sided: do not wait for acknowledgements */
  TCPTALE_CONFIG_NO_MIDSTREAM = 0x02, /* only SYN and SYN+ACK open a connection */
  TCPTALE_CONFIG_KEY_VLAN = 0x04,     /* VLAN ids are part of a connection's key */
  TCPTALE_CONFIG_KEY_TUNNEL = 0x08,   /* tunnel ids are, too */
  TCPTALE_CONFIG_NO_DUP_FRAME = 0x10, /* do not look for frames that the capture holds twice */
  TCPTALE_CONFIG_NO_DEFRAG = 0x20,    /* leave IP fragments alone */
  TCPTALE_CONFIG_NO_UNPACK = 0x40,    /* and compressed datagrams (IPComp) */
  TCPTALE_CONFIG_ONE_A_CALL = 0x80    /* frames will come so: see below; tells nothing else */
};

/* The configuration. tcptale_config_init writes the defaults; times are nanoseconds of packet time.
 *
 * ONE_A_CALL, where max_connections is set and memory_bytes is 512 times as much or more: beyond
 * 4,096 the connections of IPv4, half-open ones too, lie where their hashes say, so that one is
 * found with one cache miss instead of two, one after the other. They have two places of 128 bytes
 * for each of max_connections, in at most a quarter of the memory, which nothing else gets, and
 * which is touched when the tracker is made; and batches are slower by it. Else it does nothing. */
typedef struct tcptale_config {
  uint32_t struct_size;
  uint32_t flags;              /* TCPTALE_CONFIG_; 0 */
  uint64_t memory_bytes;       /* the tracker's one block; 64 MiB, at least TCPTALE_MEMORY_LEAST */
  uint32_t max_connections;    /* open at once; 0, or more than fit: as many as the memory holds */
  uint32_t max_half_open;      /* of them half-open; 0: half of the above, at most 65,536 */
  uint32_t checksum;           /* TCPTALE_CHECKSUM_; AUTO */
  uint32_t rst_policy;         /* TCPTALE_RST_; RFC5961 */
  uint32_t policy[2];          /* TCPTALE_POLICY_ per direction (of the data); FIRST */
  uint32_t frag_policy_v4;     /* a policy or TCPTALE_FRAG_DISCARD; FIRST */
  uint32_t frag_policy_v6;     /* TCPTALE_FRAG_DISCARD */
  uint32_t delivery;           /* TCPTALE_DELIVER_; ARRIVAL, as always with CONFIG_ASYNC */
  uint32_t urgent;             /* TCPTALE_URGENT_; INLINE */
  uint32_t queue_segments;     /* queued in one direction; 8192 */
  uint32_t history_bytes;      /* delivered bytes kept per direction to compare later copies
                                  with, at most 1 MiB; 0 */
  uint64_t queue_bytes;        /* queued in one direction; 8 MiB */
  uint64_t async_hole_bytes;   /* 64 KiB; see stream.h, as the next three */
  uint64_t async_hole_ns;      /* 5 s */
  uint64_t reorder_hold_ns;    /* 10 ms */
  uint32_t reorder_hold_count; /* 3 */
  uint32_t timer_budget;       /* expiries in one call; 300 */
  uint64_t half_open_ns;       /* a SYN unanswered; 60 s */
  uint64_t established_ns;     /* idle; 600 s */
  uint64_t closed_ns;          /* after a close, ports are remembered; 30 s */
  uint64_t reset_ns;           /* a RST that counted is believed after; 10 s */
  uint64_t pressure_half_open_ns;   /* the first two, as new ones come while over 90 % is full; 10
                                       s */
  uint64_t pressure_established_ns; /* 100 s */
  uint8_t hash_key[16];        /* secret of the index; set it from a random source where traffic is
                                  hostile */
} tcptale_config;

enum {
  TCPTALE_MEMORY_LEAST = 524288 /* bytes: the smallest memory_bytes */
};

/* How a connection came to be known. */
enum tcptale_open_how {
  TCPTALE_OPEN_SYN = 1,
  TCPTALE_OPEN_SYNACK = 2,   /* its SYN was not seen */
  TCPTALE_OPEN_MIDSTREAM = 3 /* neither was */
};

/* How sure the roles are. */
enum tcptale_role {
  TCPTALE_ROLE_GUESS = 0, /* the client is whoever was seen first */
  TCPTALE_ROLE_KNOWN = 1  /* a SYN or SYN+ACK told */
};

/* The two ends of a connection: index 0 is the client, 1 the server. */
typedef struct tcptale_endpoints {
  uint32_t struct_size;
  uint8_t ip_version;
  uint8_t reserved0[3];
  uint8_t addr[2][16]; /* IPv4 in the first four bytes, the rest 0 */
  uint16_t port[2];
  uint32_t role; /* TCPTALE_ROLE_ */
  uint32_t reserved1[8]; /* it stands inside tcptale_open_event: room to grow */
} tcptale_endpoints;

/* First event of a connection. */
typedef struct tcptale_open_event {
  uint64_t conn_id; /* 1, 2, 3 ... in order of opening, never used again */
  uint64_t index;   /* of the packet being fed */
  uint64_t ts_ns;   /* its time */
  uint32_t how;     /* TCPTALE_OPEN_ */
  uint32_t role;    /* TCPTALE_ROLE_ */
  tcptale_endpoints endpoints;
} tcptale_open_event;

/* The handshake is complete. */
typedef struct tcptale_established_event {
  uint64_t conn_id;
  uint64_t index;
  uint64_t ts_ns;
  int64_t rtt_ns;        /* from the SYN that counted to the ACK that completes it; -1: part of it
                            was not seen */
  int64_t syn_synack_ns; /* from that SYN to its SYN+ACK, or -1 */
} tcptale_established_event;

/* Verdicts on a RST. */
enum tcptale_reset {
  TCPTALE_RESET_EXACT = 1,     /* at the next sequence number: it counts */
  TCPTALE_RESET_TENTATIVE = 2, /* in the window only; what follows will tell */
  TCPTALE_RESET_CONFIRMED = 3, /* a tentative one, confirmed by an exact RST or by silence */
  TCPTALE_RESET_REFUTED = 4    /* one that was told is not believed any more: the connection goes
                                  on */
};

typedef struct tcptale_reset_event {
  uint64_t conn_id;
  uint64_t index;
  uint64_t ts_ns;
  uint32_t direction; /* of the RST: who sent it */
  uint32_t verdict;   /* TCPTALE_RESET_ */
} tcptale_reset_event;

/* Why a connection ended. */
enum tcptale_close_why {
  TCPTALE_CLOSE_FIN = 1,        /* both sides finished and were acknowledged */
  TCPTALE_CLOSE_RST = 2,
  TCPTALE_CLOSE_REFUSED = 3,    /* the SYN was answered by a RST */
  TCPTALE_CLOSE_TIMEOUT = 4,
  TCPTALE_CLOSE_EVICTED = 5,
  TCPTALE_CLOSE_SUPERSEDED = 6, /* a new connection took its ports */
  TCPTALE_CLOSE_STOPPED = 7,
  TCPTALE_CLOSE_END = 8         /* the input ended */
};

/* Last event of a connection. */
typedef struct tcptale_close_event {
  uint64_t conn_id;
  uint64_t index;
  uint64_t ts_ns;
  uint32_t why; /* TCPTALE_CLOSE_ */
  uint32_t reserved0;
  uint64_t delivered[2]; /* bytes handed over, per direction */
  uint64_t missing[2];   /* bytes told as gaps, per direction */
} tcptale_close_event;

/* The verdict on one TCP segment, told before what it causes. The only event that may name a closed
 * connection: then `conn` is NULL. A segment of no connection has conn_id 0 and no direction. */
typedef struct tcptale_segment_event {
  uint64_t conn_id; /* 0: the segment belongs to no connection */
  uint64_t index;
  uint64_t ts_ns;
  uint32_t direction;
  uint32_t verdict;   /* TCPTALE_SEGMENT_ */
  uint32_t seq;       /* relative to the direction's SYN, which is 0; midstream: the first byte seen
                         is 1 */
  uint32_t ack;       /* relative to the other direction's; 0 without ACK bit */
  uint32_t len;       /* bytes of payload, on the wire */
  uint32_t tcp_flags; /* TCPTALE_TCP_ */
  uint32_t anomaly;   /* the TCPTALE_ANOMALY_ that made it OUTSIDE, else 0 */
  uint32_t bad_checksum; /* 1: refused for its checksum */
  const tcptale_packet *packet; /* the decoded packet; good until the callback returns */
  const uint8_t *data;          /* what its offsets point into */
} tcptale_segment_event;

/* The table of callbacks; copied by tcptale_tracker_new, any member may be NULL. Callbacks
 * return nothing. Inside one, the calls marked "callbacks: yes" are legal; feed, expire, flush
 * and free return TCPTALE_ERR_REENTRANT. */
typedef struct tcptale_callbacks {
  uint32_t struct_size;
  uint32_t reserved0;
  void (*on_open)(tcptale_conn *conn, const tcptale_open_event *event, void *user);
  void (*on_established)(tcptale_conn *conn, const tcptale_established_event *event, void *user);
  void (*on_data)(tcptale_conn *conn, const tcptale_data_event *event, void *user);
  void (*on_gap)(tcptale_conn *conn, const tcptale_gap_event *event, void *user);
  void (*on_half_close)(tcptale_conn *conn, const tcptale_half_close_event *event, void *user);
  void (*on_reset)(tcptale_conn *conn, const tcptale_reset_event *event, void *user);
  void (*on_close)(tcptale_conn *conn, const tcptale_close_event *event, void *user);
  void (*on_anomaly)(tcptale_conn *conn, const tcptale_anomaly_event *event, void *user);
  void (*on_segment)(tcptale_conn *conn, const tcptale_segment_event *event, void *user);
} tcptale_callbacks;

/* One captured frame. The library reads `data` during the call only. In an array, struct_size of
 * the first element is the distance from one to the next. */
typedef struct tcptale_frame {
  uint32_t struct_size; /* sizeof(tcptale_frame), written by the caller */
  uint32_t link_type;   /* TCPTALE_LINK_ */
  uint32_t cap_len;     /* bytes at `data` */
  uint32_t wire_len;    /* bytes on the wire; below cap_len counts as cap_len */
  uint64_t ts_ns;       /* nanoseconds since any epoch; may jump, time is the highest seen */
  uint64_t index;       /* the caller's number for it, told in events; 0 is "none" there */
  uint64_t scope;       /* part of the key: interface, site ...; 0 where there is one only */
  const uint8_t *data;
} tcptale_frame;

/* Memory, where it is not to come from malloc: one call at creation, one at
 * tcptale_tracker_free. The block must be aligned to 64 bytes or is trimmed to be. */
typedef void *(*tcptale_alloc_fn)(size_t len, void *user);
typedef void (*tcptale_free_fn)(void *block, void *user);

/* Writes the defaults; `struct_size` is sizeof of the struct. TCPTALE_ERR_ARG: NULL or too
 * small. Since 0.9. */
TCPTALE_API int tcptale_config_init(tcptale_config *config, size_t struct_size);
/* Writes the size and no callbacks. TCPTALE_ERR_ARG: NULL or too small. Since 0.9. */
TCPTALE_API int tcptale_callbacks_init(tcptale_callbacks *callbacks, size_t struct_size);

/* Makes a tracker. `config` NULL: the defaults. `callbacks` and `user` as above, copied;
 * `callbacks` NULL: nothing is told. Memory comes from malloc. TCPTALE_ERR_ARG: a value out of
 * its range, or a struct_size that this library cannot serve; TCPTALE_ERR_NOMEM. *out is written
 * on success only. Since 0.9. */
TCPTALE_API int tcptale_tracker_new(tcptale_tracker **out, const tcptale_config *config,
                                    const tcptale_callbacks *callbacks, void *user);

/* The same with the block of config->memory_bytes from `alloc`, given back to `release`. Since
 * 0.9. */
TCPTALE_API int tcptale_tracker_new_with(tcptale_tracker **out, const tcptale_config *config,
                                         const tcptale_callbacks *callbacks, void *user,
                                         tcptale_alloc_fn alloc, tcptale_free_fn release,
                                         void *alloc_user);

/* The same in the caller's own block of `len` bytes, which replaces config->memory_bytes and
 * must outlive the tracker. Since 0.9. */
TCPTALE_API int tcptale_tracker_new_in(tcptale_tracker **out, const tcptale_config *config,
                                       const tcptale_callbacks *callbacks, void *user, void *block,
                                       size_t len);

/* Feeds `count` frames in order; all callbacks that they cause run before it returns. `consumed`
 * (or NULL) gets how many were processed: all, unless the tracker was stopped in one (it counts as
 * processed). TCPTALE_ERR_ARG (nothing was processed), TCPTALE_ERR_REENTRANT, TCPTALE_ERR_STOPPED.
 * A batch is faster than single calls, most so where connections are many: what is kept of the
 * connections of the next frames is fetched while earlier ones are processed. Cost per frame: O(1),
 * O(log n) in the queued segments of one direction, and what becomes deliverable. Since 0.9. */
TCPTALE_API int tcptale_tracker_feed(tcptale_tracker *tracker, const tcptale_frame *frames,
                                     size_t count, size_t *consumed);

/* Hints that `frame` will be fed some calls from now: what is kept of its connection is brought
 * into the cache while others are fed. For callers that feed one frame a call, where connections
 * are many. Call it for each frame, in order, when it is 8 to 16 behind the one fed next. Its
 * headers are read at once, so prefetch them yourself some frames earlier where they are not at
 * hand. `frame` and its bytes have to stay until this returns only, and it need not be fed; ts_ns
 * and index do not matter. No event and no counter changes. While 4,096 connections or fewer are
 * open it does nothing. TCPTALE_OK, after a stop too; TCPTALE_ERR_ARG: NULL, data NULL with cap_len
 * above 0, a struct_size too small or no multiple of the frame's alignment. Cost: that of reading
 * headers. Callbacks: yes. Since 0.9. */
TCPTALE_API int tcptale_tracker_prefetch(tcptale_tracker *tracker, const tcptale_frame *frame);

/* Feeds one packet that was decoded already, from `frame`'s bytes (whose link_type is not looked
 * at). Fragments are put together as in feed. Since 0.9. */
TCPTALE_API int tcptale_tracker_feed_packet(tcptale_tracker *tracker, const tcptale_packet *packet,
                                            const tcptale_frame *frame);

/* Time has come to `now_ns` (a value below the highest seen changes nothing): ends what waited
 * too long, oldest first. Returns how many timers came up (that of a connection which was active
 * since only moves), at most timer_budget: then call again; or an error. Since 0.9. */
TCPTALE_API int tcptale_tracker_expire(tcptale_tracker *tracker, uint64_t now_ns);

/* The input is over: every connection is settled and closed, in order of opening (why: end, fin
 * or rst where that was only waiting, stopped after a stop). The tracker can be fed anew
 * afterwards unless it was stopped. Cost: O(connections), and O(1) for each id given since the
 * oldest open one. Since 0.9. */
TCPTALE_API int tcptale_tracker_flush(tcptale_tracker *tracker);

/* Stops: no event but close after the one that runs; feed and expire return TCPTALE_ERR_STOPPED
 * from then on. Callbacks: yes. Since 0.9. */
TCPTALE_API int tcptale_tracker_stop(tcptale_tracker *tracker);

/* Flushes, then frees; NULL is fine. TCPTALE_ERR_REENTRANT from a callback: nothing happened.
 * Since 0.9. */
TCPTALE_API int tcptale_tracker_free(tcptale_tracker *tracker);

/* Counters of a tracker. */
typedef struct tcptale_tracker_stats {
  uint32_t struct_size;
  uint32_t open_now;      /* connections, half-open ones included, lingering ones not */
  uint32_t half_open_now;
  uint32_t lingering_now; /* closed, remembered for their ports */
  uint64_t frames;
  uint64_t segments;     /* TCP segments decoded */
  uint64_t opened;
  uint64_t closed;
  uint64_t evicted;
  uint64_t bad_checksums;
  uint64_t dup_frames;
  uint64_t anomalies;    /* raised, told or not */
  uint64_t memory_bytes; /* the block */
  uint64_t memory_used;  /* of it, in use now: records, queued bytes, index and all bookkeeping */
} tcptale_tracker_stats;

/* Writes the counters; stats->struct_size is set by the caller. Callbacks: yes. Since 0.9. */
TCPTALE_API int tcptale_tracker_stats_read(const tcptale_tracker *tracker,
                                           tcptale_tracker_stats *stats);

/* The handle of a connection that is open, good until the next call of feed, expire, flush or
 * free (inside a callback: until it returns); NULL where there is none. O(1). Callbacks: yes.
 * Since 0.9. */
TCPTALE_API tcptale_conn *tcptale_tracker_find(tcptale_tracker *tracker, uint64_t id);

/* What follows takes a handle. Callbacks: yes, all of them. A NULL handle is TCPTALE_ERR_ARG or
 * 0. */

/* Its id. Since 0.9. */
TCPTALE_API uint64_t tcptale_conn_id(const tcptale_conn *conn);

/* Writes the two ends; endpoints->struct_size is set by the caller. Since 0.9. */
TCPTALE_API int tcptale_conn_endpoints(const tcptale_conn *conn, tcptale_endpoints *endpoints);

/* TCPTALE_STATE_ of one end: `direction` TCPTALE_C2S is the client, TCPTALE_S2C the server.
 * Since 0.9. */
TCPTALE_API int tcptale_conn_state(const tcptale_conn *conn, uint32_t direction);

/* Counters of a connection, per direction. */
typedef struct tcptale_conn_stats {
  uint32_t struct_size;
  uint32_t role;             /* TCPTALE_ROLE_ */
  uint64_t first_ns;         /* time of its first packet */
  uint64_t last_ns;          /* of its latest */
  uint64_t packets[2];       /* segments; frames seen twice included, those of bad checksum not */
  uint64_t payload_bytes[2]; /* their payloads added up, retransmissions again */
  uint64_t delivered[2];     /* bytes handed over */
  uint64_t missing[2];       /* bytes told as gaps */
  uint64_t queued_bytes[2];  /* waiting now */
  uint32_t queued_segments[2];
} tcptale_conn_stats;

/* Writes the counters; stats->struct_size is set by the caller. Since 0.9. */
TCPTALE_API int tcptale_conn_stats_read(const tcptale_conn *conn, tcptale_conn_stats *stats);

/* The user's value of a connection; 0 at first. Since 0.9. */
TCPTALE_API uint64_t tcptale_conn_user(const tcptale_conn *conn);

/* Sets it. Since 0.9. */
TCPTALE_API int tcptale_conn_set_user(tcptale_conn *conn, uint64_t value);

/* Nothing more of this connection but its close. What waits in its streams is released. Since
 * 0.9. */
TCPTALE_API int tcptale_conn_ignore(tcptale_conn *conn);

/* No more data and gap events of one direction; half_close is still told. Since 0.9. */
TCPTALE_API int tcptale_conn_stop_data(tcptale_conn *conn, uint32_t direction);

/* Another overlap policy (TCPTALE_POLICY_) for the data of one direction, from the next segment
 * on. TCPTALE_ERR_ARG: no such policy or direction. Since 0.9. */
TCPTALE_API int tcptale_conn_set_policy(tcptale_conn *conn, uint32_t direction, uint32_t policy);

#ifdef __cplusplus
}
#endif
#endif

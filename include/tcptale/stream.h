/* tcptale/stream.h - one direction of a connection: segments in any order go in, the bytes come
 * out in order, each once, and what is missing is told as gaps. Usable without the tracker: it
 * needs sequence numbers, bytes and, where there are any, the receiver's acknowledgements.
 *
 * Offsets are 64-bit positions: byte 0 is the first byte after the SYN. Data and gap events of a
 * stream tile it: ascending, touching, without overlap. In-order bytes are handed over where
 * they lie; bytes that come early are copied once into the stream's memory and wait. */
#ifndef TCPTALE_STREAM_H
#define TCPTALE_STREAM_H

#include "tcptale/base.h"
#include "tcptale/names.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whose copy of a byte counts where queued segments or fragments overlap: the rule of the
 * receiving host. Bytes that were in order when they came are the receiver's at once; no policy
 * touches them. */
enum tcptale_policy {
  TCPTALE_POLICY_FIRST = 1, /* the first copy, always; also vista */
  TCPTALE_POLICY_LAST = 2,
  TCPTALE_POLICY_BSD = 3,     /* also macos */
  TCPTALE_POLICY_LINUX = 4,   /* 2.4 and later */
  TCPTALE_POLICY_WINDOWS = 5, /* as bsd for segments, a rule of its own for fragments */
  TCPTALE_POLICY_SOLARIS = 6, /* also hpux11 */
  TCPTALE_POLICY_OLD_LINUX = 7, /* up to 2.2; fragments as linux */
  TCPTALE_POLICY_HPUX10 = 8,    /* also irix; fragments as bsd */
  TCPTALE_POLICY_BSD_RIGHT = 9  /* a fragment policy; segments as bsd */
};

/* When in-order bytes are handed over. */
enum tcptale_delivery {
  TCPTALE_DELIVER_ARRIVAL = 1, /* at once */
  TCPTALE_DELIVER_ACKED = 2    /* once the receiver acknowledged them; until then they wait as a
                                  copy */
};

/* What becomes of urgent data (RFC 6093): the byte before the urgent pointer's position. */
enum tcptale_urgent {
  TCPTALE_URGENT_INLINE = 1, /* it stays in the stream */
  TCPTALE_URGENT_OOB = 2,    /* taken out: anomaly urgent carries it, later offsets close up */
  TCPTALE_URGENT_DROP = 3,   /* taken out without a word, later offsets close up */
  TCPTALE_URGENT_GAP = 4     /* replaced by a gap of one byte, why `acked` */
};

/* Why bytes are missing. */
enum tcptale_gap {
  TCPTALE_GAP_ACKED = 1,   /* the receiver has them, the capture does not */
  TCPTALE_GAP_TIMEOUT = 2, /* nothing came for too long */
  TCPTALE_GAP_BUDGET = 3,  /* a byte or segment limit */
  TCPTALE_GAP_SNAPLEN = 4, /* the capture cut the packet */
  TCPTALE_GAP_END = 5      /* the connection ended first */
};

/* What one segment was: exactly one of these for each. */
enum tcptale_verdict {
  TCPTALE_SEGMENT_IN_ORDER = 1,       /* begins at the next expected byte; also SYN, FIN and plain
                                         ACK */
  TCPTALE_SEGMENT_OUT_OF_ORDER = 2,   /* begins above it, or fills a hole below queued bytes */
  TCPTALE_SEGMENT_RETRANSMISSION = 3, /* brings no new byte and is not known to be acknowledged */
  TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION = 4, /* all of it was acknowledged before */
  TCPTALE_SEGMENT_DUP_FRAME = 5,      /* the capture holds the same frame twice */
  TCPTALE_SEGMENT_KEEPALIVE = 6,      /* 0 or 1 garbage byte below the next (RFC 9293 3.8.4) */
  TCPTALE_SEGMENT_ZWP = 7,            /* zero-window probe (RFC 9293 3.8.6.1) */
  TCPTALE_SEGMENT_ZERO_WINDOW = 8,    /* an ACK that closes the window */
  TCPTALE_SEGMENT_WINDOW_UPDATE = 9,  /* an ACK that changes nothing but the window */
  TCPTALE_SEGMENT_DUP_ACK = 10,       /* an ACK that changes nothing while data is outstanding */
  TCPTALE_SEGMENT_OUTSIDE = 11        /* not believed, an anomaly says why; or, with
                                         CONFIG_NO_MIDSTREAM, of no connection */
};

/* Bytes of one direction, in order. `data` is valid until the callback returns. */
typedef struct tcptale_data_event {
  uint64_t conn_id;      /* 0 from a stream used alone */
  uint64_t index;        /* of the packet being fed; 0: time or an end caused it */
  uint64_t ts_ns;        /* its time */
  uint32_t direction;
  uint32_t len;          /* at least 1 */
  uint64_t offset;       /* of the first byte */
  uint64_t from_index;   /* the packet that brought these bytes */
  uint64_t from_ts_ns;   /* the highest time seen by then; earlier than ts_ns where they waited */
  const uint8_t *data;
} tcptale_data_event;

/* Bytes that will not come. */
typedef struct tcptale_gap_event {
  uint64_t conn_id;
  uint64_t index;
  uint64_t ts_ns;
  uint32_t direction;
  uint32_t why; /* TCPTALE_GAP_ */
  uint64_t offset;
  uint64_t len; /* at least 1 */
} tcptale_gap_event;

/* A side has finished: every byte below `offset`, the position of its FIN, was delivered or told
 * missing. */
typedef struct tcptale_half_close_event {
  uint64_t conn_id;
  uint64_t index;
  uint64_t ts_ns;
  uint32_t direction; /* the direction that ended */
  uint32_t reserved0;
  uint64_t offset; /* its length in bytes */
} tcptale_half_close_event;

/* Something odd. Told for the 1st, 10th, 100th ... time of a code in one connection. */
typedef struct tcptale_anomaly_event {
  uint64_t conn_id; /* 0: it belongs to no connection */
  uint64_t index;
  uint64_t ts_ns;
  uint32_t direction; /* TCPTALE_NO_DIR where it has none */
  uint32_t code;      /* TCPTALE_ANOMALY_ */
  uint64_t offset;    /* where the code speaks of stream bytes: the first, else 0 */
  uint64_t len;       /* and how many */
  uint64_t count;     /* how often this code came up here, this time included */
  const uint8_t *data; /* bytes that the code is about (late_after_gap, urgent, data_after_fin), all
                          `len` of them; else, or where not all were captured, NULL */
} tcptale_anomaly_event;

/* The limits and rules of a stream. tcptale_stream_config_init writes the defaults. */
typedef struct tcptale_stream_config {
  uint32_t struct_size;
  uint32_t policy;             /* TCPTALE_POLICY_; FIRST */
  uint32_t delivery;           /* TCPTALE_DELIVER_; ARRIVAL */
  uint32_t urgent;             /* TCPTALE_URGENT_; INLINE */
  uint32_t one_sided;          /* 1: no ACKs will come, holes end by bytes and time; 0 */
  uint32_t queue_segments;     /* queued segments at most, one of over 1472 bytes is several;
                                  8192 */
  uint64_t queue_bytes;        /* queued bytes at most; 8 MiB */
  uint64_t async_hole_bytes;   /* queued above a hole before it is given up, unseen ACKs; 64 KiB */
  uint64_t async_hole_ns;      /* age of a hole before it is given up, unseen ACKs; 5 s */
  uint64_t reorder_hold_ns;    /* an acknowledged hole waits so long for late packets; 10 ms */
  uint32_t reorder_hold_count; /* or so many packets of the connection; 3 */
  uint32_t history_bytes;      /* delivered bytes kept to compare retransmissions with; 0: none */
  uint64_t memory_bytes;       /* one block holds all of it; 16 MiB */
} tcptale_stream_config;

/* What a stream tells. Any member may be NULL. Callbacks return nothing; they may call
 * tcptale_stream_stop and the getters, nothing else of the same stream. */
typedef struct tcptale_stream_callbacks {
  uint32_t struct_size;
  uint32_t reserved0;
  void (*on_data)(const tcptale_data_event *event, void *user);
  void (*on_gap)(const tcptale_gap_event *event, void *user);
  void (*on_half_close)(const tcptale_half_close_event *event, void *user);
  void (*on_anomaly)(const tcptale_anomaly_event *event, void *user);
} tcptale_stream_callbacks;

typedef struct tcptale_stream tcptale_stream;

/* What a pushed segment carries besides bytes. */
enum tcptale_push_flag {
  TCPTALE_PUSH_FIN = 0x01,        /* FIN stands after the last byte */
  TCPTALE_PUSH_URGENT = 0x02,     /* URG is set; `urgent` holds the pointer */
  TCPTALE_PUSH_PROVISIONAL = 0x04 /* a zero-window probe: real only if it is acknowledged */
};

/* Writes the defaults; `struct_size` is sizeof *config. TCPTALE_ERR_ARG: NULL or too small.
 * Since 0.9. */
TCPTALE_API int tcptale_stream_config_init(tcptale_stream_config *config, size_t struct_size);
/* Writes the size and no callbacks. TCPTALE_ERR_ARG: NULL or too small. Since 0.9. */
TCPTALE_API int tcptale_stream_callbacks_init(tcptale_stream_callbacks *callbacks,
                                              size_t struct_size);

/* Makes a stream whose byte 0 has sequence number `first_seq`, in one block of
 * config->memory_bytes; both structs are copied. `user` goes to every callback. TCPTALE_ERR_ARG
 * (NULL, or a value out of its range), TCPTALE_ERR_NOMEM (below 256 KiB, or it could not be had).
 * Since 0.9. */
TCPTALE_API int tcptale_stream_new(tcptale_stream **out, const tcptale_stream_config *config,
                                   const tcptale_stream_callbacks *callbacks, void *user,
                                   uint32_t first_seq);

/* One segment: `seq` of its first byte, `len` bytes on the wire of which `data` holds the first
 * `cap_len`; `flags`: TCPTALE_PUSH_. `index` and `ts_ns` name its packet. `verdict` (or NULL)
 * gets what the segment was. TCPTALE_ERR_ARG, _REENTRANT, _STOPPED. Cost: O(1) in order, else
 * O(log queued segments) and what becomes deliverable. Since 0.9. */
TCPTALE_API int tcptale_stream_push(tcptale_stream *stream, uint32_t seq, const uint8_t *data,
                                    size_t cap_len, size_t len, uint32_t flags, uint16_t urgent,
                                    uint64_t index, uint64_t ts_ns, uint32_t *verdict);

/* The receiver's cumulative acknowledgement. Since 0.9. */
TCPTALE_API int tcptale_stream_ack(tcptale_stream *stream, uint32_t ack, uint64_t index,
                                   uint64_t ts_ns);

/* Time has come to `ts_ns`: gives up what waited too long. Since 0.9. */
TCPTALE_API int tcptale_stream_expire(tcptale_stream *stream, uint64_t ts_ns);

/* The stream is over: settles what waits (queued bytes above an unacknowledged hole are dropped and
 * reported where acknowledgements were seen, else the hole becomes a gap). Push and ack then return
 * TCPTALE_ERR_STOPPED. Since 0.9. */
TCPTALE_API int tcptale_stream_finish(tcptale_stream *stream);

/* No further event after this one; may be called from a callback. Since 0.9. */
TCPTALE_API int tcptale_stream_stop(tcptale_stream *stream);

/* The next expected offset: bytes delivered or told missing. Since 0.9. */
TCPTALE_API uint64_t tcptale_stream_next(const tcptale_stream *stream);

/* Bytes that wait. Since 0.9. */
TCPTALE_API uint64_t tcptale_stream_queued_bytes(const tcptale_stream *stream);
/* Segments that wait. Since 0.9. */
TCPTALE_API uint32_t tcptale_stream_queued_segments(const tcptale_stream *stream);

/* Frees the stream without a further callback; NULL is fine. TCPTALE_ERR_REENTRANT from a callback:
 * nothing happened. Since 0.9. */
TCPTALE_API int tcptale_stream_free(tcptale_stream *stream);

#ifdef __cplusplus
}
#endif
#endif

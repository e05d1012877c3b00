/* tale_story.h - from the library's reports on one connection to its tale: which phase each packet
 * belongs to, what is said where a phase begins and ends, and which marks a packet gets.
 *
 * Reports go in as items, in the order in which the library made them; what they mean for a packet
 * comes after the packet's own item, so the latest packet is held back until the next one, a flush,
 * or the end. The tale is told in one pass, so it is the same whether the items waited in a file or
 * come straight from the wire. */
#ifndef TCPTALE_EXAMPLES_TALE_STORY_H
#define TCPTALE_EXAMPLES_TALE_STORY_H

#include <stdint.h>

#include "tale_print.h"
#include "tcptale/format.h"
#include "tcptale/tracker.h"

enum tale_kind {
  TALE_LINE = 1, /* a packet; its text follows the item */
  TALE_ESTABLISHED = 2,
  TALE_DATA = 3,
  TALE_GAP = 4,
  TALE_RESET = 5,
  TALE_ANOMALY = 6,
  TALE_CLOSE = 7
};

/* One packet. The numbers are those that its text shows. */
typedef struct tale_line {
  uint32_t direction;
  uint32_t verdict;
  uint32_t anomaly; /* why it was not believed, or 0 */
  uint32_t bad_checksum;
  uint32_t tcp_flags;
  uint32_t seq;
  uint32_t ack;
  uint32_t len;
} tale_line;

typedef struct tale_item {
  uint32_t kind;
  uint32_t text_len; /* of a line */
  uint64_t index;    /* of the packet being fed */
  uint64_t ts_ns;
  union {
    tale_line line;
    tcptale_established_event established;
    tcptale_data_event data;
    tcptale_gap_event gap;
    tcptale_reset_event reset;
    tcptale_anomaly_event anomaly;
    tcptale_close_event close;
  } as;
} tale_item;

enum tale_phase {
  TALE_PHASE_NONE = 0,
  TALE_PHASE_START = 1,
  TALE_PHASE_MIDDLE = 2,     /* joined in midstream, nothing but ACKs yet */
  TALE_PHASE_DATA = 3,       /* request or response */
  TALE_PHASE_HALF_CLOSE = 4, /* the first F */
  TALE_PHASE_AFTER = 5,      /* data towards a side that has finished */
  TALE_PHASE_TEARDOWN = 6,   /* the second F */
  TALE_PHASE_RESET = 7,
  TALE_PHASE_REFUSED = 8,
  TALE_PHASE_LATE = 9,  /* after the close */
  TALE_PHASE_STRAY = 10 /* of no connection */
};

/* What is known of the phase that is being told. */
typedef struct tale_turn {
  enum tale_phase phase;
  uint32_t direction; /* whose turn it is, where the phase has one */
  uint32_t has_data;
  uint32_t first; /* printed number of its first new byte ... */
  uint32_t next;  /* ... and the number after its last */
  uint32_t ack;   /* the other side's latest acknowledgement in this phase */
  uint32_t has_ack;
  uint64_t bytes;   /* that reached the stream */
  uint64_t missing; /* that were given up */
} tale_turn;

/* What is known of a connection; begin with all 0. */
typedef struct tale_story {
  uint64_t conn;
  tcptale_endpoints ends;
  uint32_t how; /* 0: not opened (yet) */
  uint32_t role;
  uint32_t titled;
  uint32_t established;
  uint32_t closed;
  uint32_t fin_seen[2];
  uint32_t fin_next[2]; /* the number after the F */
  uint32_t syn_seen[2];
  uint32_t isn[2];
  uint32_t reset_by;    /* 1 + direction of a reset that counts; 0: none */
  uint32_t after_reset; /* its receiver went on sending */
  uint32_t turns[2];    /* requests and responses told */
  int64_t rtt_ns;
  uint64_t first_ns;
  uint64_t last_ns;
  uint64_t packets;
  uint64_t again;    /* retransmissions */
  uint64_t jumbled;  /* out of order */
  uint64_t refused;  /* not believed */
  uint64_t bytes[2]; /* delivered */
  uint64_t missing[2];
  uint64_t told[4]; /* a bit for each explanation that was given */
  tale_turn turn;
} tale_story;

enum { TALE_MARKS_MOST = 8 };

/* The latest packet and what was reported because of it. */
typedef struct tale_pending {
  tale_story *story; /* NULL: no packet is held back */
  tale_line line;
  uint64_t index;
  uint64_t ts_ns;
  uint32_t reset; /* TCPTALE_RESET_, or 0 */
  uint32_t gap_why;
  uint32_t gap_direction;
  uint64_t gap_len;
  uint64_t bytes[2]; /* delivered */
  uint32_t anomaly_count;
  uint32_t anomalies[TALE_MARKS_MOST];
  uint64_t anomaly_len[TALE_MARKS_MOST];
  char text[TCPTALE_LINE_ROOM];
} tale_pending;

/* An anomaly of a packet whose line has not come yet. */
typedef struct tale_early {
  uint32_t count;
  tale_story *story;
  tcptale_anomaly_event anomalies[TALE_MARKS_MOST];
} tale_early;

typedef struct tale_teller {
  tale_printer out;
  uint64_t titled; /* the connection whose title was printed last */
  tale_pending pending;
  tale_early early;
} tale_teller;

/* Begins the story of a connection. */
void tale_story_open(tale_story *story, const tcptale_open_event *open);

/* Tells one item of `story`; `text` is a line's. */
void tale_tell(tale_teller *teller, tale_story *story, const tale_item *item, const char *text);

/* Prints the packet that is held back, if there is one. */
void tale_flush(tale_teller *teller);

/* For the rooms of the tale: */

/* 1 the first time that it is asked for this explanation (below 256) in this story. */
int tale_first_time(tale_story *story, uint32_t explanation);

/* Whether a packet brings data or an F to the side that sent a reset which counts: it waits for
 * nothing but whether that is believed for good. */
int tale_is_after_reset(const tale_story *story, const tale_line *line);

/* Ends the phase that is told, and begins the one that the pending packet opens. */
void tale_phase_leave(tale_teller *teller, tale_story *story);
void tale_phase_enter(tale_teller *teller, tale_story *story, enum tale_phase phase,
                      uint32_t direction);
void tale_phase_title(tale_teller *teller, tale_story *story, uint64_t ts_ns);
void tale_phase_end(tale_teller *teller, tale_story *story, const tcptale_close_event *close);

/* Prints the pending packet with its marks, and explains those that are new in this story. */
void tale_marks_print(tale_teller *teller, tale_story *story, const tale_pending *pending);

/* A report that belongs to no packet: the same without one. */
void tale_marks_gap(tale_teller *teller, tale_story *story, const tcptale_gap_event *gap);
void tale_marks_anomaly(tale_teller *teller, tale_story *story,
                        const tcptale_anomaly_event *anomaly);
void tale_marks_reset(tale_teller *teller, tale_story *story, const tcptale_reset_event *reset);

#endif

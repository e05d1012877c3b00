/* talk.h - random conversations: what two hosts would send, as a list of segments in relative
 * numbers, and what happens to such a list on its way to a capture. All comes from one seed. A
 * stream's bytes follow from connection, direction and offset alone (talk_truth), so whoever hears
 * one can say whether it is right. */
#ifndef TCPTALE_TESTS_TALK_H
#define TCPTALE_TESTS_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "tcptale/tracker.h"

enum { TALK_CONNS = 4, TALK_SEGMENTS = 1200, TALK_BYTES = 1 << 20 };

struct talk_segment {
  uint64_t after_ns; /* since the segment before */
  uint32_t seq;      /* relative: SYN is 0, the first byte 1 */
  uint32_t ack;
  uint32_t len;
  uint16_t flags;
  uint16_t window;
  uint16_t ip_id;
  uint8_t conn;
  uint8_t dir;
  uint8_t lie;  /* added to each byte: not what the stream holds */
  uint8_t kind; /* TALK_ */
  uint8_t sum;  /* enum build_sum, of TCP */
};

enum talk_kind { TALK_OPENING, TALK_BODY, TALK_CLOSING, TALK_JUNK };

struct talk {
  struct talk_segment segment[TALK_SEGMENTS];
  size_t count;
  uint64_t length[TALK_CONNS][2]; /* of each stream */
  uint8_t finished[TALK_CONNS][2];
  int conns;
};

/* How a list becomes frames. */
struct talk_view {
  uint32_t isn[2];
  int version; /* 4 or 6 */
  int swapped; /* the client has the higher address */
  uint32_t time_scale;
  int only; /* this connection; -1: all */
};

struct talk_frames {
  tcptale_frame frame[TALK_SEGMENTS];
  size_t count;
  uint8_t bytes[TALK_BYTES];
  size_t used;
};

uint64_t talk_random(uint64_t *state);
uint32_t talk_below(uint64_t *state, uint32_t bound);

uint8_t talk_truth(int conn, uint32_t dir, uint64_t offset);

/* Conversations that keep to the rules. `cut_seed` decides only into which segments the bytes are
 * cut. */
void talk_make(struct talk *talk, uint64_t seed, uint64_t cut_seed, int conns);

/* Ways to the capture. Each leaves the handshake alone unless its name says else. */
void talk_resend(struct talk *talk, uint64_t *rng,
                 unsigned percent); /* parts of what was sent, again */
void talk_lose(struct talk *talk, uint64_t *rng, unsigned percent);
void talk_repeat(struct talk *talk, uint64_t *rng,
                 unsigned percent); /* the very same frame, up to 8 frames later */
void talk_shuffle(struct talk *talk, uint64_t *rng,
                  uint32_t reach); /* nobody moves by more than `reach` */
void talk_disturb(struct talk *talk, uint64_t *rng,
                  unsigned percent); /* segments of an attacker or a broken host */
/* Wrong checksums here and there, or all of one host's, as offloading leaves them. */
void talk_missum(struct talk *talk, uint64_t *rng, unsigned percent);

/* Silences, in the handshake too: `kinds` up to 3 wake no timer of a connection, up to 5 do. */
void talk_pause(struct talk *talk, uint64_t *rng, unsigned percent, int kinds);

/* Prints the list in the notation of the scripts, for a failure's report. */
void talk_print(const struct talk *talk);

void talk_render(struct talk_frames *frames, const struct talk *talk, const struct talk_view *view);

#endif

/* tale_phase.c - the headings, and what is said where a phase begins and ends. A sentence that
 * explains a rule of TCP is said once in each connection, where the rule is first seen at work;
 * later only its figures are. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tale_story.h"
#include "tale_words.h"
#include "labels.h"

/* Numbers for tale_first_time that are no marks (those are in tale_marks.c, below 224). */
enum {
  TOLD_DATA = 224,   /* what `seq a:b` means */
  TOLD_ADDING = 225, /* the sum of numbers, without the acknowledgement; one for each direction */
  TOLD_ADDING_ACK = 227, /* the same with it */
  TOLD_CALL = 229        /* what S is */
};

static const char *side(uint32_t direction) {
  return direction == TCPTALE_C2S ? "client" : "server";
}

static uint32_t other(uint32_t direction) {
  return direction == TCPTALE_C2S ? TCPTALE_S2C : TCPTALE_C2S;
}

__attribute__((format(printf, 2, 3))) static void say(tale_teller *teller, const char *format,
                                                      ...) {
  char text[640];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  tale_print_say(&teller->out, text);
}

/* "3 bytes", "1 byte". */
static const char *count_of(char *text, size_t size, uint64_t count, const char *noun) {
  snprintf(text, size, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
  return text;
}

static const char *duration(char *text, size_t size, uint64_t ns) {
  uint64_t us = ns / 1000;
  if (us < 1000000) snprintf(text, size, "%" PRIu64 ".%03" PRIu64 " ms", us / 1000, us % 1000);
  else snprintf(text, size, "%" PRIu64 ".%03" PRIu64 " s", us / 1000000, us / 1000 % 1000);
  return text;
}

/* ", 2016-07-20 14:00:11.084213 UTC"; the day is left out where the input knew only the time of
 * day. */
static const char *moment(char *text, size_t size, uint64_t ts_ns) {
  static const uint64_t day_s = 86400;
  time_t seconds = (time_t)(ts_ns / 1000000000);
  struct tm when;
  char clock[48];
  text[0] = '\0';
  if (ts_ns == 0 || gmtime_r(&seconds, &when) == NULL) return text;
  const char *format = ts_ns / 1000000000 < 2 * day_s ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S";
  if (strftime(clock, sizeof clock, format, &when) == 0) return text;
  snprintf(text, size, ", %s.%06u%s", clock, (unsigned)(ts_ns / 1000 % 1000000),
           ts_ns / 1000000000 < 2 * day_s ? "" : " UTC");
  return text;
}

/* Said once, before the first connection. */
static void say_legend(tale_teller *teller) {
  if (teller->out.begun) return;
  say(teller,
      "How to read a line: sender > receiver, each as address.port; Flags: S calls, F finishes, R "
      "breaks off, P hands data to the program, the dot (ACK) acknowledges; seq: the numbers of "
      "the "
      "bytes in it; ack: the number of the byte that the sender of the line expects next; win: how "
      "many bytes it has room for; length: how many bytes of data are in it.");
}

/* What the reader has to know of a connection whose beginning was not seen. */
static void say_how(tale_teller *teller, const tale_story *story) {
  if (story->how == TCPTALE_OPEN_SYNACK)
    say(teller,
        "The capture begins with the server's answer; the call that it answers is not in it.");
  if (story->how == TCPTALE_OPEN_MIDSTREAM)
    say(teller,
        "The capture begins in the middle of this connection: how it started is not known%s.",
        story->role == TCPTALE_ROLE_KNOWN
            ? ""
            : ", and that the client is the side seen first is a guess");
}

void tale_phase_title(tale_teller *teller, tale_story *story, uint64_t ts_ns) {
  char client[LABEL_ADDRESS], server[LABEL_ADDRESS], when[80], title[320];
  say_legend(teller);
  teller->out.conn = story->conn;
  if (teller->titled == story->conn && story->titled) return;
  if (teller->out.live && story->titled) return;
  if (story->conn == 0) {
    snprintf(title, sizeof title, "packets of no connection");
  } else if (story->how == 0 || story->titled) {
    snprintf(title, sizeof title, "connection %" PRIu64 ", after its end", story->conn);
  } else {
    snprintf(title, sizeof title, "connection %" PRIu64 ": client %s.%u, server %s.%u%s",
             story->conn, label_address(&story->ends, TCPTALE_C2S, client),
             story->ends.port[TCPTALE_C2S], label_address(&story->ends, TCPTALE_S2C, server),
             story->ends.port[TCPTALE_S2C], moment(when, sizeof when, ts_ns));
  }
  tale_print_title(&teller->out, title);
  if (!story->titled) say_how(teller, story);
  teller->titled = story->conn;
  story->titled = 1;
}

static void heading_of(const tale_story *story, enum tale_phase phase, uint32_t direction,
                       char *text, size_t size) {
  static const char *const plain[] = {
      [TALE_PHASE_NONE] = "",
      [TALE_PHASE_START] = "start connection",
      [TALE_PHASE_MIDDLE] = "in the middle of the connection",
      [TALE_PHASE_DATA] = "",
      [TALE_PHASE_HALF_CLOSE] = "half-close",
      [TALE_PHASE_AFTER] = "",
      [TALE_PHASE_TEARDOWN] = "connection teardown",
      [TALE_PHASE_RESET] = "reset",
      [TALE_PHASE_REFUSED] = "connection refused",
      [TALE_PHASE_LATE] = "after the end",
      [TALE_PHASE_STRAY] = "",
  };
  const char *word = direction == TCPTALE_C2S ? "request" : "response";
  uint32_t turn = story->turns[direction <= TCPTALE_S2C ? direction : 0];
  if (direction == TCPTALE_S2C && story->turns[TCPTALE_C2S] == 0) word = "data from the server";
  if (phase == TALE_PHASE_AFTER) snprintf(text, size, "%s after the half-close", word);
  else if (phase != TALE_PHASE_DATA) snprintf(text, size, "%s", plain[phase]);
  else if (turn <= 1) snprintf(text, size, "%s", word);
  else snprintf(text, size, "%s %" PRIu32, word, turn);
}

/* What is said where a phase begins. */

static void open_start(tale_teller *teller, tale_story *story) {
  if (story->how == TCPTALE_OPEN_SYN && tale_first_time(story, TOLD_CALL))
    say(teller,
        "The client asks 'Can we connect?': its S (SYN) is the call, and carries the number from "
        "which the client counts its bytes.");
}

static void open_data(tale_teller *teller, tale_story *story, uint32_t direction,
                      const tale_line *line) {
  if (!tale_first_time(story, TOLD_DATA)) return;
  if (line->len > 0 && story->how == TCPTALE_OPEN_SYN)
    say(teller,
        "The %s sends data: the length is not 0 any more. 'seq %" PRIu32 ":%" PRIu32
        "' are its bytes from number %" PRIu32 " up to, but not including, number %" PRIu32 ".",
        side(direction), line->seq, line->seq + line->len, line->seq, line->seq + line->len);
  else say(teller, "The %s sends data.", side(direction));
}

static void open_half_close(tale_teller *teller, uint32_t direction) {
  say(teller,
      "With F (FIN) the %s says that it has nothing more to send and is ready to disconnect. From "
      "now on "
      "the %s can still receive data, but it sends none itself, only ACKs.",
      side(direction), side(direction));
}

static void open_after(tale_teller *teller, uint32_t direction) {
  say(teller,
      "The %s is not finished yet and sends on; the %s, which has sent its F, still receives and "
      "answers "
      "with ACKs only.",
      side(direction), side(other(direction)));
}

static void open_teardown(tale_teller *teller, uint32_t direction) {
  say(teller, "Now the %s has nothing more to send either: its F ends the other direction.",
      side(direction));
}

static void open_reset(tale_teller *teller, uint32_t direction) {
  if (teller->pending.reset != TCPTALE_RESET_TENTATIVE)
    say(teller,
        "With R (RST) the %s breaks the connection off at once: no goodbye, and whatever was still "
        "under "
        "way is thrown away.",
        side(direction));
  else
    say(teller,
        "An R (RST) in the name of the %s: it would break the connection off, if it is real.",
        side(direction));
}

static void open_refused(tale_teller *teller, uint32_t direction) {
  say(teller,
      "The %s answers the call with R (RST): no program listens on that port, or something on the "
      "way "
      "refuses the call.",
      side(direction));
}

static void open_late(tale_teller *teller) {
  say(teller,
      "Packets of this connection that came after it was over; they change nothing any more.");
}

static void open_stray(tale_teller *teller) {
  say(teller, "TCP packets that open no connection and belong to none.");
}

void tale_phase_enter(tale_teller *teller, tale_story *story, enum tale_phase phase,
                      uint32_t direction) {
  char heading[80];
  memset(&story->turn, 0, sizeof story->turn);
  story->turn.phase = phase;
  story->turn.direction = direction;
  if (phase == TALE_PHASE_DATA) story->turns[direction]++;
  heading_of(story, phase, direction, heading, sizeof heading);
  if (heading[0] != '\0') tale_print_heading(&teller->out, heading);
  switch (phase) {
  case TALE_PHASE_NONE:
  case TALE_PHASE_MIDDLE: break;
  case TALE_PHASE_START: open_start(teller, story); break;
  case TALE_PHASE_DATA: open_data(teller, story, direction, &teller->pending.line); break;
  case TALE_PHASE_HALF_CLOSE: open_half_close(teller, direction); break;
  case TALE_PHASE_AFTER: open_after(teller, direction); break;
  case TALE_PHASE_TEARDOWN: open_teardown(teller, direction); break;
  case TALE_PHASE_RESET: open_reset(teller, direction); break;
  case TALE_PHASE_REFUSED: open_refused(teller, direction); break;
  case TALE_PHASE_LATE: open_late(teller); break;
  case TALE_PHASE_STRAY: open_stray(teller); break;
  }
}

/* What is said where a phase ends. */

static void close_start(tale_teller *teller, const tale_story *story) {
  char took[32] = "";
  if (!story->established) return;
  if (story->rtt_ns >= 0 && story->last_ns > 0) { /* text may have no times */
    memcpy(took, ", after ", sizeof ", after ");
    duration(took + 8, sizeof took - 8, (uint64_t)story->rtt_ns);
  }
  if (!story->syn_seen[0] || !story->syn_seen[1]) {
    say(teller, "Both sides have agreed: end of the three-way handshake%s.", took);
    return;
  }
  say(teller,
      "The server says 'Got your message, ready to connect' (S for its own number, the dot for "
      "ACK, the "
      "acknowledgement), the client responds with 'Got it': end of the three-way handshake%s.",
      took);
  say(teller,
      "Each side begins with a random number, here %" PRIu32 " and %" PRIu32
      ". From now on numbers are shown counted from there: S itself is 0, the first byte of data "
      "is 1.",
      story->isn[0], story->isn[1]);
}

/* The number of the turn's first byte that was not sent before: what is new goes up to `next`,
 * without a gap, unless something is missing or waits. */
static uint32_t first_new(const tale_story *story) {
  const tale_turn *turn = &story->turn;
  uint64_t told = story->bytes[turn->direction] + story->missing[turn->direction];
  int is_whole = turn->missing == 0 && (uint32_t)told + 1 == turn->next;
  return is_whole ? turn->next - (uint32_t)turn->bytes : turn->first;
}

/* The rule of the numbers, with the figures of this turn. They are shown only where they add up:
 * after a gap, or where the capture began in the middle, the printed numbers have another
 * origin. */
static void close_data(tale_teller *teller, tale_story *story) {
  const tale_turn *turn = &story->turn;
  char bytes[40];
  uint32_t first = first_new(story), sum = first + (uint32_t)turn->bytes;
  if (!turn->has_data || turn->bytes == 0) return;
  count_of(bytes, sizeof bytes, turn->bytes, "byte");
  if (story->how != TCPTALE_OPEN_SYN || turn->bytes > UINT32_MAX) {
    say(teller, "The %s sent %s.", side(turn->direction), bytes);
  } else if (sum != turn->next) {
    say(teller,
        "%s of the %s came in their order; what lies behind a missing piece has to wait for it.",
        bytes, side(turn->direction));
  } else if (turn->has_ack && turn->ack == turn->next) {
    if (tale_first_time(story, TOLD_ADDING_ACK + turn->direction))
      say(teller,
          "The next number is the last one plus the bytes sent: %s from number %" PRIu32
          " on, %" PRIu32 " + %" PRIu64 " = %" PRIu32 ". So the %s's acknowledgement says %" PRIu32
          ", and the next piece of data from the %s begins at %" PRIu32 ".",
          bytes, first, first, turn->bytes, turn->next, side(other(turn->direction)), turn->next,
          side(turn->direction), turn->next);
    else say(teller, "%s, acknowledged up to %" PRIu32 ".", bytes, turn->next);
  } else {
    if (tale_first_time(story, TOLD_ADDING + turn->direction))
      say(teller,
          "The next number is the last one plus the bytes sent: %" PRIu32 " + %" PRIu64
          " = %" PRIu32 ". Whatever the %s sends next begins at %" PRIu32 ".",
          first, turn->bytes, turn->next, side(turn->direction), turn->next);
    else say(teller, "%s, the next one would be number %" PRIu32 ".", bytes, turn->next);
  }
}

/* The acknowledgement of an F, if it came in this phase. */
static void close_fin(tale_teller *teller, const tale_story *story) {
  const tale_turn *turn = &story->turn;
  uint32_t next = story->fin_next[turn->direction];
  if (!turn->has_ack || turn->ack != next || !story->fin_seen[turn->direction]) return;
  if (turn->phase == TALE_PHASE_HALF_CLOSE)
    say(teller,
        "The %s acknowledges everything: F takes a number of its own, as S did, here %" PRIu32
        ", so the acknowledgement says %" PRIu32 ".",
        side(other(turn->direction)), next - 1, next);
  else
    say(teller, "The %s acknowledges it with %" PRIu32 ": end of the connection teardown.",
        side(other(turn->direction)), next);
}

void tale_phase_leave(tale_teller *teller, tale_story *story) {
  switch (story->turn.phase) {
  case TALE_PHASE_START: close_start(teller, story); break;
  case TALE_PHASE_DATA:
  case TALE_PHASE_AFTER: close_data(teller, story); break;
  case TALE_PHASE_HALF_CLOSE:
  case TALE_PHASE_TEARDOWN: close_fin(teller, story); break;
  case TALE_PHASE_NONE:
  case TALE_PHASE_MIDDLE:
  case TALE_PHASE_RESET:
  case TALE_PHASE_REFUSED:
  case TALE_PHASE_LATE:
  case TALE_PHASE_STRAY: break;
  }
  story->turn.phase = TALE_PHASE_NONE;
}

/* The end of a connection. */

static const char *why_silent(const tale_story *story) {
  if (!story->established && story->how == TCPTALE_OPEN_SYN)
    return "Nobody answered the call in time.";
  if (story->fin_seen[0] != story->fin_seen[1])
    return "Only one side said goodbye; the other was not heard of again.";
  return "Nothing came for so long that the connection counts as over; nobody said goodbye.";
}

static const char *why_open(const tale_story *story) {
  if (!story->established && story->how == TCPTALE_OPEN_SYN)
    return "The capture ends before the two sides have agreed.";
  if (story->fin_seen[0] != story->fin_seen[1])
    return "The capture ends while one side could still send.";
  return "The capture ends while the connection is open.";
}

static void say_why(tale_teller *teller, const tale_story *story, uint32_t why) {
  switch ((enum tcptale_close_why)why) {
  case TCPTALE_CLOSE_FIN:
    say(teller, "Both sides are finished, and each knows it of the other.");
    break;
  case TCPTALE_CLOSE_RST:
    if (story->reset_by != 0) say(teller, "The %s broke it off.", side(story->reset_by - 1));
    break;
  case TCPTALE_CLOSE_REFUSED: say(teller, "It never came about."); break;
  case TCPTALE_CLOSE_TIMEOUT: say(teller, "%s", why_silent(story)); break;
  case TCPTALE_CLOSE_EVICTED:
    say(teller, "It had to make room for others (--budget and --flows say how much there is).");
    break;
  case TCPTALE_CLOSE_SUPERSEDED:
    say(teller, "The same two addresses and ports began a new connection.");
    break;
  case TCPTALE_CLOSE_STOPPED: break;
  case TCPTALE_CLOSE_END: say(teller, "%s", why_open(story)); break;
  }
}

/* "; 3 retransmissions": appended where the count is not 0. */
static void append_count(char *text, size_t size, uint64_t count, const char *one,
                         const char *many) {
  size_t len = strlen(text);
  if (count == 0) return;
  snprintf(text + len, size - len, "%s%" PRIu64 " %s", len > 0 ? ", " : "; ", count,
           count == 1 ? one : many);
}

static void say_totals(tale_teller *teller, const tale_story *story) {
  char took[40] = "", client[40], server[40], packets[40], odd[240] = "";
  append_count(odd, sizeof odd, story->again, "retransmission", "retransmissions");
  append_count(odd, sizeof odd, story->jumbled, "out of order", "out of order");
  append_count(odd, sizeof odd, story->refused, "not believed", "not believed");
  append_count(odd, sizeof odd, story->missing[0] + story->missing[1], "byte missing",
               "bytes missing");
  if (story->last_ns > story->first_ns) {
    memcpy(took, " within ", sizeof " within ");
    duration(took + 8, sizeof took - 8, story->last_ns - story->first_ns);
  }
  say(teller, "The client sent %s, the server %s, in %s%s%s.",
      count_of(client, sizeof client, story->bytes[0], "byte"),
      count_of(server, sizeof server, story->bytes[1], "byte"),
      count_of(packets, sizeof packets, story->packets, "packet"), took, odd);
}

void tale_phase_end(tale_teller *teller, tale_story *story, const tcptale_close_event *close) {
  char heading[120];
  tale_phase_title(teller, story, close->ts_ns);
  tale_phase_leave(teller, story);
  snprintf(heading, sizeof heading, "end of connection %" PRIu64 ": %s", story->conn,
           tale_word_close(close->why));
  tale_print_heading(&teller->out, heading);
  say_why(teller, story, close->why);
  say_totals(teller, story);
}

/* tale_story.c - takes the items of a connection in order and decides to which phase each packet
 * belongs. */
#include "tale_story.h"

#include <string.h>

int tale_first_time(tale_story *story, uint32_t explanation) {
  uint64_t bit = (uint64_t)1 << (explanation % 64);
  uint64_t *word = &story->told[explanation / 64 % 4];
  if (*word & bit) return 0;
  *word |= bit;
  return 1;
}

static int is_believed(const tale_line *line) {
  return line->verdict != TCPTALE_SEGMENT_OUTSIDE && !line->bad_checksum;
}

int tale_is_after_reset(const tale_story *story, const tale_line *line) {
  int carries = line->len > 0 || (line->tcp_flags & TCPTALE_TCP_FIN);
  if (!carries || (line->tcp_flags & (TCPTALE_TCP_SYN | TCPTALE_TCP_RST))) return 0;
  if (!is_believed(line) || line->verdict == TCPTALE_SEGMENT_DUP_FRAME) return 0;
  return story->reset_by != 0 && story->reset_by != 1 + line->direction;
}

static int brings_data(const tale_line *line) {
  return line->len > 0 && (line->verdict == TCPTALE_SEGMENT_IN_ORDER ||
                           line->verdict == TCPTALE_SEGMENT_OUT_OF_ORDER);
}

/* A side can finish once both have agreed, or where the beginning was not seen; and behind its
 * SYN. */
static int can_finish(const tale_story *story, const tale_line *line) {
  if (story->how != TCPTALE_OPEN_SYN) return 1;
  int has_begun = story->established || story->bytes[line->direction] > 0;
  return has_begun && (int32_t)(line->seq + line->len) >= 1;
}

static int is_first_fin(const tale_story *story, const tale_line *line) {
  return (line->tcp_flags & TCPTALE_TCP_FIN) && is_believed(line) && can_finish(story, line) &&
         !story->fin_seen[line->direction];
}

/* Data opens a turn of its sender, unless the connection is being taken down. */
static enum tale_phase phase_of_data(const tale_story *story, uint32_t direction) {
  if (story->fin_seen[0] && story->fin_seen[1]) return TALE_PHASE_TEARDOWN;
  if (story->fin_seen[direction]) return story->turn.phase;
  return story->fin_seen[1 - direction] ? TALE_PHASE_AFTER : TALE_PHASE_DATA;
}

/* A packet that opens no phase stays in the one that is told. */
static enum tale_phase phase_of_rest(const tale_story *story) {
  if (story->turn.phase != TALE_PHASE_NONE) return story->turn.phase;
  return story->how == TCPTALE_OPEN_MIDSTREAM ? TALE_PHASE_MIDDLE : TALE_PHASE_START;
}

/* A call may be refused, a caller may hang up before the handshake is complete; either may be
 * followed by another call. */
static enum tale_phase phase_of_call(const tale_story *story, const tale_line *line) {
  int is_reset = (line->tcp_flags & TCPTALE_TCP_RST) != 0;
  int is_answer = line->direction == TCPTALE_S2C && !story->syn_seen[TCPTALE_S2C];
  enum tale_phase phase = story->turn.phase;
  if (is_believed(line) && is_reset && phase == TALE_PHASE_START)
    return is_answer ? TALE_PHASE_REFUSED : TALE_PHASE_RESET;
  if (is_believed(line) && !is_reset && (phase == TALE_PHASE_RESET || phase == TALE_PHASE_REFUSED))
    return TALE_PHASE_START;
  return phase_of_rest(story);
}

static enum tale_phase phase_of(const tale_story *story, const tale_pending *pending) {
  const tale_line *line = &pending->line;
  if (story->conn == 0) return TALE_PHASE_STRAY;
  if (story->closed) return TALE_PHASE_LATE;
  if (pending->reset == TCPTALE_RESET_EXACT || pending->reset == TCPTALE_RESET_TENTATIVE)
    return TALE_PHASE_RESET;
  if (story->reset_by != 0 || line->direction > TCPTALE_S2C) return phase_of_rest(story);
  if (line->tcp_flags & (TCPTALE_TCP_RST | TCPTALE_TCP_SYN)) return phase_of_call(story, line);
  if (is_first_fin(story, line))
    return story->fin_seen[1 - line->direction] ? TALE_PHASE_TEARDOWN : TALE_PHASE_HALF_CLOSE;
  if (brings_data(line)) return phase_of_data(story, line->direction);
  return phase_of_rest(story);
}

/* Whether the packet begins a new phase, or a new turn of the same kind. */
static int begins_phase(const tale_turn *turn, enum tale_phase phase, const tale_line *line) {
  if (turn->phase != phase) return 1;
  return phase == TALE_PHASE_DATA && brings_data(line) && turn->direction != line->direction;
}

static void note_numbers(tale_story *story, const tale_line *line) {
  uint32_t end = line->seq + line->len;
  if (line->direction > TCPTALE_S2C || !is_believed(line)) return;
  if (line->tcp_flags & TCPTALE_TCP_SYN) {
    story->syn_seen[line->direction] = 1;
    story->isn[line->direction] = line->seq;
  }
  if (is_first_fin(story, line)) {
    story->fin_seen[line->direction] = 1;
    story->fin_next[line->direction] = end + 1;
  }
  if (line->direction != story->turn.direction && (line->tcp_flags & TCPTALE_TCP_ACK)) {
    story->turn.ack = line->ack;
    story->turn.has_ack = 1;
  }
  if (line->direction != story->turn.direction || !brings_data(line)) return;
  if (!story->turn.has_data) story->turn.first = story->turn.next = line->seq;
  story->turn.has_data = 1;
  if ((int32_t)(end - story->turn.next) > 0) story->turn.next = end;
}

static void count_line(tale_story *story, const tale_pending *pending) {
  const tale_line *line = &pending->line;
  if (story->packets++ == 0) story->first_ns = pending->ts_ns;
  if (pending->ts_ns > story->last_ns) story->last_ns = pending->ts_ns;
  if (!is_believed(line)) story->refused++;
  else if (line->verdict == TCPTALE_SEGMENT_OUT_OF_ORDER)
    story->jumbled += !tale_is_after_reset(story, line);
  else if (line->verdict == TCPTALE_SEGMENT_RETRANSMISSION ||
           line->verdict == TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION)
    story->again++;
}

static void note_reset(tale_story *story, const tale_pending *pending) {
  if (tale_is_after_reset(story, &pending->line)) story->after_reset = 1;
  if (pending->reset == TCPTALE_RESET_EXACT) story->reset_by = 1 + pending->line.direction;
}

static void add_bytes(tale_story *story, uint32_t direction, uint64_t len) {
  story->bytes[direction] += len;
  if (direction == story->turn.direction) story->turn.bytes += len;
}

static void add_missing(tale_story *story, uint32_t direction, uint64_t len) {
  story->missing[direction] += len;
  if (direction == story->turn.direction) story->turn.missing += len;
}

/* Prints the packet that is held back. */
static void flush_line(tale_teller *teller) {
  tale_pending *pending = &teller->pending;
  tale_story *story = pending->story;
  if (story == NULL) return;
  pending->story = NULL;
  tale_phase_title(teller, story, pending->ts_ns);
  enum tale_phase phase = phase_of(story, pending);
  if (begins_phase(&story->turn, phase, &pending->line)) {
    tale_phase_leave(teller, story);
    tale_phase_enter(teller, story, phase, pending->line.direction);
  }
  tale_marks_print(teller, story, pending);
  count_line(story, pending);
  note_numbers(story, &pending->line);
  note_reset(story, pending);
  for (uint32_t dir = TCPTALE_C2S; dir <= TCPTALE_S2C; dir++)
    add_bytes(story, dir, pending->bytes[dir]);
  if (pending->gap_len > 0) add_missing(story, pending->gap_direction, pending->gap_len);
}

static void mark_anomaly(tale_pending *pending, const tcptale_anomaly_event *anomaly) {
  pending->anomalies[pending->anomaly_count] = anomaly->code;
  pending->anomaly_len[pending->anomaly_count++] = anomaly->len;
}

/* The decoder's findings may be told before the packet's line: those that are of this packet become
 * its marks, any others stand alone. */
static void release_early(tale_teller *teller, tale_pending *pending) {
  tale_early *early = &teller->early;
  for (uint32_t i = 0; i < early->count; i++) {
    const tcptale_anomaly_event *anomaly = &early->anomalies[i];
    if (pending != NULL && early->story == pending->story && anomaly->index == pending->index)
      mark_anomaly(pending, anomaly);
    else tale_marks_anomaly(teller, early->story, anomaly);
  }
  early->count = 0;
}

static void hold_line(tale_teller *teller, tale_story *story, const tale_item *item,
                      const char *text) {
  tale_pending *pending = &teller->pending;
  size_t len = item->text_len < sizeof pending->text ? item->text_len : sizeof pending->text - 1;
  flush_line(teller);
  memset(pending, 0, offsetof(tale_pending, text));
  pending->story = story;
  pending->line = item->as.line;
  pending->index = item->index;
  pending->ts_ns = item->ts_ns;
  memcpy(pending->text, text, len);
  pending->text[len] = '\0';
  release_early(teller, pending);
}

void tale_flush(tale_teller *teller) {
  flush_line(teller);
  release_early(teller, NULL);
}

/* The packet that caused the item, or NULL where time or the end of the input did. */
static tale_pending *cause_of(tale_teller *teller, const tale_story *story, const tale_item *item) {
  tale_pending *pending = &teller->pending;
  return pending->story == story && pending->index == item->index ? pending : NULL;
}

/* Bytes count for the phase that their packet opens, which is not known before it is printed. */
static void tell_data(tale_teller *teller, tale_story *story, const tale_item *item) {
  const tcptale_data_event *data = &item->as.data;
  tale_pending *cause = cause_of(teller, story, item);
  if (cause != NULL) cause->bytes[data->direction] += data->len;
  else add_bytes(story, data->direction, data->len);
}

static void tell_gap(tale_teller *teller, tale_story *story, const tale_item *item) {
  const tcptale_gap_event *gap = &item->as.gap;
  tale_pending *cause = cause_of(teller, story, item);
  if (cause == NULL || (cause->gap_len > 0 && cause->gap_direction != gap->direction)) {
    tale_flush(teller);
    add_missing(story, gap->direction, gap->len);
    tale_marks_gap(teller, story, gap);
    return;
  }
  cause->gap_len += gap->len;
  cause->gap_why = gap->why;
  cause->gap_direction = gap->direction;
}

static void tell_anomaly(tale_teller *teller, tale_story *story, const tale_item *item) {
  const tcptale_anomaly_event *anomaly = &item->as.anomaly;
  tale_pending *cause = cause_of(teller, story, item);
  if (cause != NULL && cause->anomaly_count < TALE_MARKS_MOST) {
    mark_anomaly(cause, anomaly);
    return;
  }
  if (teller->early.story == story) flush_line(teller);
  else tale_flush(teller);
  if (item->index == 0 || cause != NULL || teller->early.count == TALE_MARKS_MOST) {
    tale_marks_anomaly(teller, story, anomaly);
    return;
  }
  teller->early.story = story;
  teller->early.anomalies[teller->early.count++] = *anomaly;
}

static void tell_reset(tale_teller *teller, tale_story *story, const tale_item *item) {
  const tcptale_reset_event *reset = &item->as.reset;
  tale_pending *cause = cause_of(teller, story, item);
  if (reset->verdict == TCPTALE_RESET_REFUTED) story->reset_by = story->after_reset = 0;
  if (cause != NULL && cause->reset == 0) {
    cause->reset = reset->verdict;
    return;
  }
  tale_flush(teller);
  tale_marks_reset(teller, story, reset);
}

static void tell_close(tale_teller *teller, tale_story *story, const tale_item *item) {
  tale_flush(teller);
  tale_phase_end(teller, story, &item->as.close);
  story->closed = 1;
}

void tale_story_open(tale_story *story, const tcptale_open_event *open) {
  story->conn = open->conn_id;
  story->ends = open->endpoints;
  story->how = open->how;
  story->role = open->role;
}

void tale_tell(tale_teller *teller, tale_story *story, const tale_item *item, const char *text) {
  switch ((enum tale_kind)item->kind) {
  case TALE_LINE: hold_line(teller, story, item, text); break;
  case TALE_ESTABLISHED:
    story->established = 1;
    story->rtt_ns = item->as.established.rtt_ns;
    break;
  case TALE_DATA: tell_data(teller, story, item); break;
  case TALE_GAP: tell_gap(teller, story, item); break;
  case TALE_RESET: tell_reset(teller, story, item); break;
  case TALE_ANOMALY: tell_anomaly(teller, story, item); break;
  case TALE_CLOSE: tell_close(teller, story, item); break;
  }
}

/* tale_marks.c - the marks behind a packet's line, and the sentence below the first mark of each
 * kind in a connection. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tale_story.h"
#include "tale_words.h"
#include "tcptale/names.h"

/* Numbers for tale_first_time: anomaly codes as they are, then the other families. */
enum { TOLD_VERDICT = 192, TOLD_AFTER_RESET = TOLD_VERDICT + 15, TOLD_GAP = 208, TOLD_RESET = 216 };

/* A mark under construction, and the sentences that go below it. */
typedef struct marking {
  tale_story *story;
  enum tale_weight weight;
  size_t note_count;
  const char *notes[TALE_MARKS_MOST + 3];
  char text[480];
} marking;

static void add(marking *mark, const char *text, enum tale_weight weight) {
  size_t len = strlen(mark->text);
  if (text[0] == '\0') return;
  snprintf(mark->text + len, sizeof mark->text - len, "%s%s", len > 0 ? ", " : "", text);
  if (weight > mark->weight) mark->weight = weight;
}

static void explain(marking *mark, const tale_word *word, uint32_t explanation) {
  if (word->sentence[0] == '\0' || !tale_first_time(mark->story, explanation)) return;
  if (mark->note_count < sizeof mark->notes / sizeof *mark->notes)
    mark->notes[mark->note_count++] = word->sentence;
}

/* What is sent again keeps its own mark wherever it comes. */
static int is_new(const tale_line *line) {
  return line->verdict == TCPTALE_SEGMENT_IN_ORDER || line->verdict == TCPTALE_SEGMENT_OUT_OF_ORDER;
}

static void add_verdict(marking *mark, const tale_line *line) {
  char text[80];
  tale_word word = tale_word_verdict(line->verdict);
  uint32_t explanation = TOLD_VERDICT + line->verdict % (TOLD_AFTER_RESET - TOLD_VERDICT);
  if (line->verdict == TCPTALE_SEGMENT_OUTSIDE || line->bad_checksum) {
    const char *why = tcptale_anomaly_name(line->anomaly);
    if (line->anomaly == TCPTALE_ANOMALY_NONE) why = line->bad_checksum ? "bad checksum" : "";
    snprintf(text, sizeof text, "not believed%s%s", why[0] != '\0' ? ": " : "", why);
    add(mark, text, TALE_ALARM);
    word = tale_word_anomaly(line->anomaly);
    explain(mark, &word, line->anomaly % TOLD_VERDICT);
    return;
  }
  if (is_new(line) && tale_is_after_reset(mark->story, line)) {
    word = tale_word_after_reset();
    explanation = TOLD_AFTER_RESET;
  }
  add(mark, word.mark, word.weight);
  explain(mark, &word, explanation);
}

static void add_anomaly(marking *mark, uint32_t code, uint64_t len) {
  char text[80];
  tale_word word = tale_word_anomaly(code);
  if (code == TCPTALE_ANOMALY_DISCARDED && mark->story->after_reset)
    word = tale_word_lost_after_reset();
  if (len > 0)
    snprintf(text, sizeof text, "%s (%" PRIu64 " byte%s)", word.mark, len, len == 1 ? "" : "s");
  else snprintf(text, sizeof text, "%s", word.mark);
  add(mark, text, word.weight);
  explain(mark, &word, code % TOLD_VERDICT);
}

static void add_gap(marking *mark, uint32_t direction, uint32_t why, uint64_t len) {
  char text[160];
  tale_word word = tale_word_gap(why);
  snprintf(text, sizeof text, "gap: %" PRIu64 " byte%s of the %s missing (%s)", len,
           len == 1 ? "" : "s", direction == TCPTALE_C2S ? "client" : "server", word.mark);
  add(mark, text, word.weight);
  explain(mark, &word, TOLD_GAP + why % 8);
}

static void add_reset(marking *mark, uint32_t verdict) {
  tale_word word = tale_word_reset(verdict);
  add(mark, word.mark, word.weight);
  explain(mark, &word, TOLD_RESET + verdict % 8);
}

/* One that was told before, or that waits for what follows. */
static int is_plain_reset(const tale_line *line) {
  return (line->tcp_flags & TCPTALE_TCP_RST) && line->verdict == TCPTALE_SEGMENT_IN_ORDER;
}

static void print_notes(tale_teller *teller, const marking *mark) {
  for (size_t i = 0; i < mark->note_count; i++) tale_print_note(&teller->out, mark->notes[i]);
}

void tale_marks_print(tale_teller *teller, tale_story *story, const tale_pending *pending) {
  marking mark = {.story = story};
  add_verdict(&mark, &pending->line);
  for (uint32_t i = 0; i < pending->anomaly_count; i++)
    if (pending->anomalies[i] != pending->line.anomaly)
      add_anomaly(&mark, pending->anomalies[i], pending->anomaly_len[i]);
  if (pending->gap_len > 0)
    add_gap(&mark, pending->gap_direction, pending->gap_why, pending->gap_len);
  if (pending->reset != 0) add_reset(&mark, pending->reset);
  else if (is_plain_reset(&pending->line)) add(&mark, "reset", TALE_NOTICE);
  tale_print_line(&teller->out, pending->text, pending->line.direction, mark.text, mark.weight);
  print_notes(teller, &mark);
}

static void print_alone(tale_teller *teller, const marking *mark) {
  tale_phase_title(teller, mark->story, 0);
  tale_print_mark(&teller->out, mark->text, mark->weight);
  print_notes(teller, mark);
}

void tale_marks_gap(tale_teller *teller, tale_story *story, const tcptale_gap_event *gap) {
  marking mark = {.story = story};
  add_gap(&mark, gap->direction, gap->why, gap->len);
  print_alone(teller, &mark);
}

void tale_marks_anomaly(tale_teller *teller, tale_story *story,
                        const tcptale_anomaly_event *anomaly) {
  marking mark = {.story = story};
  add_anomaly(&mark, anomaly->code, anomaly->len);
  print_alone(teller, &mark);
}

void tale_marks_reset(tale_teller *teller, tale_story *story, const tcptale_reset_event *reset) {
  marking mark = {.story = story};
  add_reset(&mark, reset->verdict);
  print_alone(teller, &mark);
}

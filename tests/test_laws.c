/* The laws notice when they are broken: a sound conversation is told to them with one event left
 * out, told twice, or changed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "laws.h"
#include "script.h"

enum event { OPEN, ESTABLISHED, DATA, GAP, HALF_CLOSE, CLOSE, NONE };
enum change { LEAVE_OUT, TWICE, SHIFT };

struct teller {
  struct laws laws;
  enum event event; /* the kind that is changed; its first one only */
  enum change change;
  int done;
};

/* How often an event is to be told on. */
static int times(struct teller *t, enum event event) {
  if (t->event != event || t->done) return 1;
  t->done = 1;
  return t->change == LEAVE_OUT ? 0 : t->change == TWICE ? 2 : 1;
}

static int shifts(const struct teller *t, enum event event, int was_done) {
  return t->event == event && t->change == SHIFT && !was_done;
}

static void on_open(tcptale_conn *c, const tcptale_open_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_open_event changed = *e;
  int n = times(t, OPEN);

  if (shifts(t, OPEN, was_done)) changed.conn_id += 5;
  while (n-- > 0) laws_open(&t->laws, c, &changed);
}

static void on_established(tcptale_conn *c, const tcptale_established_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_established_event changed = *e;
  int n = times(t, ESTABLISHED);

  if (shifts(t, ESTABLISHED, was_done)) changed.rtt_ns = -7;
  while (n-- > 0) laws_established(&t->laws, c, &changed);
}

static void on_data(tcptale_conn *c, const tcptale_data_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_data_event changed = *e;
  int n = times(t, DATA);

  if (shifts(t, DATA, was_done)) changed.offset++;
  while (n-- > 0) laws_data(&t->laws, c, &changed);
}

static void on_gap(tcptale_conn *c, const tcptale_gap_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_gap_event changed = *e;
  int n = times(t, GAP);

  if (shifts(t, GAP, was_done)) changed.len++;
  while (n-- > 0) laws_gap(&t->laws, c, &changed);
}

static void on_half_close(tcptale_conn *c, const tcptale_half_close_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_half_close_event changed = *e;
  int n = times(t, HALF_CLOSE);

  if (shifts(t, HALF_CLOSE, was_done)) changed.offset--;
  while (n-- > 0) laws_half_close(&t->laws, c, &changed);
}

static void on_close(tcptale_conn *c, const tcptale_close_event *e, void *user) {
  struct teller *t = user;
  int was_done = t->done;
  tcptale_close_event changed = *e;
  int n = times(t, CLOSE);

  if (shifts(t, CLOSE, was_done)) changed.delivered[0]++;
  while (n-- > 0) laws_close(&t->laws, c, &changed);
}

/* What the laws say of the conversation with this change. */
static void tell(struct teller *t, enum event event, enum change change, char *said, size_t room) {
  static const struct script_variant V4 = {.version = 4, .isn = {1, 1}};
  struct script_line line = {
      "HS; c P 1+4/1; ~c P 5+4/1; c P 9+4/1; s A 1/13; t+1; 4x s A 1/13; s P 1+2/13; bye", 1};
  struct script_case one = {.name = "sound", .packets = {&line, 1}};
  tcptale_callbacks calls;
  tcptale_tracker *tracker;
  struct script_steps steps;
  const char *law;
  size_t i;

  memset(t, 0, sizeof *t);
  t->event = event;
  t->change = change;
  tcptale_callbacks_init(&calls, sizeof calls);
  calls.on_open = on_open;
  calls.on_established = on_established;
  calls.on_data = on_data;
  calls.on_gap = on_gap;
  calls.on_half_close = on_half_close;
  calls.on_close = on_close;
  script_render(&steps, &one, &V4);
  cr_assert_eq(tcptale_tracker_new(&tracker, NULL, &calls, t), TCPTALE_OK);
  for (i = 0; i < steps.count; i++)
    cr_assert_eq(tcptale_tracker_feed(tracker, &steps.items[i].frame, 1, NULL), TCPTALE_OK);
  cr_assert_eq(tcptale_tracker_free(tracker), TCPTALE_OK);
  script_steps_free(&steps);
  law = laws_finish(&t->laws);
  snprintf(said, room, "%s", law ? law : "");
}

static const struct {
  enum event event;
  enum change change;
  const char *said;
} ROWS[] = {
    {NONE, LEAVE_OUT, ""},
    {OPEN, LEAVE_OUT, "connection 1: established before open"},
    {OPEN, TWICE, "connection 1: opened after 1"},
    {OPEN, SHIFT, "connection 6: opened after 0"},
    {ESTABLISHED, LEAVE_OUT, ""},
    {ESTABLISHED, TWICE, "connection 1: established twice"},
    {ESTABLISHED, SHIFT, "connection 1: negative round-trip time"},
    {DATA, LEAVE_OUT, "connection 1: gap at 4 where 0 is next"},
    {DATA, TWICE, "connection 1: data at 0 where 4 is next"},
    {DATA, SHIFT, "connection 1: data at 1 where 0 is next"},
    {GAP, LEAVE_OUT, "connection 1: data at 8 where 4 is next"},
    {GAP, TWICE, "connection 1: gap at 4 where 8 is next"},
    {GAP, SHIFT, "connection 1: data at 8 where 9 is next"},
    {HALF_CLOSE, LEAVE_OUT, "connection 1: close fin without both half_close"},
    {HALF_CLOSE, TWICE, "connection 1: half_close twice"},
    {HALF_CLOSE, SHIFT, "connection 1: half_close at 11 where 12 is next"},
    {CLOSE, LEAVE_OUT, "connection 1: never closed"},
    {CLOSE, TWICE, "connection 1: close after close"},
    {CLOSE, SHIFT, "connection 1: close counts other bytes than were told"},
};

Test(laws, each_is_noticed_when_broken) {
  struct teller teller;
  char said[200];
  size_t i;

  for (i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    tell(&teller, ROWS[i].event, ROWS[i].change, said, sizeof said);
    cr_expect_str_eq(said, ROWS[i].said, "row %zu: '%s'", i, said);
    cr_expect(ROWS[i].event == NONE || teller.done, "row %zu: nothing was changed", i);
  }
}

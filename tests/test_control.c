/* Control from inside callbacks, stopping, and the calls that a callback may not make: they are
 * refused and leave everything as it was. */
#include <criterion/criterion.h>
#include <string.h>

#include "tape.h"
#include "tcptale/packet.h"

#define TALK "HS; c P 1+3\"abc\"/1; s P 1+3\"xyz\"/4; c P 4+3\"def\"/4; s P 4+3\"uvw\"/7; bye"

/* ---- control from inside callbacks ---- */

struct order {
  uint32_t kind; /* the event that it is carried out in */
  size_t nth;
  void (*act)(struct tape *tape, tcptale_conn *conn);
  size_t seen;
};

static void obey(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                 const uint8_t *data) {
  struct order *order = tape->hook_user;

  (void)data;
  if (event->kind == order->kind && order->seen++ == order->nth) order->act(tape, conn);
}

/* TALK with one order carried out. Returns what feed said first that was not good. */
static int run_with(struct tape *tape, struct order order, unsigned flags, const char *text) {
  struct script_steps steps;
  int result;

  tape_begin(tape, flags);
  tape->hook = obey;
  tape->hook_user = &order;
  tape_render(&steps, text);
  result = tape_feed(tape_tracker(tape, NULL), &steps);
  cr_assert_gt(order.seen, order.nth, "event %u did not come", order.kind);
  tape_end(tape);
  script_steps_free(&steps);
  return result;
}

static void do_ignore(struct tape *tape, tcptale_conn *conn) {
  (void)tape;
  cr_expect_eq(tcptale_conn_ignore(conn), TCPTALE_OK);
}

Test(control, ignored_connection_tells_nothing_but_its_close) {
  static const struct order ORDERS[] = {
      {TAPE_OPEN, 0, do_ignore, 0},       {TAPE_ESTABLISHED, 0, do_ignore, 0},
      {TAPE_DATA, 0, do_ignore, 0},       {TAPE_DATA, 2, do_ignore, 0},
      {TAPE_SEGMENT, 0, do_ignore, 0},    {TAPE_SEGMENT, 4, do_ignore, 0},
      {TAPE_HALF_CLOSE, 0, do_ignore, 0}, {TAPE_GAP, 0, do_ignore, 0},
      {TAPE_ANOMALY, 0, do_ignore, 0}};

  for (size_t i = 0; i < sizeof ORDERS / sizeof *ORDERS; i++) {
    const char *text =
        "HS; c P 1+3\"abc\"/1; s P 1+3\"xyz\"/4; c P 9+3\"lat\"/4; c P 13+3/4; s A 4/16;"
        "s A 4/16; s A 4/16; s A 4/16; s A 4/16 w=9; c P 16+3/4; bye";
    struct tape tape;
    size_t after = 0;
    run_with(&tape, ORDERS[i], TAPE_ANOMALIES | TAPE_SEGMENTS, text);
    for (size_t n = 0, seen = 0; n < tape.count; n++) {
      after += seen > ORDERS[i].nth;
      seen += tape.events[n].kind == ORDERS[i].kind;
    }
    cr_expect_eq(after, 1, "order %zu: %zu events came after it", i, after);
    cr_expect_eq(tape.events[tape.count - 1].kind, TAPE_CLOSE, "order %zu", i);
    tape_wipe(&tape);
  }
}

static void do_stop_c2s(struct tape *tape, tcptale_conn *conn) {
  (void)tape;
  cr_expect_eq(tcptale_conn_stop_data(conn, TCPTALE_C2S), TCPTALE_OK);
}

Test(control, stopped_direction_tells_its_end_only) {
  static const struct order ORDERS[] = {{TAPE_OPEN, 0, do_stop_c2s, 0},
                                        {TAPE_ESTABLISHED, 0, do_stop_c2s, 0},
                                        {TAPE_DATA, 0, do_stop_c2s, 0}};
  static const size_t BEFORE[] = {0, 0, 1};

  for (size_t i = 0; i < 3; i++) {
    struct tape tape;
    size_t told[2] = {0, 0};
    run_with(&tape, ORDERS[i], 0, TALK);
    for (size_t n = 0; n < tape.count; n++)
      if (tape.events[n].kind == TAPE_DATA) told[tape.events[n].direction]++;
    cr_expect_eq(told[TCPTALE_C2S], BEFORE[i], "order %zu", i);
    cr_expect_eq(told[TCPTALE_S2C], 2, "order %zu", i);
    cr_expect_eq(tape_count(&tape, TAPE_HALF_CLOSE, TAPE_ANY), 2, "order %zu", i);
    cr_expect_eq(tape_count(&tape, TAPE_CLOSE, TCPTALE_CLOSE_FIN), 1, "order %zu", i);
    tape_wipe(&tape);
  }
}

static void do_policy_last(struct tape *tape, tcptale_conn *conn) {
  (void)tape;
  cr_expect_eq(tcptale_conn_set_policy(conn, TCPTALE_C2S, TCPTALE_POLICY_LAST), TCPTALE_OK);
}

static char heard[64];

static void hear(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                 const uint8_t *data) {
  if (event->kind == TAPE_DATA) strncat(heard, (const char *)data, (size_t)event->len);
  obey(tape, conn, event, data);
}

Test(control, policy_of_one_connection_and_direction) {
  static const struct order ORDERS[] = {{TAPE_OPEN, 0, do_policy_last, 0},
                                        {TAPE_ESTABLISHED, 0, do_policy_last, 0},
                                        {TAPE_SEGMENT, 2, do_policy_last, 0}};

  for (size_t i = 0; i < 3; i++) {
    struct script_steps steps;
    struct order order = ORDERS[i];
    struct tape tape;
    heard[0] = 0;
    tape_begin(&tape, TAPE_SEGMENTS);
    tape.hook = hear;
    tape.hook_user = &order;
    tape_render(&steps, "HS; c P 2+2\"BC\"/1; c P 2+2\"bc\"/1; c P 1+1\"a\"/1;"
                        "s P 2+2\"YZ\"/1; s P 2+2\"yz\"/1; s P 1+1\"X\"/1");
    tape_feed(tape_tracker(&tape, NULL), &steps);
    cr_expect_null(tape_end(&tape));
    cr_expect_str_eq(heard, "abcXYZ", "order %zu", i);
    script_steps_free(&steps);
    tape_wipe(&tape);
  }
}

static void do_set_user(struct tape *tape, tcptale_conn *conn) {
  (void)tape;
  cr_expect_eq(tcptale_conn_user(conn), 0);
  cr_expect_eq(tcptale_conn_set_user(conn, UINT64_C(0x123456789abcdef0)), TCPTALE_OK);
}

static void read_user(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                      const uint8_t *data) {
  obey(tape, conn, event, data);
  if (event->kind == TAPE_CLOSE)
    cr_expect_eq(tcptale_conn_user(conn), UINT64_C(0x123456789abcdef0));
}

Test(control, user_value_stays) {
  struct order order = {TAPE_OPEN, 0, do_set_user, 0};
  struct tape tape;

  tape_begin(&tape, 0);
  tape.hook = read_user;
  tape.hook_user = &order;
  tape_run(&tape, NULL, TALK);
  cr_expect_eq(tape_count(&tape, TAPE_CLOSE, TAPE_ANY), 1);
  tape_wipe(&tape);
}

static void do_find_other(struct tape *tape, tcptale_conn *conn) {
  tcptale_conn *other = tcptale_tracker_find(tape->tracker, 1);

  cr_assert_not_null(other);
  cr_expect_eq(tcptale_conn_id(other), 1);
  cr_expect_eq(tcptale_conn_id(conn), 2);
  cr_expect_null(tcptale_tracker_find(tape->tracker, 3));
  cr_expect_null(tcptale_tracker_find(tape->tracker, 0));
  cr_expect_eq(tcptale_conn_ignore(other), TCPTALE_OK);
}

Test(control, another_connection_is_found_and_ignored) {
  const char *text = "HS; c P 1+3/1; c S 0 src=2:7; s SA 0/1 dst=2:7; c A 1/1 src=2:7;"
                     "c P 4+3/1; c P 1+3/1 src=2:7";
  struct tape tape;

  run_with(&tape, (struct order){TAPE_ESTABLISHED, 1, do_find_other, 0}, 0, text);
  cr_expect_eq(tape_count(&tape, TAPE_DATA, TAPE_ANY), 2, "one of each");
  cr_expect_eq(tape_count(&tape, TAPE_CLOSE, TAPE_ANY), 2);
  tape_wipe(&tape);
}

/* ---- stop ---- */

static void do_stop(struct tape *tape, tcptale_conn *conn) {
  (void)conn;
  cr_expect_eq(tcptale_tracker_stop(tape->tracker), TCPTALE_OK);
}

Test(control, stop_lets_nothing_but_closes_follow) {
  static const uint32_t KINDS[] = {TAPE_OPEN,       TAPE_ESTABLISHED, TAPE_DATA,    TAPE_GAP,
                                   TAPE_HALF_CLOSE, TAPE_RESET,       TAPE_ANOMALY, TAPE_SEGMENT};
  const char *text =
      "c S 0 src=2:9; HS; c P 1+3/-; c P 1+3/1; c P 9+3/1; c P 15+3/1; s A 1/18; s A 1/18;"
      "s A 1/18; s A 1/18; c FA 18/1; s RA 1/19; c S 0 src=2:7; c S 0 src=2:8";

  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
    size_t nth = KINDS[i] == TAPE_OPEN ? 1 : 0;
    struct tape tape;
    size_t seen = 0, after = 0;
    int result = run_with(&tape, (struct order){KINDS[i], nth, do_stop, 0},
                          TAPE_ANOMALIES | TAPE_SEGMENTS, text);
    cr_expect_eq(result, TCPTALE_ERR_STOPPED, "kind %u", KINDS[i]);
    for (size_t n = 0; n < tape.count; n++) {
      const struct tape_event *e = &tape.events[n];
      after += seen > nth && (e->kind != TAPE_CLOSE || e->code != TCPTALE_CLOSE_STOPPED);
      seen += e->kind == KINDS[i];
    }
    cr_expect_eq(after, 0, "kind %u: %zu other events follow", KINDS[i], after);
    cr_expect_eq(tape_count(&tape, TAPE_OPEN, TAPE_ANY), tape_count(&tape, TAPE_CLOSE, TAPE_ANY));
    tape_wipe(&tape);
  }
}

Test(control, stopped_tracker_refuses) {
  struct script_steps steps;
  struct tape tape;
  size_t consumed = 99;
  tcptale_packet packet;

  tape_begin(&tape, 0);
  tape_render(&steps, TALK);
  tape_tracker(&tape, NULL);
  cr_assert_eq(tcptale_tracker_feed(tape.tracker, &steps.items[0].frame, 1, &consumed), TCPTALE_OK);
  cr_expect_eq(consumed, 1);
  tcptale_packet_init(&packet, sizeof packet);
  tcptale_tracker_stop(tape.tracker);
  cr_expect_eq(tcptale_tracker_feed(tape.tracker, &steps.items[1].frame, 1, &consumed),
               TCPTALE_ERR_STOPPED);
  cr_expect_eq(consumed, 0);
  cr_expect_eq(tcptale_tracker_expire(tape.tracker, 1), TCPTALE_ERR_STOPPED);
  cr_expect_eq(tcptale_tracker_feed_packet(tape.tracker, &packet, &steps.items[1].frame),
               TCPTALE_ERR_STOPPED);
  cr_expect_eq(tcptale_tracker_flush(tape.tracker), TCPTALE_OK);
  cr_expect_eq(tape_count(&tape, TAPE_CLOSE, TCPTALE_CLOSE_STOPPED), 1);
  cr_expect_eq(tcptale_tracker_flush(tape.tracker), TCPTALE_OK, "twice does no harm");
  cr_expect_null(tape_end(&tape));
  script_steps_free(&steps);
  tape_wipe(&tape);
}

/* `consumed` counts the frame in which the tracker was stopped. */
Test(control, consumed_says_where_it_stopped) {
  struct order order = {TAPE_DATA, 0, do_stop, 0};
  tcptale_frame frames[16];
  struct script_steps steps;
  struct tape tape;
  size_t consumed = 0;

  tape_begin(&tape, 0);
  tape.hook = obey;
  tape.hook_user = &order;
  tape_render(&steps, TALK);
  for (size_t i = 0; i < steps.count; i++) frames[i] = steps.items[i].frame;
  tape_tracker(&tape, NULL);
  cr_expect_eq(tcptale_tracker_feed(tape.tracker, frames, steps.count, &consumed),
               TCPTALE_ERR_STOPPED);
  cr_expect_eq(consumed, 4);
  tape_end(&tape);
  script_steps_free(&steps);
  tape_wipe(&tape);
}

Test(control, flushed_tracker_goes_on) {
  struct tape tape;

  tape_begin(&tape, 0);
  tape_run(&tape, NULL, TALK "; flush; t+1; c P 100+3/100; flush; t+1; HS");
  cr_expect_eq(tape_count(&tape, TAPE_OPEN, TAPE_ANY), 3);
  cr_expect_eq(tape_count(&tape, TAPE_OPEN, TCPTALE_OPEN_MIDSTREAM), 1);
  cr_expect_eq(tape_find(&tape, TAPE_OPEN, 2)->conn, 3, "ids go on");
  tape_wipe(&tape);
}

/* ---- calls that a callback may not make ---- */

static const tcptale_frame *spare;

static void do_forbidden(struct tape *tape, tcptale_conn *conn) {
  size_t consumed = 7;
  tcptale_packet packet;

  (void)conn;
  tcptale_packet_init(&packet, sizeof packet);
  cr_expect_eq(tcptale_tracker_feed(tape->tracker, spare, 1, &consumed), TCPTALE_ERR_REENTRANT);
  cr_expect_eq(consumed, 0);
  cr_expect_eq(tcptale_tracker_feed_packet(tape->tracker, &packet, spare), TCPTALE_ERR_REENTRANT);
  cr_expect_eq(tcptale_tracker_expire(tape->tracker, UINT64_MAX), TCPTALE_ERR_REENTRANT);
  cr_expect_eq(tcptale_tracker_flush(tape->tracker), TCPTALE_ERR_REENTRANT);
  cr_expect_eq(tcptale_tracker_free(tape->tracker), TCPTALE_ERR_REENTRANT);
}

static void always_forbidden(struct tape *tape, tcptale_conn *conn, const struct tape_event *event,
                             const uint8_t *data) {
  (void)event, (void)data;
  do_forbidden(tape, conn);
}

Test(control, feeding_from_a_callback_is_refused_and_changes_nothing) {
  const char *text = "HS; c P 1+3/1; c P 9+3/1; s P 1+3/12; t+700; s A 1/1; c R 500/1; flush; HS";
  struct tape plain, tried;
  struct script_steps steps;

  tape_begin(&plain, TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS);
  tape_run(&plain, NULL, text);
  tape_begin(&tried, TAPE_PLACES | TAPE_ANOMALIES | TAPE_SEGMENTS);
  tape_render(&steps, text);
  spare = &steps.items[0].frame;
  tried.hook = always_forbidden;
  tape_run(&tried, NULL, text);
  cr_expect(tape_equal(&plain, &tried, "with forbidden calls"));
  script_steps_free(&steps);
  tape_wipe(&plain);
  tape_wipe(&tried);
}

/* What is on a connection's card says all that its record would: the same packets are told once
 * with a record that stays, as verdicts are asked for, and once folded, and the record that is
 * unfolded then is compared with the first. */
#include <criterion/criterion.h>
#include <string.h>

#include "later.h"
#include "tape.h"
#include "tracker.h"
#include "usual.h"

#define SECOND_NS UINT64_C(1000000000)

static struct tape whole, folded;

/* Both trackers after the same packets. */
static void tell(const char *text, const tcptale_config *config) {
  struct script_steps steps;
  tape_render(&steps, text);
  tape_begin(&whole, TAPE_SEGMENTS);
  tape_begin(&folded, 0);
  cr_assert_eq(tape_feed(tape_tracker(&whole, config), &steps), TCPTALE_OK, "%s", text);
  cr_assert_eq(tape_feed(tape_tracker(&folded, config), &steps), TCPTALE_OK, "%s", text);
  script_steps_free(&steps);
}

static void end(void) {
  cr_expect_null(tape_end(&whole));
  cr_expect_null(tape_end(&folded));
  tape_wipe(&whole);
  tape_wipe(&folded);
}

/* The record, or the card, of connection 1, closed or not. */
static struct tcptale_card *card_in(const struct tape *tape) {
  struct tcptale_tracker *t = tape->tracker;
  tcptale_later_settle_apart(t);
  uint32_t ref = tcptale_roster_look_id(&t->roster, &t->env, 1);
  cr_assert(ref != 0 && !tcptale_roster_is_packed(ref));
  return tcptale_roster_card(&t->env, ref);
}

/* What differs by nature: whose record it is, where it hangs, and what a verdict asked for. */
static void clear(struct tcptale_conn *conn) {
  conn->card = NULL;
  conn->tracker = NULL;
  conn->tally = conn->anomalies = 0;
  for (int d = 0; d < 2; d++)
    conn->ends[d].half.history = conn->ends[d].half.history != TCPTALE_ARENA_NONE;
}

/* TS.Recent is kept without its time: that of the last packet stands for it. Offers that were not
 * agreed on are not kept. */
static void compare(const char *text) {
  struct tcptale_card *card = card_in(&folded);
  struct tcptale_conn wanted = *tcptale_roster_record(&whole.tracker->env, card_in(&whole)), got;
  cr_assert(!card->has_record, "%s: folded", text);
  tcptale_unfold(&folded.tracker->env, card, &got);
  for (int d = 0; d < 2; d++) {
    wanted.ends[d].ts_recent_s = got.ends[d].ts_recent_s = 0;
    if (!tcptale_conn_has(&wanted, TCPTALE_CONN_SCALED))
      wanted.ends[d].wscale = TCPTALE_WSCALE_NONE;
  }
  clear(&wanted);
  clear(&got);
  cr_expect(memcmp(&wanted, &got, sizeof got) == 0, "%s", text);
}

#define SHAKE "c S 0 mss=1460 wscale=7 sackok ts=10,0; s SA 0/1 wscale=2 ts=20,10; c A 1/1 ts=11,20"

Test(fold, says_what_the_record_says) {
  static const char *TALKS[] = {
      "HS",
      "c S 0 wscale=3; s SA 0/1; c A 1/1",
      "c S 0 w=1; s SA 0/1 w=65535; c A 1/1 w=9000",
      SHAKE,
      SHAKE "; c P 1+100/1 ts=12,20; s P 1+1000/101 ts=22,12; c A 101/1001 ts=13,22",
      SHAKE "; c P 1+100/1 ts=12,20; c P 1+100/1 ts=12,20; s A 1/101 ts=22,12",   /* sent again */
      SHAKE "; c P 101+100/1 ts=12,20; c P 1+100/1 ts=12,20; s A 1/201 ts=22,12", /* late */
      SHAKE "; c P 101+100/1 ts=12,20; s A 1/201 ts=22,12; c P 201+90/1 ts=13,22; "
            "s P 1+20/291 ts=23,13; c P 291+90/21 ts=14,23; s P 21+20/381 ts=24,14; "
            "c P 381+90/41 ts=15,24; s P 41+20/471 ts=25,15", /* a gap */
      "HS; s P 1+50/1; s F 51/1; c A 1/52; c P 1+30/52",      /* half-closed */
      "HS; c F 1/1; s A 1/2; s P 1+40/2; c A 2/41",
      "c A 1+20/1; s A 1+30/21; c A 21/31"};

  for (size_t i = 0; i < sizeof TALKS / sizeof *TALKS; i++) {
    tell(TALKS[i], NULL);
    compare(TALKS[i]);
    end();
  }
}

/* What waits, was asked for, or is not agreed yet has a record. */
Test(fold, leaves_what_is_not_usual) {
  static const char *TALKS[] = {"HS; c P 101+100/1", "HS; c R 5/1",           "HS; c F 101/1",
                                "c A 1+20/1",        "HS; c P 1+5/1",         "HS; c S 500",
                                "c S 0; c S 0",      "c S 0; c S 9; s SA 0/1"};

  for (size_t i = 0; i < sizeof TALKS / sizeof *TALKS; i++) {
    tell(TALKS[i], NULL);
    cr_expect(card_in(&folded)->has_record, "%s", TALKS[i]);
    end();
  }
}

/* Whoever asks for what only the long way tells never has a folded connection. */
Test(fold, not_where_more_is_asked_for) {
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.history_bytes = 4096;
  tell("HS; c P 1+100/1; s A 1/101", &config);
  cr_expect(card_in(&folded)->has_record);
  end();
  tcptale_config_init(&config, sizeof config);
  config.delivery = TCPTALE_DELIVER_ACKED;
  tell("HS; c P 1+100/1; s A 1/101", &config);
  cr_expect(card_in(&folded)->has_record);
  end();
}

/* Wishes reach a folded connection through a handle that was found, and are kept when it wakes. */
Test(fold, takes_wishes) {
  struct script_steps more;
  tell("HS; c P 1+100/1; s A 1/101", NULL);
  struct tape *tapes[2] = {&whole, &folded};
  tape_render(&more, "~c S 0; ~s SA 0/1; c P 101+50/1; s P 1+60/151; c P 151+70/61; s P 61+80/221");
  for (int i = 0; i < 2; i++) {
    tcptale_conn *conn = tcptale_tracker_find(tapes[i]->tracker, 1);
    cr_assert_eq(tcptale_conn_set_user(conn, 77), TCPTALE_OK);
    cr_assert_eq(tcptale_conn_set_policy(conn, TCPTALE_S2C, TCPTALE_POLICY_LAST), TCPTALE_OK);
    cr_assert_eq(tcptale_conn_stop_data(conn, TCPTALE_C2S), TCPTALE_OK);
    cr_assert_eq(tape_feed(tapes[i]->tracker, &more), TCPTALE_OK);
    tcptale_conn_stats stats = {.struct_size = sizeof stats};
    conn = tcptale_tracker_find(tapes[i]->tracker, 1);
    cr_assert_eq(tcptale_conn_stats_read(conn, &stats), TCPTALE_OK);
    cr_expect_eq(stats.delivered[TCPTALE_C2S], 100);
    cr_expect_eq(stats.delivered[TCPTALE_S2C], 140);
    cr_expect_eq(stats.payload_bytes[TCPTALE_C2S], 220);
    cr_expect_eq(tcptale_conn_user(conn), 77);
    cr_expect_eq(conn->ends[TCPTALE_S2C].half.policy, TCPTALE_POLICY_LAST);
  }
  script_steps_free(&more);
  tape_end(&whole); /* bytes that nobody wants are no tile */
  tape_end(&folded);
  tape_wipe(&whole);
  tape_wipe(&folded);
}

/* ---- offsets ---- */

/* As if the client had sent so much. */
static void set_offset(struct tcptale_card *card, uint64_t offset) {
  struct tcptale_card_end *end = &card->ends[card->client_at];
  end->first_seq = end->next_seq - (uint32_t)offset;
  end->next_high = (uint8_t)(offset >> 32);
}

static void feed_folded(const char *text) {
  struct script_steps steps;
  tape_render(&steps, text);
  cr_assert_eq(tape_feed(folded.tracker, &steps), TCPTALE_OK);
  script_steps_free(&steps);
}

/* Long before a number has no more place on a card its segments are looked at more closely, and
 * none is lost to that. */
Test(fold, going_ends_before_a_number_does) {
  tell("HS; c P 1+100/1; s A 1/101", NULL);
  struct tcptale_card *card = card_in(&folded);
  struct tcptale_card_end *client = &card->ends[card->client_at];
  client->packets = UINT32_MAX - 2;
  feed_folded("~c S 0; ~s SA 0/1; c P 101+100/1");
  cr_expect(card_in(&folded)->is_going && client->packets == UINT32_MAX - 1);
  feed_folded("~c S 0; ~s SA 0/1; c P 201+100/1");
  cr_expect(!card_in(&folded)->is_going && client->packets == UINT32_MAX && !card->has_record);
  feed_folded("~c S 0; ~s SA 0/1; c P 301+100/1");
  cr_expect_eq(tape_count(&folded, TAPE_DATA, TAPE_ANY), 4u);
  end();
}

/* The same of the time since the first packet: one nanosecond beyond the bound, and beyond what can
 * be said. */
Test(fold, going_ends_before_time_does) {
  for (int is_late = 0; is_late < 2; is_late++) {
    const uint64_t bound = is_late ? TCPTALE_CARD_SINCE_LIMIT - 1 : TCPTALE_CARD_SINCE_GOING;
    tell("HS; c P 1+100/1; s A 1/101", NULL);
    struct tcptale_card *card = card_in(&folded);
    card->more.first_ns = folded.tracker->env.now_ns - bound - 1;
    card->since_ns = bound & (TCPTALE_CARD_SINCE_LIMIT - 1);
    cr_expect(card->is_going);
    if (is_late) card->is_going = 0; /* as it would have ceased to be */
    feed_folded("~c S 0; ~s SA 0/1; c P 101+100/1");
    cr_expect(!card_in(&folded)->is_going && card->has_record == is_late, "%d", is_late);
    cr_expect_eq(tape_count(&folded, TAPE_DATA, TAPE_ANY), 2u);
    end();
  }
}

/* With the last digit of an offset nothing is usual, for the next has no place on a card: no short
 * way may pass it, neither where the digit was reached on it nor after a record was folded. */
Test(fold, offsets_end_with_the_last_digit) {
  const uint64_t last = TCPTALE_CARD_OFFSET_LIMIT - ((uint64_t)1 << 32);
  for (int wakes = 0; wakes < 2; wakes++) {
    tell("HS; c P 1+100/1; s A 1/101", NULL);
    struct tcptale_card *card = card_in(&folded);
    cr_expect(card->is_going);
    set_offset(card, last - 50);
    feed_folded("~c S 0; ~s SA 0/1; c P 101+100/1");
    cr_expect(!card->has_record && !card->is_going);
    cr_expect_eq(tcptale_card_next(&card->ends[card->client_at]), last + 50);
    if (wakes) feed_folded("~c S 0; ~s SA 0/1; ~c P 101+100/1; c P 201+100/1; s P 1+60/301");
    cr_expect(!card->has_record && !card->is_going);
    set_offset(card, TCPTALE_CARD_OFFSET_LIMIT - 50);
    feed_folded(wakes ? "~c S 0; ~s SA 0/1; ~c P 201+100/1; c P 301+100/61; c P 401+100/61"
                      : "~c S 0; ~s SA 0/1; ~c P 101+100/1; c P 201+100/1; c P 301+100/1");
    const struct tape_event *data = tape_find(&folded, TAPE_DATA, wakes ? 5 : 3);
    cr_assert_not_null(data);
    cr_expect_eq(data->offset, TCPTALE_CARD_OFFSET_LIMIT + 50);
    tape_end(&whole);
    tape_end(&folded); /* the laws know nothing of what was skipped */
    tape_wipe(&whole);
    tape_wipe(&folded);
  }
}

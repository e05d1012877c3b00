/* The short way of plain segments (lib/plain.h) against the long one, which whoever asks for
 * verdicts gets: the same events, and in the end the same record. Each talk ends while bytes wait,
 * and is about one thing that the short way has to do, or has to leave to the long one. */
#include <criterion/criterion.h>
#include <string.h>

#include "tape.h"
#include "tracker.h"

static struct tape longer, shorter;

static struct tcptale_conn *record_in(const struct tape *tape) {
  struct tcptale_tracker *t = tape->tracker;
  uint32_t ref = tcptale_roster_look_id(&t->roster, &t->env, 1);
  cr_assert(ref != 0 && !tcptale_roster_is_packed(ref));
  return tcptale_roster_record(&t->env, tcptale_roster_card(&t->env, ref));
}

/* A record without what differs by nature: whose it is, where in memory what hangs on it lies, and
 * the time of TS.Recent, which a card does not keep. */
static struct tcptale_conn bare(const struct tape *tape) {
  struct tcptale_conn conn = *record_in(tape);
  conn.card = NULL;
  conn.tracker = NULL;
  conn.tally = conn.anomalies = conn.parked_last = 0;
  conn.parked = conn.parked != TCPTALE_ARENA_NONE;
  conn.renew = conn.renew != TCPTALE_ARENA_NONE;
  for (int d = 0; d < 2; d++) {
    struct tcptale_end *end = &conn.ends[d];
    end->half.cold = end->half.cold != TCPTALE_ARENA_NONE;
    end->half.history = end->half.history != TCPTALE_ARENA_NONE;
    end->ts_recent_s = 0;
    if (!tcptale_conn_has(&conn, TCPTALE_CONN_SCALED)) end->wscale = TCPTALE_WSCALE_NONE;
  }
  return conn;
}

static void feed(struct tape *tape, unsigned flags, const tcptale_config *config,
                 const struct script_steps *steps) {
  tape_begin(tape, TAPE_PLACES | TAPE_ANOMALIES | flags);
  cr_assert_eq(tape_feed(tape_tracker(tape, config), steps), TCPTALE_OK);
}

static void compare(const char *text, const tcptale_config *config) {
  struct script_steps steps;
  tape_render(&steps, text);
  feed(&longer, TAPE_SEGMENTS, config, &steps);
  feed(&shorter, 0, config, &steps);
  script_steps_free(&steps);
  cr_assert_not_null(record_in(&shorter), "%s: bytes wait", text);
  struct tcptale_conn wanted = bare(&longer), got = bare(&shorter);
  cr_expect_eq(shorter.tracker->env.dup_frames, longer.tracker->env.dup_frames, "%s", text);
  cr_expect(memcmp(&wanted, &got, sizeof got) == 0, "%s: the record", text);
  cr_expect_null(tape_end(&longer), "%s", text);
  cr_expect_null(tape_end(&shorter), "%s", text);
  tape_drop_segments(&longer);
  cr_expect(tape_equal(&longer, &shorter, text), "%s", text);
  tape_wipe(&longer);
  tape_wipe(&shorter);
}

static void compare_all(const char *const *talks, size_t count, const tcptale_config *config) {
  for (size_t i = 0; i < count; i++) compare(talks[i], config);
}

#define ALL(talks, config) compare_all(talks, sizeof(talks) / sizeof *(talks), config)
#define STAMPED            "c S 0 wscale=7 ts=10,0; s SA 0/1 wscale=2 ts=20,10; c A 1/1 ts=11,20; "
#define HOLE               "c P 101+100/1 ts=12,20; "

Test(plain, takes_what_the_long_way_takes) {
  static const char *TALKS[] = {
      "HS; c P 101+100/1",                                             /* a hole */
      "HS; c P 101+100/1; c P 301+50/1; c P 201+50/1; c P 401+80/1",   /* more of them */
      "HS; c P 101+100/1; c P 301+50/1; c P 1+100/1",                  /* the first is filled */
      "HS; c P 101+100/1; c P 101+100/1 ipid=9; c P 151+100/1",        /* sent again, and more */
      "HS; c P 101+100/1; c P 101+20\"x\"/1",                          /* otherwise */
      "HS; c P 1+90/1; c P 201+100/1; c P 1+90/1 ipid=9",              /* told before */
      "HS; c P 101+100/1; s A 1/1; s A 1/1; s A 1/1",                  /* asked for */
      "HS; c P 101+100/1; s P 1+60/1; c A 201/61",                     /* the other direction */
      "HS; c P 101+100/1; s A 1/201; c P 301+50/1",                    /* a gap before long */
      "HS; c P 101+100/1; s A 1/1 w=9000; s A 1/1 w=8999",             /* windows */
      "HS; c P 101+100/1; t+2; c P 301+90/1; t+5; c P 401+90/1",       /* silence */
      "HS; s P 1+50/1; c P 101+100/51; c P 201+100/31; c P 301+100/1", /* older ACKs */
      "HS; c P 1+1/1; c P 2+1/1; s A 1/2; c P 3+1/1; c P 5+1/1",       /* byte by byte */
      "HS; c P 101+1/1; c P 201+1/1; c P 203+1/1; c P 202+9/1",
      "HS; c P 101+100/1 ipid=7; c P 101+100/1 ipid=7", /* captured twice, or not */
      "HS mac=3; c P 101+100/1 mac=3; s A 1/1 mac=4; c P 201+50/1 mac=3; s A 1/1 mac=4",
      "HS; c P 101+100/1; s A 1/1 mac=4; s A 1/1; s P 1+50/1 mac=4; c P 201+50/1 mac=3; c P "
      "301+9/1",
      STAMPED HOLE "c P 201+100/1 ts=14,20; c P 301+100/1 ts=13,20; c P 1+60/1 ts=13,20",
      STAMPED HOLE "c A 1/1 ts=15,20; c A 1/1 ts=14,20; s A 1/1 ts=25,15; s P 1+60/1 ts=24,15",
      STAMPED HOLE "s A 1/61 ts=25,12 w=50; c P 301+100/1 ts=16,25 sack=1-5",
      "c A 1+20/1; s A 1+30/21; c A 21/31; c P 101+90/31; s P 31+40/21"};
  ALL(TALKS, NULL);
}

/* What is told about the segment itself, or asks for more than bytes to be taken. */
Test(plain, leaves_the_rest) {
  static const char *TALKS[] = {
      "HS; c P 101+100/1; c P 1+1/1",                         /* a probe, or so few bytes */
      "HS; s P 101+50/1; s A 1/1 w=0; c P 1+1/1",             /* a probe of a closed window */
      "HS; s P 101+50/1; s A 1/31; c A 30+1/1; c P 32+1/1",   /* acknowledged unseen */
      "HS; s P 1+90/1; c P 101+100/91; s A 90+1/1; s A 90/1", /* a keep-alive */
      "HS w=500; c P 101+100/1; c P 451+100/1; c P 601+50/1", /* beyond the window */
      "HS w=500; c P 101+100/1; c P 601+50/1; s A 1/1 w=900; c P 301+100/1; s A 1/651",
      "HS; c P 101+100/1; c P 2147490000+100/1; s A 1/1", /* 2^31 away */
      "HS wscale=14; s A 1/1; c P 1073725441+20000/1; s A 1/1073745441; "
      "c A 2147467270/1; c P 2147467270+100/1",         /* the same, ahead, though in the window */
      "HS; c P 101+100/1; c P -99+150/1; c P -50+20/1", /* below the first byte */
      "HS; c P 101+100/1; s A 1/300; s A 1/900000",     /* of what was never seen */
      "HS; s P 1+30000/1; c A 1/30001; s P 30001+30000/1; c A 1/60001; s P 60001+30000/1; "
      "c A 1/90001; c P 101+90/90001; c P 201+90/9; c A 1/9",         /* of long ago */
      "HS w=90; c P 51+20/0 w=900; s P 501+50/1; s A 1/0",            /* of nothing */
      "HS; c P 101+100/1; c P 201+100/1 ttl=20; c P 301+100/1 mac=9", /* another path */
      "HS; c P 101+100/1 mac=3; c P 201+100/1 mac=4; c P 301+100/1 mac=4",
      "HS; c P 101+100/1; s A 1/1 w=20; c P 201+100/1; s A 1/1 w=9000", /* a window that shrinks */
      "HS; c P 301+100/1; c F 401/1; c P 1+100/1; s A 1/101",           /* an end */
      "HS; c P 101+100/1; s F 1/1; s A 2/1; c A 1/2; c P 201+50/2",
      "HS; c P 51+50/1; c F 101/1; s P 101+50/1; c P 1+50/1; s A 1/102", /* told at last */
      "HS; c P 51+50/1; c F 101/1; s P 101+50/1; c P 1+50/1",
      "HS; c P 101+100/1; c R 50/1; c P 201+100/1; s A 1/1", /* a RST in the window */
      "HS; c P 101+100/1; s R 1/1; s A 1/1; s P 1+90/1",     /* one that is refuted */
      "HS; c P 101+100/1; c S 500; s A 1/1; c P 201+100/1",  /* a SYN */
      "HS; c P 101+100/1; c S 500; 80x c A 1/1; s A 1/1",    /* and later its challenge */
      "HS w=500; c P 101+100/1; c P 601+50/1; 80x c A 1/1; s A 1/1 w=900", /* in the window now */
      "HS; c P 101+100/1; c U 201+50/1 urg=3; c P 251+100/1",
      "c A 1+1/1; c P 101+90/1; s A 1/1; s A 1+30/2; c P 201+80/31", /* a lone byte */
      "c A 1/1; c P 101+90/1; c P 41+20/1; s A 1/1; s P 51+40/1",    /* no sure beginning */
      "c S 0; s SA 0/1; s P 101+100/1; s P 201+90/1; c P 301+90/1; c P 101+90/1; s A 301/1",
      STAMPED HOLE "c P 201+100/1 ts=9,20; c P 301+100/1 ts=11,20", /* an old timestamp */
      STAMPED HOLE "c P 201+100/1; c A 1/1; c P 301+100/1 ts=5,20", /* none */
      "c S 0 ts=4294967290,0; s SA 0/1 ts=20,10; c A 1/1 ts=4294967291,20; "
      "c P 101+90/1 ts=4294967292,20; c P 201+90/1", /* none, where 0 would be a new one */
      STAMPED HOLE "c P 201+100/1 ts=12,20 md5; c P 301+100/1 ts=12,20"};
  ALL(TALKS, NULL);
}

/* What one end's checksums are worth is on the record, too. */
Test(plain, remembers_right_checksums) {
  static const char *TALKS[] = {
      "c A 1+20/1 badsum; s A 1+30/21; c P 101+100/31; c P 201+100/31 badsum; s A 31/21",
      "HS; c P 101+100/1; c P 201+100/1 badsum; c P 301+100/1; s A 1/1 badsum; s A 1/1",
      "HS badsum; c P 101+100/1 badsum; s A 1/1; s P 1+90/1; c P 301+100/91 badsum"};
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  ALL(TALKS, &config);
  config.checksum = TCPTALE_CHECKSUM_VERIFY;
  compare(TALKS[1], &config);
}

/* Orders that were given before. */
Test(plain, keeps_to_the_configuration) {
  const char *const talk = "HS; c P 101+100/1; c P 301+50/1; s A 1/1; c P 351+50/1; c P 1+40/1; "
                           "c P 501+9/1; c P 601+9/1; c P 701+9/1; c P 801+9/1; s P 1+90/1";
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.queue_segments = 3;
  compare(talk, &config);
  config.queue_bytes = 900;
  compare(talk, &config);
  tcptale_config_init(&config, sizeof config);
  config.flags = TCPTALE_CONFIG_ASYNC;
  compare(talk, &config);
  config.flags = 0;
  /* A hold may be over before the timer's tick is: then that is told first. */
  for (config.reorder_hold_ns = 100000; config.reorder_hold_ns < 4000000;
       config.reorder_hold_ns += 300000)
    compare("HS; c P 101+100/1; c P 301+9/1; s A 1/201; c P 401+9/1; c P 1+9/1; s A 1/1", &config);
  tcptale_config_init(&config, sizeof config);
  config.flags = TCPTALE_CONFIG_NO_DUP_FRAME;
  compare("HS; c P 101+100/1; c P 101+100/1; s A 1/1; s A 1/1", &config);
}

/* Who does not want copies of frames told apart has none that was refused. */
Test(plain, needs_no_memory_of_frames) {
  const char *const talk = "HS; c P 101+100/1; s A 1/900000000; s A 1/1; c P 201+100/1";
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.flags = TCPTALE_CONFIG_NO_DUP_FRAME;
  struct script_steps steps;
  tape_render(&steps, talk);
  feed(&shorter, 0, &config, &steps);
  cr_expect(tcptale_dup_all_believed(&shorter.tracker->dup));
  tape_end(&shorter);
  tape_wipe(&shorter);
  config.flags = 0;
  feed(&shorter, 0, &config, &steps);
  cr_expect_not(tcptale_dup_all_believed(&shorter.tracker->dup));
  tape_end(&shorter);
  tape_wipe(&shorter);
  script_steps_free(&steps);
  compare(talk, &config);
}

/* A timer tells a lone byte of one connection, whose direction so begins anew; then the copy of a
 * frame is looked for, also by who takes plain segments. The copy here is of a connection that was
 * on the same ports. */
Test(plain, sees_what_a_timer_took_back) {
#define OTHER " src=0:6000 dst=1:80"
#define THIRD " src=0:7000 dst=1:80"
#define BACK  " src=1:80 dst=0:7000"
  const char *const talk =
      "c A 1+10/1 ipid=1; s A 1+10/11 ipid=51; c A 11+10/11 ipid=2; t+0.03; c A 1+1/1 ipid=7" OTHER
      "; c A 1+10/1 ipid=11" THIRD "; s A 1+10/11 ipid=61" BACK "; c A 21+10/11 ipid=12" THIRD
      "; t+0.01; c A 1+10/1 ipid=3; s A 1+10/11 ipid=52; t+0.01; c A 31+10/11 ipid=13" THIRD
      "; t+0.02; c A 41+10/11 ipid=14" THIRD "; c A 11+10/11 ipid=2";
  struct script_steps steps;
  tcptale_config config;
  tcptale_config_init(&config, sizeof config);
  config.established_ns = 40000000;
  tape_render(&steps, talk);
  feed(&longer, TAPE_SEGMENTS, &config, &steps);
  feed(&shorter, 0, &config, &steps);
  cr_expect_eq(longer.tracker->env.dup_frames, 1);
  cr_expect_eq(shorter.tracker->env.dup_frames, 1);
  tape_end(&longer);
  tape_end(&shorter);
  tape_drop_segments(&longer);
  cr_expect(tape_equal(&longer, &shorter, talk));
  tape_wipe(&longer);
  tape_wipe(&shorter);
  script_steps_free(&steps);
}

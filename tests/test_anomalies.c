/* Every anomaly is raised by a conversation of a few packets, and not by the same conversation
 * without its fault. The test walks all codes that have a name: one without a row here fails it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "tape.h"

struct row {
  uint32_t code;
  const char *packets; /* in the notation of tests/scripts/README.md */
  void (*set)(tcptale_config *config);
  const char *frame; /* a raw IPv4 or IPv6 packet as hex, in place of packets */
  const char *clean; /* the same without the fault; NULL: CLEAN */
};

#define CLEAN "HS; c P 1+9/1; s P 1+9/10; c A 10/10; bye"

static void keep_history(tcptale_config *config) {
  config->history_bytes = 4096;
}

static void one_sided(tcptale_config *config) {
  config->async_hole_bytes = 1000;
}

static void three_segments(tcptale_config *config) {
  config->queue_segments = 3;
}

static void few_bytes(tcptale_config *config) {
  config->queue_bytes = 2000;
}

static void two_connections(tcptale_config *config) {
  config->max_connections = 2;
}

static void out_of_band(tcptale_config *config) {
  config->urgent = TCPTALE_URGENT_OOB;
}

static void linux_host(tcptale_config *config) {
  config->policy[0] = config->policy[1] = TCPTALE_POLICY_LINUX;
}

#define A(code)          TCPTALE_ANOMALY_##code
#define IP(total, flags) "4500" total "00010000" flags "060000 0a000001 0a000002"

static const struct row ROWS[] = {
    {A(BAD_IP_CSUM), "HS; c P 1+9/1 badipsum", NULL, NULL, "HS; c P 1+9/1"},
    {A(BAD_TCP_CSUM), "HS; c P 1+9/1 badsum", NULL, NULL, "HS; c P 1+9/1"},
    {A(CSUM_OFFLOAD), "HS; c P 1+9/1 partial", NULL, NULL, "HS; c P 1+9/1"},
    {A(TRUNCATED), NULL, NULL, "4500002800010000400600000a0000010a0000020050", NULL},
    {A(MALFORMED), NULL, NULL,
     "45000028000100004006 66ce 0a0000010a000002 04d20050000000010000000140102000 0000 0000", NULL},
    {A(TOO_MANY_LAYERS), NULL, NULL,
     "6000000000503c40 fd000000000000000000000000000001 fd000000000000000000000000000002"
     "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
     "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 0600010400000000",
     NULL},
    {A(BAD_FLAGS), "HS; c SF 9/-", NULL, NULL, NULL},
    {A(NO_ACK_FLAG), "HS; c P 1+9/-", NULL, NULL, "HS; c P 1+9/1"},
    {A(LAND), "c S 0 src=0:80 dst=0:80", NULL, NULL, "c S 0 src=0:80 dst=1:80"},
    {A(OPT_MALFORMED), "c S 0 opt=0203aabb", NULL, NULL, "c S 0 opt=020405b4"},
    {A(OPT_DUP), "c S 0 mss=1460 opt=02040500", NULL, NULL, "c S 0 mss=1460"},
    {A(WSCALE_RANGE), "c S 0 wscale=15", NULL, NULL, "c S 0 wscale=14"},
    {A(IP_OPT_ROUTE), NULL, NULL,
     "47000030000100004006 0000 0a0000010a000002 830704 0a000003 00"
     "04d20050 00000001 00000000 5002 2000 0000 0000",
     NULL},
    {A(IP_OPT_MALFORMED), NULL, NULL,
     "4600002c000100004006 0000 0a0000010a000002 07010000"
     "04d20050 00000001 00000000 5002 2000 0000 0000",
     NULL},
    {A(MPTCP), "HS mptcp", NULL, NULL, "HS"},
    {A(RST_DATA), "HS; s R 1+4\"text\"", NULL, NULL, "HS; s R 1"},
    {A(SYN_DATA), "c S 0+4", NULL, NULL, "c S 0"},
    {A(SYN_DATA_IGNORED), "c S 0+4; s SA 0/1; c A 1/1", NULL, NULL, "c S 0+4; s SA 0/5; c A 5/1"},
    {A(DATA_BEFORE_EST), "c S 0; s SA 0/1; s P 1+4/1; c A 1/1", NULL, NULL, NULL},
    {A(SYN_FLOOD_FLOW), "c S 0; c S 10; c S 20; c S 30; c S 40; c S 50", NULL, NULL,
     "c S 0; c S 0; c S 0; c S 0; c S 0; c S 0"},
    {A(SYNACK_BAD_ACK), "c S 0; s SA 0/77", NULL, NULL, "c S 0; s SA 0/1"},
    {A(SYNACK_DIFF_SEQ), "c S 0; s SA 0/1; s SA 50/1; c A 1/1", NULL, NULL,
     "c S 0; s SA 0/1; s SA 0/1; c A 1/1"},
    {A(SYNACK_WRONG_DIR), "c SA 0/9; c S 0; s SA 0/1; c A 1/1", NULL, NULL, NULL},
    {A(SPLIT_HANDSHAKE), "c S 0; s S 0; c SA 0/1; s A 1/1", NULL, NULL, NULL},
    {A(SIMULTANEOUS_OPEN), "c S 0; s S 0; c SA 0/1; s SA 0/1", NULL, NULL, NULL},
    {A(TS_MISSING), "HS ts=10,0; c P 1+4/1", NULL, NULL, "HS ts=10,0; c P 1+4/1 ts=10,10"},
    {A(MD5_UNEXPECTED), "HS; c P 1+4/1 md5", NULL, NULL, "HS md5; c P 1+4/1 md5"},
    {A(MD5_UNEXPECTED), "HS; c P 1+4/1 md5", linux_host, NULL, NULL},
    {A(SYN_IN_ESTABLISHED), "HS; c S 900; s A 1/1", NULL, NULL, "HS; c S 0; s A 1/1"},
    {A(SYN_AFTER_CLOSE), CLEAN "; base c=4294960000; c S 0", NULL, NULL, NULL},
    {A(PORT_REUSE), CLEAN "; base c=100000 s=100000; HS", NULL, NULL, CLEAN "; t+40; HS"},
    {A(SEQ_IMPLAUSIBLE), "HS; c P 2147483648+4/1", NULL, NULL, NULL},
    {A(OUT_OF_WINDOW), "HS; c P 70000+4/1", NULL, NULL, "HS; c P 65000+4/1"},
    {A(ACK_UNSEEN), "HS; c P 1+4/1; s A 1/9", NULL, NULL, "HS; c P 1+4/1; s A 1/5"},
    {A(ACK_IMPLAUSIBLE), "HS; c P 1+4/1; s A 1/2000000", NULL, NULL, NULL},
    {A(ACK_OLD),
     "HS; base c=100000 s=100000; c A 1/1; base c=0 s=0; c P 1+60000/1; c P 60001+60000/1;"
     "s A 1/120001; s P 1+4/2",
     NULL, NULL, "HS; c P 1+60000/1; s A 1/60001; s P 1+4/2"},
    {A(BROKEN_ACK), "c S 0/-7", NULL, NULL, "c S 0/-"},
    {A(WINDOW_SHRINK), "HS; s A 1/1 w=1000; s A 1/1 w=200", NULL, NULL,
     "HS; s A 1/1 w=65535; s A 1/1 w=65535"},
    {A(WINDOW_BAD), "HS; c P 9+2/50 w=1", NULL, NULL, "HS; c P 9+2/1 w=1"},
    {A(PAWS), "HS ts=1000,0; c P 1+4/1 ts=1000,1; s A 1/5 ts=1,1000; c P 5+4/1 ts=10,1", NULL, NULL,
     "HS ts=1000,0; c P 1+4/1 ts=1000,1; s A 1/5 ts=1001,1000; c P 5+4/1 ts=1000,1"},
    {A(OVERLAP_CONFLICT), "HS; c P 5+4\"abcd\"/1; c P 5+4\"abxd\"/1", NULL, NULL,
     "HS; c P 5+4\"abcd\"/1; c P 5+4\"abcd\"/1"},
    {A(OVERLAP_CONFLICT), "HS; c P 1+4\"abcd\"/1; c P 1+4\"abxd\"/1", keep_history, NULL, NULL},
    {A(LATE_AFTER_GAP), "HS; c P 5+4/1; s A 1/9; t+1; s A 1/9; c P 1+4/1", keep_history, NULL,
     "HS; c P 5+4/1; c P 1+4/1; s A 1/9"},
    {A(HOLE_LIMIT), "c P 1+9/1; c P 100+900/1; c P 1000+900/1", one_sided, NULL, NULL},
    {A(SEG_LIMIT), "HS; c P 5+1/1; c P 9+1/1; c P 13+1/1; c P 17+1/1", three_segments, NULL,
     "HS; c P 5+1/1; c P 9+1/1; c P 13+1/1"},
    {A(BYTE_LIMIT), "HS; c P 5+900/1; c P 1005+900/1; c P 2005+900/1", few_bytes, NULL, NULL},
    {A(SMALL_SEGMENTS), "HS; 1024x c A 1+8/1 step=8", NULL, NULL, "HS; 1023x c A 1+8/1 step=8"},
    {A(URGENT), "HS; c PU 1+3/1 urg=2", NULL, NULL, "HS; c P 1+3/1 urg=2"},
    {A(URGENT), "HS; c PU 1+3/1 urg=2", out_of_band, NULL, NULL},
    {A(URGENT_LIMIT), "HS; 65536x c PAU 1+1/1 urg=1 step=1", NULL, NULL,
     "HS; 20x c PAU 1+1/1 urg=1 step=1"},
    {A(DISCARDED), "HS; c P 9+4/1; s A 1/1", NULL, NULL, "HS; c P 9+4/1; c P 1+8/1"},
    {A(FIN_MOVED), "HS; c FA 5/1; c FA 9/1", NULL, NULL, "HS; c FA 5/1; c FA 5/1"},
    {A(DATA_AFTER_FIN), "HS; c P 1+4/1; c FA 5/1; s A 1/6; c P 5+4/1", NULL, NULL, NULL},
    {A(FIN_OUT_OF_WINDOW), "HS; c FA 70000/1", NULL, NULL, "HS; c FA 1/1"},
    {A(RST_OUT_OF_WINDOW), "HS; s R 70000", NULL, NULL, "HS; s R 1"},
    {A(RST_IN_WINDOW), "HS; s P 9+4/1; c A 1/13; t+1; c A 1/13; s R 20", NULL, NULL, "HS; s R 1"},
    {A(RST_IGNORED), "HS; s R 11; s P 1+4/1", NULL, NULL, "HS; s P 1+4/1"},
    {A(RST_SUSPECT_INJECTION), "HS; s R 1; s P 1+4/1", NULL, NULL, "HS; s P 1+4/1; s R 5"},
    {A(RST_BAD_ACK), "c S 0; s RA 0/9", NULL, NULL, "c S 0; s RA 0/1"},
    {A(DATA_AFTER_RST), "HS; s R 1; t+11; expire; c P 1+4/1", NULL, NULL, "HS; s R 1"},
    {A(MAC_CHANGE), "HS ether; c P 1+4/1 ether mac=1; c P 5+4/1 ether mac=7", NULL, NULL,
     "HS ether; c P 1+4/1 ether mac=1; c P 5+4/1 ether mac=1"},
    {A(TTL_JUMP), "HS; c P 1+4/1 ttl=64; c P 5+4/1 ttl=3", NULL, NULL,
     "HS; c P 1+4/1 ttl=64; c P 5+4/1 ttl=63"},
    {A(FRAG_OVERLAP), "HS; c P 1+60/1 frag=0-40,24-", NULL, NULL, "HS; c P 1+60/1 frag=0-40,40-"},
    {A(FRAG_CONFLICT), "HS; c P 1+60\"a\"/1 frag=40-48 ipid=7; c P 1+60\"b\"/1 frag=32-56 ipid=7",
     NULL, NULL, NULL},
    {A(FRAG_TINY), "HS; c P 1+60/1 frag=0-8,8-", NULL, NULL, "HS; c P 1+60/1 frag=0-24,24-"},
    {A(FRAG_INCONSISTENT), "HS; c P 1+60/1 frag=0-24,40-,24-32!", NULL, NULL, NULL},
    {A(FRAG_LIMIT), "HS; 1030x c P 1+60/1 frag=0-24 step=1", NULL, NULL,
     "HS; 100x c P 1+60/1 frag=0-24 step=1"},
    {A(FRAG_TIMEOUT), "HS; c P 1+60/1 frag=0-24; t+31; c P 1+9/1", NULL, NULL,
     "HS; c P 1+60/1 frag=0-24,24-; t+31; c P 1+9/1"},
    {A(EVICTED), "HS; c S 0 src=2:1; c S 0 src=2:2; c S 0 src=2:3", two_connections, NULL,
     "HS; c S 0 src=2:1"},
    {A(NOMEM), "200x c S 0+1400 step=10", NULL, NULL, "200x c S 0 step=10"},
};
enum { ROW_COUNT = sizeof ROWS / sizeof *ROWS };

/* Named, and raised by no rule of the catalogue. */
static const struct {
  uint32_t code;
  const char *why;
} UNRAISED[] = {
    {A(WINDOW_TOO_LARGE),
     "no setting names a largest window, and a shift above 14 is wscale_range"},
    {A(OVERLAP_LIMIT),
     "copies that agree are retransmissions, those that differ are told one by one"},
};

static void make_config(tcptale_config *config, const struct row *row) {
  tcptale_config_init(config, sizeof *config);
  config->memory_bytes = 4 << 20;
  if (row->set) row->set(config);
}

static void run_frame(struct tape *tape, const tcptale_config *config, const char *hex) {
  uint8_t bytes[400];
  tcptale_frame frame = {.struct_size = sizeof frame, .link_type = TCPTALE_LINK_RAW, .index = 1};

  frame.cap_len = (uint32_t)guard_hex(bytes, sizeof bytes, hex);
  frame.wire_len = frame.cap_len;
  frame.data = bytes;
  cr_assert_eq(tcptale_tracker_feed(tape_tracker(tape, config), &frame, 1, NULL), TCPTALE_OK);
  cr_expect_null(tape_end(tape));
}

Test(anomalies, each_is_raised) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct row *row = &ROWS[i];
    const char *name = tcptale_anomaly_name(row->code);
    tcptale_config config;
    struct tape tape;

    make_config(&config, row);
    tape_begin(&tape, 0);
    if (row->frame) run_frame(&tape, &config, row->frame);
    else tape_run(&tape, &config, row->packets);
    cr_expect_gt(tape.anomalies[row->code], 0, "%s: not raised by %s", name,
                 row->frame ? row->frame : row->packets);
    tape_wipe(&tape);
    tape_begin(&tape, 0);
    tape_run(&tape, &config, row->clean ? row->clean : CLEAN);
    cr_expect_eq(tape.anomalies[row->code], 0, "%s: raised without a reason by %s", name,
                 row->clean ? row->clean : CLEAN);
    tape_wipe(&tape);
  }
}

static int has_row(uint32_t code) {
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (ROWS[i].code == code) return 1;
  return 0;
}

Test(anomalies, each_name_has_a_row) {
  size_t left_out = sizeof UNRAISED / sizeof *UNRAISED;

  for (uint32_t code = 1; code < 1000; code++) {
    int is_named = strcmp(tcptale_anomaly_name(code), "unknown") != 0;
    int reasons = 0;
    for (size_t i = 0; i < left_out; i++) reasons += UNRAISED[i].code == code;
    cr_expect_eq(is_named, has_row(code) + reasons, "%s (%u)", tcptale_anomaly_name(code), code);
  }
  cr_expect_leq(left_out, 5);
}

/* X13: the 1st, 10th, 100th ... time of a code in a connection is told, with how often it came
 * up. */
Test(anomalies, told_ever_more_rarely) {
  static const uint64_t COUNTS[] = {1, 10, 100, 1000, 10000};
  struct tape tape;
  size_t n = 0;

  tape_begin(&tape, TAPE_ANOMALIES | TAPE_PLACES);
  tape_run(&tape, NULL, "HS; 20000x c P 1+1/- step=1; c S 0 src=2:7; 5x s R 900 dst=2:7");
  for (size_t i = 0; i < tape.count; i++) {
    const struct tape_event *e = &tape.events[i];
    if (e->kind != TAPE_ANOMALY || e->code != TCPTALE_ANOMALY_NO_ACK_FLAG) continue;
    cr_assert_lt(n, 5);
    cr_expect_eq(e->from_index, COUNTS[n++], "its count");
  }
  cr_expect_eq(n, 5);
  tape_wipe(&tape);
}

/* One direction, alone: what goes in as segments comes out as a tale. Rows are named after the
 * cases of TCP traffic that they show; each runs at many first sequence numbers, which change
 * nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream_log.h"

struct row {
  const char *name;
  const char *options;
  const char *script;
  const char *log;
};

static const struct row ROWS[] = {
    {"S02 out of order", "", "4\"def\" 1\"abc\"", "D0 abc; D3 def"},
    {"S04 the same again", "history", "1\"abcd\" 1\"abcd\"", "D0 abcd"},
    {"S04 longer again", "history", "1\"abc\" 1\"abcdef\"", "D0 abc; D3 def"},
    {"S04 repacked", "history", "1\"ab\" 3\"cd\" 1\"abcd\"", "D0 ab; D2 cd"},
    {"S05 other bytes", "history", "1\"abcd\" 1\"aXcd\"", "D0 abcd; A overlap_conflict 1+1"},
    {"S05 without history", "", "1\"abcd\" 1\"aXcd\"", "D0 abcd"},
    {"S06 lost, acknowledged", "", "5\"WXYZ\" a9 . . . .", "G0+4 acked; D4 WXYZ"},
    {"S06 time tells it too", "", "5\"WXYZ\" a9 t9 T0 t1 T0", "G0+4 acked; D4 WXYZ"},
    {"S06 the end tells it too", "", "5\"WXYZ\" a9 end", "G0+4 acked; D4 WXYZ"},
    {"S07 filled in time", "", "5\"WXYZ\" a1 a1 a1 1\"abcd\" a9", "D0 abcd; D4 WXYZ"},
    {"S09 the ACK came early", "", "1\"abcd\" a9 5\"efgh\"", "D0 abcd; A ack_unseen 4+4; D4 efgh"},
    {"S10 a tail becomes a gap", "", "1\"abcd\" a9 9\"IJKL\" end",
     "D0 abcd; A ack_unseen 4+4; G4+4 acked; D8 IJKL"},
    {"S10 at the close", "", "1\"abcd\" a9 end", "D0 abcd; A ack_unseen 4+4; G4+4 acked"},
    {"S11 too far to be true", "", "1\"abcd\" a1200000000 5\"efgh\"",
     "D0 abcd; A ack_implausible 0+0; D4 efgh"},
    {"S14 an ACK inside a segment", "", "5\"0123456789\" a8 . . . .", "G0+4 acked; D4 0123456789"},
    {"S17 keep-alive", "history", "1\"abcd\" a5 4\"?\" 4\"\"", "D0 abcd"},
    {"S18 its byte was never seen", "", "1\"abc\" a5 4\"?\" 5\"e\" end",
     "D0 abc; A ack_unseen 3+1; G3+1 acked; D4 e"},
    {"S19 a probe that another copy replaces", "history", "1\"abcd\" a5 5\"A\"V a5 5\"XYZ\" a8",
     "D0 abcd; D4 XYZ"},
    {"S20 a probe that is taken", "", "1\"abcd\" a5 5\"A\"V a6 6\"BC\"", "D0 abcd; D4 A; D5 BC"},
    {"S20 two probes", "", "1\"abcd\" a5 5\"A\"V 5\"B\"V a6", "D0 abcd; D4 B"},
    {"S23 one new byte", "", "1\"abcd\" 4\"de\"", "D0 abcd; D4 e"},
    {"S24 before the first byte", "", "0\"?abcd\" -1\"??abcdef\"", "D0 abcd; D4 ef"},
    {"S25 urgent in the stream", "", "1\"aXb\"U2", "D0 aXb; A urgent 1+1 X"},
    {"S25 urgent out of band", "oob", "1\"aXb\"U2 4\"cd\"", "D0 a; A urgent 1+1 X; D1 b; D2 cd"},
    {"S25 urgent dropped", "drop", "1\"aXb\"U2 4\"cd\"F", "D0 a; D1 b; D2 cd; E4"},
    {"S25 urgent a gap", "gap", "1\"aXb\"U2 4\"cd\"", "D0 a; G1+1 acked; D2 b; D3 cd"},
    {"S25 urgent out of order", "oob", "4\"dYf\"U2 1\"aXb\"U2",
     "D0 a; A urgent 1+1 X; D1 b; D2 d; D3 f"},
    {"S26 pointer 0", "oob", "1\"abc\"U0", "A urgent 0+0; D0 abc"},
    {"S26 pointer beyond", "oob", "1\"abc\"U4", "A urgent 0+0; D0 abc"},
    {"S26 nothing there", "oob", "1\"\"U1 1\"abc\"", "A urgent 0+0; D0 abc"},
    {"S26 the last byte", "oob", "1\"abc\"U3 4\"d\"", "D0 ab; A urgent 2+1 c; D2 d"},
    {"S38 unseen ACKs, bytes", "async=6", "1\"ab\" 5\"efgh\" 9\"ijkl\"",
     "D0 ab; A hole_limit 2+2; G2+2 budget; D4 efgh; D8 ijkl"},
    {"S38 unseen ACKs, time", "", "1\"ab\" 5\"ef\" t4999 T0 t1 T0 7\"g\"",
     "D0 ab; G2+2 timeout; D4 ef; D6 g"},
    {"S38 the first ACK comes too late", "", "3\"c\" t6000 a1 end", "G0+2 timeout; D2 c"},
    {"S38 two holes age apart", "", "3\"c\" t3000 5\"e\" t2000 T0 t2999 T0 t1 T0",
     "G0+2 timeout; D2 c; G3+1 timeout; D4 e"},
    {"S40 cut by the capture", "", "1\"abcd\"/6 7\"gh\"", "D0 abcd; G4+2 snaplen; D6 gh"},
    {"S40 cut and waiting", "", "3\"c\"/3 6\"f\" 1\"ab\"", "D0 ab; D2 c; G3+2 snaplen; D5 f"},
    {"S40 another copy has it", "", "3\"c\"/3 3\"cde\" 1\"ab\"", "D0 ab; D2 c; D3 de"},
    {"S40 nothing captured", "", "1\"\"/3 4\"d\"", "G0+3 snaplen; D3 d"},
    {"S41 the whole comes later", "", "1\"ab\"/4 1\"abcd\" 5\"e\"",
     "D0 ab; G2+2 snaplen; A late_after_gap 2+2 cd; D4 e"},
    {"S43 a gap to the right", "", "1\"abc\" 9\"ijk\"", "D0 abc"},
    {"S45 the bytes come late", "", "5\"efgh\" a9 t10 1\"abcd\" 9\"i\"",
     "G0+4 acked; D4 efgh; A late_after_gap 0+4 abcd; D8 i"},
    {"S45 a part of them", "history", "5\"efgh\" a9 t10 3\"cdXf\"",
     "G0+4 acked; D4 efgh; A late_after_gap 2+2 cd; A overlap_conflict 4+1"},
    {"S46 ACKs go back", "", "1\"abcd\" a5 a3 5\"ef\" a7 end", "D0 abcd; D4 ef"},
    {"P07 the ACK is three packets early", "", "5\"efgh\" a9 . . 1\"abcd\"", "D0 abcd; D4 efgh"},
    {"P07 it is four", "", "5\"efgh\" a9 . . . 1\"abcd\"",
     "G0+4 acked; D4 efgh; A late_after_gap 0+4 abcd"},
    {"P07 no hold at all", "hold_ms=0", "5\"efgh\" a9", "G0+4 acked; D4 efgh"},

    {"C05 the FIN is early", "", "9\"\"F 1\"12345678\"", "D0 12345678; E8"},
    {"C06 only the FIN came", "", "9\"\"F a10 end", "G0+8 acked; E8"},
    {"C06 it need not end for that", "", "9\"\"F a10 T10", "G0+8 acked; E8"},
    {"C07 five times", "", "1\"ab\"F 3\"\"F 1\"ab\"F 2\"b\"F 3\"\"F", "D0 ab; E2"},
    {"C08 two FINs, the first counts", "acked", "1\"abcd\" 5\"\"F 9\"\"F a6",
     "A fin_moved 8+0; D0 abcd; E4"},
    {"C08 two FINs, the second counts", "acked", "1\"abcd\" 5\"\"F 9\"\"F a10 T10",
     "A fin_moved 8+0; D0 abcd; G4+4 acked; E8"},
    {"C08 it was told", "", "1\"abcd\" 5\"\"F 9\"\"F a10",
     "D0 abcd; E4; A fin_moved 8+0; A ack_unseen 8+1"},
    {"C08 the first was fixed", "", "9\"\"F a10 13\"\"F a14 T10",
     "A fin_moved 12+0; A ack_unseen 12+1; G0+8 acked; E8"},
    {"C08 both are refuted", "", "21\"\"F 11\"\"F 1\"abcdefghijklmno\" a30 end",
     "A fin_moved 10+0; D0 abcdefghijklmno; A ack_unseen 21+8; G15+14 acked"},
    {"C08 the ACKs are beyond it already", "", "1\"ab\" a9 4\"\"F end",
     "D0 ab; A ack_unseen 2+6; A data_after_fin 3+5; G2+6 acked"},
    {"C09 data after the FIN", "", "1\"abcd\"F a6 5\"late\"",
     "D0 abcd; E4; A data_after_fin 4+4 late"},
    {"C09 cut by the capture", "", "1\"abcd\"F 5\"la\"/4", "D0 abcd; E4; A data_after_fin 4+4"},
    {"C09 they were there before", "", "7\"late\" 5\"\"F 1\"abcd\"",
     "D0 abcd; A data_after_fin 4+4; E4"},
    {"C09 while it waits", "", "5\"\"F 5\"late\" 1\"abcd\"",
     "A data_after_fin 4+4 late; D0 abcd; E4"},
    {"C09 across it", "", "5\"\"F 3\"cdefg\" 1\"ab\"",
     "A data_after_fin 4+3 efg; D0 ab; D2 cd; E4"},
    {"C09 a FIN in what was told", "", "1\"abcd\" 3\"\"F 5\"e\"",
     "D0 abcd; A data_after_fin 2+2; D4 e"},
    {"C22 never acknowledged", "", "1\"ab\" a3 9\"late\" end", "D0 ab; A discarded 8+4"},
    {"C22 half acknowledged", "", "1\"ab\" 9\"late\" a6 end", "D0 ab; G2+3 acked; A discarded 8+4"},
    {"R20 ACKs were never seen", "", "1\"ab\" 5\"ef\" 9\"\"F end",
     "D0 ab; G2+2 end; D4 ef; G6+2 end; E8"},
    {"R20 one-sided though ACKs came", "one_sided", "1\"ab\" 5\"ef\" a5 end",
     "D0 ab; G2+2 acked; D4 ef"},

    {"acked: nothing before the ACK", "acked", "1\"abcd\" 5\"ef\"", ""},
    {"acked: as far as the ACK", "acked", "1\"abcd\" 5\"ef\" a4 a7", "D0 abc; D3 d; D4 ef"},
    {"acked: the first copy was the receiver's", "acked last history", "1\"abcd\" 1\"WXYZ\" a5",
     "A overlap_conflict 0+4; D0 abcd"},
    {"acked: what never came is not told", "acked", "1\"abcd\" a3 end", "D0 ab; A discarded 2+2"},
    {"acked: without any ACK it comes at the end", "acked", "1\"abcd\"F end", "D0 abcd; E4"},
    {"acked: or in time", "acked", "1\"abcd\" t5000 T0 5\"ef\"", "D0 abcd"},
    {"acked: a hole", "acked", "5\"ef\" a7 . . . .", "G0+4 acked; D4 ef"},
    {"acked: the FIN waits too", "acked", "1\"ab\"F a3 a4", "D0 ab; E2"},
    {"acked: one-sided is arrival", "acked one_sided", "1\"ab\"F", "D0 ab; E2"},

    {"R25 conflict in the queue", "last", "3\"cdef\" 4\"XXf\" 1\"ab\"",
     "A overlap_conflict 3+2; D0 ab; D2 c; D3 XXf"},
    {"R25 in-order bytes meet the queue", "first", "1\"a\" 3\"cd\" 2\"bXYZ\"",
     "D0 a; A overlap_conflict 2+2; D1 b; D2 cd; D4 Z"},
    {"R25 and win", "bsd", "1\"a\" 3\"cd\" 2\"bXYZ\"", "D0 a; A overlap_conflict 2+2; D1 bXYZ"},
    {"limit of segments", "segments=2", "a1 3\"c\" 5\"e\" 7\"g\" end",
     "A seg_limit 0+2; G0+2 budget; D2 c; A discarded 4+2"},
    {"limit of segments, the new one is lowest", "segments=2", "a1 5\"e\" 7\"g\" 3\"c\" 4\"d\"",
     "A seg_limit 0+2; G0+2 budget; D2 c; D3 d; D4 e"},
    {"limit of bytes", "bytes=150", "a1 3\"cd\" 6\"fgh\" 10\"jkl\" end",
     "A byte_limit 0+2; G0+2 budget; D2 cd; A discarded 5+6"},
    {"limit of bytes, not of what is there", "segments=1", "3\"cd\" 3\"cd\" 3\"cd\" 1\"ab\"",
     "D0 ab; D2 cd"},
    {"limit with delivery on ACK", "acked segments=2", "a1 1\"a\" 2\"b\" 3\"c\" a4",
     "A seg_limit 0+0; D0 a; D1 b; D2 c"},
    {"S13 many holes, one ACK", "", "2\"b\" 4\"d\" 6\"f\" a7 T10",
     "G0+1 acked; D1 b; G2+1 acked; D3 d; G4+1 acked; D5 f"},
};

static const uint32_t FIRST[] = {1,          0,          0x7ffffffc, 0x7fffffff, 0x80000000,
                                 0xfffffff0, 0xfffffff8, 0xfffffffd, 0xffffffff};

Test(stream, each_case_gives_its_log_at_any_first_number) {
  static struct stream_log log;
  int failed = 0;

  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    for (size_t k = 0; k < sizeof FIRST / sizeof *FIRST; k++) {
      log.stop_after = 0;
      stream_log_run(&log, ROWS[i].options, ROWS[i].script, FIRST[k]);
      if (strcmp(log.text, ROWS[i].log) == 0 && log.tiled) continue;
      failed++;
      cr_log_error("%s, first number %u:\n  got  %s\n  want %s", ROWS[i].name, FIRST[k], log.text,
                   ROWS[i].log);
      break;
    }
  }
  cr_assert_eq(failed, 0, "%d cases differ", failed);
}

/* Stopped after any event, a stream says no further word. */
Test(stream, stop_from_inside_is_the_last_event) {
  static struct stream_log log;

  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    for (int stop = 1; stop < 6; stop++) {
      log.stop_after = stop;
      stream_log_run(&log, ROWS[i].options, ROWS[i].script, 1);
      cr_assert(strncmp(log.text, ROWS[i].log, strlen(log.text)) == 0, "%s, stopped after %d: %s",
                ROWS[i].name, stop, log.text);
    }
  }
}

/* S03: six segments in all 720 orders, ACKs below the hole. */
Test(stream, any_order_of_six_segments_gives_the_same_bytes) {
  static struct stream_log log;
  int order[6] = {0, 1, 2, 3, 4, 5};
  int c[6] = {0};
  int count = 0;

  for (int i = 0; i < 6;) {
    if (i == 0) {
      char script[256] = "";
      for (int k = 0; k < 6; k++) {
        char word[32];
        snprintf(word, sizeof word, "%d\"%c%c\" a1 ", 1 + 2 * order[k], 'a' + 2 * order[k],
                 'b' + 2 * order[k]);
        strcat(script, word);
      }
      stream_log_run(&log, "", script, 0xfffffffb);
      cr_assert(log.tiled && log.told == 12 && memcmp(log.bytes, "abcdefghijkl", 12) == 0, "%s",
                script);
      cr_assert_null(strchr(log.text, 'G'));
      count++;
    }
    if (c[i] < i) {
      int from = i % 2 ? c[i] : 0;
      int swap = order[from];
      order[from] = order[i];
      order[i] = swap;
      c[i]++;
      i = 0;
    } else {
      c[i++] = 0;
    }
  }
  cr_assert_eq(count, 720);
}

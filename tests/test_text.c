/* test_text.c - the text of tcpdump as a capture: lines in, packets, and the same lines out
 * again. */
#include <criterion/criterion.h>

#include "capture.h"
#include "lines.h"
#include "pairs.h"

#include <tcptale/packet.h>

#include <stdio.h>
#include <string.h>

/* Reads a text and gives the lines that dump would print, and each record's time where asked
 * for. */
static void dump_text(const char *text, int absolute, int times, char *out, size_t size) {
  FILE *file = tmpfile();
  lines *maker = lines_new(absolute);
  capture_record r;
  capture *in;
  size_t len = 0;
  cr_assert(file && maker);
  cr_assert(fputs(text, file) >= 0 && fflush(file) == 0);
  rewind(file);
  in = capture_open_fd(fileno(file), "text", CAPTURE_TEXT);
  out[0] = 0;
  while (capture_next(in, &r) == CAPTURE_RECORD) {
    const char *line = lines_of(maker, &r);
    cr_assert(line && len < size);
    if (times)
      len += (size_t)snprintf(out + len, size - len, "%llu\n", (unsigned long long)r.time_ns);
    else len += (size_t)snprintf(out + len, size - len, "%s\n", line);
  }
  capture_close(in, NULL);
  lines_free(maker);
  fclose(file);
}

static void expect(const char *text, int absolute, const char *wanted) {
  char out[8192];
  dump_text(text, absolute, 0, out, sizeof out);
  cr_expect_str_eq(out, wanted, "%s\ninstead of\n%s", out, wanted);
}

#define C "IP 10.0.2.15.43830 > 93.184.216.34.80: "
#define S "IP 93.184.216.34.80 > 10.0.2.15.43830: "

static const char conversation[] =
    C "Flags [S], seq 3558958912, win 29200, length 0\n" S
      "Flags [S.], seq 2944001, ack 3558958913, win 65535, length 0\n" C
      "Flags [.], ack 1, win 29200, length 0\n" C
      "Flags [P.], seq 1:38, ack 1, win 29200, length 37\n" C
      "Flags [F.], seq 38, ack 1, win 29200, length 0\n" S
      "Flags [.], ack 38, win 65535, length 0\n" S "Flags [.], ack 39, win 65535, length 0\n" S
      "Flags [P.], seq 1:1593, ack 39, win 65535, length 1592\n" C
      "Flags [.], ack 1593, win 31240, length 0\n" S
      "Flags [F.], seq 1593, ack 39, win 65535, length 0\n" C
      "Flags [.], ack 1594, win 31240, length 0\n";

static const char conversation_absolute[] =
    C "Flags [S], seq 3558958912, win 29200, length 0\n" S
      "Flags [S.], seq 2944001, ack 3558958913, win 65535, length 0\n" C
      "Flags [.], ack 2944002, win 29200, length 0\n" C
      "Flags [P.], seq 3558958913:3558958950, ack 2944002, win 29200, length 37\n" C
      "Flags [F.], seq 3558958950, ack 2944002, win 29200, length 0\n" S
      "Flags [.], ack 3558958950, win 65535, length 0\n" S
      "Flags [.], ack 3558958951, win 65535, length 0\n" S
      "Flags [P.], seq 2944002:2945594, ack 3558958951, win 65535, length 1592\n" C
      "Flags [.], ack 2945594, win 31240, length 0\n" S
      "Flags [F.], seq 2945594, ack 3558958951, win 65535, length 0\n" C
      "Flags [.], ack 2945595, win 31240, length 0\n";

Test(text, relative_and_absolute_both_ways) {
  expect(conversation, 0, conversation);
  expect(conversation, 1, conversation_absolute);
  expect(conversation_absolute, 0, conversation);
  expect(conversation_absolute, 1, conversation_absolute);
}

/* The same segments from the capture that is part of the project. */
Test(text, the_capture_of_the_same_conversation) {
  capture *in = capture_open("tests/data/seed.pcap", 0);
  lines *maker = lines_new(0);
  capture_record r;
  char out[8192];
  size_t len = 0;
  cr_assert(maker);
  while (capture_next(in, &r) == CAPTURE_RECORD) {
    const char *line = lines_of(maker, &r);
    cr_assert(line);
    len += (size_t)snprintf(out + len, sizeof out - len, "%s\n", line);
  }
  cr_expect_eq(capture_close(in, NULL), 0);
  cr_expect_str_eq(out, conversation);
  lines_free(maker);
}

/* Prose around the lines, also prose that speaks of IP and flags, is passed over; so is what
 * follows the length. */
Test(text, prose) {
  expect(
      "TCP Connection: a sample\n\n1. tcpdump -n port 80 -l > tcpdump.txt\n"
      "The line IP 1.2.3.4.5 > 5.6.7.8.9: Flags [S], seq 1, win 2, length 0 is no line of its own\n"
      "IP and more IP. The \xe2\x80\x98S\xe2\x80\x99 flag > the rest: Flags [S]\n" C
      "Flags [S], seq 7, win 8, length 0\n\n"
      "IP 1.2.3.4 > 5.6.7.8: ICMP echo request, id 1, seq 1, length 64\n"
      "IP 1.2.3.4.53 > 5.6.7.8.53: 12345+ A? example.net. (29)\n"
      "IP www.example.net.http > 10.0.0.1.5: Flags [S], seq 1, win 2, length 0\n"
      "IP 1.2.3.4.99999 > 5.6.7.8.9: Flags [S], seq 1, win 2, length 0\n"
      "IP 1.2.3.4.5 > 5.6.7.8.9: Flags [X], seq 1, win 2, length 0\n"
      "IP 1.2.3.4.5 > 5.6.7.8.9: Flags [S], seq 1, win 2, length\n"
      "IP 1.2.3.4.5 > 5.6.7.8.9: Flags [S], seq 4294967296, win 2, length 0\n"
      "IP 1.2.3.4.5 > 5.6.7.8.9: Flags [S], seq 1, win 65536, length 0\n"
      "IP 1.2.3.4.5 > 5.6.7.8.9: Flags [S], seq 1, win 2, length 99999999\n" C
      "Flags [P.], seq 8:12, ack 5, win 8, length 4: HTTP: GET / HTTP/1.1, length 99",
      0,
      C "Flags [S], seq 7, win 8, length 0\n" C "Flags [P.], seq 8:12, ack 5, win 8, length 4\n");
}

Test(text, every_field) {
  const char *text = "IP6 2001:db8::1.1024 > ::ffff:1.2.3.4.80: Flags [SEW], seq 5, win 6, options "
                     "[mss 1460,sackOK,TS val 7 ecr "
                     "8,nop,wscale 9], length 0\n"
                     "IP6 ::ffff:1.2.3.4.80 > 2001:db8::1.1024: Flags [S.E], seq 0, ack 6, win 6, "
                     "options [mss 1460,eol], "
                     "length 0\n"
                     "IP6 2001:db8::1.1024 > ::ffff:1.2.3.4.80: Flags [FRP.UEW], seq 1:4, ack 1, "
                     "win 0, urg 3, options "
                     "[nop,nop,sack 2 {5:9}{15:19}], length 3\n"
                     "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [none], seq 7:8, win 6, options [unknown-69 "
                     "0x8182,tfo  cookie "
                     "01020304,nop,nop], length 1\n"
                     "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [R], seq 7, win 6, options [tfo  "
                     "cookiereq,unknown-77], length 0\n";
  expect(text, 0, text);
}

/* What -v and other options put around the fields. */
Test(text, decorations) {
  expect("12:00:00.1 eth0  Out IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
         "eth0  In  IP 4.3.2.1.2 > 1.2.3.4.1: Flags [R.], seq 0, ack 8, win 0, length 0\n"
         "12:00:00 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 40)\n"
         "    1.2.3.4.9 > 4.3.2.1.2: Flags [S], cksum 0x1234 (incorrect -> 0x4321), seq 7, win 6, "
         "length 0\n"
         "12:00:00.2 IP 9.9.9.9 > 8.8.8.8: GREv0, length 88: IP 1.2.3.4.3 > 4.3.2.1.2: Flags [S], "
         "seq 7, win 6, "
         "length 0\n"
         "IP truncated-ip - 8 bytes missing! 1.2.3.4.4 > 4.3.2.1.2: Flags [S], seq 7, win 6, "
         "length 0\r\n",
         0,
         "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
         "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [R.], seq 0, ack 8, win 0, length 0\n"
         "IP 1.2.3.4.9 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
         "IP 1.2.3.4.3 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
         "IP 1.2.3.4.4 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n");
}

/* Text that begins in the middle: no line shows the first sender's own number. */
Test(text, midstream) {
  const char *relative =
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [.], ack 500000000, win 6, length 0\n"
      "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [P.], seq 1:11, ack 0, win 6, length 10\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [.], ack 11, win 6, options [nop,nop,sack 1 {21:31}], "
      "length 0\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [P.], seq 0:5, ack 11, win 6, length 5\n";
  const char *absolute =
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [.], ack 500000000, win 6, length 0\n"
      "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [P.], seq 500000000:500000010, ack 3342177507, win 6, "
      "length 10\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [P.], seq 3342177507:3342177512, ack 500000010, win 6, "
      "length 5\n";
  expect(relative, 0, relative);
  expect(absolute, 1, absolute);
}

/* A new SYN+ACK starts the numbers anew, as tcpdump does. */
Test(text, ports_used_again) {
  const char *text =
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 1000000, win 6, length 0\n"
      "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [S.], seq 3000000000, ack 1000001, win 6, length 0\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [R.], seq 1, ack 1, win 6, length 0\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 9000000, win 6, length 0\n"
      "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [S.], seq 4294967295, ack 9000001, win 6, length 0\n"
      "IP 4.3.2.1.2 > 1.2.3.4.1: Flags [P.], seq 1:3, ack 1, win 6, length 2\n"
      "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [.], ack 3, win 6, length 0\n";
  expect(text, 0, text);
}

Test(text, times) {
#define LINE " IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
  static const struct {
    const char *name, *text, *wanted;
  } rows[] = {
      {"none", LINE LINE, "0\n0\n"},
      {"time of day", "00:00:01.000002" LINE "00:00:01.5" LINE, "1000002000\n1500000000\n"},
      {"midnight", "23:59:59.000000" LINE "00:00:01.000000" LINE "00:00:00.9" LINE,
       "86399000000000\n86401000000000\n86400900000000\n"},
      {"-tt", "1700000000.123456" LINE "1700000000.123456789" LINE,
       "1700000000123456000\n1700000000123456789\n"},
      {"-ttt", " 00:00:00.000000" LINE " 00:00:00.000005" LINE " 00:00:01.000000" LINE,
       "0\n5000\n1000005000\n"},
      {"-tttt",
       "1970-01-02 00:00:00.000001" LINE "2024-02-29 12:00:00" LINE "2000-03-01 00:00:00.0" LINE,
       "86400000001000\n1709208000000000000\n951868800000000000\n"},
      {"the time of the line before", "00:00:05.0" LINE "prose\n" LINE, "5000000000\n5000000000\n"},
  };
#undef LINE
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char out[1024];
    dump_text(rows[i].text, 0, 1, out, sizeof out);
    cr_expect_str_eq(out, rows[i].wanted, "%s: %sinstead of %s", rows[i].name, out, rows[i].wanted);
  }
}

/* Packets are whole: valid checksums, all of the payload, also where an IP length cannot hold
 * it. */
Test(text, packets) {
  static const struct {
    const char *line;
    uint32_t payload;
  } rows[] = {
      {"IP 1.2.3.4.1 > 4.3.2.1.2: Flags [P.], seq 7:8, ack 9, win 6, options [mss 1,nop,nop,eol], "
       "length 1\n",
       1},
      {"IP6 ::1.1 > ::2.2: Flags [P.], seq 7:1007, ack 9, win 6, length 1000\n", 1000},
      {"IP 1.2.3.4.1 > 4.3.2.1.2: Flags [P.], seq 7:65502, ack 9, win 6, length 65495\n", 65495},
      {"IP 1.2.3.4.1 > 4.3.2.1.2: Flags [P.], seq 7:100007, ack 9, win 6, length 100000\n", 100000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FILE *file = tmpfile();
    capture *in;
    capture_record r;
    tcptale_packet packet;
    cr_assert(file && fputs(rows[i].line, file) >= 0);
    rewind(file);
    in = capture_open_fd(fileno(file), "text", CAPTURE_TEXT);
    cr_assert_eq(capture_next(in, &r), CAPTURE_RECORD);
    tcptale_packet_init(&packet, sizeof packet);
    tcptale_decode(&packet, r.link_type, r.data, r.cap_len, r.wire_len, TCPTALE_DECODE_CHECKSUM);
    cr_expect(packet.layers & TCPTALE_LAYER_TCP);
    cr_expect_eq(packet.tcp_csum, TCPTALE_CSUM_GOOD, "row %zu: %u", i, packet.tcp_csum);
    cr_expect_eq(packet.ip_csum, TCPTALE_CSUM_GOOD, "row %zu: %u", i, packet.ip_csum);
    cr_expect(packet.payload_len == rows[i].payload && packet.payload_cap == rows[i].payload,
              "row %zu", i);
    capture_close(in, NULL);
    fclose(file);
  }
}

/* Lines without an end: past the limit a line's start still counts, and the next line is a line. */
Test(text, long_lines) {
  static char text[40000];
  size_t len = (size_t)snprintf(text, sizeof text,
                                "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0: ");
  memset(text + len, 'x', 20000);
  strcpy(text + len + 20000, "\nIP 1.2.3.4.3 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0");
  expect(text, 0,
         "IP 1.2.3.4.1 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n"
         "IP 1.2.3.4.3 > 4.3.2.1.2: Flags [S], seq 7, win 6, length 0\n");
}

/* Every beginning of a line, and every line with one character changed, is read to its end. */
Test(text, cut_and_changed_lines) {
  const char *line = "12:00:00.000001 IP6 2001:db8::1.1024 > ::1.80: Flags [S.], seq 1:2, ack 6, "
                     "win 6, urg 1, options "
                     "[mss 1460,sack 1 {1:2},TS val 7 ecr 8,unknown-69 0x8182,eol], length 1";
  char text[400], out[2048];
  for (size_t len = 0; len < strlen(line); len++) {
    snprintf(text, sizeof text, "%.*s", (int)len, line);
    dump_text(text, 0, 0, out, sizeof out);
    cr_expect(out[0] == 0, "%s", text);
    for (size_t i = 0; i < 6; i++) {
      snprintf(text, sizeof text, "%s", line);
      text[len] = "9{]: z"[i];
      dump_text(text, 0, 0, out, sizeof out);
    }
  }
}

/* The table of connections: both directions find one record, and past its limit the oldest goes. */
Test(text, pairs) {
  pairs *table = pairs_new(sizeof(uint32_t), 100);
  uint8_t a[16] = {1}, b[16] = {2};
  pair_key key;
  cr_assert(table);
  for (uint32_t i = 0; i < 350; i++) {
    uint32_t *record;
    cr_expect_eq(pair_key_make(&key, 4, a, 1000 + i, b, 80), 1);
    cr_expect_null(pairs_find(table, &key));
    record = pairs_add(table, &key);
    cr_assert(record && *record == 0);
    *record = i;
    for (uint32_t k = 0; k <= i; k++) {
      cr_expect_eq(pair_key_make(&key, 4, b, 80, a, 1000 + k), 0);
      record = pairs_find(table, &key);
      cr_assert((record != NULL) == (k + 100 > i), "%u of %u", k, i);
      cr_assert(!record || *record == k);
    }
  }
  pairs_free(table);
}

/* test_format.c - the line of a segment. The expected texts are what tcpdump 4.99.3 prints for the
 * same bytes. */
#include <criterion/criterion.h>

#include <tcptale/format.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYN = 0x02, ACK = 0x10, PSH = 0x08, WHOLE = 0 };

typedef struct frame {
  uint8_t at[512];
  size_t len;
} frame;

static void put(frame *f, const void *data, size_t len) {
  cr_assert(len <= sizeof f->at - f->len);
  memcpy(f->at + f->len, data, len);
  f->len += len;
}

static void put_number(frame *f, uint32_t value, size_t len) {
  uint8_t out[4];
  for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(value >> 8 * (len - 1 - i));
  put(f, out, len);
}

static void put_hex(frame *f, const char *hex) {
  for (; *hex; hex++) {
    unsigned value;
    if (*hex == ' ') continue;
    cr_assert_eq(sscanf(hex, "%2x", &value), 1, "%s", hex);
    put_number(f, value, 1);
    hex++;
  }
}

/* A TCP header from port 1024 to 9999, seq 1000, ack 2000, window 512, urgent pointer 7. */
static void put_tcp(frame *f, unsigned offset, unsigned flags, const char *options) {
  size_t start = f->len;
  put_number(f, 1024, 2);
  put_number(f, 9999, 2);
  put_number(f, 1000, 4);
  put_number(f, 2000, 4);
  put_number(f, flags, 2);
  put_number(f, 512, 2);
  put_number(f, 0, 2);
  put_number(f, 7, 2);
  put_hex(f, options);
  f->at[start + 12] |= (uint8_t)((offset ? offset : (f->len - start) / 4) << 4);
}

/* Puts an IPv4 header before what the frame holds. `claimed` is the total length, 0: the true
 * one. */
static void wrap_ipv4(frame *f, unsigned protocol, size_t claimed) {
  frame inner = *f;
  f->len = 0;
  put_hex(f, "4500");
  put_number(f, (uint32_t)(claimed ? claimed : inner.len + 20), 2);
  put_hex(f, "0001 0000 40");
  put_number(f, protocol, 1);
  put_hex(f, "0000 0a000001 0a000002");
  put(f, inner.at, inner.len);
}

static void wrap_ipv6(frame *f, unsigned next, size_t claimed) {
  frame inner = *f;
  f->len = 0;
  put_hex(f, "60000000");
  put_number(f, (uint32_t)(claimed ? claimed : inner.len), 2);
  put_number(f, next, 1);
  put_hex(f, "40 20010db8000000000000000000000001 20010db8000000000000000000000002");
  put(f, inner.at, inner.len);
}

/* Formats `cap` bytes of a frame (0: all), which lie at the end of a block of exactly that size. */
static int line_of(const frame *f, size_t cap, const tcptale_line *line, char *text, size_t size) {
  tcptale_packet packet;
  size_t len = cap ? cap : f->len;
  uint8_t *data = malloc(len);
  int result;
  cr_assert(data);
  memcpy(data, f->at, len);
  cr_assert_eq(tcptale_packet_init(&packet, sizeof packet), TCPTALE_OK);
  cr_assert_eq(tcptale_decode(&packet, TCPTALE_LINK_RAW, data, len, f->len, 0), TCPTALE_OK);
  result = tcptale_format_line(&packet, data, line, text, size);
  free(data);
  return result;
}

static void expect(const frame *f, size_t cap, const char *wanted) {
  char text[TCPTALE_LINE_ROOM] = "";
  int result = line_of(f, cap, NULL, text, sizeof text);
  cr_expect_str_eq(text, wanted, "%s\ninstead of\n%s", text, wanted);
  cr_expect_eq(result, (int)strlen(wanted), "%d for %s", result, wanted);
}

/* The part of the line from the options on, for each kind and each wrong length. */
Test(format, options) {
  static const struct {
    unsigned flags;
    const char *options, *wanted;
  } rows[] = {
      {ACK, "02 04 05b4", "mss 1460], length 0"},
      {ACK, "02 02 0101", "mss 257[len 2]], length 0"},
      {ACK, "02 05 818283 010101", "mss 33154[len 5],[bad opt]]"},
      {ACK, "03 03 07 01", "wscale 7,nop], length 0"},
      {ACK, "04 02 01 01", "sackOK,nop,nop], length 0"},
      {ACK, "04 03 81 01", "sackOK[len 3],[bad opt]]"},
      {ACK, "05 0a 00000005 00000009 01 01", "sack 1 {5:9},nop,nop], length 0"},
      {ACK, "05 12 00000005 00000009 ffffffff 00000001 01 01",
       "sack 2 {5:9}{4294967295:1},nop,nop], length 0"},
      {ACK, "05 02 01 01", "sack 0 ,nop,nop], length 0"},
      {ACK, "05 04 8182", "sack invalid sack], length 0"},
      {ACK, "06 06 00000007 01 01", "echo 7,nop,nop], length 0"},
      {ACK, "07 06 00000007 01 01", "echoreply 7,nop,nop], length 0"},
      {ACK, "08 0a 00000001 00000002 00 00", "TS val 1 ecr 2,eol], length 0"},
      {ACK, "08 04 8182", "TS[bad opt]"},
      {ACK, "0b 06 00000007 0c 06 00000008 0d 06 00000009 01 01",
       "cc 7,ccnew 8, 9,nop,nop], length 0"},
      {ACK, "13 12 000102030405060708090a0b0c0d0e0f 01 01",
       "md5 shared secret not supplied with -M, can't check - "
       "000102030405060708090a0b0c0d0e0f,nop,nop], "
       "length 0"},
      {ACK, "14 04 81 82", "scps cap 81 id 130], length 0"},
      {ACK, "1c 04 8101", "uto 0x8101 990720], length 0"},
      {ACK, "1c 04 0006", "uto 0x6 3], length 0"},
      {ACK, "1d 02 01 01", "tcp-ao (invalid),nop,nop], length 0"},
      {ACK, "1d 04 81 82", "tcp-ao keyid 129 rnextkeyid 130], length 0"},
      {ACK, "1d 08 81 82 83848586", "tcp-ao keyid 129 rnextkeyid 130 mac 0x83848586], length 0"},
      {ACK, "22 02 01 01", "tfo  cookiereq,nop,nop], length 0"},
      {ACK, "22 06 81828384 01 01", "tfo  cookie 81828384,nop,nop], length 0"},
      {ACK, "22 05 818283 01 01 01", "tfo  (invalid),nop,nop,nop], length 0"},
      {ACK, "45 04 8182", "unknown-69 0x8182], length 0"},
      {ACK, "45 02 01 01", "unknown-69,nop,nop], length 0"},
      {ACK, "fe 04 8182", "exp-8182], length 0"},
      {ACK, "fe 03 81 01", "exp[bad opt]"},
      {ACK, "fe 04 f989", "exp-tfo cookiereq], length 0"},
      {ACK, "fe 08 f989 01020304", "exp-tfo cookie 01020304], length 0"},
      {ACK, "01 00 0204", "nop,eol], length 0"},
      {ACK, "01 01 02 00", "nop,nop,[bad opt]]"},
      {ACK, "02 05 0101", "[bad opt]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char wanted[400];
    put_tcp(&f, 0, rows[i].flags, rows[i].options);
    wrap_ipv4(&f, 6, 0);
    snprintf(wanted, sizeof wanted,
             "IP 10.0.0.1.1024 > 10.0.0.2.9999: Flags [.], ack 2000, win 512, options [%s",
             rows[i].wanted);
    expect(&f, WHOLE, wanted);
  }
}

Test(format, mptcp) {
  static const struct {
    unsigned flags;
    const char *options, *wanted;
  } rows[] = {
      {SYN, "1e 04 00 00", "4 capable v0], length 0"},
      {SYN, "1e 0c 01 80 a1a2a3a4a5a6a7a8", "12 capable v1 csum {0xa1a2a3a4a5a6a7a8}], length 0"},
      {ACK, "1e 14 00 01 00000000000000a8 a9aaabacadaeafb0",
       "20 capable v0 {0xa8,0xa9aaabacadaeafb0}], length 0"},
      {SYN, "1e 0c 07 80 a1a2a3a4a5a6a7a8", "12 capable Unknown Version (7)], length 0"},
      {ACK, "1e 0c 00 01 a1a2a3a4a5a6a7a8", "12 capable[bad opt]"},
      {SYN, "1e 0c 11 05 00000004 a5a6a7a8",
       "12 join backup id 5 token 0x4 nonce 0xa5a6a7a8], length 0"},
      {SYN | ACK, "1e 10 10 05 a1a2a3a4a5a6a7a8 a9aaabac",
       "16 join id 5 hmac 0xa1a2a3a4a5a6a7a8 nonce 0xa9aaabac], length 0"},
      {ACK, "1e 18 10 00 00a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4",
       "24 join hmac 0x00a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4], length 0"},
      {ACK, "1e 10 10 05 a1a2a3a4a5a6a7a8 a9aaabac", "16 join[bad opt]"},
      {ACK, "1e 04 20 00", "4 dss], length 0"},
      {SYN, "1e 04 20 00", "4 dss[bad opt]"},
      {ACK, "1e 08 20 11 00000007", "8 dss fin ack 7], length 0"},
      {ACK, "1e 0c 20 03 0000000100000000", "12 dss ack 4294967296], length 0"},
      {ACK, "1e 14 20 05 00000001 00000002 00000003 0004 0a0b",
       "20 dss ack 1 seq 2 subseq 3 len 4 csum 0xa0b], length 0"},
      {ACK, "1e 12 20 05 00000001 00000002 00000003 0004 01 01",
       "18 dss ack 1 seq 2 subseq 3 len 4,nop,nop], length 0"},
      {ACK, "1e 08 20 05 00000001", "8 dss ack 1 seq [bad opt]"},
      {ACK, "1e 08 34 05 0a000201", "8 add-addr v0-ip4 id 5 10.0.2.1], length 0"},
      {ACK, "1e 08 31 05 0a000201", "8 add-addr v1-echo id 5 10.0.2.1], length 0"},
      {ACK, "1e 12 30 05 0a000201 0050 0102030405060708 01 01",
       "18 add-addr v1 id 5 10.0.2.1:80 hmac 0x102030405060708,nop,nop], length 0"},
      {ACK, "1e 14 36 05 20010db8000000000000000000000001",
       "20 add-addr v0-ip6 id 5 2001:db8::1], length 0"},
      {ACK, "1e 08 32 05 0a000201", "8 add-addr [bad version/echo] id 5 10.0.2.1], length 0"},
      {ACK, "1e 09 30 05 0a000201 00 010101", "9 add-addr[bad opt]"},
      {ACK, "1e 06 40 01 02 03 01 01", "6 rem-addr id 1 2 3,nop,nop], length 0"},
      {ACK, "1e 03 40 01", "3 rem-addr[bad opt]"},
      {ACK, "1e 03 50 01", "3 prio non-backup,nop], length 0"},
      {ACK, "1e 04 51 09", "4 prio backup id 9], length 0"},
      {ACK, "1e 0c 60 00 0000000000000009", "12 fail seq 9], length 0"},
      {ACK, "1e 0c 70 00 0000000000000abc", "12 fast-close key 0xabc], length 0"},
      {ACK, "1e 04 70 00", "4 fast-close[bad opt]"},
      {ACK, "1e 04 80 00", "4 unknown], length 0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char text[TCPTALE_LINE_ROOM] = "", *tail;
    put_tcp(&f, 0, rows[i].flags, rows[i].options);
    wrap_ipv4(&f, 6, 0);
    line_of(&f, WHOLE, NULL, text, sizeof text);
    tail = strstr(text, "options [mptcp ");
    cr_expect(tail && strcmp(tail + 15, rows[i].wanted) == 0, "%s instead of %s", text,
              rows[i].wanted);
  }
}

Test(format, flags) {
  static const struct {
    unsigned flags;
    const char *wanted;
  } rows[] = {
      {0x000, "[none], win 512, length 0"},
      {0x001, "[F], seq 1000, win 512, length 0"},
      {0x002, "[S], seq 1000, win 512, length 0"},
      {0x004, "[R], seq 1000, win 512, length 0"},
      {0x008, "[P], win 512, length 0"},
      {0x010, "[.], ack 2000, win 512, length 0"},
      {0x020, "[U], win 512, urg 7, length 0"},
      {0x040, "[E], win 512, length 0"},
      {0x080, "[W], win 512, length 0"},
      {0x100, "[none], win 512, length 0"},
      {0xfff, "[FSRP.UEW], seq 1000, ack 2000, win 512, urg 7, length 0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char wanted[200];
    put_tcp(&f, 0, rows[i].flags, "");
    wrap_ipv4(&f, 6, 0);
    snprintf(wanted, sizeof wanted, "IP 10.0.0.1.1024 > 10.0.0.2.9999: Flags %s", rows[i].wanted);
    expect(&f, WHOLE, wanted);
  }
}

Test(format, accurate_ecn_on_demand) {
  frame f = {.len = 0};
  tcptale_line line;
  char text[TCPTALE_LINE_ROOM];
  put_tcp(&f, 0, 0x1c2, "");
  wrap_ipv4(&f, 6, 0);
  tcptale_line_init(&line, sizeof line);
  line.flags = TCPTALE_LINE_AE;
  line_of(&f, WHOLE, &line, text, sizeof text);
  cr_expect_str_eq(text,
                   "IP 10.0.0.1.1024 > 10.0.0.2.9999: Flags [SEWe], seq 1000, win 512, length 0");
}

/* Numbers wrap: bases above them, and data that crosses 2^32. */
Test(format, bases) {
  frame f = {.len = 0};
  tcptale_line line;
  char text[TCPTALE_LINE_ROOM];
  put_tcp(&f, 0, ACK | PSH, "05 0a 000007d5 000007d9 01 01");
  put(&f, "abc", 3);
  wrap_ipv4(&f, 6, 0);
  tcptale_line_init(&line, sizeof line);
  line.seq_base = 1002;
  line.ack_base = 1999;
  line.sack_base = 2000;
  line_of(&f, WHOLE, &line, text, sizeof text);
  cr_expect_str_eq(
      text, "IP 10.0.0.1.1024 > 10.0.0.2.9999: Flags [P.], seq 4294967294:1, ack 1, win 512, "
            "options [sack 1 {5:9},nop,nop], length 3");
}

Test(format, header_lengths) {
  static const struct {
    unsigned offset;
    const char *wanted;
  } rows[] = {
      {1, " tcp 28 [bad hdr length 4 - too short, < 20]"},
      {4, " tcp 16 [bad hdr length 16 - too short, < 20]"},
      {5, "Flags [S], seq 1000:1012, win 512, length 12"},
      {8, "Flags [S], seq 1000, win 512, options "
          "[nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop], length 0"},
      {9, "Flags [S] [bad hdr length 36 - too long, > 32]"},
      {15, "Flags [S] [bad hdr length 60 - too long, > 32]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char wanted[200];
    put_tcp(&f, rows[i].offset, SYN, "01010101 01010101 01010101");
    wrap_ipv4(&f, 6, 0);
    snprintf(wanted, sizeof wanted, "IP 10.0.0.1.1024 > 10.0.0.2.9999: %s", rows[i].wanted);
    expect(&f, WHOLE, wanted);
  }
}

/* What a snap length, or an IP length, leaves of a segment with timestamps and ten bytes. */
Test(format, cut_segments) {
  static const char head[] = "IP 10.0.0.1.1024 > 10.0.0.2.9999: ";
  static const char flags[] = "Flags [.], seq 1000:1010, ack 2000, win 512, options [";
  static const struct {
    size_t cap, claimed;
    const char *first, *second, *third;
  } rows[] = {
      {20, 0, "IP 10.0.0.1 > 10.0.0.2: [|tcp]", "", ""},
      {23, 0, "IP 10.0.0.1 > 10.0.0.2: [|tcp]", "", ""},
      {24, 0, head, " [|tcp]", ""},
      {39, 0, head, " [|tcp]", ""},
      {40, 0, head, flags, " [|tcp]"},
      {41, 0, head, flags, "nop, [|tcp]"},
      {43, 0, head, flags, "nop,nop, [|tcp]"},
      {44, 0, head, flags, "nop,nop,TS [|tcp]>"},
      {51, 0, head, flags, "nop,nop,TS [|tcp]>"},
      {52, 0, head, flags, "nop,nop,TS val 1 ecr 2], length 10"},
      {WHOLE, 38, head, " [|tcp]", ""},
      {WHOLE, 41, head, "Flags [.] [bad hdr length 32 - too long, > 21]", ""},
      {WHOLE, 70, "IP truncated-ip - 8 bytes missing! 10.0.0.1.1024 > 10.0.0.2.9999: ",
       "Flags [.], seq 1000:1018, ack 2000, win 512, ",
       "options [nop,nop,TS val 1 ecr 2], length 18"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char wanted[300];
    put_tcp(&f, 0, ACK, "01 01 08 0a 00000001 00000002");
    put(&f, "0123456789", 10);
    wrap_ipv4(&f, 6, rows[i].claimed);
    snprintf(wanted, sizeof wanted, "%s%s%s", rows[i].first, rows[i].second, rows[i].third);
    expect(&f, rows[i].cap, wanted);
  }
}

/* A cut inside options that were not printed, a signature without its payload, and the blame for
 * MPTCP. */
Test(format, cut_options) {
  static const struct {
    size_t cap;
    const char *options, *wanted;
  } rows[] = {
      {43, "45 06 81828384 01 01", "unknown-69 0x81 [|tcp]"},
      {44, "01 45 06 81828384 01", "nop,unknown-69 0x81 [|tcp]>"},
      {43, "05 06 81828384 01 01", "sack invalid sack, [|tcp]"},
      {45, "1e 03 50 02 04 05b4 01", "mptcp 3 prio non-backup,mss [|mptcp]>"},
      {60, "13 12 000102030405060708090a0b0c0d0e0f 01 01",
       "md5 snaplen too short, can't check - 000102030405060708090a0b0c0d0e0f,nop,nop], length 3"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char text[TCPTALE_LINE_ROOM] = "", *tail;
    put_tcp(&f, 0, ACK, rows[i].options);
    put(&f, "abc", 3);
    wrap_ipv4(&f, 6, 0);
    line_of(&f, rows[i].cap, NULL, text, sizeof text);
    tail = strstr(text, "options [");
    cr_expect(tail && strcmp(tail + 9, rows[i].wanted) == 0, "%s instead of %s", text,
              rows[i].wanted);
  }
}

Test(format, ipv6_headers) {
  static const struct {
    unsigned next;
    const char *headers, *wanted;
  } rows[] = {
      {6, "", "2001:db8::1.1024 > 2001:db8::2.9999: "},
      {0, "06 00 0104 00000000", "2001:db8::1 > 2001:db8::2: HBH 1024 > 9999: "},
      {0, "3c 00 0104 00000000 06 00 0104 00000000",
       "2001:db8::1 > 2001:db8::2: HBH DSTOPT 1024 > 9999: "},
      {44, "06 00 0000 00000005", "2001:db8::1 > 2001:db8::2: frag (0|20) 1024 > 9999: "},
      {43, "06 02 0000 00000000 20010db8000000000000000000000003",
       "2001:db8::1 > 2001:db8::2: RT6 (len=2, type=0 [Deprecated], segleft=0, [0]2001:db8::3) "
       "1024 > 9999: "},
      {43, "06 02 0400 00000012 20010db8000000000000000000000003",
       "2001:db8::1 > 2001:db8::2: RT6 (len=2, type=4, segleft=0, last-entry=0, tag=12, "
       "[0]2001:db8::3) "
       "1024 > 9999: "},
      {51, "06 04 0000 00000102 00000003 000102030405060708090a0b",
       "2001:db8::1 > 2001:db8::2: AH(spi=0x00000102,seq=0x3,icv=0x000102030405060708090a0b): 1024 "
       "> 9999: "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0};
    char wanted[400];
    put_hex(&f, rows[i].headers);
    put_tcp(&f, 5, SYN, "");
    wrap_ipv6(&f, rows[i].next, 0);
    snprintf(wanted, sizeof wanted, "IP6 %sFlags [S], seq 1000, win 512, length 0", rows[i].wanted);
    expect(&f, WHOLE, wanted);
  }
}

Test(format, ipv4_authentication_and_ipv6_truncation) {
  frame f = {.len = 0}, g = {.len = 0};
  put_hex(&f, "06 04 0000 00000102 00000003 000102030405060708090a0b");
  put_tcp(&f, 5, SYN, "");
  wrap_ipv4(&f, 51, 0);
  expect(&f, WHOLE,
         "IP 10.0.0.1 > 10.0.0.2: AH(spi=0x00000102,seq=0x3,icv=0x000102030405060708090a0b): 1024 "
         "> 9999: "
         "Flags [S], seq 1000, win 512, length 0");
  put_tcp(&g, 0, SYN, "");
  wrap_ipv6(&g, 6, 28);
  expect(&g, WHOLE,
         "IP6 truncated-ip6 - 8 bytes missing!2001:db8::1.1024 > 2001:db8::2.9999: Flags [S], seq "
         "1000:1008, "
         "win 512, length 8");
}

/* RFC 5952, and the dotted tails that inet_ntop writes. */
Test(format, ipv6_addresses) {
  static const struct {
    const char *bytes, *wanted;
  } rows[] = {
      {"00000000000000000000000000000000", "::"},
      {"00000000000000000000000000000001", "::1"},
      {"0000000000000000000000000000ffff", "::ffff"},
      {"00000000000000000000000001020304", "::1.2.3.4"},
      {"00000000000000000000ffff01020304", "::ffff:1.2.3.4"},
      {"0000000000000000ffff000000000001", "::ffff:0:0:1"},
      {"00000000000000000001000200030004", "::1:2:3:4"},
      {"00010000000000010000000000000001", "1:0:0:1::1"},
      {"00010000000200030004000500060007", "1:0:2:3:4:5:6:7"},
      {"20010000000000000001000000000000", "2001::1:0:0:0"},
      {"ffff0000000000000000000000000000", "ffff::"},
      {"00010002000300040005000600070000", "1:2:3:4:5:6:7:0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    frame f = {.len = 0}, address = {.len = 0};
    char wanted[300];
    put_tcp(&f, 0, SYN, "");
    wrap_ipv6(&f, 6, 0);
    put_hex(&address, rows[i].bytes);
    memcpy(f.at + 8, address.at, 16);
    snprintf(wanted, sizeof wanted,
             "IP6 %s.1024 > 2001:db8::2.9999: Flags [S], seq 1000, win 512, length 0",
             rows[i].wanted);
    expect(&f, WHOLE, wanted);
  }
}

/* A buffer of any size holds the start of the line, closed, and says whether that is all. */
Test(format, every_buffer_size) {
  frame f = {.len = 0};
  char whole[TCPTALE_LINE_ROOM], text[TCPTALE_LINE_ROOM];
  int len;
  put_tcp(&f, 0, ACK, "01 01 08 0a 00000001 00000002");
  wrap_ipv4(&f, 6, 0);
  len = line_of(&f, WHOLE, NULL, whole, sizeof whole);
  cr_assert(len > 80);
  cr_expect_eq(line_of(&f, WHOLE, NULL, NULL, 0), TCPTALE_ERR_SPACE);
  for (int size = 1; size <= len + 2; size++) {
    memset(text, '#', sizeof text);
    cr_expect_eq(line_of(&f, WHOLE, NULL, text, (size_t)size),
                 size > len ? len : TCPTALE_ERR_SPACE);
    cr_expect_eq(strlen(text), (size_t)(size > len ? len : size - 1));
    cr_expect_eq(strncmp(text, whole, strlen(text)), 0);
    cr_expect_eq(text[size], '#', "nothing is written past %d bytes", size);
  }
}

/* Every byte of segments with every option, set to anything and cut anywhere: always a closed line
 * or none. */
Test(format, flipped_and_cut) {
  static const char *const options[] = {
      "02 04 05b4 01 03 03 07 04 02 08 0a 00000001 00000002",
      "05 12 00000005 00000009 00000015 00000019 01 01",
      "1e 14 20 05 00000001 00000002 00000003 0004 0a0b 22 06 81828384 01 01",
      "fe 08 f989 01020304 1d 08 81 82 83848586 1c 04 8101"};
  for (size_t row = 0; row < sizeof options / sizeof *options * 2; row++) {
    frame f = {.len = 0};
    char text[TCPTALE_LINE_ROOM];
    put_tcp(&f, 0, ACK, options[row / 2]);
    if (row % 2) wrap_ipv4(&f, 6, 0);
    else wrap_ipv6(&f, 6, 0);
    for (size_t at = 0; at < f.len; at++) {
      uint8_t kept = f.at[at];
      for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
        size_t cap = 1 + (at * 7 + flip) % f.len;
        f.at[at] = (uint8_t)(kept ^ flip);
        for (int cut = 0; cut < 2; cut++) {
          int result = line_of(&f, cut ? cap : WHOLE, NULL, text, sizeof text);
          cr_assert(result == TCPTALE_ERR_NOT_FOUND ||
                    (result > 0 && (size_t)result == strlen(text)));
        }
      }
      f.at[at] = kept;
    }
  }
}

Test(format, arguments) {
  frame f = {.len = 0};
  tcptale_line line;
  tcptale_packet packet;
  char text[TCPTALE_LINE_ROOM] = "";
  cr_expect_eq(tcptale_line_init(NULL, sizeof line), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_line_init(&line, sizeof line - 1), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_line_init(&line, sizeof line), TCPTALE_OK);
  cr_expect_eq(line.struct_size, sizeof line);
  cr_expect_eq(tcptale_format_line(NULL, f.at, &line, text, sizeof text), TCPTALE_ERR_ARG);
  memset(&packet, 0, sizeof packet);
  cr_expect_eq(tcptale_format_line(&packet, f.at, &line, text, sizeof text), TCPTALE_ERR_ARG);
  put_hex(&f, "0000");
  wrap_ipv4(&f, 17, 0);
  cr_expect_eq(line_of(&f, WHOLE, &line, text, sizeof text), TCPTALE_ERR_NOT_FOUND,
               "UDP is no segment");
  line.struct_size = 0;
  cr_expect_eq(line_of(&f, WHOLE, &line, text, sizeof text), TCPTALE_ERR_ARG);
}

/* A TCP header without IP has no addresses to print. */
Test(format, bare_tcp) {
  frame f = {.len = 0};
  tcptale_packet packet;
  char text[TCPTALE_LINE_ROOM];
  put_tcp(&f, 0, SYN, "");
  tcptale_packet_init(&packet, sizeof packet);
  cr_assert_eq(tcptale_decode_tcp(&packet, f.at, f.len, f.len + 4), TCPTALE_OK);
  tcptale_format_line(&packet, f.at, NULL, text, sizeof text);
  cr_expect_str_eq(text, "Flags [S], seq 1000:1004, win 512, length 4");
}

/* TCP options: what the decoder puts into the packet, what the iterator says of each, and that both
 * flag the same. Section D11 of the semantics. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "tcptale/packet.h"

#include "guard.h"

#define H(name) TCPTALE_HAS_##name
#define A(name) (1u << TCPTALE_ANOMALY_##name)

enum { ROOM = 64, TEXT = 1024 };

struct option_row {
  const char *hex;  /* a multiple of 4 bytes */
  const char *told; /* what the iterator gives: kind:len, values, ! malformed, + duplicate */
  uint32_t options;
  uint32_t anomalies;
};

static const struct option_row rows[] = {
    {"", "", 0, 0},
    {"020405b4", "2:4(1460)", H(MSS), 0},
    {"020405b4 0402080a 00000001 00000002 01030307", "2:4(1460) 4:2 8:10(1 2) 1:1 3:3(7)",
     H(MSS) | H(SACK_PERMITTED) | H(TIMESTAMPS) | H(WSCALE), 0},
    {"0101080a 00000001 00000002", "1:1 1:1 8:10(1 2)", H(TIMESTAMPS), 0},
    {"0101050a 00000001 00000002", "1:1 1:1 5:10(1 2)", H(SACK), 0},
    {"01010522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008",
     "1:1 1:1 5:34(1 2 3 4 5 6 7 8)", H(SACK), 0},
    {"01010101", "1:1 1:1 1:1 1:1", 0, 0},
    {"00020405", "0:1", 0, 0},
    {"01000000", "1:1 0:1", 0, 0},

    /* Named and decoded. */
    {"01011312 00112233 44556677 8899aabb ccddeeff", "1:1 1:1 19:18", H(MD5), 0},
    {"1c048005", "28:4(1 5)", H(USER_TIMEOUT), 0},
    {"1d100203 00000000 00000000 00000000", "29:16(2 3)", H(AO), 0},
    {"22020101", "34:2 1:1 1:1", H(FAST_OPEN), 0},
    {"220a0011 22334455 66770101", "34:10 1:1 1:1", H(FAST_OPEN), 0},
    {"fe04f989", "254:4(63881)", H(FAST_OPEN), 0},
    {"fd0cf989 00112233 44556677", "253:12(63881)", H(FAST_OPEN), 0},
    {"fe041234 fe045678", "254:4(4660) 254:4(22136)", H(UNKNOWN), 0},
    {"45020101", "69:2 1:1 1:1", H(ENO), 0},
    {"ac020101", "172:2 1:1 1:1", H(ACCECN), 0},
    {"ac0b0000 01000002 00000301", "172:11(1 2 3) 1:1", H(ACCECN), 0},
    {"ae080000 01000002", "174:8(1 2)", H(ACCECN), 0},
    {"c8040000 c8040000", "200:4 200:4", H(UNKNOWN), 0},

    /* Multipath TCP: every subtype, with each of its sizes that fits in a header. */
    {"1e040181", "30:4(0 1)", H(MPTCP), A(MPTCP)},
    {"1e0c0081 00000000 00000000", "30:12(0 0)", H(MPTCP), A(MPTCP)},
    {"1e0c1003 00000000 00000000", "30:12(1 0)", H(MPTCP), A(MPTCP)},
    {"1e042000", "30:4(2 0)", H(MPTCP), A(MPTCP)},
    {"1e082001 00000001", "30:8(2 0)", H(MPTCP), A(MPTCP)},
    {"1e0e2004 00000001 00000001 00000101", "30:14(2 0) 1:1 1:1", H(MPTCP), A(MPTCP)},
    {"1e102004 00000001 00000001 00000000", "30:16(2 0)", H(MPTCP), A(MPTCP)},
    {"1e122005 00000001 00000001 00000001 00000101", "30:18(2 0) 1:1 1:1", H(MPTCP), A(MPTCP)},
    {"1e1c200f 00000001 00000001 00000001 00000001 00000001 00000001", "30:28(2 0)", H(MPTCP),
     A(MPTCP)},
    {"1e0c2005 00000001 00000001", "30:12!", 0, A(OPT_MALFORMED)},
    {"1e083001 0a000001", "30:8(3 0)", H(MPTCP), A(MPTCP)},
    {"1e044001", "30:4(4 0)", H(MPTCP), A(MPTCP)},
    {"1e035001", "30:3(5 0) 1:1", H(MPTCP), A(MPTCP)},
    {"1e0c6000 00000000 00000000", "30:12(6 0)", H(MPTCP), A(MPTCP)},
    {"1e0c7000 00000000 00000000", "30:12(7 0)", H(MPTCP), A(MPTCP)},
    {"1e048001", "30:4(8 0)", H(MPTCP), A(MPTCP)},
    {"1e042000 1e044001", "30:4(2 0) 30:4(4 0)", H(MPTCP), A(MPTCP)},

    /* Sizes that their kinds do not have: flagged, and the next option is read. */
    {"02030501 03030701", "2:3! 1:1 3:3(7) 1:1", H(WSCALE), A(OPT_MALFORMED)},
    {"03040700", "3:4!", 0, A(OPT_MALFORMED)},
    {"04030001", "4:3! 1:1", 0, A(OPT_MALFORMED)},
    {"05020101", "5:2! 1:1 1:1", 0, A(OPT_MALFORMED)},
    {"05060000 00010101", "5:6! 1:1 1:1", 0, A(OPT_MALFORMED)},
    {"08080000 00010000", "8:8!", 0, A(OPT_MALFORMED)},
    {"13040000", "19:4!", 0, A(OPT_MALFORMED)},
    {"1c030001", "28:3! 1:1", 0, A(OPT_MALFORMED)},
    {"1d030001", "29:3! 1:1", 0, A(OPT_MALFORMED)},
    {"1e020101", "30:2! 1:1 1:1", 0, A(OPT_MALFORMED)},
    {"1e052000 00010101", "30:5! 1:1 1:1 1:1", 0, A(OPT_MALFORMED)},
    {"22040000", "34:4!", 0, A(OPT_MALFORMED)},
    {"22070000 00000001", "34:7! 1:1", 0, A(OPT_MALFORMED)},
    {"ac030001", "172:3! 1:1", 0, A(OPT_MALFORMED)},
    {"fe030001", "254:3! 1:1", 0, A(OPT_MALFORMED)},
    {"fe06f989 00000101", "254:6! 1:1 1:1", 0, A(OPT_MALFORMED)},

    /* Lengths that are none: the end. */
    {"02000000", "2:0!", 0, A(OPT_MALFORMED)},
    {"08010000", "8:1!", 0, A(OPT_MALFORMED)},
    {"01010108", "1:1 1:1 1:1 8:1!", 0, A(OPT_MALFORMED)},
    {"01010402 0101080a", "1:1 1:1 4:2 1:1 1:1 8:10!", H(SACK_PERMITTED), A(OPT_MALFORMED)},
    {"c8ff0000", "200:255!", 0, A(OPT_MALFORMED)},

    /* Twice: the first counts, even where it is malformed. */
    {"020405b4 02040218", "2:4(1460) 2:4(536)+", H(MSS), A(OPT_DUP)},
    {"02030501 020405b4", "2:3! 1:1 2:4(1460)+", 0, A(OPT_MALFORMED) | A(OPT_DUP)},
    {"ac020101 ae020101", "172:2 1:1 1:1 174:2+ 1:1 1:1", H(ACCECN), A(OPT_DUP)},
    {"22020101 fe04f989", "34:2 1:1 1:1 254:4(63881)+", H(FAST_OPEN), A(OPT_DUP)},

    /* Shift counts above 14. */
    {"03030e01", "3:3(14) 1:1", H(WSCALE), 0},
    {"03030f01", "3:3(15) 1:1", H(WSCALE), A(WSCALE_RANGE)},
    {"0303ff01", "3:3(255) 1:1", H(WSCALE), A(WSCALE_RANGE)},
};

/* A segment with these options, at the end of the guarded page. */
static const uint8_t *segment(const char *hex, size_t *len) {
  uint8_t bytes[ROOM];
  size_t header = guard_hex(bytes, sizeof bytes, "04d2 0050 00000001 00000002 5010 2000 0000 0000");
  *len = header + guard_hex(bytes + header, sizeof bytes - header, hex);
  bytes[12] = (uint8_t)(*len / 4 << 4);
  return guard_copy(bytes, *len);
}

static tcptale_packet decode(const uint8_t *data, size_t len) {
  tcptale_packet packet;
  tcptale_packet_init(&packet, sizeof packet);
  cr_assert_eq(tcptale_decode_tcp(&packet, data, len, len), TCPTALE_OK);
  return packet;
}

static size_t tell_values(char *text, const tcptale_tcp_option *option) {
  size_t at = 0;
  for (uint32_t i = 0; i < option->value_count; i++)
    at += (size_t)snprintf(text + at, TEXT / 2, "%s%u", i ? " " : "(", option->value[i]);
  return at + (size_t)snprintf(text + at, TEXT / 2, "%s", at ? ")" : "");
}

/* Walks the options, and holds what is true of any walk. Returns how many there were but NOP and
 * EOL. */
static unsigned tell(char *text, const tcptale_packet *packet, const uint8_t *data) {
  tcptale_tcp_option option = {.struct_size = sizeof option};
  uint32_t end = packet->tcp_offset + packet->tcp_header_len, last = 0;
  unsigned count = 0;
  size_t at = 0;
  text[0] = 0;
  while (tcptale_tcp_option_next(packet, data, &option) == 1) {
    cr_assert(option.offset > last && option.offset < option.next_offset &&
              option.next_offset <= end);
    cr_assert_eq(option.kind, data[option.offset]);
    last = option.offset;
    count += option.kind > TCPTALE_OPT_NOP;
    at += (size_t)snprintf(text + at, 16, "%s%u:%u", at ? " " : "", option.kind, option.len);
    at += tell_values(text + at, &option);
    at += (size_t)snprintf(text + at, 4, "%s%s", option.malformed ? "!" : "",
                           option.duplicate ? "+" : "");
  }
  cr_expect_eq(tcptale_tcp_option_next(packet, data, &option), 0, "the end stays the end");
  return count;
}

Test(tcp_options, rows) {
  char text[TEXT];
  size_t len;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const uint8_t *data = segment(rows[i].hex, &len);
    tcptale_packet p = decode(data, len);
    cr_assert_eq(p.stop_reason, TCPTALE_STOP_NONE);
    unsigned count = tell(text, &p, data);
    cr_expect_str_eq(text, rows[i].told, "%s: %s", rows[i].hex, text);
    cr_expect_eq(p.options, rows[i].options, "%s: has %x", rows[i].hex, p.options);
    cr_expect_eq(p.anomalies, rows[i].anomalies, "%s: anomalies %x", rows[i].hex, p.anomalies);
    cr_expect_eq(p.option_count, count, "%s: %u options", rows[i].hex, p.option_count);
  }
}

/* The values that are ready in the packet are those of the first good option of each kind. */
Test(tcp_options, ready_in_the_packet) {
  size_t len;
  const uint8_t *data = segment("020405b4 0402080a 00000001 00000002 03030701 02040218", &len);
  tcptale_packet p = decode(data, len);
  cr_expect(p.mss == 1460 && p.wscale == 7 && p.ts_val == 1 && p.ts_ecr == 2 &&
            p.option_count == 5);
  data = segment("05120000 00010000 00020000 00030000 00040101", &len);
  p = decode(data, len);
  cr_expect(p.sack_count == 2 && p.sack_left[0] == 1 && p.sack_right[0] == 2);
  cr_expect(p.sack_left[1] == 3 && p.sack_right[1] == 4 && p.sack_left[2] == 0);
  data = segment("0101080a 0a0b0c0d 0e0f1011", &len);
  p = decode(data, len);
  cr_expect(p.ts_val == 0x0a0b0c0d && p.ts_ecr == 0x0e0f1011 && p.option_count == 1);
  data = segment("1e041000 1e042000", &len);
  p = decode(data, len);
  cr_expect_eq(p.mptcp_subtype, 2, "the malformed join does not count");
  data = segment("220a0011 22334455 66770101", &len);
  cr_expect_eq(decode(data, len).fast_open_len, 8);
  data = segment("fe08f989 00112233", &len);
  cr_expect_eq(decode(data, len).fast_open_len, 4);
}

/* D11, X14: any two bytes of options, alone and at the end of forty. */
Test(tcp_options, any_two_bytes) {
  uint8_t bytes[ROOM] = {0};
  char text[TEXT];
  bytes[13] = TCPTALE_TCP_ACK;
  for (size_t fill = 0; fill <= 36; fill += 36)
    for (uint32_t pair = 0; pair <= 0xffff; pair++) {
      size_t len = 20 + fill + 4;
      memset(bytes + 20, TCPTALE_OPT_NOP, fill);
      bytes[12] = (uint8_t)(len / 4 << 4);
      bytes[20 + fill] = (uint8_t)(pair >> 8);
      bytes[21 + fill] = (uint8_t)pair;
      bytes[22 + fill] = (uint8_t)(pair * 7);
      bytes[23 + fill] = (uint8_t)(pair * 13);
      uint8_t *data = guard_copy(bytes, len);
      tcptale_packet p = decode(data, len);
      unsigned count = tell(text, &p, data);
      cr_assert_eq(count, p.option_count, "%04x: %s", pair, text);
      int malformed = strchr(text, '!') != NULL, duplicate = strchr(text, '+') != NULL;
      cr_assert_eq(malformed, (p.anomalies & A(OPT_MALFORMED)) != 0, "%04x: %s", pair, text);
      cr_assert_eq(duplicate, (p.anomalies & A(OPT_DUP)) != 0, "%04x: %s", pair, text);
    }
}

Test(tcp_options, arguments) {
  size_t len;
  const uint8_t *data = segment("020405b4", &len);
  tcptale_packet p = decode(data, len);
  tcptale_tcp_option option = {.struct_size = sizeof option};
  cr_expect_eq(tcptale_tcp_option_next(NULL, data, &option), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tcp_option_next(&p, NULL, &option), TCPTALE_ERR_ARG);
  cr_expect_eq(tcptale_tcp_option_next(&p, data, NULL), TCPTALE_ERR_ARG);
  option.struct_size = 0;
  cr_expect_eq(tcptale_tcp_option_next(&p, data, &option), TCPTALE_ERR_ARG);
  option.struct_size = sizeof option;
  option.next_offset = 25;
  cr_expect_eq(tcptale_tcp_option_next(&p, data, &option), TCPTALE_ERR_ARG,
               "no position of this packet");
  option.next_offset = 0;
  tcptale_packet none = decode(data, 10);
  cr_expect_eq(tcptale_tcp_option_next(&none, data, &option), 0, "no TCP, no option");
}

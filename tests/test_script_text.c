/* The scripts' notation itself: what a line says is what its frame carries, and every line of every
 * script is understood. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "script.h"

static const struct script_variant V4 = {.version = 4, .isn = {0xfffffffe, 500}};
static const struct script_variant V6 = {.version = 6, .isn = {0xfffffffe, 500}};

/* Renders one line and decodes its frame number `index`. */
static void decode_line(const char *line, const struct script_variant *variant, size_t index,
                        tcptale_packet *packet, char *payload) {
  struct script_line item = {line, 1};
  struct script_case one = {.name = "one line", .packets = {&item, 1}};
  struct script_steps steps;

  script_render(&steps, &one, variant);
  cr_assert_eq(steps.error[0], 0, "%s: %s", line, steps.error);
  cr_assert_lt(index, steps.count, "%s", line);
  tcptale_packet_init(packet, sizeof *packet);
  tcptale_decode(packet, steps.items[index].frame.link_type, steps.items[index].frame.data,
                 steps.items[index].frame.cap_len, steps.items[index].frame.wire_len,
                 TCPTALE_DECODE_CHECKSUM);
  snprintf(payload, 100, "%.*s", (int)packet->payload_cap,
           (const char *)steps.items[index].frame.data + packet->payload_offset);
  script_steps_free(&steps);
}

static const struct {
  const char *line;
  size_t index;
  uint32_t seq;
  uint32_t ack;
  uint16_t flags;
  uint16_t src_port;
  uint32_t len;
  const char *payload;
  uint8_t csum;
} LINES[] = {
    {"c S 0", 0, 0xfffffffe, 0, 2, 40000, 0, "", TCPTALE_CSUM_GOOD},
    {"s SA 0/1", 0, 500, 0xffffffff, 0x12, 80, 0, "", TCPTALE_CSUM_GOOD},
    {"HS", 2, 0xffffffff, 501, 0x10, 40000, 0, "", TCPTALE_CSUM_GOOD},
    {"c P 1+4\"abcd\"/1", 0, 0xffffffff, 501, 0x18, 40000, 4, "abcd", TCPTALE_CSUM_GOOD},
    {"c P 3+5/1", 0, 1, 501, 0x18, 40000, 5, "cdefg", TCPTALE_CSUM_GOOD},
    {"c P 1+5\"xy\"/1 badsum", 0, 0xffffffff, 501, 0x18, 40000, 5, "xyxyx", TCPTALE_CSUM_BAD},
    {"c P 1\"a b;c\"/- partial", 0, 0xffffffff, 0, 8, 40000, 5, "a b;c", TCPTALE_CSUM_PARTIAL},
    {"3x c A 1+1/1 step=2", 2, 3, 501, 0x10, 40000, 1, "e", TCPTALE_CSUM_GOOD},
    {"~c P 1+4/1; s none 1", 0, 501, 0, 0, 80, 0, "", TCPTALE_CSUM_GOOD},
    {"base c=100; c R 1/-7", 0, 0x63, 7, 4, 40000, 0, "", TCPTALE_CSUM_GOOD},
    {"bye", 3, 0xffffffff, 501, 0x10, 40000, 0, "", TCPTALE_CSUM_GOOD},
    {"c P 1+9/1 cut=3 vlan=7", 0, 0xffffffff, 501, 0x18, 40000, 9, "abc",
     TCPTALE_CSUM_UNVERIFIABLE},
    {"c P 1+2/1 ts=5,6 sackok wscale=3 mss=9 src=3:99 trail=4", 0, 0xffffffff, 501, 0x18, 99, 2,
     "ab", TCPTALE_CSUM_GOOD},
};

Test(script_text, a_line_becomes_its_frame) {
  const struct script_variant *variants[] = {&V4, &V6};
  tcptale_packet packet;
  char payload[100];
  size_t v;
  size_t i;

  for (v = 0; v < 2; v++) {
    for (i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
      decode_line(LINES[i].line, variants[v], LINES[i].index, &packet, payload);
      cr_expect(packet.layers & TCPTALE_LAYER_TCP, "%s", LINES[i].line);
      cr_expect_eq(packet.seq, LINES[i].seq, "%s: seq %#x", LINES[i].line, packet.seq);
      cr_expect_eq(packet.ack, LINES[i].ack, "%s: ack %#x", LINES[i].line, packet.ack);
      cr_expect_eq(packet.tcp_flags, LINES[i].flags, "%s: flags", LINES[i].line);
      cr_expect_eq(packet.src_port, LINES[i].src_port, "%s: port", LINES[i].line);
      cr_expect_eq(packet.payload_len, LINES[i].len, "%s: length", LINES[i].line);
      cr_expect_eq(packet.tcp_csum, LINES[i].csum, "%s: checksum", LINES[i].line);
      cr_expect_str_eq(payload, LINES[i].payload, "%s: %s", LINES[i].line, payload);
    }
  }
}

Test(script_text, options_and_fields) {
  tcptale_packet p;
  char payload[100];

  decode_line("c S 0 ts=5,6 sackok wscale=3 mss=9 w=77 ttl=9 urg=4 vlan=12", &V4, 0, &p, payload);
  cr_expect_eq(p.options, TCPTALE_HAS_TIMESTAMPS | TCPTALE_HAS_SACK_PERMITTED | TCPTALE_HAS_WSCALE |
                              TCPTALE_HAS_MSS);
  cr_expect_eq(p.ts_val, 5);
  cr_expect_eq(p.ts_ecr, 6);
  cr_expect_eq(p.wscale, 3);
  cr_expect_eq(p.mss, 9);
  cr_expect_eq(p.window, 77);
  cr_expect_eq(p.ip_ttl, 9);
  cr_expect_eq(p.urgent, 4);
  cr_expect_eq(p.vlan[0], 12);
  decode_line("s A 1/1 sack=5-9,3-4", &V4, 0, &p, payload);
  cr_expect_eq(p.sack_count, 2);
  cr_expect_eq(p.sack_left[0], 3);
  cr_expect_eq(p.sack_right[1], 2);
  decode_line("c P 1+16/1 ipid=9 frag=0-24,24-", &V4, 0, &p, payload);
  cr_expect(p.layers & TCPTALE_LAYER_FRAGMENT);
  cr_expect_eq(p.flags & TCPTALE_PACKET_MORE_FRAGMENTS, TCPTALE_PACKET_MORE_FRAGMENTS);
  cr_expect_eq(p.ip_id, 9);
  decode_line("c P 1+16/1 ipid=9 frag=0-24,24-", &V6, 1, &p, payload);
  cr_expect_eq(p.frag_offset, 24);
  cr_expect_eq(p.flags & TCPTALE_PACKET_MORE_FRAGMENTS, 0);
}

Test(script_text, nonsense_is_refused) {
  static const char *const LINES_REFUSED[] = {"x P 1+4/1",
                                              "c Q 1+4/1",
                                              "c P 1+4",
                                              "c P +4/1",
                                              "c P 1+2\"abc\"/1",
                                              "c P 1+4\"abcd/1",
                                              "c P 1+4/1 what",
                                              "c P 1+4/1 what=3",
                                              "c P 1+16/1 frag=3-",
                                              "base c",
                                              "c"};
  size_t i;

  for (i = 0; i < sizeof LINES_REFUSED / sizeof LINES_REFUSED[0]; i++) {
    struct script_line item = {LINES_REFUSED[i], 1};
    struct script_case one = {.name = "one line", .packets = {&item, 1}};
    struct script_steps steps;

    script_render(&steps, &one, &V4);
    cr_expect_neq(steps.error[0], 0, "'%s' was understood", LINES_REFUSED[i]);
    script_steps_free(&steps);
  }
}

Test(script_text, every_script_is_understood) {
  static const char *const NAMES[] = {"handshake", "stream", "teardown", "capture", "fragments"};
  size_t n;
  size_t i;

  for (n = 0; n < sizeof NAMES / sizeof NAMES[0]; n++) {
    struct script_file file;
    char path[100];

    snprintf(path, sizeof path, "tests/scripts/%s.txt", NAMES[n]);
    script_load(&file, path);
    for (i = 0; i < file.count; i++) {
      struct script_steps steps;

      script_render(&steps, &file.cases[i], &V4);
      cr_expect_eq(steps.error[0], 0, "%s: %s", path, steps.error);
      cr_expect_gt(steps.count, 0, "%s: %s has no packet", path, file.cases[i].name);
      cr_expect_gt(file.cases[i].expected.count, 0, "%s: %s expects nothing", path,
                   file.cases[i].name);
      script_steps_free(&steps);
    }
    script_unload(&file);
  }
}

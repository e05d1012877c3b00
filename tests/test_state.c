/* test_state.c - every cell of the state table, one string a state, in the order of the inputs:
 * SYN> SYN+ACK> FIN> RST> other> >SYN >SYN+ACK >FIN >RST ack-of-SYN ack-of-FIN timeout. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "tcptale/state.h"

static const char *const word[11] = {"CL", "LI", "SS", "SR", "ES", "F1",
                                     "F2", "CW", "CG", "LA", "TW"};

static const char *const expected[11] = {
    "SS SR F1 CL ES LI ES CW CL ES CL CL", "SR SR F1 CL ES LI ES CW LI ES LI CL",
    "SS SR F1 CL ES SR ES SS CL ES SS CL", "SR SR F1 CL SR SR ES CW CL ES SR CL",
    "ES ES F1 CL ES ES ES CW CL ES ES CL", "F1 F1 F1 CL F1 F1 F1 CG CL F1 F2 CL",
    "F2 F2 F2 CL F2 F2 F2 TW CL F2 F2 CL", "CW CW LA CL CW CW CW CW CL CW CW CL",
    "CG CG CG CL CG CG CG CG CL CG TW CL", "LA LA LA CL LA LA LA LA CL LA CL CL",
    "SS SR TW CL TW LI TW TW CL TW TW CL",
};

Test(state, every_cell) {
  for (uint32_t state = 0; state < 11; state++) {
    for (uint32_t input = 0; input < 12; input++) {
      const char *want = expected[state] + 3 * input;
      const char *got = word[tcptale_state_step(state, input)];
      cr_expect(strncmp(want, got, 2) == 0, "%s, input %u: %.2s, not %s", word[state], input, want,
                got);
    }
  }
}

Test(state, unknown_numbers_change_nothing) {
  cr_expect_eq(tcptale_state_step(11, 0), 11u);
  cr_expect_eq(tcptale_state_step(4, 12), 4u);
  cr_expect_eq(tcptale_state_step(UINT32_MAX, UINT32_MAX), UINT32_MAX);
}

Test(state, predicates) {
  static const uint8_t finished[11] = {0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1};
  static const uint8_t synchronized[11] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1};
  for (uint32_t s = 0; s < 11; s++) {
    cr_expect_eq(tcptale_state_is_finished(s), finished[s]);
    cr_expect_eq(tcptale_state_is_synchronized(s), synchronized[s]);
  }
  cr_expect_eq(tcptale_state_is_synchronized(11), 0);
}

/* The seed's connection, both ends. */
Test(state, the_seed) {
  static const struct {
    uint8_t client, server;
  } inputs[] = {
      {TCPTALE_INPUT_SEND_SYN, TCPTALE_INPUT_RECV_SYN},
      {TCPTALE_INPUT_RECV_SYN_ACK, TCPTALE_INPUT_SEND_SYN_ACK},
      {TCPTALE_INPUT_SEND_OTHER, TCPTALE_INPUT_ACK_OF_SYN},
      {TCPTALE_INPUT_SEND_FIN, TCPTALE_INPUT_RECV_FIN},
      {TCPTALE_INPUT_ACK_OF_FIN, TCPTALE_INPUT_SEND_OTHER},
      {TCPTALE_INPUT_RECV_FIN, TCPTALE_INPUT_SEND_FIN},
      {TCPTALE_INPUT_SEND_OTHER, TCPTALE_INPUT_ACK_OF_FIN},
  };
  static const char *const walk = "SS LI ES SR ES ES F1 CW F2 CW TW LA TW CL ";
  uint32_t client = TCPTALE_STATE_CLOSED, server = TCPTALE_STATE_CLOSED;
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
    client = tcptale_state_step(client, inputs[i].client);
    server = tcptale_state_step(server, inputs[i].server);
    cr_expect(strncmp(walk + 6 * i, word[client], 2) == 0, "step %zu", i);
    cr_expect(strncmp(walk + 6 * i + 3, word[server], 2) == 0, "step %zu", i);
  }
}

/* The table printed in lib/README.md is the one that runs. */
Test(state, the_printed_table) {
  FILE *f = fopen("lib/README.md", "r");
  cr_assert_not_null(f, "run from the project's root");
  char line[512];
  int rows = 0;
  while (rows < 11 && fgets(line, sizeof line, f)) {
    char label[8], want[40];
    snprintf(label, sizeof label, "(%s) |", word[rows]);
    const char *at = strstr(line, label);
    if (!at) continue;
    at += 6;
    for (uint32_t input = 0; input < 12; input++, at += 5) {
      snprintf(want, sizeof want, " %s |", word[tcptale_state_step((uint32_t)rows, input)]);
      cr_expect(strncmp(at, want, 5) == 0, "row %s, column %u", word[rows], input);
    }
    rows++;
  }
  fclose(f);
  cr_expect_eq(rows, 11);
}

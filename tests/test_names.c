/* Words for numbers: the ones that programs print, by value; all values of a family have a word of
 * their own; every other number is "unknown". */
#include <criterion/criterion.h>

#include "tcptale/names.h"
#include "tcptale/packet.h"

struct word {
  const char *(*name)(uint32_t);
  uint32_t value;
  const char *word;
};

/* How result codes are named, as a function of an unsigned number like all others. */
static const char *result_name(uint32_t value) {
  return tcptale_result_name(-(int32_t)value);
}

static const struct word words[] = {
    {tcptale_anomaly_name, 0, "none"},
    {tcptale_anomaly_name, 1, "bad_ip_csum"},
    {tcptale_anomaly_name, 6, "too_many_layers"},
    {tcptale_anomaly_name, 17, "syn_data"},
    {tcptale_anomaly_name, 18, "unknown"},
    {tcptale_anomaly_name, 32, "syn_data_ignored"},
    {tcptale_anomaly_name, 70, "overlap_conflict"},
    {tcptale_anomaly_name, 141, "nomem"},
    {result_name, 0, "ok"},
    {result_name, 1, "err_arg"},
    {result_name, 6, "err_not_found"},
    {tcptale_direction_name, 0, "c2s"},
    {tcptale_direction_name, 1, "s2c"},
    {tcptale_direction_name, 2, "none"},
    {tcptale_link_name, 1, "ethernet"},
    {tcptale_link_name, 276, "linux_sll2"},
    {tcptale_layer_name, 0x20, "ipv4"},
    {tcptale_layer_name, 0x80000, "tcp"},
    {tcptale_layer_name, 0x100000, "l2tp"},
    {tcptale_layer_name, 0x60, "unknown"},
    {tcptale_stop_name, 0, "none"},
    {tcptale_stop_name, 1, "truncated"},
    {tcptale_stop_name, 6, "too_deep"},
    {tcptale_tcp_option_name, 2, "mss"},
    {tcptale_tcp_option_name, 174, "accecn1"},
    {tcptale_tcp_option_name, 6, "unknown"},
    {tcptale_mptcp_subtype_name, 0, "mp_capable"},
    {tcptale_mptcp_subtype_name, 8, "mp_tcprst"},
    {tcptale_mptcp_subtype_name, 9, "unknown"},
    {tcptale_policy_name, 4, "linux"},
    {tcptale_state_name, 2, "SYN-SENT"},
    {tcptale_state_name, 6, "FIN-WAIT-2"},
    {tcptale_how_name, 2, "synack"},
    {tcptale_gap_name, 1, "acked"},
    {tcptale_gap_name, 4, "snaplen"},
    {tcptale_reset_name, 2, "tentative"},
    {tcptale_close_name, 6, "superseded"},
    {tcptale_verdict_name, 6, "keepalive"},
    {tcptale_checksum_name, 3, "partial"},
};

Test(names, contract) {
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    cr_expect_str_eq(words[i].name(words[i].value), words[i].word, "row %zu", i);
}

struct family {
  const char *(*name)(uint32_t);
  uint32_t known; /* values below 0x200 that have a word */
};

Test(names, each_value_has_its_own_word) {
  static const struct family families[] = {
      {tcptale_anomaly_name, 70},    {result_name, 7},
      {tcptale_direction_name, 3},   {tcptale_link_name, 14},
      {tcptale_layer_name, 9},       {tcptale_stop_name, 8},
      {tcptale_tcp_option_name, 17}, {tcptale_mptcp_subtype_name, 10},
      {tcptale_policy_name, 9},      {tcptale_state_name, 11},
      {tcptale_how_name, 3},         {tcptale_gap_name, 5},
      {tcptale_reset_name, 4},       {tcptale_close_name, 8},
      {tcptale_verdict_name, 11},    {tcptale_checksum_name, 5},
  };
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    uint32_t known = 0;
    for (uint32_t value = 0; value < 0x200; value++) {
      const char *word = families[i].name(value);
      cr_assert_not_null(word);
      if (strcmp(word, "unknown") == 0) continue;
      known++;
      for (uint32_t other = 0; other < value; other++)
        cr_expect_str_neq(word, families[i].name(other), "family %zu: %u and %u", i, value, other);
    }
    cr_expect_eq(known, families[i].known, "family %zu has %u words", i, known);
    cr_expect_str_eq(families[i].name(0x7fffffff), "unknown");
  }
}

Test(names, every_layer_bit) {
  for (uint32_t bit = 0; bit < 32; bit++)
    cr_expect_eq(strcmp(tcptale_layer_name(1u << bit), "unknown") == 0, bit > 21, "bit %u", bit);
}

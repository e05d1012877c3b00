/* settings.c - see settings.h. Floor 5. */
#include "settings.h"

#include <string.h>

#include "util.h"

#define SECOND ((uint64_t)1000000000)
#define MIB    ((uint64_t)1 << 20)

/* The defaults of the catalogue's section J and of RFC 6298 (a hole may wait for two RTOs of 1 s
 * and more). */
int tcptale_config_init(tcptale_config *config, size_t struct_size) {
  if (!config || struct_size < sizeof *config || struct_size > UINT32_MAX) return TCPTALE_ERR_ARG;
  memset(config, 0, struct_size);
  *config = (tcptale_config){
      .struct_size = (uint32_t)struct_size,
      .memory_bytes = 64 * MIB,
      .checksum = TCPTALE_CHECKSUM_AUTO,
      .rst_policy = TCPTALE_RST_RFC5961,
      .policy = {TCPTALE_POLICY_FIRST, TCPTALE_POLICY_FIRST},
      .frag_policy_v4 = TCPTALE_POLICY_FIRST,
      .frag_policy_v6 = TCPTALE_FRAG_DISCARD,
      .delivery = TCPTALE_DELIVER_ARRIVAL,
      .urgent = TCPTALE_URGENT_INLINE,
      .queue_segments = 8192,
      .queue_bytes = 8 * MIB,
      .async_hole_bytes = 65536,
      .async_hole_ns = 5 * SECOND,
      .reorder_hold_ns = SECOND / 100,
      .reorder_hold_count = 3,
      .timer_budget = 300,
      .half_open_ns = 60 * SECOND,
      .established_ns = 600 * SECOND,
      .closed_ns = 30 * SECOND,
      .reset_ns = 10 * SECOND,
      .pressure_half_open_ns = 10 * SECOND,
      .pressure_established_ns = 100 * SECOND,
  };
  return TCPTALE_OK;
}

int tcptale_callbacks_init(tcptale_callbacks *callbacks, size_t struct_size) {
  if (!callbacks || struct_size < sizeof *callbacks || struct_size > UINT32_MAX)
    return TCPTALE_ERR_ARG;
  memset(callbacks, 0, struct_size);
  callbacks->struct_size = (uint32_t)struct_size;
  return TCPTALE_OK;
}

static int in_range(uint32_t value, uint32_t least, uint32_t most) {
  return value >= least && value <= most;
}

static int frag_policy_ok(uint32_t policy) {
  return policy == TCPTALE_FRAG_DISCARD ||
         in_range(policy, TCPTALE_POLICY_FIRST, TCPTALE_POLICY_BSD_RIGHT);
}

static int is_valid(const tcptale_config *c) {
  uint32_t known = TCPTALE_CONFIG_ASYNC | TCPTALE_CONFIG_NO_MIDSTREAM | TCPTALE_CONFIG_KEY_VLAN |
                   TCPTALE_CONFIG_KEY_TUNNEL | TCPTALE_CONFIG_NO_DUP_FRAME |
                   TCPTALE_CONFIG_NO_DEFRAG | TCPTALE_CONFIG_NO_UNPACK | TCPTALE_CONFIG_ONE_A_CALL;
  if (c->flags & ~known) return 0;
  if (!in_range(c->checksum, TCPTALE_CHECKSUM_AUTO, TCPTALE_CHECKSUM_IGNORE)) return 0;
  if (!in_range(c->rst_policy, TCPTALE_RST_RFC5961, TCPTALE_RST_HPUX11)) return 0;
  for (uint32_t d = 0; d < 2; d++)
    if (!in_range(c->policy[d], TCPTALE_POLICY_FIRST, TCPTALE_POLICY_BSD_RIGHT)) return 0;
  if (!frag_policy_ok(c->frag_policy_v4) || !frag_policy_ok(c->frag_policy_v6)) return 0;
  if (!in_range(c->delivery, TCPTALE_DELIVER_ARRIVAL, TCPTALE_DELIVER_ACKED)) return 0;
  if (!in_range(c->urgent, TCPTALE_URGENT_INLINE, TCPTALE_URGENT_GAP)) return 0;
  return c->queue_segments > 0 && c->queue_bytes > 0 && c->timer_budget > 0 &&
         c->timer_budget <= INT32_MAX;
}

int tcptale_settings_read(tcptale_config *out, const tcptale_config *config) {
  if (!config) return tcptale_config_init(out, sizeof *out);
  int fits = tcptale_copy_in(out, sizeof *out, config, config->struct_size);
  return fits && is_valid(out) ? TCPTALE_OK : TCPTALE_ERR_ARG;
}

int tcptale_settings_callbacks(tcptale_callbacks *out, const tcptale_callbacks *callbacks) {
  if (!callbacks) return tcptale_callbacks_init(out, sizeof *out);
  int fits = tcptale_copy_in(out, sizeof *out, callbacks, callbacks->struct_size);
  return fits ? TCPTALE_OK : TCPTALE_ERR_ARG;
}

void tcptale_settings_stream(const tcptale_config *config, tcptale_stream_config *out) {
  tcptale_stream_config_init(out, sizeof *out);
  out->policy = config->policy[0];
  out->delivery = config->delivery;
  out->urgent = config->urgent;
  out->one_sided = (config->flags & TCPTALE_CONFIG_ASYNC) != 0;
  out->queue_segments = config->queue_segments;
  out->queue_bytes = config->queue_bytes;
  out->async_hole_bytes = config->async_hole_bytes;
  out->async_hole_ns = config->async_hole_ns;
  out->reorder_hold_ns = config->reorder_hold_ns;
  out->reorder_hold_count = config->reorder_hold_count;
  out->history_bytes = config->history_bytes;
}

void tcptale_settings_defrag(const tcptale_config *config, tcptale_defrag_config *out) {
  tcptale_defrag_config_init(out, sizeof *out);
  out->policy_v4 = config->frag_policy_v4;
  out->policy_v6 = config->frag_policy_v6;
  out->key_flags = 0;
  if (config->flags & TCPTALE_CONFIG_KEY_VLAN) out->key_flags |= TCPTALE_KEY_VLAN;
  if (config->flags & TCPTALE_CONFIG_KEY_TUNNEL) out->key_flags |= TCPTALE_KEY_TUNNEL;
  out->memory_bytes = tcptale_min_u64(out->memory_bytes, config->memory_bytes / 4);
  memcpy(out->hash_key, config->hash_key, sizeof out->hash_key);
}

/* The layout of every public struct, as a program sees it that was linked against an earlier
 * release: sizes and positions never change, structs grow at the end only. No struct has hidden
 * padding: each field begins where the one before it ends. Written for 64-bit; on 32-bit machines
 * only pointers are smaller. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tcptale.h"

struct field {
  const char *name;
  size_t offset;
  size_t size;
};

struct layout {
  const char *name;
  uint32_t kind; /* for tcptale_sizeof */
  size_t size;
  size_t size_64; /* what it is where pointers have 8 bytes */
  const struct field *fields;
  size_t count;
};

#define F(type, member)                                                                            \
  { #member, offsetof(type, member), sizeof(((type *)0)->member) }
#define L(type, kind, size_64, fields)                                                             \
  { #type, kind, sizeof(type), size_64, fields, sizeof fields / sizeof fields[0] }

static const struct field PACKET[] = {F(tcptale_packet, struct_size),
                                      F(tcptale_packet, layers),
                                      F(tcptale_packet, anomalies),
                                      F(tcptale_packet, flags),
                                      F(tcptale_packet, stop_reason),
                                      F(tcptale_packet, ip_version),
                                      F(tcptale_packet, stop_layer),
                                      F(tcptale_packet, stop_offset),
                                      F(tcptale_packet, cap_len),
                                      F(tcptale_packet, wire_len),
                                      F(tcptale_packet, src),
                                      F(tcptale_packet, dst),
                                      F(tcptale_packet, src_port),
                                      F(tcptale_packet, dst_port),
                                      F(tcptale_packet, seq),
                                      F(tcptale_packet, ack),
                                      F(tcptale_packet, tcp_flags),
                                      F(tcptale_packet, window),
                                      F(tcptale_packet, payload_offset),
                                      F(tcptale_packet, payload_len),
                                      F(tcptale_packet, payload_cap),
                                      F(tcptale_packet, tcp_checksum),
                                      F(tcptale_packet, urgent),
                                      F(tcptale_packet, tcp_csum),
                                      F(tcptale_packet, ip_csum),
                                      F(tcptale_packet, options),
                                      F(tcptale_packet, tcp_offset),
                                      F(tcptale_packet, tcp_header_len),
                                      F(tcptale_packet, wscale),
                                      F(tcptale_packet, mss),
                                      F(tcptale_packet, ts_val),
                                      F(tcptale_packet, ts_ecr),
                                      F(tcptale_packet, sack_count),
                                      F(tcptale_packet, mptcp_subtype),
                                      F(tcptale_packet, fast_open_len),
                                      F(tcptale_packet, option_count),
                                      F(tcptale_packet, sack_left),
                                      F(tcptale_packet, sack_right),
                                      F(tcptale_packet, ip_offset),
                                      F(tcptale_packet, ip_payload_offset),
                                      F(tcptale_packet, ip_payload_len),
                                      F(tcptale_packet, ip_total_len),
                                      F(tcptale_packet, ip_id),
                                      F(tcptale_packet, frag_offset),
                                      F(tcptale_packet, ip_header_len),
                                      F(tcptale_packet, ip_protocol),
                                      F(tcptale_packet, ip_ttl),
                                      F(tcptale_packet, ip_tos),
                                      F(tcptale_packet, layer_count),
                                      F(tcptale_packet, link_type),
                                      F(tcptale_packet, ether_type),
                                      F(tcptale_packet, tunnel_count),
                                      F(tcptale_packet, vlan_count),
                                      F(tcptale_packet, vlan),
                                      F(tcptale_packet, mpls_label),
                                      F(tcptale_packet, tunnel_id),
                                      F(tcptale_packet, link_src),
                                      F(tcptale_packet, link_dst),
                                      F(tcptale_packet, payload_unsent),
                                      F(tcptale_packet, reserved0)};
static const struct field TCP_OPTION[] = {
    F(tcptale_tcp_option, struct_size), F(tcptale_tcp_option, next_offset),
    F(tcptale_tcp_option, offset),      F(tcptale_tcp_option, kind),
    F(tcptale_tcp_option, len),         F(tcptale_tcp_option, malformed),
    F(tcptale_tcp_option, duplicate),   F(tcptale_tcp_option, value_count),
    F(tcptale_tcp_option, value),       F(tcptale_tcp_option, reserved0)};
static const struct field FLOW_KEY[] = {
    F(tcptale_flow_key, struct_size), F(tcptale_flow_key, reserved0),
    F(tcptale_flow_key, scope),       F(tcptale_flow_key, addr),
    F(tcptale_flow_key, port),        F(tcptale_flow_key, vlan),
    F(tcptale_flow_key, tunnel),      F(tcptale_flow_key, ip_version),
    F(tcptale_flow_key, reserved1)};
static const struct field DEFRAG_CONFIG[] = {
    F(tcptale_defrag_config, struct_size),   F(tcptale_defrag_config, policy_v4),
    F(tcptale_defrag_config, policy_v6),     F(tcptale_defrag_config, max_datagrams),
    F(tcptale_defrag_config, max_fragments), F(tcptale_defrag_config, key_flags),
    F(tcptale_defrag_config, timeout_ns),    F(tcptale_defrag_config, memory_bytes),
    F(tcptale_defrag_config, hash_key)};
static const struct field DEFRAG_RESULT[] = {F(tcptale_defrag_result, struct_size),
                                             F(tcptale_defrag_result, complete),
                                             F(tcptale_defrag_result, anomalies_frag),
                                             F(tcptale_defrag_result, first_index),
                                             F(tcptale_defrag_result, last_index),
                                             F(tcptale_defrag_result, fragment_count),
                                             F(tcptale_defrag_result, len),
                                             F(tcptale_defrag_result, data),
                                             F(tcptale_defrag_result, first)};
static const struct field DATA_EVENT[] = {
    F(tcptale_data_event, conn_id),    F(tcptale_data_event, index),
    F(tcptale_data_event, ts_ns),      F(tcptale_data_event, direction),
    F(tcptale_data_event, len),        F(tcptale_data_event, offset),
    F(tcptale_data_event, from_index), F(tcptale_data_event, from_ts_ns),
    F(tcptale_data_event, data)};
static const struct field GAP_EVENT[] = {
    F(tcptale_gap_event, conn_id),   F(tcptale_gap_event, index), F(tcptale_gap_event, ts_ns),
    F(tcptale_gap_event, direction), F(tcptale_gap_event, why),   F(tcptale_gap_event, offset),
    F(tcptale_gap_event, len)};
static const struct field HALF_CLOSE_EVENT[] = {
    F(tcptale_half_close_event, conn_id),   F(tcptale_half_close_event, index),
    F(tcptale_half_close_event, ts_ns),     F(tcptale_half_close_event, direction),
    F(tcptale_half_close_event, reserved0), F(tcptale_half_close_event, offset)};
static const struct field ANOMALY_EVENT[] = {
    F(tcptale_anomaly_event, conn_id), F(tcptale_anomaly_event, index),
    F(tcptale_anomaly_event, ts_ns),   F(tcptale_anomaly_event, direction),
    F(tcptale_anomaly_event, code),    F(tcptale_anomaly_event, offset),
    F(tcptale_anomaly_event, len),     F(tcptale_anomaly_event, count),
    F(tcptale_anomaly_event, data)};
static const struct field STREAM_CONFIG[] = {
    F(tcptale_stream_config, struct_size),        F(tcptale_stream_config, policy),
    F(tcptale_stream_config, delivery),           F(tcptale_stream_config, urgent),
    F(tcptale_stream_config, one_sided),          F(tcptale_stream_config, queue_segments),
    F(tcptale_stream_config, queue_bytes),        F(tcptale_stream_config, async_hole_bytes),
    F(tcptale_stream_config, async_hole_ns),      F(tcptale_stream_config, reorder_hold_ns),
    F(tcptale_stream_config, reorder_hold_count), F(tcptale_stream_config, history_bytes),
    F(tcptale_stream_config, memory_bytes)};
static const struct field STREAM_CALLBACKS[] = {
    F(tcptale_stream_callbacks, struct_size),   F(tcptale_stream_callbacks, reserved0),
    F(tcptale_stream_callbacks, on_data),       F(tcptale_stream_callbacks, on_gap),
    F(tcptale_stream_callbacks, on_half_close), F(tcptale_stream_callbacks, on_anomaly)};
static const struct field CONFIG[] = {F(tcptale_config, struct_size),
                                      F(tcptale_config, flags),
                                      F(tcptale_config, memory_bytes),
                                      F(tcptale_config, max_connections),
                                      F(tcptale_config, max_half_open),
                                      F(tcptale_config, checksum),
                                      F(tcptale_config, rst_policy),
                                      F(tcptale_config, policy),
                                      F(tcptale_config, frag_policy_v4),
                                      F(tcptale_config, frag_policy_v6),
                                      F(tcptale_config, delivery),
                                      F(tcptale_config, urgent),
                                      F(tcptale_config, queue_segments),
                                      F(tcptale_config, history_bytes),
                                      F(tcptale_config, queue_bytes),
                                      F(tcptale_config, async_hole_bytes),
                                      F(tcptale_config, async_hole_ns),
                                      F(tcptale_config, reorder_hold_ns),
                                      F(tcptale_config, reorder_hold_count),
                                      F(tcptale_config, timer_budget),
                                      F(tcptale_config, half_open_ns),
                                      F(tcptale_config, established_ns),
                                      F(tcptale_config, closed_ns),
                                      F(tcptale_config, reset_ns),
                                      F(tcptale_config, pressure_half_open_ns),
                                      F(tcptale_config, pressure_established_ns),
                                      F(tcptale_config, hash_key)};
static const struct field LINE[] = {F(tcptale_line, struct_size), F(tcptale_line, flags),
                                    F(tcptale_line, seq_base),    F(tcptale_line, ack_base),
                                    F(tcptale_line, sack_base),   F(tcptale_line, reserved0)};
static const struct field ENDPOINTS[] = {
    F(tcptale_endpoints, struct_size), F(tcptale_endpoints, ip_version),
    F(tcptale_endpoints, reserved0),   F(tcptale_endpoints, addr),
    F(tcptale_endpoints, port),        F(tcptale_endpoints, role),
    F(tcptale_endpoints, reserved1)};
static const struct field OPEN_EVENT[] = {
    F(tcptale_open_event, conn_id), F(tcptale_open_event, index), F(tcptale_open_event, ts_ns),
    F(tcptale_open_event, how),     F(tcptale_open_event, role),  F(tcptale_open_event, endpoints)};
static const struct field ESTABLISHED_EVENT[] = {
    F(tcptale_established_event, conn_id), F(tcptale_established_event, index),
    F(tcptale_established_event, ts_ns), F(tcptale_established_event, rtt_ns),
    F(tcptale_established_event, syn_synack_ns)};
static const struct field RESET_EVENT[] = {
    F(tcptale_reset_event, conn_id), F(tcptale_reset_event, index), F(tcptale_reset_event, ts_ns),
    F(tcptale_reset_event, direction), F(tcptale_reset_event, verdict)};
static const struct field CLOSE_EVENT[] = {
    F(tcptale_close_event, conn_id),   F(tcptale_close_event, index),
    F(tcptale_close_event, ts_ns),     F(tcptale_close_event, why),
    F(tcptale_close_event, reserved0), F(tcptale_close_event, delivered),
    F(tcptale_close_event, missing)};
static const struct field SEGMENT_EVENT[] = {
    F(tcptale_segment_event, conn_id),      F(tcptale_segment_event, index),
    F(tcptale_segment_event, ts_ns),        F(tcptale_segment_event, direction),
    F(tcptale_segment_event, verdict),      F(tcptale_segment_event, seq),
    F(tcptale_segment_event, ack),          F(tcptale_segment_event, len),
    F(tcptale_segment_event, tcp_flags),    F(tcptale_segment_event, anomaly),
    F(tcptale_segment_event, bad_checksum), F(tcptale_segment_event, packet),
    F(tcptale_segment_event, data)};
static const struct field CALLBACKS[] = {
    F(tcptale_callbacks, struct_size),   F(tcptale_callbacks, reserved0),
    F(tcptale_callbacks, on_open),       F(tcptale_callbacks, on_established),
    F(tcptale_callbacks, on_data),       F(tcptale_callbacks, on_gap),
    F(tcptale_callbacks, on_half_close), F(tcptale_callbacks, on_reset),
    F(tcptale_callbacks, on_close),      F(tcptale_callbacks, on_anomaly),
    F(tcptale_callbacks, on_segment)};
static const struct field FRAME[] = {F(tcptale_frame, struct_size), F(tcptale_frame, link_type),
                                     F(tcptale_frame, cap_len),     F(tcptale_frame, wire_len),
                                     F(tcptale_frame, ts_ns),       F(tcptale_frame, index),
                                     F(tcptale_frame, scope),       F(tcptale_frame, data)};
static const struct field TRACKER_STATS[] = {
    F(tcptale_tracker_stats, struct_size),   F(tcptale_tracker_stats, open_now),
    F(tcptale_tracker_stats, half_open_now), F(tcptale_tracker_stats, lingering_now),
    F(tcptale_tracker_stats, frames),        F(tcptale_tracker_stats, segments),
    F(tcptale_tracker_stats, opened),        F(tcptale_tracker_stats, closed),
    F(tcptale_tracker_stats, evicted),       F(tcptale_tracker_stats, bad_checksums),
    F(tcptale_tracker_stats, dup_frames),    F(tcptale_tracker_stats, anomalies),
    F(tcptale_tracker_stats, memory_bytes),  F(tcptale_tracker_stats, memory_used)};
static const struct field CONN_STATS[] = {
    F(tcptale_conn_stats, struct_size),  F(tcptale_conn_stats, role),
    F(tcptale_conn_stats, first_ns),     F(tcptale_conn_stats, last_ns),
    F(tcptale_conn_stats, packets),      F(tcptale_conn_stats, payload_bytes),
    F(tcptale_conn_stats, delivered),    F(tcptale_conn_stats, missing),
    F(tcptale_conn_stats, queued_bytes), F(tcptale_conn_stats, queued_segments)};

static const struct layout LAYOUTS[] = {
    L(tcptale_packet, TCPTALE_STRUCT_PACKET, 224, PACKET),
    L(tcptale_tcp_option, TCPTALE_STRUCT_TCP_OPTION, 56, TCP_OPTION),
    L(tcptale_flow_key, TCPTALE_STRUCT_FLOW_KEY, 64, FLOW_KEY),
    L(tcptale_defrag_config, TCPTALE_STRUCT_DEFRAG_CONFIG, 56, DEFRAG_CONFIG),
    L(tcptale_defrag_result, TCPTALE_STRUCT_DEFRAG_RESULT, 272, DEFRAG_RESULT),
    L(tcptale_data_event, TCPTALE_STRUCT_DATA_EVENT, 64, DATA_EVENT),
    L(tcptale_gap_event, TCPTALE_STRUCT_GAP_EVENT, 48, GAP_EVENT),
    L(tcptale_half_close_event, TCPTALE_STRUCT_HALF_CLOSE_EVENT, 40, HALF_CLOSE_EVENT),
    L(tcptale_anomaly_event, TCPTALE_STRUCT_ANOMALY_EVENT, 64, ANOMALY_EVENT),
    L(tcptale_stream_config, TCPTALE_STRUCT_STREAM_CONFIG, 72, STREAM_CONFIG),
    L(tcptale_stream_callbacks, TCPTALE_STRUCT_STREAM_CALLBACKS, 40, STREAM_CALLBACKS),
    L(tcptale_config, TCPTALE_STRUCT_CONFIG, 168, CONFIG),
    L(tcptale_line, TCPTALE_STRUCT_LINE, 24, LINE),
    L(tcptale_endpoints, TCPTALE_STRUCT_ENDPOINTS, 80, ENDPOINTS),
    L(tcptale_open_event, TCPTALE_STRUCT_OPEN_EVENT, 112, OPEN_EVENT),
    L(tcptale_established_event, TCPTALE_STRUCT_ESTABLISHED_EVENT, 40, ESTABLISHED_EVENT),
    L(tcptale_reset_event, TCPTALE_STRUCT_RESET_EVENT, 32, RESET_EVENT),
    L(tcptale_close_event, TCPTALE_STRUCT_CLOSE_EVENT, 64, CLOSE_EVENT),
    L(tcptale_segment_event, TCPTALE_STRUCT_SEGMENT_EVENT, 72, SEGMENT_EVENT),
    L(tcptale_callbacks, TCPTALE_STRUCT_CALLBACKS, 80, CALLBACKS),
    L(tcptale_frame, TCPTALE_STRUCT_FRAME, 48, FRAME),
    L(tcptale_tracker_stats, TCPTALE_STRUCT_TRACKER_STATS, 96, TRACKER_STATS),
    L(tcptale_conn_stats, TCPTALE_STRUCT_CONN_STATS, 112, CONN_STATS),
};

Test(layout, sizes_are_the_agreed_ones) {
  size_t i;

  for (i = 0; i < sizeof LAYOUTS / sizeof LAYOUTS[0]; i++) {
    const struct layout *one = &LAYOUTS[i];

    if (sizeof(void *) == 8)
      cr_expect_eq(one->size, one->size_64, "%s has %zu bytes", one->name, one->size);
    if (one->kind != 0)
      cr_expect_eq(tcptale_sizeof(one->kind), one->size, "tcptale_sizeof of %s", one->name);
  }
  cr_expect_eq(tcptale_sizeof(0), 0);
  cr_expect_eq(tcptale_sizeof(100000), 0);
}

Test(layout, there_is_no_hidden_padding) {
  size_t i;
  size_t k;

  for (i = 0; i < sizeof LAYOUTS / sizeof LAYOUTS[0]; i++) {
    const struct layout *one = &LAYOUTS[i];
    size_t end = 0;

    for (k = 0; k < one->count; k++) {
      cr_expect_eq(one->fields[k].offset, end, "%s: a hole before %s", one->name,
                   one->fields[k].name);
      end = one->fields[k].offset + one->fields[k].size;
    }
    cr_expect_eq(end, one->size, "%s: padding at the end", one->name);
  }
}

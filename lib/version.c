/* version.c - what is loaded: the version, from the numbers in base.h, and the sizes of the
 * public structs. Floor 1. */
#include "tcptale.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

uint32_t tcptale_version_number(void) {
  return (uint32_t)TCPTALE_VERSION_MAJOR << 16 | (uint32_t)TCPTALE_VERSION_MINOR << 8 |
         (uint32_t)TCPTALE_VERSION_PATCH;
}

const char *tcptale_version_string(void) {
  return TEXT(TCPTALE_VERSION_MAJOR) "." TEXT(TCPTALE_VERSION_MINOR) "." TEXT(
      TCPTALE_VERSION_PATCH);
}

static const uint16_t SIZES[] = {
    [TCPTALE_STRUCT_PACKET] = sizeof(tcptale_packet),
    [TCPTALE_STRUCT_TCP_OPTION] = sizeof(tcptale_tcp_option),
    [TCPTALE_STRUCT_FLOW_KEY] = sizeof(tcptale_flow_key),
    [TCPTALE_STRUCT_FRAME] = sizeof(tcptale_frame),
    [TCPTALE_STRUCT_CONFIG] = sizeof(tcptale_config),
    [TCPTALE_STRUCT_CALLBACKS] = sizeof(tcptale_callbacks),
    [TCPTALE_STRUCT_OPEN_EVENT] = sizeof(tcptale_open_event),
    [TCPTALE_STRUCT_ESTABLISHED_EVENT] = sizeof(tcptale_established_event),
    [TCPTALE_STRUCT_DATA_EVENT] = sizeof(tcptale_data_event),
    [TCPTALE_STRUCT_GAP_EVENT] = sizeof(tcptale_gap_event),
    [TCPTALE_STRUCT_HALF_CLOSE_EVENT] = sizeof(tcptale_half_close_event),
    [TCPTALE_STRUCT_RESET_EVENT] = sizeof(tcptale_reset_event),
    [TCPTALE_STRUCT_CLOSE_EVENT] = sizeof(tcptale_close_event),
    [TCPTALE_STRUCT_ANOMALY_EVENT] = sizeof(tcptale_anomaly_event),
    [TCPTALE_STRUCT_SEGMENT_EVENT] = sizeof(tcptale_segment_event),
    [TCPTALE_STRUCT_CONN_STATS] = sizeof(tcptale_conn_stats),
    [TCPTALE_STRUCT_TRACKER_STATS] = sizeof(tcptale_tracker_stats),
    [TCPTALE_STRUCT_STREAM_CONFIG] = sizeof(tcptale_stream_config),
    [TCPTALE_STRUCT_STREAM_CALLBACKS] = sizeof(tcptale_stream_callbacks),
    [TCPTALE_STRUCT_DEFRAG_CONFIG] = sizeof(tcptale_defrag_config),
    [TCPTALE_STRUCT_DEFRAG_RESULT] = sizeof(tcptale_defrag_result),
    [TCPTALE_STRUCT_LINE] = sizeof(tcptale_line),
    [TCPTALE_STRUCT_ENDPOINTS] = sizeof(tcptale_endpoints),
};

uint32_t tcptale_sizeof(uint32_t kind) {
  return kind < sizeof SIZES / sizeof SIZES[0] ? SIZES[kind] : 0;
}

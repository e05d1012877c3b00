/* names.c - the words for numbers. Invariant: every value of an enum has a word, every other
 * number is "unknown"; the words are what the public headers promise and programs print. Floor
 * 1. */
#include "tcptale/names.h"

#include "tcptale/packet.h"
#include "tcptale/state.h"
#include "tcptale/stream.h"
#include "tcptale/tracker.h"

static const char unknown[] = "unknown";

const char *tcptale_anomaly_name(uint32_t code) {
  switch (code) {
  case TCPTALE_ANOMALY_NONE: return "none";
  case TCPTALE_ANOMALY_BAD_IP_CSUM: return "bad_ip_csum";
  case TCPTALE_ANOMALY_BAD_TCP_CSUM: return "bad_tcp_csum";
  case TCPTALE_ANOMALY_CSUM_OFFLOAD: return "csum_offload";
  case TCPTALE_ANOMALY_TRUNCATED: return "truncated";
  case TCPTALE_ANOMALY_MALFORMED: return "malformed";
  case TCPTALE_ANOMALY_TOO_MANY_LAYERS: return "too_many_layers";
  case TCPTALE_ANOMALY_BAD_FLAGS: return "bad_flags";
  case TCPTALE_ANOMALY_NO_ACK_FLAG: return "no_ack_flag";
  case TCPTALE_ANOMALY_LAND: return "land";
  case TCPTALE_ANOMALY_OPT_MALFORMED: return "opt_malformed";
  case TCPTALE_ANOMALY_OPT_DUP: return "opt_dup";
  case TCPTALE_ANOMALY_WSCALE_RANGE: return "wscale_range";
  case TCPTALE_ANOMALY_IP_OPT_ROUTE: return "ip_opt_route";
  case TCPTALE_ANOMALY_IP_OPT_MALFORMED: return "ip_opt_malformed";
  case TCPTALE_ANOMALY_MPTCP: return "mptcp";
  case TCPTALE_ANOMALY_RST_DATA: return "rst_data";
  case TCPTALE_ANOMALY_SYN_DATA: return "syn_data";
  case TCPTALE_ANOMALY_SYN_DATA_IGNORED: return "syn_data_ignored";
  case TCPTALE_ANOMALY_DATA_BEFORE_EST: return "data_before_est";
  case TCPTALE_ANOMALY_SYN_FLOOD_FLOW: return "syn_flood_flow";
  case TCPTALE_ANOMALY_SYNACK_BAD_ACK: return "synack_bad_ack";
  case TCPTALE_ANOMALY_SYNACK_DIFF_SEQ: return "synack_diff_seq";
  case TCPTALE_ANOMALY_SYNACK_WRONG_DIR: return "synack_wrong_dir";
  case TCPTALE_ANOMALY_SPLIT_HANDSHAKE: return "split_handshake";
  case TCPTALE_ANOMALY_SIMULTANEOUS_OPEN: return "simultaneous_open";
  case TCPTALE_ANOMALY_TS_MISSING: return "ts_missing";
  case TCPTALE_ANOMALY_MD5_UNEXPECTED: return "md5_unexpected";
  case TCPTALE_ANOMALY_SYN_IN_ESTABLISHED: return "syn_in_established";
  case TCPTALE_ANOMALY_SYN_AFTER_CLOSE: return "syn_after_close";
  case TCPTALE_ANOMALY_PORT_REUSE: return "port_reuse";
  case TCPTALE_ANOMALY_SEQ_IMPLAUSIBLE: return "seq_implausible";
  case TCPTALE_ANOMALY_OUT_OF_WINDOW: return "out_of_window";
  case TCPTALE_ANOMALY_ACK_UNSEEN: return "ack_unseen";
  case TCPTALE_ANOMALY_ACK_IMPLAUSIBLE: return "ack_implausible";
  case TCPTALE_ANOMALY_ACK_OLD: return "ack_old";
  case TCPTALE_ANOMALY_BROKEN_ACK: return "broken_ack";
  case TCPTALE_ANOMALY_WINDOW_SHRINK: return "window_shrink";
  case TCPTALE_ANOMALY_WINDOW_TOO_LARGE: return "window_too_large";
  case TCPTALE_ANOMALY_WINDOW_BAD: return "window_bad";
  case TCPTALE_ANOMALY_PAWS: return "paws";
  case TCPTALE_ANOMALY_OVERLAP_CONFLICT: return "overlap_conflict";
  case TCPTALE_ANOMALY_OVERLAP_LIMIT: return "overlap_limit";
  case TCPTALE_ANOMALY_LATE_AFTER_GAP: return "late_after_gap";
  case TCPTALE_ANOMALY_HOLE_LIMIT: return "hole_limit";
  case TCPTALE_ANOMALY_SEG_LIMIT: return "seg_limit";
  case TCPTALE_ANOMALY_BYTE_LIMIT: return "byte_limit";
  case TCPTALE_ANOMALY_SMALL_SEGMENTS: return "small_segments";
  case TCPTALE_ANOMALY_URGENT: return "urgent";
  case TCPTALE_ANOMALY_URGENT_LIMIT: return "urgent_limit";
  case TCPTALE_ANOMALY_DISCARDED: return "discarded";
  case TCPTALE_ANOMALY_FIN_MOVED: return "fin_moved";
  case TCPTALE_ANOMALY_DATA_AFTER_FIN: return "data_after_fin";
  case TCPTALE_ANOMALY_FIN_OUT_OF_WINDOW: return "fin_out_of_window";
  case TCPTALE_ANOMALY_RST_OUT_OF_WINDOW: return "rst_out_of_window";
  case TCPTALE_ANOMALY_RST_IN_WINDOW: return "rst_in_window";
  case TCPTALE_ANOMALY_RST_IGNORED: return "rst_ignored";
  case TCPTALE_ANOMALY_RST_SUSPECT_INJECTION: return "rst_suspect_injection";
  case TCPTALE_ANOMALY_RST_BAD_ACK: return "rst_bad_ack";
  case TCPTALE_ANOMALY_DATA_AFTER_RST: return "data_after_rst";
  case TCPTALE_ANOMALY_MAC_CHANGE: return "mac_change";
  case TCPTALE_ANOMALY_TTL_JUMP: return "ttl_jump";
  case TCPTALE_ANOMALY_FRAG_OVERLAP: return "frag_overlap";
  case TCPTALE_ANOMALY_FRAG_CONFLICT: return "frag_conflict";
  case TCPTALE_ANOMALY_FRAG_TINY: return "frag_tiny";
  case TCPTALE_ANOMALY_FRAG_INCONSISTENT: return "frag_inconsistent";
  case TCPTALE_ANOMALY_FRAG_LIMIT: return "frag_limit";
  case TCPTALE_ANOMALY_FRAG_TIMEOUT: return "frag_timeout";
  case TCPTALE_ANOMALY_EVICTED: return "evicted";
  case TCPTALE_ANOMALY_NOMEM: return "nomem";
  default: return unknown;
  }
}

const char *tcptale_result_name(int32_t result) {
  switch (result) {
  case TCPTALE_OK: return "ok";
  case TCPTALE_ERR_ARG: return "err_arg";
  case TCPTALE_ERR_NOMEM: return "err_nomem";
  case TCPTALE_ERR_REENTRANT: return "err_reentrant";
  case TCPTALE_ERR_STOPPED: return "err_stopped";
  case TCPTALE_ERR_SPACE: return "err_space";
  case TCPTALE_ERR_NOT_FOUND: return "err_not_found";
  default: return unknown;
  }
}

const char *tcptale_direction_name(uint32_t direction) {
  switch (direction) {
  case TCPTALE_C2S: return "c2s";
  case TCPTALE_S2C: return "s2c";
  case TCPTALE_NO_DIR: return "none";
  default: return unknown;
  }
}

const char *tcptale_link_name(uint32_t link_type) {
  switch (link_type) {
  case TCPTALE_LINK_NULL: return "null";
  case TCPTALE_LINK_ETHERNET: return "ethernet";
  case TCPTALE_LINK_PPP: return "ppp";
  case TCPTALE_LINK_RAW_BSD: return "raw_bsd";
  case TCPTALE_LINK_RAW_OPENBSD: return "raw_openbsd";
  case TCPTALE_LINK_RAW: return "raw";
  case TCPTALE_LINK_CISCO_HDLC: return "cisco_hdlc";
  case TCPTALE_LINK_80211: return "80211";
  case TCPTALE_LINK_LOOP: return "loop";
  case TCPTALE_LINK_LINUX_SLL: return "linux_sll";
  case TCPTALE_LINK_80211_RADIOTAP: return "80211_radiotap";
  case TCPTALE_LINK_IPV4: return "ipv4";
  case TCPTALE_LINK_IPV6: return "ipv6";
  case TCPTALE_LINK_LINUX_SLL2: return "linux_sll2";
  default: return unknown;
  }
}

const char *tcptale_layer_name(uint32_t layer) {
  switch (layer) {
  case TCPTALE_LAYER_LINK: return "link";
  case TCPTALE_LAYER_LLC: return "llc";
  case TCPTALE_LAYER_VLAN: return "vlan";
  case TCPTALE_LAYER_MPLS: return "mpls";
  case TCPTALE_LAYER_PPPOE: return "pppoe";
  case TCPTALE_LAYER_IPV4: return "ipv4";
  case TCPTALE_LAYER_IPV6: return "ipv6";
  case TCPTALE_LAYER_IPV6_EXT: return "ipv6_ext";
  case TCPTALE_LAYER_AH: return "ah";
  case TCPTALE_LAYER_FRAGMENT: return "fragment";
  case TCPTALE_LAYER_IPIP: return "ipip";
  case TCPTALE_LAYER_GRE: return "gre";
  case TCPTALE_LAYER_ERSPAN: return "erspan";
  case TCPTALE_LAYER_VXLAN: return "vxlan";
  case TCPTALE_LAYER_GENEVE: return "geneve";
  case TCPTALE_LAYER_GTPU: return "gtpu";
  case TCPTALE_LAYER_TEREDO: return "teredo";
  case TCPTALE_LAYER_UDP: return "udp";
  case TCPTALE_LAYER_ICMP: return "icmp";
  case TCPTALE_LAYER_TCP: return "tcp";
  case TCPTALE_LAYER_IPCOMP: return "ipcomp";
  case TCPTALE_LAYER_L2TP: return "l2tp";
  default: return unknown;
  }
}

const char *tcptale_stop_name(uint32_t stop_reason) {
  switch (stop_reason) {
  case TCPTALE_STOP_NONE: return "none";
  case TCPTALE_STOP_TRUNCATED: return "truncated";
  case TCPTALE_STOP_MALFORMED: return "malformed";
  case TCPTALE_STOP_UNSUPPORTED: return "unsupported";
  case TCPTALE_STOP_NOT_TCP: return "not_tcp";
  case TCPTALE_STOP_FRAGMENT: return "fragment";
  case TCPTALE_STOP_TOO_DEEP: return "too_deep";
  case TCPTALE_STOP_COMPRESSED: return "compressed";
  default: return unknown;
  }
}

const char *tcptale_tcp_option_name(uint32_t kind) {
  switch (kind) {
  case TCPTALE_OPT_EOL: return "eol";
  case TCPTALE_OPT_NOP: return "nop";
  case TCPTALE_OPT_MSS: return "mss";
  case TCPTALE_OPT_WSCALE: return "wscale";
  case TCPTALE_OPT_SACK_PERMITTED: return "sack_permitted";
  case TCPTALE_OPT_SACK: return "sack";
  case TCPTALE_OPT_TIMESTAMPS: return "timestamps";
  case TCPTALE_OPT_MD5: return "md5";
  case TCPTALE_OPT_USER_TIMEOUT: return "user_timeout";
  case TCPTALE_OPT_AO: return "ao";
  case TCPTALE_OPT_MPTCP: return "mptcp";
  case TCPTALE_OPT_FAST_OPEN: return "fast_open";
  case TCPTALE_OPT_ENO: return "eno";
  case TCPTALE_OPT_ACCECN0: return "accecn0";
  case TCPTALE_OPT_ACCECN1: return "accecn1";
  case TCPTALE_OPT_EXPERIMENT_1: return "experiment_1";
  case TCPTALE_OPT_EXPERIMENT_2: return "experiment_2";
  default: return unknown;
  }
}

/* RFC 8684 7.2. */
const char *tcptale_mptcp_subtype_name(uint32_t subtype) {
  switch (subtype) {
  case 0: return "mp_capable";
  case 1: return "mp_join";
  case 2: return "dss";
  case 3: return "add_addr";
  case 4: return "remove_addr";
  case 5: return "mp_prio";
  case 6: return "mp_fail";
  case 7: return "mp_fastclose";
  case 8: return "mp_tcprst";
  case 15: return "mp_experimental";
  default: return unknown;
  }
}

const char *tcptale_policy_name(uint32_t policy) {
  switch (policy) {
  case TCPTALE_POLICY_FIRST: return "first";
  case TCPTALE_POLICY_LAST: return "last";
  case TCPTALE_POLICY_BSD: return "bsd";
  case TCPTALE_POLICY_LINUX: return "linux";
  case TCPTALE_POLICY_WINDOWS: return "windows";
  case TCPTALE_POLICY_SOLARIS: return "solaris";
  case TCPTALE_POLICY_OLD_LINUX: return "old_linux";
  case TCPTALE_POLICY_HPUX10: return "hpux10";
  case TCPTALE_POLICY_BSD_RIGHT: return "bsd_right";
  default: return unknown;
  }
}

const char *tcptale_state_name(uint32_t state) {
  switch (state) {
  case TCPTALE_STATE_CLOSED: return "CLOSED";
  case TCPTALE_STATE_LISTEN: return "LISTEN";
  case TCPTALE_STATE_SYN_SENT: return "SYN-SENT";
  case TCPTALE_STATE_SYN_RECEIVED: return "SYN-RECEIVED";
  case TCPTALE_STATE_ESTABLISHED: return "ESTABLISHED";
  case TCPTALE_STATE_FIN_WAIT_1: return "FIN-WAIT-1";
  case TCPTALE_STATE_FIN_WAIT_2: return "FIN-WAIT-2";
  case TCPTALE_STATE_CLOSE_WAIT: return "CLOSE-WAIT";
  case TCPTALE_STATE_CLOSING: return "CLOSING";
  case TCPTALE_STATE_LAST_ACK: return "LAST-ACK";
  case TCPTALE_STATE_TIME_WAIT: return "TIME-WAIT";
  default: return unknown;
  }
}

const char *tcptale_how_name(uint32_t how) {
  switch (how) {
  case TCPTALE_OPEN_SYN: return "syn";
  case TCPTALE_OPEN_SYNACK: return "synack";
  case TCPTALE_OPEN_MIDSTREAM: return "midstream";
  default: return unknown;
  }
}

const char *tcptale_gap_name(uint32_t why) {
  switch (why) {
  case TCPTALE_GAP_ACKED: return "acked";
  case TCPTALE_GAP_TIMEOUT: return "timeout";
  case TCPTALE_GAP_BUDGET: return "budget";
  case TCPTALE_GAP_SNAPLEN: return "snaplen";
  case TCPTALE_GAP_END: return "end";
  default: return unknown;
  }
}

const char *tcptale_reset_name(uint32_t verdict) {
  switch (verdict) {
  case TCPTALE_RESET_EXACT: return "exact";
  case TCPTALE_RESET_TENTATIVE: return "tentative";
  case TCPTALE_RESET_CONFIRMED: return "confirmed";
  case TCPTALE_RESET_REFUTED: return "refuted";
  default: return unknown;
  }
}

const char *tcptale_close_name(uint32_t reason) {
  switch (reason) {
  case TCPTALE_CLOSE_FIN: return "fin";
  case TCPTALE_CLOSE_RST: return "rst";
  case TCPTALE_CLOSE_REFUSED: return "refused";
  case TCPTALE_CLOSE_TIMEOUT: return "timeout";
  case TCPTALE_CLOSE_EVICTED: return "evicted";
  case TCPTALE_CLOSE_SUPERSEDED: return "superseded";
  case TCPTALE_CLOSE_STOPPED: return "stopped";
  case TCPTALE_CLOSE_END: return "end";
  default: return unknown;
  }
}

const char *tcptale_verdict_name(uint32_t verdict) {
  switch (verdict) {
  case TCPTALE_SEGMENT_IN_ORDER: return "in_order";
  case TCPTALE_SEGMENT_OUT_OF_ORDER: return "out_of_order";
  case TCPTALE_SEGMENT_RETRANSMISSION: return "retransmission";
  case TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION: return "spurious_retransmission";
  case TCPTALE_SEGMENT_DUP_FRAME: return "dup_frame";
  case TCPTALE_SEGMENT_KEEPALIVE: return "keepalive";
  case TCPTALE_SEGMENT_ZWP: return "zwp";
  case TCPTALE_SEGMENT_ZERO_WINDOW: return "zero_window";
  case TCPTALE_SEGMENT_WINDOW_UPDATE: return "window_update";
  case TCPTALE_SEGMENT_DUP_ACK: return "dup_ack";
  case TCPTALE_SEGMENT_OUTSIDE: return "outside";
  default: return unknown;
  }
}

const char *tcptale_checksum_name(uint32_t checksum) {
  switch (checksum) {
  case TCPTALE_CSUM_UNCHECKED: return "unchecked";
  case TCPTALE_CSUM_GOOD: return "good";
  case TCPTALE_CSUM_BAD: return "bad";
  case TCPTALE_CSUM_PARTIAL: return "partial";
  case TCPTALE_CSUM_UNVERIFIABLE: return "unverifiable";
  default: return unknown;
  }
}

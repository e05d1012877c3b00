/* tcptale/defrag.h - IP fragments put together (RFC 791, 815, 5722, 8200), usable without the
 * tracker: give it every packet that the decoder named a fragment, and it hands back the
 * datagram when the last piece is in. All memory is one block named at creation; time is the
 * caller's. */
#ifndef TCPTALE_DEFRAG_H
#define TCPTALE_DEFRAG_H

#include "tcptale/base.h"
#include "tcptale/flow.h"
#include "tcptale/packet.h"
#include "tcptale/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of overlapping fragments besides the policies of stream.h. */
enum tcptale_frag_policy {
  TCPTALE_FRAG_DISCARD = 32 /* the whole datagram goes, and later fragments of it; exact copies are
                               ignored */
};

/* Limits and rules. tcptale_defrag_config_init writes the defaults. */
typedef struct tcptale_defrag_config {
  uint32_t struct_size;
  uint32_t policy_v4; /* TCPTALE_POLICY_ or TCPTALE_FRAG_DISCARD; FIRST */
  uint32_t policy_v6; /* TCPTALE_FRAG_DISCARD (RFC 5722), or a policy */
  uint32_t max_datagrams;  /* incomplete ones at once; 1024, then the oldest goes */
  uint32_t max_fragments;  /* of one datagram, copies not counted; 64, 0 means 64, at most 8192 */
  uint32_t key_flags;      /* TCPTALE_KEY_ of flow.h: what tells equal ids apart; both */
  uint64_t timeout_ns;     /* from the first fragment; 30 s */
  uint64_t memory_bytes;   /* one block holds all of it; 4 MiB, at least 512 KiB */
  uint8_t hash_key[16];
} tcptale_defrag_config;

/* What one fragment led to. Owned by the caller; `data` is the defragmenter's, valid until its
 * next call. */
typedef struct tcptale_defrag_result {
  uint32_t struct_size;
  uint32_t complete;       /* 1: `data` holds the whole payload of a datagram */
  uint64_t anomalies_frag; /* bit (code - 120) for TCPTALE_ANOMALY_FRAG_OVERLAP .. FRAG_TIMEOUT */
  uint64_t first_index;    /* the packets that it was put together from: the first to come ... */
  uint64_t last_index;     /* ... and the one that completed it */
  uint32_t fragment_count;
  uint32_t len;            /* bytes in `data`, at most 65535 - 20 (IPv4) or 65535 (IPv6) */
  const uint8_t *data;
  tcptale_packet first;    /* the fragment at offset 0: what tcptale_decode_reassembled takes */
} tcptale_defrag_result;

typedef struct tcptale_defrag tcptale_defrag;

/* Writes the defaults; `struct_size` is sizeof *config. TCPTALE_ERR_ARG: NULL or too small. Since
 * 0.9. */
TCPTALE_API int tcptale_defrag_config_init(tcptale_defrag_config *config, size_t struct_size);
/* Makes a result ready for use, once. TCPTALE_ERR_ARG: NULL or too small. Since 0.9. */
TCPTALE_API int tcptale_defrag_result_init(tcptale_defrag_result *result, size_t struct_size);

/* Makes a defragmenter in one block of config->memory_bytes. TCPTALE_ERR_ARG: NULL, or a value out
 * of its range; TCPTALE_ERR_NOMEM. Since 0.9. */
TCPTALE_API int tcptale_defrag_new(tcptale_defrag **out, const tcptale_defrag_config *config);

/* Takes one packet with TCPTALE_LAYER_FRAGMENT, decoded from `data`. `scope` is part of the
 * identity, as in flow.h. Writes what came of it to `result`, whose bits say:
 * - frag_overlap, frag_conflict: not for exact copies of a fragment, which are nothing;
 * - frag_tiny: once per datagram; an IPv6 datagram without its header chain up to TCP in the
 *   first fragment is dropped for it (RFC 7112);
 * - frag_inconsistent: two ends, or bytes beyond the end, drop the datagram; an empty fragment,
 *   one of a length that only the last may have, or one that would make more than 65535 bytes
 *   goes alone (RFC 8200 4.5);
 * - frag_limit, frag_timeout: at least one datagram, this one or another, gave way or was too
 *   old. A fragment that the capture cut is not used; its datagram times out. TCPTALE_ERR_ARG:
 *   NULL, no fragment. Cost: O(bytes of the fragment), however many others there are. Since 0.9. */
TCPTALE_API int tcptale_defrag_push(tcptale_defrag *defrag, const tcptale_packet *packet,
                                    const uint8_t *data, uint64_t scope, uint64_t index,
                                    uint64_t ts_ns, tcptale_defrag_result *result);

/* Drops datagrams that are older than the timeout at `ts_ns`, at most `budget` of them; returns
 * how many incomplete ones there were (those already dropped for an anomaly do not count). Since
 * 0.9. */
TCPTALE_API int tcptale_defrag_expire(tcptale_defrag *defrag, uint64_t ts_ns, uint32_t budget);

/* Incomplete datagrams held. Since 0.9. */
TCPTALE_API uint32_t tcptale_defrag_pending(const tcptale_defrag *defrag);

/* Frees it; NULL is fine. Since 0.9. */
TCPTALE_API void tcptale_defrag_free(tcptale_defrag *defrag);

#ifdef __cplusplus
}
#endif
#endif

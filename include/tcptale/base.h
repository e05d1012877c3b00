/* tcptale/base.h - what every other header builds on: the version, the export mark, the results
 * of calls and the two directions of a connection.
 *
 * Everywhere in the library: one object serves one thread at a time, separate objects know
 * nothing of each other, nothing reads a clock, opens a file, writes a log or keeps global
 * state. */
#ifndef TCPTALE_BASE_H
#define TCPTALE_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version, written here and nowhere else. */
#define TCPTALE_VERSION_MAJOR 0
#define TCPTALE_VERSION_MINOR 9
#define TCPTALE_VERSION_PATCH 0

#if defined(__GNUC__)
#define TCPTALE_API __attribute__((visibility("default")))
#else
#define TCPTALE_API
#endif

/* Results of calls that return int: 0 is good, negative is an error, positive only where a count
 * is meant. A call that fails leaves its outputs and its object as they were, unless its text
 * says else. */
enum tcptale_result {
  TCPTALE_OK = 0,
  TCPTALE_ERR_ARG = -1,       /* an argument is NULL, out of range, or of an unknown struct_size */
  TCPTALE_ERR_NOMEM = -2,     /* the memory named or given is too small, or could not be had */
  TCPTALE_ERR_REENTRANT = -3, /* refused: the call came from inside a callback of the same object */
  TCPTALE_ERR_STOPPED = -4,   /* the object was stopped */
  TCPTALE_ERR_SPACE = -5,     /* the output does not fit in the buffer given */
  TCPTALE_ERR_NOT_FOUND = -6  /* no such connection, option or entry */
};

/* Directions of a connection. Every array of two in this library is indexed by one of them. */
enum tcptale_direction {
  TCPTALE_C2S = 0,   /* client to server */
  TCPTALE_S2C = 1,   /* server to client */
  TCPTALE_NO_DIR = 2 /* in events only: the event has no direction */
};

/* The version of the library that is loaded, as major << 16 | minor << 8 | patch. Since 0.9. */
TCPTALE_API uint32_t tcptale_version_number(void);

/* The same as text, "0.9.0"; static, never NULL. Since 0.9. */
TCPTALE_API const char *tcptale_version_string(void);

/* Public structs by number, for tcptale_sizeof. */
enum tcptale_struct {
  TCPTALE_STRUCT_PACKET = 1,
  TCPTALE_STRUCT_TCP_OPTION = 2,
  TCPTALE_STRUCT_FLOW_KEY = 3,
  TCPTALE_STRUCT_FRAME = 4,
  TCPTALE_STRUCT_CONFIG = 5,
  TCPTALE_STRUCT_CALLBACKS = 6,
  TCPTALE_STRUCT_OPEN_EVENT = 7,
  TCPTALE_STRUCT_ESTABLISHED_EVENT = 8,
  TCPTALE_STRUCT_DATA_EVENT = 9,
  TCPTALE_STRUCT_GAP_EVENT = 10,
  TCPTALE_STRUCT_HALF_CLOSE_EVENT = 11,
  TCPTALE_STRUCT_RESET_EVENT = 12,
  TCPTALE_STRUCT_CLOSE_EVENT = 13,
  TCPTALE_STRUCT_ANOMALY_EVENT = 14,
  TCPTALE_STRUCT_SEGMENT_EVENT = 15,
  TCPTALE_STRUCT_CONN_STATS = 16,
  TCPTALE_STRUCT_TRACKER_STATS = 17,
  TCPTALE_STRUCT_STREAM_CONFIG = 18,
  TCPTALE_STRUCT_STREAM_CALLBACKS = 19,
  TCPTALE_STRUCT_DEFRAG_CONFIG = 20,
  TCPTALE_STRUCT_DEFRAG_RESULT = 21,
  TCPTALE_STRUCT_LINE = 22,
  TCPTALE_STRUCT_ENDPOINTS = 23
};

/* The size in bytes that the loaded library gives to a public struct, 0 for a number it does not
 * know: a binding compares it with its own before the first call. Since 0.9. */
TCPTALE_API uint32_t tcptale_sizeof(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif

/* settings.h - the tracker's configuration: defaults, ranges, and what its streams and its
 * defragmenter get of it. Pure. Floor 5. */
#ifndef TCPTALE_LIB_SETTINGS_H
#define TCPTALE_LIB_SETTINGS_H

#include "tcptale/defrag.h"
#include "tcptale/tracker.h"

/* Copies the caller's configuration, or the defaults where it is NULL, into `out`.
 * TCPTALE_ERR_ARG: a struct_size that is too small, or larger with bytes set that this library
 * does not know; a value out of range. */
int tcptale_settings_read(tcptale_config *out, const tcptale_config *config);

/* The same for the table of callbacks; NULL: none is set. */
int tcptale_settings_callbacks(tcptale_callbacks *out, const tcptale_callbacks *callbacks);

/* What the streams and the defragmenter get. */
void tcptale_settings_stream(const tcptale_config *config, tcptale_stream_config *out);
void tcptale_settings_defrag(const tcptale_config *config, tcptale_defrag_config *out);

#endif

/* scratch.h - temporary files that nobody sees: made in TMPDIR (else /tmp), unlinked at once, gone
 * at the end of the program. They keep what may grow with the capture out of memory. */
#ifndef TCPTALE_EXAMPLES_SCRATCH_H
#define TCPTALE_EXAMPLES_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* A descriptor for reading and writing, or -1. */
int scratch_open(void);

/* Read and write `len` bytes at a place; 0 where all was done, else -1. What was never written
 * reads as 0. */
int scratch_read(int fd, void *data, size_t len, uint64_t at);
int scratch_write(int fd, const void *data, size_t len, uint64_t at);

#endif

/* sha1.h - SHA-1 (FIPS 180-4) of a short message, for the Community ID. No secret rests on it.
 * Floor 1. */
#ifndef TCPTALE_LIB_SHA1_H
#define TCPTALE_LIB_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define TCPTALE_SHA1_LEN ((size_t)20)

/* Writes the digest of `len` bytes. */
void tcptale_sha1(const uint8_t *data, size_t len, uint8_t digest[20]);

#endif

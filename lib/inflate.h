/* inflate.h - unpacks DEFLATE (RFC 1951) from one buffer into another. Pure; invariant: no byte
 * before `in` or behind `in + len` is read, none behind `out + room` written. Floor 1. */
#ifndef TCPTALE_LIB_INFLATE_H
#define TCPTALE_LIB_INFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Unpacks a stream of `len` bytes that ends with them. Returns how many bytes it wrote to `out`;
 * -1: the bytes are no such stream, or hold more than `room` (at most INT32_MAX). Cost: O(len +
 * what was written), 15 steps at most for each code. */
int32_t tcptale_inflate(const uint8_t *in, size_t len, uint8_t *out, size_t room);

#endif

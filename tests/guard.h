/* guard.h - bytes whose end is the end of a page that nobody may touch behind, or whose first is
 * the first of one that nobody may touch in front of: reading one byte too far ends the test. */
#ifndef TCPTALE_TESTS_GUARD_H
#define TCPTALE_TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

enum { GUARD_ROOM = 1 << 17 };

/* A copy of `len` bytes (at most GUARD_ROOM) that ends at the guard page; good until the next
 * call. */
uint8_t *guard_copy(const uint8_t *bytes, size_t len);

/* The same behind the guard page. */
uint8_t *guard_copy_behind(const uint8_t *bytes, size_t len);

/* Reads hexadecimal digits, blanks between them at will; returns the number of bytes, which must
 * fit. */
size_t guard_hex(uint8_t *out, size_t room, const char *hex);

#endif

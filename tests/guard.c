/* guard.c - a page without rights behind or before every copy. */
#include "guard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>

static uint8_t *guard_page(void) {
  static uint8_t *page;
  if (page) return page;
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *room =
      mmap(NULL, 2 * GUARD_ROOM + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  cr_assert(room != MAP_FAILED);
  cr_assert_eq(mprotect(room + GUARD_ROOM, size, PROT_NONE), 0);
  page = room + GUARD_ROOM;
  return page;
}

uint8_t *guard_copy(const uint8_t *bytes, size_t len) {
  cr_assert_leq(len, (size_t)GUARD_ROOM);
  uint8_t *copy = guard_page() - len;
  if (len > 0) memcpy(copy, bytes, len);
  return copy;
}

uint8_t *guard_copy_behind(const uint8_t *bytes, size_t len) {
  cr_assert_leq(len, (size_t)GUARD_ROOM);
  uint8_t *copy = guard_page() + sysconf(_SC_PAGESIZE);
  if (len > 0) memcpy(copy, bytes, len);
  return copy;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

size_t guard_hex(uint8_t *out, size_t room, const char *hex) {
  size_t count = 0;
  for (const char *c = hex; *c != 0;) {
    if (*c == ' ') {
      c++;
      continue;
    }
    cr_assert(digit(c[0]) >= 0 && digit(c[1]) >= 0, "bad hex at \"%s\"", c);
    cr_assert_lt(count, room);
    out[count++] = (uint8_t)(digit(c[0]) * 16 + digit(c[1]));
    c += 2;
  }
  return count;
}

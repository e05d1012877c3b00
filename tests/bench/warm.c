/* warm.c - touches so many MiB of memory and gives them back: where a machine's host takes free
 * pages away, the first touch of one costs tens of microseconds, which would be counted against
 * whichever program is the first.
 *
 *   warm mib=N */
#include <string.h>

#include "trace.h"
#include "words.h"

int main(int argc, char **argv) {
  (void)argc;
  words_check(argv, " mib ");
  size_t len = (size_t)number_of(argv, "mib", 1024) << 20;
  memset(trace_memory(len), 1, len);
  return 0;
}

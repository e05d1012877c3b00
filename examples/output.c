/* output.c - see output.h. */
#include "output.h"

#include <stdio.h>

int output_finish(const char *program, int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "%s: standard output: cannot be written\n", program);
  return status == 0 ? 1 : status;
}

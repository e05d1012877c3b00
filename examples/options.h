/* options.h - the command line that all tracking programs share, and how a wrong one is refused.
 *
 * A program describes its own options in a table; the common ones are known here. Usual shape:
 *
 *   options opt;
 *   int status = options_read(&opt, &program, argc, argv);
 *   if (status >= 0) return status;
 */
#ifndef TCPTALE_EXAMPLES_OPTIONS_H
#define TCPTALE_EXAMPLES_OPTIONS_H

#include <stddef.h>

#include "tcptale/tracker.h"

/* One option of a program: a switch where `flag` is set (it becomes 1), else one that takes a
 * text. */
typedef struct options_own {
  const char *name; /* "--hex" */
  int *flag;
  const char **text;
} options_own;

typedef struct options_program {
  const char *name;
  const char *synopsis; /* its own options and FILE: "[--hex] FILE" */
  const char *about;    /* lines of help on the program and its own options */
  const options_own *own;
  size_t own_count;
} options_program;

typedef struct options {
  const char *program;
  const char *file; /* a path, or "-" */
  tcptale_config config;
  size_t batch; /* frames a call; 0: not asked for */
} options;

enum {
  OPTIONS_GO_ON = -1, /* all is well, the program may start */
  OPTIONS_BATCH_MOST = 4096
};

/* Reads the command line. Returns OPTIONS_GO_ON, or the exit status: 0 after --help, 2 after wrong
 * use, which was explained on standard error. */
int options_read(options *opt, const options_program *program, int argc, char **argv);

/* Says on standard error that `what` is wrong, and how the program is used. Returns 2. */
int options_refuse(const options_program *program, const char *what, const char *detail);

#endif

/* script.h - conversations as text. A script file holds cases; a case holds packets, one a line or
 * parted by `;`, and, indented, the events that they must lead to, in order
 * (tests/scripts/README.md has the notation). Here the text becomes frames; script_run.c feeds them
 * and compares. */
#ifndef TCPTALE_TESTS_SCRIPT_H
#define TCPTALE_TESTS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "tcptale/tracker.h"

struct script_line {
  const char *text; /* without the space around it */
  int number;       /* in the file, from 1 */
};

struct script_lines {
  struct script_line *items;
  size_t count;
};

struct script_case {
  const char *name;
  struct script_lines config;
  struct script_lines packets;
  struct script_lines expected;
};

struct script_file {
  char *text;
  struct script_case *cases;
  size_t count;
};

/* One way to run a case; the expected log is the same for all. */
struct script_variant {
  int version;     /* 4 or 6 */
  int batch;       /* fed in one call as far as possible */
  int swapped;     /* the client has the higher address */
  uint32_t isn[2]; /* of the client, of the server */
  uint32_t policy; /* TCPTALE_POLICY_; 0: the default */
};

enum script_kind { SCRIPT_FRAME, SCRIPT_EXPIRE, SCRIPT_FLUSH };

struct script_step {
  enum script_kind kind;
  int line;
  tcptale_frame frame; /* ts_ns also for SCRIPT_EXPIRE */
};

struct script_steps {
  struct script_step *items;
  size_t count;
  char error[200]; /* empty: all was understood */
};

/* Reads a file; exits the program with a message where that fails. */
void script_load(struct script_file *file, const char *path);
void script_unload(struct script_file *file);

/* Makes the frames of a case in one variant. */
void script_render(struct script_steps *steps, const struct script_case *one,
                   const struct script_variant *variant);
void script_steps_free(struct script_steps *steps);

/* Writes the address of an end (0 client, 1 server, 2 and more: others) as the frames carry it. */
void script_address(uint8_t out[16], const struct script_variant *variant, unsigned host);

/* Runs a case in all its variants; 0: all logs were as expected, else a report was printed. */
int script_run(const char *path, const struct script_case *one);

#endif

/* tale_print.h - how the tale looks: headings, sentences, packet lines and their marks, with colour
 * or without, wrapped for a terminal or one paragraph a line. What is told is decided elsewhere. */
#ifndef TCPTALE_EXAMPLES_TALE_PRINT_H
#define TCPTALE_EXAMPLES_TALE_PRINT_H

#include <stddef.h>
#include <stdint.h>

/* How much a mark matters. */
enum tale_weight {
  TALE_QUIET = 0,  /* ordinary, worth knowing */
  TALE_NOTICE = 1, /* something went less than smoothly */
  TALE_ALARM = 2   /* lost, broken off, or not believed */
};

#define TALE_NOBODY UINT64_MAX

typedef struct tale_printer {
  int colour;
  int explain;   /* 0: sentences are left out */
  int live;      /* 1: every line begins with its connection */
  size_t width;  /* columns of the terminal; 0: sentences are not wrapped */
  uint64_t conn; /* whose lines are being printed; 0: of none; TALE_NOBODY: no packet's */
  int begun;     /* something was printed */
} tale_printer;

/* Looks at standard output: whether it is a terminal, how wide, and whether colour is welcome. */
void tale_print_init(tale_printer *out, int no_explain, int no_colour, int live);

/* The line above a connection, and the heading of a phase; both after an empty line. */
void tale_print_title(tale_printer *out, const char *text);
void tale_print_heading(tale_printer *out, const char *text);

/* A sentence or two; nothing with --no-explain. */
void tale_print_say(tale_printer *out, const char *text);

/* A packet's line; `mark` (or "") is set behind it. `direction` may be TCPTALE_NO_DIR. */
void tale_print_line(tale_printer *out, const char *text, uint32_t direction, const char *mark,
                     enum tale_weight weight);

/* What the mark above means; nothing with --no-explain. */
void tale_print_note(tale_printer *out, const char *text);

/* A mark that belongs to no packet, on a line of its own. */
void tale_print_mark(tale_printer *out, const char *mark, enum tale_weight weight);

#endif

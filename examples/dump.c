/* dump.c - one line for each TCP segment of a capture, as `tcpdump -n -t` prints it. */
#include "capture.h"
#include "lines.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

typedef struct options {
  int times; /* 2: seconds since the epoch before each line */
  int absolute;
  const char *path;
} options;

static int usage(FILE *to, int status) {
  fputs("usage: dump [-n] [-t|-tt] [-S] [-r] FILE\n"
        "Prints each TCP segment of a capture as tcpdump does; FILE may be - for standard input.\n"
        "  -tt  seconds since the epoch before each line (-t, no time, is the default)\n"
        "  -S   absolute sequence numbers\n",
        to);
  return status;
}

/* The letters of one argument, in any combination. */
static int read_letters(options *chosen, const char *letters) {
  for (; *letters; letters++) {
    if (*letters == 't') chosen->times++;
    else if (*letters == 'S') chosen->absolute = 1;
    else if (*letters != 'n' && *letters != 'r') return 0;
  }
  return 1;
}

static int read_options(options *chosen, int argc, char **argv) {
  int only_paths = 0;
  for (int i = 1; i < argc; i++) {
    if (!only_paths && strcmp(argv[i], "--") == 0) only_paths = 1;
    else if (!only_paths && argv[i][0] == '-' && argv[i][1] != 0) {
      if (!read_letters(chosen, argv[i] + 1)) return 0;
    } else if (chosen->path) return 0;
    else chosen->path = argv[i];
  }
  return chosen->path && chosen->times <= 2;
}

static void print_line(const options *chosen, const capture_record *record, const char *text) {
  if (chosen->times == 2)
    printf("%llu.%06llu ", (unsigned long long)(record->time_ns / 1000000000),
           (unsigned long long)(record->time_ns % 1000000000 / 1000));
  puts(text);
}

int main(int argc, char **argv) {
  options chosen = {0, 0, NULL};
  capture_record record;
  capture *in;
  lines *maker;
  if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
    return usage(stdout, 0);
  if (!read_options(&chosen, argc, argv)) return usage(stderr, 2);
  maker = lines_new(chosen.absolute);
  if (!maker) {
    fputs("dump: there is not enough memory\n", stderr);
    return 2;
  }
  in = capture_open(chosen.path, CAPTURE_TEXT);
  while (capture_next(in, &record) == CAPTURE_RECORD) {
    const char *text = lines_of(maker, &record);
    if (text) print_line(&chosen, &record, text);
  }
  lines_free(maker);
  return output_finish("dump", capture_close(in, "dump"));
}

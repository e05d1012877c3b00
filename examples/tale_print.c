/* tale_print.c - the look of the tale. Packet lines begin in the first column and are never
 * wrapped, so that they can be searched and compared with tcpdump's; sentences are indented. */
#define _POSIX_C_SOURCE 200809L
#include "tale_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tcptale/base.h"

enum { WIDTH_LEAST = 40, WIDTH_MOST = 100 };

static const char reset[] = "\033[0m";
static const char title_style[] = "\033[1;7m";
static const char heading_style[] = "\033[1;4m";
static const char note_style[] = "\033[3m";
static const char *const direction_styles[] = {"\033[36m", "\033[32m", ""};
static const char *const weight_styles[] = {"\033[34m", "\033[1;33m", "\033[1;31m"};

static size_t terminal_width(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_LEAST) return WIDTH_MOST;
  return size.ws_col < WIDTH_MOST ? size.ws_col : WIDTH_MOST;
}

/* https://no-color.org: set to anything but nothing. */
static int colour_is_unwanted(void) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  if (term != NULL && strcmp(term, "dumb") == 0) return 1;
  return no_color != NULL && no_color[0] != '\0';
}

void tale_print_init(tale_printer *out, int no_explain, int no_colour, int live) {
  int terminal = isatty(STDOUT_FILENO);
  memset(out, 0, sizeof *out);
  out->colour = terminal && !no_colour && !colour_is_unwanted();
  out->explain = !no_explain;
  out->live = live;
  out->conn = TALE_NOBODY;
  out->width = terminal ? terminal_width() : 0;
}

static void style(const tale_printer *out, const char *code) {
  if (out->colour) fputs(code, stdout);
}

static void begin_line(tale_printer *out) {
  if (out->live && out->conn == 0) fputs("[-] ", stdout);
  else if (out->live && out->conn != TALE_NOBODY) printf("[%" PRIu64 "] ", out->conn);
  out->begun = 1;
}

static void end_line(void) {
  putchar('\n');
}

static void empty_line(tale_printer *out) {
  if (out->begun) end_line();
}

static void styled_line(tale_printer *out, const char *code, const char *text) {
  begin_line(out);
  style(out, code);
  fputs(text, stdout);
  style(out, reset);
  end_line();
}

void tale_print_title(tale_printer *out, const char *text) {
  empty_line(out);
  if (out->colour) {
    styled_line(out, title_style, text);
    return;
  }
  begin_line(out);
  printf("=== %s ===\n", text);
}

void tale_print_heading(tale_printer *out, const char *text) {
  empty_line(out);
  styled_line(out, heading_style, text);
}

/* How many bytes of `text` fit into `room` columns, broken at a space where there is one. */
static size_t fitting(const char *text, size_t room) {
  size_t len = strlen(text);
  if (len <= room) return len;
  size_t cut = room;
  while (cut > 0 && text[cut] != ' ') cut--;
  return cut > 0 ? cut : room;
}

static void paragraph(tale_printer *out, const char *first, const char *rest, const char *text) {
  size_t indent = strlen(first);
  size_t room = out->width > indent + 20 ? out->width - indent : 20;
  const char *lead = first;
  do {
    size_t len = out->width == 0 ? strlen(text) : fitting(text, room);
    begin_line(out);
    printf("%s%.*s\n", lead, (int)len, text);
    text += len;
    while (*text == ' ') text++;
    lead = rest;
  } while (*text != '\0');
}

void tale_print_say(tale_printer *out, const char *text) {
  if (!out->explain) return;
  paragraph(out, "  ", "  ", text);
}

void tale_print_note(tale_printer *out, const char *text) {
  if (!out->explain) return;
  style(out, note_style);
  paragraph(out, "    ^ ", "      ", text);
  style(out, reset);
}

static void print_mark(const tale_printer *out, const char *mark, enum tale_weight weight) {
  style(out, weight_styles[weight]);
  printf("  <- %s", mark);
  style(out, reset);
}

void tale_print_line(tale_printer *out, const char *text, uint32_t direction, const char *mark,
                     enum tale_weight weight) {
  begin_line(out);
  style(out, direction_styles[direction <= TCPTALE_S2C ? direction : TCPTALE_NO_DIR]);
  fputs(text, stdout);
  style(out, reset);
  if (mark[0] != '\0') print_mark(out, mark, weight);
  end_line();
}

void tale_print_mark(tale_printer *out, const char *mark, enum tale_weight weight) {
  begin_line(out);
  print_mark(out, mark, weight);
  end_line();
}

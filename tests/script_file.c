/* script_file.c - a script file, read and sorted into cases. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* Room for one more item; arrays double. */
static void *grown(void *items, size_t count, size_t size) {
  void *more = items;

  if ((count & (count - 1)) == 0) more = realloc(items, (count ? count * 2 : 1) * size);
  if (more == NULL) abort();
  return more;
}

static void add_line(struct script_lines *lines, const char *text, int number) {
  lines->items = grown(lines->items, lines->count, sizeof *lines->items);
  lines->items[lines->count++] = (struct script_line){text, number};
}

static char *read_all(const char *path) {
  FILE *file = fopen(path, "rb");
  long len;
  char *text;

  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  rewind(file);
  text = calloc(1, (size_t)len + 1);
  if (text == NULL || fread(text, 1, (size_t)len, file) != (size_t)len) exit(1);
  fclose(file);
  return text;
}

static char *trimmed(char *line) {
  char *end = line + strlen(line);

  while (end > line && isspace((unsigned char)end[-1])) *--end = 0;
  while (isspace((unsigned char)*line)) line++;
  return line;
}

/* Sorts one line into the case that it belongs to; `common` gets what stands before the first
 * case. */
static void sort_line(struct script_file *file, struct script_lines *common, char *line,
                      int number) {
  int indented = isspace((unsigned char)*line);
  char *text = trimmed(line);
  struct script_case *one = file->count > 0 ? &file->cases[file->count - 1] : NULL;
  size_t i;

  if (*text == 0 || (*text == '#' && !indented)) return;
  if (strncmp(text, "case ", 5) == 0) {
    file->cases = grown(file->cases, file->count, sizeof *file->cases);
    one = &file->cases[file->count++];
    *one = (struct script_case){.name = text + 5};
    for (i = 0; i < common->count; i++)
      add_line(&one->config, common->items[i].text, common->items[i].number);
  } else if (strncmp(text, "config ", 7) == 0) {
    add_line(one ? &one->config : common, text + 7, number);
  } else if (one != NULL) {
    add_line(indented ? &one->expected : &one->packets, text, number);
  }
}

void script_load(struct script_file *file, const char *path) {
  struct script_lines common = {0};
  int number = 1;
  char *line;
  char *end;

  *file = (struct script_file){.text = read_all(path)};
  for (line = file->text; line != NULL; line = end, number++) {
    end = strchr(line, '\n');
    if (end != NULL) *end++ = 0;
    sort_line(file, &common, line, number);
  }
  free(common.items);
}

void script_unload(struct script_file *file) {
  size_t i;

  for (i = 0; i < file->count; i++) {
    free(file->cases[i].config.items);
    free(file->cases[i].packets.items);
    free(file->cases[i].expected.items);
  }
  free(file->cases);
  free(file->text);
}

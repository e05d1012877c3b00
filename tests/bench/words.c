/* words.c - see words.h. */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(const char *why, const char *what) {
  fprintf(stderr, "%s: %s\n", why, what);
  exit(2);
}

static int is_known(const char *arg, const char *known) {
  char key[64] = " ";
  const char *equals = strchr(arg, '=');
  if (!equals || equals == arg || (size_t)(equals - arg) > sizeof key - 3) return 0;
  memcpy(key + 1, arg, (size_t)(equals - arg));
  strcat(key, " ");
  return strstr(known, key) != NULL;
}

void words_check(char **argv, const char *known) {
  for (char **arg = argv + 1; *arg; arg++)
    if (!is_known(*arg, known)) refuse("key=value is wanted, with one of these keys", known);
}

const char *word_of(char **argv, const char *key) {
  size_t len = strlen(key);
  for (char **arg = argv + 1; *arg; arg++)
    if (strncmp(*arg, key, len) == 0 && (*arg)[len] == '=') return *arg + len + 1;
  return NULL;
}

static uint64_t unit_of(const char *suffix) {
  static const struct {
    const char *suffix;
    uint64_t unit;
  } units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(suffix, units[i].suffix) == 0) return units[i].unit;
  return 0;
}

uint64_t number_of(char **argv, const char *key, uint64_t otherwise) {
  const char *text = word_of(argv, key);
  if (!text) return otherwise;
  char *end;
  uint64_t number = strtoull(text, &end, 10);
  if (end == text || unit_of(end) == 0) refuse("not a number", text);
  return number * unit_of(end);
}

int switch_of(char **argv, const char *key) {
  const char *text = word_of(argv, key);
  if (!text || strcmp(text, "off") == 0) return 0;
  if (strcmp(text, "on") != 0) refuse("neither on nor off", text);
  return 1;
}

const char *needed(char **argv, const char *key) {
  const char *text = word_of(argv, key);
  if (!text) refuse("this key is missing", key);
  return text;
}

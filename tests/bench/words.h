/* words.h - the arguments of the bench programs: words of the form key=value, as dd takes them. */
#ifndef TCPTALE_BENCH_WORDS_H
#define TCPTALE_BENCH_WORDS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the program with a line on standard error and status 2 unless each argument is one of
 * `known`, a list of keys with a space on both sides of each: " trace limit ". */
void words_check(char **argv, const char *known);

/* The value of a key, NULL where it was not given. */
const char *word_of(char **argv, const char *key);

/* The same as a number, which may end in k (1,000), M or G. */
uint64_t number_of(char **argv, const char *key, uint64_t otherwise);

/* 1 for key=on, 0 for key=off or none. */
int switch_of(char **argv, const char *key);

/* The value of a key that has to be there. */
const char *needed(char **argv, const char *key);

#ifdef __cplusplus
}
#endif
#endif

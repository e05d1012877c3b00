/* options.c - the command line of the tracking programs. Every choice stands in a table of words
 * and values, so that the check, the effect and what is said of a wrong value cannot differ. */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcptale/names.h"
#include "tcptale/stream.h"

static const char common_help[] =
    "Options of every program that tracks:\n"
    "  --policy NAME     whose copy counts where segments or IPv4 fragments overlap:\n"
    "                    first (default), last, bsd, linux, windows, solaris,\n"
    "                    old_linux, hpux10, bsd_right\n"
    "  --deliver WHEN    arrival (default), or acked: only what the receiver acknowledged\n"
    "  --budget BYTES    the tracker's whole memory; default 256M (K, M and G are understood)\n"
    "  --flows N         never more connections open at once\n"
    "  --checksum MODE   auto (default), verify, ignore\n"
    "  --batch N         packets a call; the output is the same\n"
    "  --async           the capture holds one direction of each connection only\n"
    "  --key KEY         any (default), or vlan: VLAN ids tell connections apart\n"
    "  --urgent HOW      inline (default), oob, drop, gap\n"
    "FILE is pcap, pcapng, or - for standard input.\n";

typedef struct word_value {
  const char *word;
  uint32_t value;
} word_value;

static const word_value policies[] = {{"first", TCPTALE_POLICY_FIRST},
                                      {"last", TCPTALE_POLICY_LAST},
                                      {"bsd", TCPTALE_POLICY_BSD},
                                      {"linux", TCPTALE_POLICY_LINUX},
                                      {"windows", TCPTALE_POLICY_WINDOWS},
                                      {"solaris", TCPTALE_POLICY_SOLARIS},
                                      {"old_linux", TCPTALE_POLICY_OLD_LINUX},
                                      {"hpux10", TCPTALE_POLICY_HPUX10},
                                      {"bsd_right", TCPTALE_POLICY_BSD_RIGHT},
                                      {NULL, 0}};
static const word_value deliveries[] = {
    {"arrival", TCPTALE_DELIVER_ARRIVAL}, {"acked", TCPTALE_DELIVER_ACKED}, {NULL, 0}};
static const word_value checksums[] = {{"auto", TCPTALE_CHECKSUM_AUTO},
                                       {"verify", TCPTALE_CHECKSUM_VERIFY},
                                       {"ignore", TCPTALE_CHECKSUM_IGNORE},
                                       {NULL, 0}};
static const word_value keys[] = {{"any", 0}, {"vlan", TCPTALE_CONFIG_KEY_VLAN}, {NULL, 0}};
static const word_value urgents[] = {{"inline", TCPTALE_URGENT_INLINE},
                                     {"oob", TCPTALE_URGENT_OOB},
                                     {"drop", TCPTALE_URGENT_DROP},
                                     {"gap", TCPTALE_URGENT_GAP},
                                     {NULL, 0}};

static int find_word(const word_value *table, const char *word, uint64_t *value) {
  for (; table->word != NULL; table++) {
    if (strcmp(table->word, word) == 0) {
      *value = table->value;
      return 1;
    }
  }
  return 0;
}

/* A decimal number up to `most`, with K, M or G for powers of 1024 where `units` says so. */
static int find_number(const char *text, uint64_t most, int units, uint64_t *value) {
  uint64_t number = 0;
  size_t i = 0;
  for (; text[i] >= '0' && text[i] <= '9'; i++) {
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (number > (most - digit) / 10) return 0;
    number = number * 10 + digit;
  }
  if (i == 0) return 0;
  unsigned shift = 0;
  if (units && text[i] == 'K') shift = 10;
  if (units && text[i] == 'M') shift = 20;
  if (units && text[i] == 'G') shift = 30;
  if (shift != 0) i++;
  if (text[i] != '\0' || number > most >> shift) return 0;
  *value = number << shift;
  return 1;
}

static void set_policy(options *opt, uint64_t policy) {
  opt->config.policy[TCPTALE_C2S] = (uint32_t)policy;
  opt->config.policy[TCPTALE_S2C] = (uint32_t)policy;
  opt->config.frag_policy_v4 = (uint32_t)policy;
}

static void set_deliver(options *opt, uint64_t when) {
  opt->config.delivery = (uint32_t)when;
}

static void set_budget(options *opt, uint64_t bytes) {
  opt->config.memory_bytes = bytes;
}

static void set_flows(options *opt, uint64_t count) {
  opt->config.max_connections = (uint32_t)count;
}

static void set_checksum(options *opt, uint64_t mode) {
  opt->config.checksum = (uint32_t)mode;
}

static void set_batch(options *opt, uint64_t count) {
  opt->batch = (size_t)count;
}

static void set_key(options *opt, uint64_t flag) {
  opt->config.flags = (opt->config.flags & ~(uint32_t)TCPTALE_CONFIG_KEY_VLAN) | (uint32_t)flag;
}

static void set_urgent(options *opt, uint64_t how) {
  opt->config.urgent = (uint32_t)how;
}

/* A common option that takes a value: one of its words or, where it has none, a number. */
typedef struct common_option {
  const char *name;
  void (*set)(options *opt, uint64_t value);
  const word_value *words;
  uint64_t least;
  uint64_t most;
  int units; /* K, M and G are understood */
} common_option;

static const common_option common[] = {
    {"--policy", set_policy, policies, 0, 0, 0},
    {"--deliver", set_deliver, deliveries, 0, 0, 0},
    {"--budget", set_budget, NULL, TCPTALE_MEMORY_LEAST, SIZE_MAX / 2, 1},
    {"--flows", set_flows, NULL, 1, UINT32_MAX, 0},
    {"--checksum", set_checksum, checksums, 0, 0, 0},
    {"--batch", set_batch, NULL, 1, OPTIONS_BATCH_MOST, 0},
    {"--key", set_key, keys, 0, 0, 0},
    {"--urgent", set_urgent, urgents, 0, 0, 0}};

/* 0: not a value of this option. */
static int find_value(const common_option *option, const char *text, uint64_t *value) {
  if (option->words != NULL) return find_word(option->words, text, value);
  return find_number(text, option->most, option->units, value) && *value >= option->least;
}

static void print_usage(const options_program *program, FILE *out) {
  fprintf(out, "Usage: %s [OPTIONS] %s\n", program->name, program->synopsis);
}

int options_refuse(const options_program *program, const char *what, const char *detail) {
  fprintf(stderr, "%s: %s: %s\n", program->name, what, detail);
  print_usage(program, stderr);
  fprintf(stderr, "'%s --help' explains the options.\n", program->name);
  return 2;
}

/* What a common option takes: a list of words, or a range. */
static void print_values(const common_option *option, FILE *out) {
  const word_value *word = option->words;
  if (word == NULL)
    fprintf(out, "a number from %" PRIu64 " to %" PRIu64 "%s", option->least, option->most,
            option->units ? " (K, M and G are understood)" : "");
  for (; word != NULL && word->word != NULL; word++) {
    const char *between = word[1].word != NULL ? ", " : " or ";
    fprintf(out, "%s%s", word == option->words ? "" : between, word->word);
  }
}

/* One line: what the option takes, and what it was given, NULL where there was nothing. */
static int refuse_value(const options_program *program, const common_option *option,
                        const char *text) {
  fprintf(stderr, "%s: %s takes ", program->name, option->name);
  print_values(option, stderr);
  if (text != NULL) fprintf(stderr, ", not '%s'\n", text);
  else fputs("; its value is missing\n", stderr);
  return 2;
}

static int print_help(const options_program *program) {
  print_usage(program, stdout);
  printf("%s\n%s", program->about, common_help);
  return 0;
}

/* The program's own option at argv[*at]. Returns 1: taken; 0: not one of them; 2:
 * refused, which was said. */
static int take_own(const options_program *program, int argc, char **argv, int *at) {
  for (size_t i = 0; i < program->own_count; i++) {
    const options_own *own = &program->own[i];
    if (strcmp(own->name, argv[*at]) != 0) continue;
    if (own->flag != NULL) {
      *own->flag = 1;
      return 1;
    }
    if (*at + 1 >= argc) return options_refuse(program, "the value is missing", argv[*at]);
    *own->text = argv[++*at];
    return 1;
  }
  return 0;
}

/* A common option, in the same way; 2: refused, which was said. */
static int take_common(options *opt, const options_program *program, int argc, char **argv,
                       int *at) {
  if (strcmp(argv[*at], "--async") == 0) {
    opt->config.flags |= TCPTALE_CONFIG_ASYNC;
    return 1;
  }
  for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
    const common_option *option = &common[i];
    uint64_t value;
    if (strcmp(option->name, argv[*at]) != 0) continue;
    if (*at + 1 >= argc) return refuse_value(program, option, NULL);
    if (!find_value(option, argv[++*at], &value)) return refuse_value(program, option, argv[*at]);
    option->set(opt, value);
    return 1;
  }
  return 0;
}

static int is_option(const char *text) {
  return text[0] == '-' && text[1] != '\0';
}

static int take_argument(options *opt, const options_program *program, int argc, char **argv,
                         int *at) {
  const char *name = argv[*at];
  if (!is_option(name)) {
    if (opt->file != NULL) return options_refuse(program, "more than one FILE", name);
    opt->file = name;
    return OPTIONS_GO_ON;
  }
  int taken = take_own(program, argc, argv, at);
  if (taken == 0) taken = take_common(opt, program, argc, argv, at);
  if (taken == 0) return options_refuse(program, "unknown option", name);
  return taken == 1 ? OPTIONS_GO_ON : taken;
}

int options_read(options *opt, const options_program *program, int argc, char **argv) {
  memset(opt, 0, sizeof *opt);
  opt->program = program->name;
  tcptale_config_init(&opt->config, sizeof opt->config);
  opt->config.memory_bytes = (uint64_t)256 << 20;
  for (int at = 1; at < argc; at++) {
    if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) return print_help(program);
    int status = take_argument(opt, program, argc, argv, &at);
    if (status != OPTIONS_GO_ON) return status;
  }
  if (opt->file == NULL) return options_refuse(program, "nothing to read", "FILE is missing");
  return OPTIONS_GO_ON;
}

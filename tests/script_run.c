/* script_run.c - feeds the frames of a case to a tracker, writes down every callback, compares with
 * what the case expects. Each case runs at many initial sequence numbers, as IPv4 and IPv6, frame
 * by frame and in one batch, with either end's address the higher, and, where it names no policy,
 * under all of them: the log must be the same. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "laws.h"
#include "script.h"

enum { LONG_DATA = 64, MEMORY = 4 << 20 };

/* ---- settings of a case ---- */

struct settings {
  tcptale_config config;
  int only_version; /* 4, 6 or 0 */
  int names_policy; /* the case is about one policy */
  int show_segments;
  int show_from; /* data lines are not joined and say which packet brought the bytes */
  int show_rtt;
  int quick; /* few variants: the case is long */
  char error[160];
};

struct word {
  const char *name;
  uint32_t value;
};

static const struct word POLICIES[] = {
    {"first", TCPTALE_POLICY_FIRST},
    {"last", TCPTALE_POLICY_LAST},
    {"bsd", TCPTALE_POLICY_BSD},
    {"linux", TCPTALE_POLICY_LINUX},
    {"windows", TCPTALE_POLICY_WINDOWS},
    {"solaris", TCPTALE_POLICY_SOLARIS},
    {"old-linux", TCPTALE_POLICY_OLD_LINUX},
    {"hpux10", TCPTALE_POLICY_HPUX10},
    {"bsd-right", TCPTALE_POLICY_BSD_RIGHT},
    {"discard", 32},
};
static const struct word CHECKSUMS[] = {{"auto", TCPTALE_CHECKSUM_AUTO},
                                        {"verify", TCPTALE_CHECKSUM_VERIFY},
                                        {"ignore", TCPTALE_CHECKSUM_IGNORE}};
static const struct word RSTS[] = {{"rfc5961", TCPTALE_RST_RFC5961},
                                   {"rfc793", TCPTALE_RST_RFC793},
                                   {"hpux11", TCPTALE_RST_HPUX11}};
static const struct word DELIVERIES[] = {{"arrival", TCPTALE_DELIVER_ARRIVAL},
                                         {"acked", TCPTALE_DELIVER_ACKED}};
static const struct word URGENTS[] = {{"inline", TCPTALE_URGENT_INLINE},
                                      {"oob", TCPTALE_URGENT_OOB},
                                      {"drop", TCPTALE_URGENT_DROP},
                                      {"gap", TCPTALE_URGENT_GAP}};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint32_t value_of(struct settings *s, const struct word *words, size_t count,
                         const char *name) {
  size_t i;

  for (i = 0; i < count; i++) {
    if (strcmp(words[i].name, name) == 0) return words[i].value;
  }
  snprintf(s->error, sizeof s->error, "config: '%s' is not known", name);
  return 0;
}

static int flag_word(struct settings *s, const char *word) {
  if (strcmp(word, "async") == 0) s->config.flags |= TCPTALE_CONFIG_ASYNC;
  else if (strcmp(word, "nomidstream") == 0) s->config.flags |= TCPTALE_CONFIG_NO_MIDSTREAM;
  else if (strcmp(word, "keyvlan") == 0) s->config.flags |= TCPTALE_CONFIG_KEY_VLAN;
  else if (strcmp(word, "nodup") == 0) s->config.flags |= TCPTALE_CONFIG_NO_DUP_FRAME;
  else if (strcmp(word, "ipv4") == 0) s->only_version = 4;
  else if (strcmp(word, "ipv6") == 0) s->only_version = 6;
  else if (strcmp(word, "segments") == 0) s->show_segments = 1, s->only_version = 4;
  else if (strcmp(word, "from") == 0) s->show_from = 1;
  else if (strcmp(word, "rtt") == 0) s->show_rtt = 1;
  else if (strcmp(word, "quick") == 0) s->quick = 1;
  else return 0;
  return 1;
}

static int choice_word(struct settings *s, const char *key, const char *value) {
  tcptale_config *c = &s->config;

  if (strcmp(key, "policy") == 0) {
    s->names_policy = 1;
    c->policy[0] = c->policy[1] = value_of(s, POLICIES, COUNT(POLICIES), value);
    c->frag_policy_v4 = c->policy[0];
  } else if (strcmp(key, "fragpolicy") == 0) {
    s->names_policy = 1;
    c->frag_policy_v4 = c->frag_policy_v6 = value_of(s, POLICIES, COUNT(POLICIES), value);
  } else if (strcmp(key, "checksum") == 0) {
    c->checksum = value_of(s, CHECKSUMS, COUNT(CHECKSUMS), value);
  } else if (strcmp(key, "rst") == 0) {
    c->rst_policy = value_of(s, RSTS, COUNT(RSTS), value);
  } else if (strcmp(key, "deliver") == 0) {
    c->delivery = value_of(s, DELIVERIES, COUNT(DELIVERIES), value);
  } else if (strcmp(key, "urgent") == 0) {
    c->urgent = value_of(s, URGENTS, COUNT(URGENTS), value);
  } else {
    return 0;
  }
  return 1;
}

static int number_word(struct settings *s, const char *key, const char *value) {
  uint32_t n = (uint32_t)strtoul(value, NULL, 0);

  if (strcmp(key, "history") == 0) s->config.history_bytes = n;
  else if (strcmp(key, "queue") == 0) s->config.queue_bytes = n;
  else if (strcmp(key, "segs") == 0) s->config.queue_segments = n;
  else if (strcmp(key, "hole") == 0) s->config.async_hole_bytes = n;
  else if (strcmp(key, "idle") == 0) s->config.established_ns = n * (uint64_t)1000000000;
  else if (strcmp(key, "max") == 0) s->config.max_connections = n;
  else if (strcmp(key, "halfopen") == 0) s->config.max_half_open = n;
  else return 0;
  return 1;
}

static void read_settings(struct settings *s, const struct script_case *one) {
  char text[300];
  char *word;
  char *value;
  char *rest;
  size_t i;

  memset(s, 0, sizeof *s);
  tcptale_config_init(&s->config, sizeof s->config);
  s->config.memory_bytes = MEMORY;
  s->quick = getenv("TEST_QUICK") != NULL; /* under valgrind, each run costs fifty */
  for (i = 0; i < one->config.count; i++) {
    snprintf(text, sizeof text, "%s", one->config.items[i].text);
    for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
      value = strchr(word, '=');
      if (value) *value++ = 0;
      if (value ? choice_word(s, word, value) || number_word(s, word, value) : flag_word(s, word))
        continue;
      snprintf(s->error, sizeof s->error, "config: '%s' is not known", word);
    }
  }
}

/* ---- the log ---- */

struct log {
  const struct settings *settings;
  const struct script_variant *variant;
  struct laws laws;
  char **lines;
  size_t count;
  /* Touching data of one direction is one line; it waits here for more. */
  uint64_t data_conn;
  uint64_t data_offset;
  uint32_t data_direction;
  uint8_t *data;
  size_t data_len;
};

static void add_text(struct log *log, const char *text) {
  if ((log->count & (log->count - 1)) == 0) {
    log->lines = realloc(log->lines, (log->count ? log->count * 2 : 1) * sizeof *log->lines);
    if (log->lines == NULL) abort();
  }
  log->lines[log->count] = strdup(text);
  if (log->lines[log->count++] == NULL) abort();
}

/* Bytes as the scripts write them. */
static size_t put_escaped(char *out, const uint8_t *data, size_t len) {
  size_t used = 0;
  size_t i;

  for (i = 0; i < len; i++) {
    int plain = data[i] > ' ' && data[i] < 127 && data[i] != '\\';
    used += (size_t)sprintf(out + used, plain ? "%c" : "\\x%02x", data[i]);
  }
  out[used] = 0;
  return used;
}

/* Long data is told by its length and first byte, and whether it goes on through the alphabet. */
static void describe(char *out, const uint8_t *data, size_t len) {
  size_t i;

  if (len <= LONG_DATA) {
    put_escaped(out, data, len);
    return;
  }
  for (i = 1; i < len && data[i] == (uint8_t)('a' + (data[i - 1] - 'a' + 1) % 26); i++) {
  }
  out += sprintf(out, "+%zu ", len);
  out += put_escaped(out, data, 1);
  sprintf(out, i == len ? ".." : " mixed");
}

static void end_data(struct log *log) {
  char text[400];
  char prefix[32] = "";
  int used;

  if (log->data_len == 0) return;
  if (log->data_conn != 1)
    snprintf(prefix, sizeof prefix, "#%llu ", (unsigned long long)log->data_conn);
  used = snprintf(text, sizeof text, "%sDATA %c %llu ", prefix, "cs"[log->data_direction & 1],
                  (unsigned long long)log -> data_offset);
  describe(text + used, log->data, log->data_len);
  log->data_len = 0;
  add_text(log, text);
}

/* One line; conn 1 goes without a number, events without a handle begin with "-". */
static void add_line(struct log *log, tcptale_conn *conn, uint64_t id, const char *format, ...) {
  char text[600];
  va_list args;
  size_t used = 0;

  end_data(log);
  if (conn == NULL) used = (size_t)sprintf(text, "- ");
  else if (id != 1) used = (size_t)sprintf(text, "#%llu ", (unsigned long long)id);
  va_start(args, format);
  vsnprintf(text + used, sizeof text - used, format, args);
  va_end(args);
  add_text(log, text);
}

static char side(uint32_t direction) {
  return direction == TCPTALE_C2S ? 'c' : direction == TCPTALE_S2C ? 's' : '?';
}

static void on_open(tcptale_conn *c, const tcptale_open_event *e, void *user) {
  struct log *log = user;
  uint8_t client[16];
  const char *who = "";

  laws_open(&log->laws, c, e);
  script_address(client, log->variant, 0);
  if (memcmp(client, e->endpoints.addr[0], 16) != 0) {
    script_address(client, log->variant, 1);
    who = memcmp(client, e->endpoints.addr[0], 16) == 0 ? " client=s" : " client=other";
  }
  add_line(log, c, e->conn_id, "OPEN %s%s", tcptale_how_name(e->how), who);
}

static void on_established(tcptale_conn *c, const tcptale_established_event *e, void *user) {
  struct log *log = user;

  laws_established(&log->laws, c, e);
  if (log->settings->show_rtt) add_line(log, c, e->conn_id, "EST rtt=%lld", (long long)e->rtt_ns);
  else add_line(log, c, e->conn_id, "EST");
}

static void on_data(tcptale_conn *c, const tcptale_data_event *e, void *user) {
  struct log *log = user;
  uint8_t *more;

  laws_data(&log->laws, c, e);
  if (log->data_len > 0 &&
      (log->settings->show_from || log->data_conn != e->conn_id ||
       log->data_direction != e->direction || log->data_offset + log->data_len != e->offset))
    end_data(log);
  if (log->data_len == 0) {
    log->data_conn = e->conn_id;
    log->data_direction = e->direction;
    log->data_offset = e->offset;
  }
  more = realloc(log->data, log->data_len + e->len);
  if (more == NULL) abort();
  memcpy(more + log->data_len, e->data, e->len);
  log->data = more;
  log->data_len += e->len;
  if (log->settings->show_from) {
    char text[500];
    end_data(log);
    snprintf(text, sizeof text, "%s from=%llu", log->lines[log->count - 1],
             (unsigned long long)e->from_index);
    free(log->lines[--log->count]);
    add_text(log, text);
  }
}

static void on_gap(tcptale_conn *c, const tcptale_gap_event *e, void *user) {
  struct log *log = user;

  laws_gap(&log->laws, c, e);
  add_line(log, c, e->conn_id, "GAP %c %llu %llu %s", side(e->direction),
           (unsigned long long)e->offset, (unsigned long long)e->len, tcptale_gap_name(e->why));
}

static void on_half_close(tcptale_conn *c, const tcptale_half_close_event *e, void *user) {
  struct log *log = user;

  laws_half_close(&log->laws, c, e);
  add_line(log, c, e->conn_id, "EOF %c %llu", side(e->direction), (unsigned long long)e->offset);
}

static void on_reset(tcptale_conn *c, const tcptale_reset_event *e, void *user) {
  struct log *log = user;

  laws_reset(&log->laws, c, e);
  add_line(log, c, e->conn_id, "RESET %c %s", side(e->direction), tcptale_reset_name(e->verdict));
}

static void on_close(tcptale_conn *c, const tcptale_close_event *e, void *user) {
  struct log *log = user;

  laws_close(&log->laws, c, e);
  add_line(log, c, e->conn_id, "CLOSE %s", tcptale_close_name(e->why));
}

/* Anomalies of a whole connection, or of none, are written without a side, ... */
static int has_side(const tcptale_anomaly_event *e) {
  switch (e->code) {
  case TCPTALE_ANOMALY_LAND:
  case TCPTALE_ANOMALY_MPTCP:
  case TCPTALE_ANOMALY_SPLIT_HANDSHAKE:
  case TCPTALE_ANOMALY_SIMULTANEOUS_OPEN:
  case TCPTALE_ANOMALY_PORT_REUSE:
  case TCPTALE_ANOMALY_EVICTED:
  case TCPTALE_ANOMALY_NOMEM: return 0;
  default: return e->conn_id != 0 && e->direction != TCPTALE_NO_DIR;
  }
}

/* ... and only those that are about bytes with a range. */
static int has_range(const tcptale_anomaly_event *e) {
  return e->code == TCPTALE_ANOMALY_OVERLAP_CONFLICT || e->code == TCPTALE_ANOMALY_LATE_AFTER_GAP ||
         e->code == TCPTALE_ANOMALY_DISCARDED || e->code == TCPTALE_ANOMALY_URGENT;
}

static void on_anomaly(tcptale_conn *c, const tcptale_anomaly_event *e, void *user) {
  struct log *log = user;
  char text[400];
  int used;

  laws_anomaly(&log->laws, c, e);
  used = sprintf(text, "ANOM %s", tcptale_anomaly_name(e->code));
  if (has_side(e)) used += sprintf(text + used, " %c", side(e->direction));
  if (has_range(e) && e->len > 0)
    used += sprintf(text + used, " %llu %llu", (unsigned long long)e->offset,
                    (unsigned long long)e->len);
  if (has_range(e) && e->data != NULL && e->len > 0 && e->len <= LONG_DATA &&
      e->code != TCPTALE_ANOMALY_OVERLAP_CONFLICT) {
    text[used++] = ' ';
    put_escaped(text + used, e->data, (size_t)e->len);
  }
  add_line(log, c, e->conn_id, "%s", text);
}

static void on_segment(tcptale_conn *c, const tcptale_segment_event *e, void *user) {
  struct log *log = user;
  char flags[16];
  size_t count = 0;
  unsigned i;

  if (!log->settings->show_segments) return;
  for (i = 0; i < 9; i++) {
    if (e->tcp_flags >> i & 1) flags[count++] = "FSRPAUEWN"[i];
  }
  flags[count] = 0;
  add_line(log, c, e->conn_id, "SEG %c %s %u+%u %s", side(e->direction), count ? flags : "none",
           e->seq, e->len, tcptale_verdict_name(e->verdict));
}

static const tcptale_callbacks CALLBACKS = {
    .struct_size = sizeof(tcptale_callbacks),
    .on_open = on_open,
    .on_established = on_established,
    .on_data = on_data,
    .on_gap = on_gap,
    .on_half_close = on_half_close,
    .on_reset = on_reset,
    .on_close = on_close,
    .on_anomaly = on_anomaly,
    .on_segment = on_segment,
};

static void free_log(struct log *log) {
  size_t i;

  for (i = 0; i < log->count; i++) free(log->lines[i]);
  free(log->lines);
  free(log->data);
}

/* ---- feeding ---- */

static void feed_steps(tcptale_tracker *tracker, const struct script_steps *steps, int batch) {
  tcptale_frame *frames = calloc(steps->count + 1, sizeof *frames);
  size_t held = 0;
  size_t i;

  if (frames == NULL) abort();
  for (i = 0; i <= steps->count; i++) {
    const struct script_step *step = i < steps->count ? &steps->items[i] : NULL;

    if (step && step->kind == SCRIPT_FRAME) frames[held++] = step->frame;
    if (held > 0 && (!batch || step == NULL || step->kind != SCRIPT_FRAME)) {
      tcptale_tracker_feed(tracker, frames, held, NULL);
      held = 0;
    }
    if (step && step->kind == SCRIPT_EXPIRE) tcptale_tracker_expire(tracker, step->frame.ts_ns);
    if (step && step->kind == SCRIPT_FLUSH) tcptale_tracker_flush(tracker);
  }
  free(frames);
}

/* ---- comparing ---- */

/* Whether a line is what one of the texts parted by " || " says; a `*` at a text's end stands for
 * any rest. */
static int fits(const char *line, const char *texts) {
  while (texts != NULL) {
    const char *end = strstr(texts, " || ");
    size_t len = end ? (size_t)(end - texts) : strlen(texts);

    if (len > 0 && texts[len - 1] == '*' && strncmp(line, texts, len - 1) == 0) return 1;
    if (strlen(line) == len && strncmp(line, texts, len) == 0) return 1;
    texts = end ? end + 4 : NULL;
  }
  return 0;
}

/* The first line that was told and not expected, or the number of lines where one more was
 * expected; -1: all is as expected. An expected line that begins with "? " may come any number of
 * times, or not at all. */
static long first_difference(const struct log *log, const struct script_lines *expected) {
  size_t told = 0;
  size_t i;

  for (i = 0; i < expected->count; i++) {
    const char *text = expected->items[i].text;

    if (strncmp(text, "? ", 2) == 0) {
      while (told < log->count && fits(log->lines[told], text + 2)) told++;
    } else if (told < log->count && fits(log->lines[told], text)) {
      told++;
    } else {
      return (long)told;
    }
  }
  return told < log->count ? (long)told : -1;
}

static void side_by_side(const struct log *log, const struct script_lines *expected) {
  size_t rows = log->count > expected->count ? log->count : expected->count;
  long wrong = first_difference(log, expected);
  size_t i;

  fprintf(stderr, "  %-46s   %s\n", "expected", "told");
  for (i = 0; i < rows && i < 60; i++) {
    fprintf(stderr, "  %-46s %c %s\n", i < expected->count ? expected->items[i].text : "",
            (long)i == wrong ? '>' : ' ', i < log->count ? log->lines[i] : "");
  }
}

static void report(const char *path, const struct script_case *one, const struct script_variant *v,
                   const char *what) {
  fprintf(stderr, "%s: %s\n  %s (IPv%d, ISN %#x %#x, %s%s%s%s)\n", path, one->name, what,
          v->version, v->isn[0], v->isn[1], v->batch ? "one batch" : "frame by frame",
          v->swapped ? ", swapped" : "", v->policy ? ", policy " : "",
          v->policy ? tcptale_policy_name(v->policy) : "");
}

/* One variant; 0: as expected. */
static int run_variant(const char *path, const struct script_case *one,
                       const struct settings *settings, const struct script_variant *variant) {
  struct log log = {.settings = settings, .variant = variant};
  tcptale_callbacks callbacks = CALLBACKS;
  tcptale_config config = settings->config;
  tcptale_tracker *tracker = NULL;
  struct script_steps steps;
  const char *law;
  int failed = 1;

  /* Who does not ask for verdicts gets the usual segments by a shorter way, with the same
   * events. */
  if (!settings->show_segments && !variant->swapped) callbacks.on_segment = NULL;
  if (variant->policy) config.policy[0] = config.policy[1] = variant->policy;
  laws_init(&log.laws);
  script_render(&steps, one, variant);
  if (steps.error[0]) {
    report(path, one, variant, steps.error);
  } else if (tcptale_tracker_new(&tracker, &config, &callbacks, &log) != TCPTALE_OK) {
    report(path, one, variant, "the tracker could not be made");
  } else {
    feed_steps(tracker, &steps, variant->batch);
    tcptale_tracker_free(tracker);
    end_data(&log);
    law = laws_finish(&log.laws);
    failed = law != NULL || first_difference(&log, &one->expected) >= 0;
    if (failed) {
      report(path, one, variant, law ? law : "another log than expected");
      side_by_side(&log, &one->expected);
    }
  }
  free_log(&log);
  script_steps_free(&steps);
  return failed;
}

static const uint32_t ISNS[] = {
    1000,       0,          1,          0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff1,
    0xfffffff2, 0xfffffff3, 0xfffffff4, 0xfffffff5, 0xfffffff6, 0xfffffff7, 0xfffffff8, 0xfffffff9,
    0xfffffffa, 0xfffffffb, 0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff};

static int run_isns(const char *path, const struct script_case *one,
                    const struct settings *settings, struct script_variant variant) {
  size_t count = settings->quick ? 1 : COUNT(ISNS);
  size_t i;

  for (i = 0; i < count; i++) {
    variant.isn[0] = variant.isn[1] = ISNS[i];
    if (run_variant(path, one, settings, &variant)) return 1;
  }
  variant.isn[0] = 0xfffffffb;
  variant.isn[1] = 0x7ffffffd;
  return run_variant(path, one, settings, &variant);
}

int script_run(const char *path, const struct script_case *one) {
  struct settings settings;
  struct script_variant variant = {.isn = {1000, 5000000}};

  read_settings(&settings, one);
  if (settings.error[0]) {
    report(path, one, &variant, settings.error);
    return 1;
  }
  for (variant.version = 4; variant.version <= 6; variant.version += 2) {
    if (settings.only_version && settings.only_version != variant.version) continue;
    for (variant.batch = 0; variant.batch < 2; variant.batch++) {
      variant.swapped = 0;
      if (run_isns(path, one, &settings, variant)) return 1;
      variant.swapped = 1;
      if (run_variant(path, one, &settings, &variant)) return 1;
    }
    variant.batch = variant.swapped = 0;
    for (variant.policy = 1; !settings.names_policy && variant.policy <= 6; variant.policy++) {
      if (run_variant(path, one, &settings, &variant)) return 1;
    }
    variant.policy = 0;
  }
  return 0;
}

#include "stream_log.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcptale/names.h"

static void say(struct stream_log *log, const char *format, ...) {
  size_t used = strlen(log->text);
  va_list args;

  if (used > 0 && used + 2 < sizeof log->text) {
    strcpy(log->text + used, "; ");
    used += 2;
  }
  va_start(args, format);
  vsnprintf(log->text + used, sizeof log->text - used, format, args);
  va_end(args);
  if (log->stream != NULL && --log->stop_after == 0) tcptale_stream_stop(log->stream);
}

static void tile(struct stream_log *log, uint64_t offset, uint64_t len) {
  if (offset != log->told || len == 0) log->tiled = 0;
  log->told = offset + len;
}

static void on_data(const tcptale_data_event *event, void *user) {
  struct stream_log *log = user;
  tile(log, event->offset, event->len);
  if (event->offset + event->len <= sizeof log->bytes)
    memcpy(log->bytes + event->offset, event->data, event->len);
  say(log, "D%d %.*s", (int)event->offset, (int)event->len, (const char *)event->data);
}

static void on_gap(const tcptale_gap_event *event, void *user) {
  struct stream_log *log = user;
  tile(log, event->offset, event->len);
  if (event->offset + event->len <= sizeof log->bytes)
    memset(log->bytes + event->offset, '-', event->len);
  say(log, "G%llu+%llu %s", (unsigned long long)event->offset, (unsigned long long)event->len,
      tcptale_gap_name(event->why));
}

static void on_half_close(const tcptale_half_close_event *event, void *user) {
  struct stream_log *log = user;
  if (event->offset != log->told) log->tiled = 0;
  log->closes++;
  say(log, "E%d", (int)event->offset);
}

static void on_anomaly(const tcptale_anomaly_event *event, void *user) {
  char bytes[64] = "";
  if (event->data != NULL)
    snprintf(bytes, sizeof bytes, " %.*s", (int)event->len, (const char *)event->data);
  say(user, "A %s %d+%d%s", tcptale_anomaly_name(event->code), (int)event->offset, (int)event->len,
      bytes);
}

void stream_log_callbacks(tcptale_stream_callbacks *callbacks) {
  tcptale_stream_callbacks_init(callbacks, sizeof *callbacks);
  callbacks->on_data = on_data;
  callbacks->on_gap = on_gap;
  callbacks->on_half_close = on_half_close;
  callbacks->on_anomaly = on_anomaly;
}

static void set_option(tcptale_stream_config *config, const char *word) {
  const char *value = strchr(word, '=');
  uint64_t number = value == NULL ? 0 : strtoull(value + 1, NULL, 10);

  for (uint32_t policy = TCPTALE_POLICY_FIRST; policy <= TCPTALE_POLICY_BSD_RIGHT; policy++)
    if (strcmp(word, tcptale_policy_name(policy)) == 0) config->policy = policy;
  if (strcmp(word, "acked") == 0) config->delivery = TCPTALE_DELIVER_ACKED;
  if (strcmp(word, "one_sided") == 0) config->one_sided = 1;
  if (strcmp(word, "oob") == 0) config->urgent = TCPTALE_URGENT_OOB;
  if (strcmp(word, "drop") == 0) config->urgent = TCPTALE_URGENT_DROP;
  if (strcmp(word, "gap") == 0) config->urgent = TCPTALE_URGENT_GAP;
  if (strcmp(word, "history") == 0) config->history_bytes = 4096;
  if (strncmp(word, "hold=", 5) == 0) config->reorder_hold_count = (uint32_t)number;
  if (strncmp(word, "hold_ms=", 8) == 0) config->reorder_hold_ns = number * 1000000;
  if (strncmp(word, "segments=", 9) == 0) config->queue_segments = (uint32_t)number;
  if (strncmp(word, "bytes=", 6) == 0) config->queue_bytes = number;
  if (strncmp(word, "async=", 6) == 0) config->async_hole_bytes = number;
}

static void set_options(tcptale_stream_config *config, const char *options) {
  char copy[128], *word, *rest = copy;

  snprintf(copy, sizeof copy, "%s", options);
  while ((word = strtok_r(rest, " ", &rest)) != NULL) set_option(config, word);
}

/* The state of a running script. */
struct run {
  tcptale_stream *stream;
  uint32_t first_seq;
  uint64_t index;
  uint64_t ts_ns;
};

static void push_word(struct run *run, const char *word) {
  char *at;
  uint32_t seq = (uint32_t)strtol(word, &at, 10);
  const char *data = at + 1;
  size_t cap_len, len;
  uint32_t flags = 0;
  uint16_t urgent = 0;
  int result;

  cr_assert_eq(*at, '"', "in word %s", word);
  cap_len = len = (size_t)(strchr(data, '"') - data);
  for (at = (char *)(uintptr_t)(data + cap_len + 1); *at != '\0'; at++) {
    if (*at == 'F') flags |= TCPTALE_PUSH_FIN;
    if (*at == 'V') flags |= TCPTALE_PUSH_PROVISIONAL;
    if (*at == 'U') urgent = (uint16_t)atoi(at + 1);
    if (*at == 'U') flags |= TCPTALE_PUSH_URGENT;
    if (*at == '/') len = (size_t)atoi(at + 1);
  }
  result = tcptale_stream_push(run->stream, run->first_seq + seq - 1, (const uint8_t *)data,
                               cap_len, len, flags, urgent, ++run->index, run->ts_ns, NULL);
  cr_assert(result == TCPTALE_OK || result == TCPTALE_ERR_STOPPED, "in word %s", word);
}

static void run_word(struct run *run, const char *word) {
  uint32_t number = (uint32_t)strtol(word + (*word != '\0'), NULL, 10);

  if (strcmp(word, "end") == 0) {
    tcptale_stream_finish(run->stream);
  } else if (*word == 't' || *word == 'T') {
    run->ts_ns += (uint64_t)number * 1000000;
    if (*word == 'T') tcptale_stream_expire(run->stream, run->ts_ns);
  } else if (*word == 'a') {
    tcptale_stream_ack(run->stream, run->first_seq + number - 1, ++run->index, run->ts_ns);
  } else if (*word == '.') {
    tcptale_stream_push(run->stream, run->first_seq, NULL, 0, 0, 0, 0, ++run->index, run->ts_ns,
                        NULL);
  } else {
    push_word(run, word);
  }
}

void stream_log_run(struct stream_log *log, const char *options, const char *script,
                    uint32_t first_seq) {
  tcptale_stream_config config;
  tcptale_stream_callbacks callbacks;
  struct run run = {.first_seq = first_seq, .ts_ns = 1000000000};
  char copy[4096], *word, *rest = copy;
  int stop_after = log->stop_after;

  memset(log, 0, sizeof *log);
  log->tiled = 1;
  stream_log_callbacks(&callbacks);
  tcptale_stream_config_init(&config, sizeof config);
  config.memory_bytes = 1 << 20;
  set_options(&config, options);
  cr_assert_eq(tcptale_stream_new(&run.stream, &config, &callbacks, log, first_seq), TCPTALE_OK);
  if (stop_after > 0) {
    log->stream = run.stream;
    log->stop_after = stop_after;
  }
  snprintf(copy, sizeof copy, "%s", script);
  while ((word = strtok_r(rest, " ", &rest)) != NULL) run_word(&run, word);
  tcptale_stream_free(run.stream);
}

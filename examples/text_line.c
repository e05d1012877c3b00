/* text_line.c - takes one line of `tcpdump -n` apart: [time] IP|IP6 SRC.PORT > DST.PORT: Flags
 * [..], seq .., ack .., win .., urg .., options [..], length N. What leads up to IP and follows the
 * length is left aside, so lines with link-level or application texts are read too, and prose is
 * not. */
#define _POSIX_C_SOURCE 200809L
#include "text_line.h"

#include <arpa/inet.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* Each eat_ moves the position past what it reads, and leaves it where it does not fit. */

static int eat(const char **at, const char *word) {
  size_t len = strlen(word);
  if (strncmp(*at, word, len) != 0) return 0;
  *at += len;
  return 1;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int eat_number(const char **at, uint64_t max, uint64_t *value) {
  const char *p = *at;
  uint64_t v = 0;
  if (!is_digit(*p)) return 0;
  for (; is_digit(*p); p++) {
    v = v * 10 + (uint64_t)(*p - '0');
    if (v > max) return 0;
  }
  *value = v;
  *at = p;
  return 1;
}

static int eat_u32(const char **at, uint32_t *value) {
  uint64_t v;
  if (!eat_number(at, UINT32_MAX, &v)) return 0;
  *value = (uint32_t)v;
  return 1;
}

static int eat_u16(const char **at, uint16_t *value) {
  uint64_t v;
  if (!eat_number(at, UINT16_MAX, &v)) return 0;
  *value = (uint16_t)v;
  return 1;
}

static int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of hexadecimal digits; returns how many bytes. */
static unsigned eat_hex(const char **at, uint8_t *to, unsigned room) {
  unsigned n = 0;
  while (n < room && hex_digit((*at)[0]) >= 0 && hex_digit((*at)[1]) >= 0) {
    to[n++] = (uint8_t)(hex_digit((*at)[0]) << 4 | hex_digit((*at)[1]));
    *at += 2;
  }
  return n;
}

/* Time columns */

/* ".789012" as nanoseconds; more than nine digits are cut. */
static int eat_fraction(const char **at, uint64_t *ns) {
  uint64_t unit = SECOND, v = 0;
  if (**at != '.' || !is_digit((*at)[1])) return 0;
  for (++*at; is_digit(**at); ++*at) {
    unit /= 10;
    v += unit * (uint64_t)(**at - '0');
  }
  *ns = v;
  return 1;
}

static int eat_clock(const char **at, uint64_t *ns) {
  const char *p = *at;
  uint64_t h, m, s, fraction = 0;
  if (!eat_number(&p, 23, &h) || !eat(&p, ":") || !eat_number(&p, 59, &m) || !eat(&p, ":") ||
      !eat_number(&p, 60, &s))
    return 0;
  if (*p == '.' && !eat_fraction(&p, &fraction)) return 0;
  if (*p != ' ') return 0;
  *ns = (h * 3600 + m * 60 + s) * SECOND + fraction;
  *at = p;
  return 1;
}

/* Days from 1970-01-01, counted in years that begin in March so that the leap day is the last. */
static uint64_t days_since_epoch(uint64_t year, uint64_t month, uint64_t day) {
  uint64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
  return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int eat_date(const char **at, uint64_t *days) {
  const char *p = *at;
  uint64_t y, m, d;
  if (!eat_number(&p, 2200, &y) || y < 1970 || !eat(&p, "-") || !eat_number(&p, 12, &m) || m < 1 ||
      !eat(&p, "-") || !eat_number(&p, 31, &d) || d < 1 || !eat(&p, " "))
    return 0;
  *days = days_since_epoch(y, m, d);
  *at = p;
  return 1;
}

static void eat_time(const char **at, text_line *line) {
  const char *p = *at;
  uint64_t days, whole, ns;
  line->time_kind = TEXT_TIME_NONE;
  line->time_ns = 0;
  while (*p == ' ') p++;
  if (eat_date(&p, &days) && eat_clock(&p, &ns)) {
    line->time_kind = TEXT_TIME_EPOCH;
    line->time_ns = days * 86400 * SECOND + ns;
  } else if (eat_clock(&p, &ns)) {
    line->time_kind = TEXT_TIME_CLOCK;
    line->time_ns = ns;
  } else if (eat_number(&p, UINT32_MAX, &whole) && eat_fraction(&p, &ns) && *p == ' ') {
    line->time_kind = TEXT_TIME_EPOCH;
    line->time_ns = whole * SECOND + ns;
  } else {
    return;
  }
  *at = p;
}

/* Ends */

/* ADDRESS.PORT up to `stop`; the port follows the last dot. */
static int eat_end(const char **at, const char *stop, unsigned version, uint8_t *address,
                   uint16_t *port) {
  char text[64];
  const char *end = strstr(*at, stop), *digits;
  char *dot;
  size_t len = end ? (size_t)(end - *at) : sizeof text;
  if (len >= sizeof text) return 0;
  memcpy(text, *at, len);
  text[len] = 0;
  dot = strrchr(text, '.');
  if (!dot) return 0;
  *dot = 0;
  digits = dot + 1;
  if (!eat_u16(&digits, port) || *digits != 0) return 0;
  if (inet_pton(version == 6 ? AF_INET6 : AF_INET, text, address) != 1) return 0;
  *at = end + strlen(stop);
  return 1;
}

static int eat_ends(const char **at, unsigned version, text_line *line) {
  const char *p = *at;
  memset(line->src, 0, sizeof line->src);
  memset(line->dst, 0, sizeof line->dst);
  if (!eat_end(&p, " > ", version, line->src, &line->src_port)) return 0;
  if (!eat_end(&p, ": Flags [", version, line->dst, &line->dst_port)) return 0;
  line->version = version;
  *at = p;
  return 1;
}

/* Whether what stands between the start of the line (or its time) and IP can be tcpdump's: anything
 * after a time, else nothing or, of `-i any`, an interface and a direction. */
static int lead_is_fine(const text_line *line, const char *from, const char *to) {
  static const char *const directions[] = {" In ", " Out ", " B ", " M ", " P "};
  if (from == to || line->time_kind != TEXT_TIME_NONE) return 1;
  while (to - from > 2 && to[-1] == ' ' && to[-2] == ' ') to--;
  for (size_t i = 0; i < sizeof directions / sizeof *directions; i++) {
    size_t len = strlen(directions[i]);
    if ((size_t)(to - from) > len && strncmp(to - len, directions[i], len) == 0) return 1;
  }
  return 0;
}

/* "truncated-ip - 8 bytes missing! ", which stands between IP and the addresses. */
static void eat_truncation(const char **at) {
  const char *p = *at;
  uint64_t missing;
  if (!eat(&p, "truncated-ip - ") && !eat(&p, "truncated-ip6 - ")) return;
  if (!eat_number(&p, UINT32_MAX, &missing) || !eat(&p, " bytes missing!")) return;
  eat(&p, " ");
  *at = p;
}

/* Finds the innermost IP of the line with its two ends; the second line of -v has the ends
 * alone. */
static int eat_lead(const char **at, text_line *line) {
  const char *from = *at;
  while (*from == ' ' || *from == '\t') from++;
  if (from != *at && (eat_ends(&from, 4, line) || eat_ends(&from, 6, line))) {
    *at = from;
    return 1;
  }
  for (const char *p = from; (p = strstr(p, "IP")) != NULL; p += 2) {
    const char *q = p + 2;
    unsigned version = eat(&q, "6 ") ? 6 : 4;
    if (version == 4 && !eat(&q, " ")) continue;
    if (p != from && p[-1] != ' ') continue;
    eat_truncation(&q);
    if (!eat_ends(&q, version, line)) continue;
    if (!lead_is_fine(line, from, p)) return 0;
    *at = q;
    return 1;
  }
  return 0;
}

/* Flags and options */

static int eat_flags(const char **at, uint16_t *flags) {
  static const char letters[] = "FSRP.UEWe";
  const char *p = *at;
  *flags = 0;
  if (eat(&p, "none")) {
    *at = p;
    return *p == ']';
  }
  for (; *p != ']'; p++) {
    const char *found = *p ? strchr(letters, *p) : NULL;
    if (!found) return 0;
    *flags |= (uint16_t)(1u << (found - letters));
  }
  *at = p;
  return 1;
}

static void put(text_line *line, const uint8_t *bytes, unsigned len) {
  if (sizeof line->options - line->options_len < len) return;
  memcpy(line->options + line->options_len, bytes, len);
  line->options_len += len;
}

static void put_u32(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void option_sack(const char **at, text_line *line) {
  uint8_t bytes[34] = {5, 2};
  uint32_t count, left, right;
  unsigned len = 2, before = line->options_len;
  if (!eat_u32(at, &count)) return;
  eat(at, " ");
  while (len < sizeof bytes && eat(at, "{") && eat_u32(at, &left) && eat(at, ":") &&
         eat_u32(at, &right) && eat(at, "}")) {
    put_u32(bytes + len, left);
    put_u32(bytes + len + 4, right);
    len += 8;
  }
  bytes[1] = (uint8_t)len;
  put(line, bytes, len);
  if (line->options_len == before) return;
  line->sack_at = before + 2;
  line->sack_edges = (len - 2) / 4;
}

static void option_times(const char **at, text_line *line) {
  uint8_t bytes[10] = {8, 10};
  uint32_t value, echo;
  if (!eat_u32(at, &value) || !eat(at, " ecr ") || !eat_u32(at, &echo)) return;
  put_u32(bytes + 2, value);
  put_u32(bytes + 6, echo);
  put(line, bytes, sizeof bytes);
}

/* A kind with bytes in hexadecimal. */
static void option_bytes(const char **at, text_line *line, uint8_t kind) {
  uint8_t bytes[40] = {kind, 2};
  unsigned len = 2 + eat_hex(at, bytes + 2, sizeof bytes - 2);
  bytes[1] = (uint8_t)len;
  put(line, bytes, len);
}

static void eat_option(const char **at, text_line *line) {
  uint16_t number;
  if (eat(at, "nop")) put(line, (const uint8_t[]){1}, 1);
  else if (eat(at, "eol")) put(line, (const uint8_t[]){0}, 1);
  else if (eat(at, "sackOK")) put(line, (const uint8_t[]){4, 2}, 2);
  else if (eat(at, "mss ") && eat_u16(at, &number))
    put(line, (const uint8_t[]){2, 4, (uint8_t)(number >> 8), (uint8_t)number}, 4);
  else if (eat(at, "wscale ") && eat_u16(at, &number))
    put(line, (const uint8_t[]){3, 3, (uint8_t)number}, 3);
  else if (eat(at, "TS val ")) option_times(at, line);
  else if (eat(at, "sack ")) option_sack(at, line);
  else if (eat(at, "tfo  cookiereq")) put(line, (const uint8_t[]){34, 2}, 2);
  else if (eat(at, "tfo  cookie ")) option_bytes(at, line, 34);
  else if (eat(at, "unknown-") && eat_u16(at, &number)) {
    eat(at, " 0x");
    option_bytes(at, line, (uint8_t)number);
  }
}

/* The list up to its bracket. What cannot be put together again is left out. */
static int eat_options(const char **at, text_line *line) {
  const char *end = strchr(*at, ']');
  if (!end) return 0;
  while (*at < end) {
    eat_option(at, line);
    while (*at < end && **at != ',') ++*at;
    if (*at < end) ++*at;
  }
  *at = end + 1;
  while (line->options_len % 4 != 0) line->options[line->options_len++] = 0;
  return 1;
}

/* The fields between the flags and the length, in tcpdump's order. */
static int eat_fields(const char **at, text_line *line) {
  uint32_t last;
  line->has_seq = 0;
  if (eat(at, ", cksum ")) *at += strcspn(*at, ",");
  if (eat(at, ", seq ")) {
    if (!eat_u32(at, &line->seq)) return 0;
    if (eat(at, ":") && !eat_u32(at, &last)) return 0;
    line->has_seq = 1;
  }
  if (eat(at, ", ack ") && !eat_u32(at, &line->ack)) return 0;
  if (eat(at, ", win ") && !eat_u16(at, &line->window)) return 0;
  if (eat(at, ", urg ") && !eat_u16(at, &line->urgent)) return 0;
  if (eat(at, ", options [") && !eat_options(at, line)) return 0;
  return eat(at, ", length ") && eat_u32(at, &line->length);
}

int text_line_read(text_line *line, const char *text) {
  const char *at = text;
  memset(line, 0, sizeof *line);
  eat_time(&at, line);
  if (line->time_kind != TEXT_TIME_NONE) at++;
  return eat_lead(&at, line) && eat_flags(&at, &line->flags) && eat(&at, "]") &&
         eat_fields(&at, line);
}

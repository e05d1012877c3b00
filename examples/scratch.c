/* scratch.c - temporary files. */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include "scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int scratch_open(void) {
  const char *folder = getenv("TMPDIR");
  char path[4096];
  if (folder == NULL || folder[0] == '\0') folder = "/tmp";
  int len = snprintf(path, sizeof path, "%s/tcptale-XXXXXX", folder);
  if (len < 0 || (size_t)len >= sizeof path) return -1;
  int fd = mkstemp(path);
  if (fd >= 0) unlink(path);
  return fd;
}

int scratch_read(int fd, void *data, size_t len, uint64_t at) {
  char *to = data;
  while (len > 0) {
    ssize_t got = pread(fd, to, len, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {
      memset(to, 0, len);
      return 0;
    }
    to += got;
    at += (uint64_t)got;
    len -= (size_t)got;
  }
  return 0;
}

int scratch_write(int fd, const void *data, size_t len, uint64_t at) {
  const char *from = data;
  while (len > 0) {
    ssize_t put = pwrite(fd, from, len, (off_t)at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return -1;
    from += put;
    at += (uint64_t)put;
    len -= (size_t)put;
  }
  return 0;
}

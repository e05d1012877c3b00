/* follow - writes each direction's delivered bytes to a file of its own. No more than OPEN_MOST
 * files are open at once: the one not used for longest is closed, and opened again when its
 * direction goes on. */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "run.h"

enum { OPEN_MOST = 64 };

/* With --fill a file is as long as its stream, and a bogus gap can be long: longer files are
 * refused. */
static const uint64_t fill_limit = (uint64_t)1 << 40;

typedef struct follow_file {
  uint64_t conn; /* 0: the place is free */
  uint64_t used; /* the clock at its last use */
  uint32_t dir;
  int fd;
} follow_file;

typedef struct follow {
  const char *folder;
  int fill;
  int folder_was_there; /* it may hold files of an earlier run */
  int failed;
  uint64_t clock;
  follow_file files[OPEN_MOST];
} follow;

static int make_path(const follow *f, uint64_t conn, uint32_t dir, char *path, size_t size) {
  int len = snprintf(path, size, "%s/%06" PRIu64 ".%s", f->folder, conn,
                     dir == TCPTALE_C2S ? "c2s" : "s2c");
  return len > 0 && (size_t)len < size;
}

static void fail(follow *f, const char *path, const char *why) {
  if (!f->failed) fprintf(stderr, "follow: %s: %s\n", path, why);
  f->failed = 1;
}

/* The place of an open file, else the one to be used for it: a free one or the one idle longest. */
static follow_file *find_place(follow *f, uint64_t conn, uint32_t dir) {
  follow_file *best = &f->files[0];
  for (size_t i = 0; i < OPEN_MOST; i++) {
    follow_file *file = &f->files[i];
    if (file->conn == conn && file->dir == dir) return file;
    if (file->used < best->used) best = file;
  }
  return best;
}

static void close_file(follow *f, follow_file *file) {
  if (file->conn != 0 && close(file->fd) != 0) fail(f, f->folder, strerror(errno));
  memset(file, 0, sizeof *file);
}

static int open_file(follow *f, uint64_t conn, uint32_t dir) {
  char path[4096];
  follow_file *file = find_place(f, conn, dir);
  if (file->conn != conn || file->dir != dir) {
    close_file(f, file);
    if (!make_path(f, conn, dir, path, sizeof path)) return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (f->fill ? 0 : O_APPEND), 0666);
    if (fd < 0) {
      fail(f, path, strerror(errno));
      return -1;
    }
    *file = (follow_file){.conn = conn, .dir = dir, .fd = fd};
  }
  file->used = ++f->clock;
  return file->fd;
}

/* A file begins empty: what an earlier run left under its name goes. */
static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  follow *f = user;
  char path[4096];
  (void)conn;
  if (!f->folder_was_there) return;
  for (uint32_t dir = TCPTALE_C2S; dir <= TCPTALE_S2C; dir++)
    if (make_path(f, event->conn_id, dir, path, sizeof path)) unlink(path);
}

static void write_all(follow *f, int fd, const uint8_t *data, size_t len, uint64_t at) {
  while (len > 0 && !f->failed) {
    ssize_t put = f->fill ? pwrite(fd, data, len, (off_t)at) : write(fd, data, len);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      fail(f, f->folder, strerror(errno));
      return;
    }
    data += put;
    at += (uint64_t)put;
    len -= (size_t)put;
  }
}

/* With --fill bytes go to their offset; what is skipped reads as zeros. */
static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  follow *f = user;
  (void)conn;
  if (f->failed) return;
  if (f->fill && event->offset > fill_limit) {
    fail(f, f->folder, "a stream is too long to be filled");
    return;
  }
  int fd = open_file(f, event->conn_id, event->direction);
  if (fd >= 0) write_all(f, fd, event->data, event->len, event->offset);
}

/* A gap at the end has no bytes after it: the file is made as long as the stream. */
static void fill_end(follow *f, const tcptale_close_event *event, uint32_t dir) {
  uint64_t len = event->delivered[dir] + event->missing[dir];
  if (event->delivered[dir] == 0 || event->missing[dir] == 0 || len > fill_limit) return;
  int fd = open_file(f, event->conn_id, dir);
  if (fd >= 0 && ftruncate(fd, (off_t)len) != 0) fail(f, f->folder, strerror(errno));
}

static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  follow *f = user;
  (void)conn;
  for (uint32_t dir = TCPTALE_C2S; dir <= TCPTALE_S2C; dir++) {
    if (f->fill && !f->failed) fill_end(f, event, dir);
    follow_file *file = find_place(f, event->conn_id, dir);
    if (file->conn == event->conn_id && file->dir == dir) close_file(f, file);
  }
}

static int make_folder(follow *f) {
  if (mkdir(f->folder, 0777) == 0) return 0;
  struct stat there;
  f->folder_was_there = errno == EEXIST && stat(f->folder, &there) == 0 && S_ISDIR(there.st_mode);
  if (f->folder_was_there) return 0;
  fprintf(stderr, "follow: %s: %s\n", f->folder, strerror(errno));
  return 2;
}

static int run(const options *opt, follow *f) {
  tcptale_callbacks callbacks;
  tcptale_callbacks_init(&callbacks, sizeof callbacks);
  callbacks.on_open = on_open;
  callbacks.on_data = on_data;
  callbacks.on_close = on_close;
  int status = make_folder(f);
  if (status != 0) return status;
  run_job job = {.opt = opt, .callbacks = &callbacks, .user = f};
  status = run_capture(&job, NULL);
  for (size_t i = 0; i < OPEN_MOST; i++) close_file(f, &f->files[i]);
  return status == 0 && f->failed ? 1 : status;
}

int main(int argc, char **argv) {
  follow f = {.folder = NULL};
  const options_own own[] = {{"--fill", &f.fill, NULL}, {"-o", NULL, &f.folder}};
  const options_program program = {
      "follow", "[--fill] -o DIR FILE",
      "Writes each direction's delivered bytes to DIR/000001.c2s, DIR/000001.s2c ...\n"
      "  -o DIR            made where it is not there\n"
      "  --fill            missing bytes are written as zeros, else they are left out\n",
      own, sizeof own / sizeof *own};
  options opt;
  int status = options_read(&opt, &program, argc, argv);
  if (status != OPTIONS_GO_ON) return status;
  if (f.folder == NULL) return options_refuse(&program, "nowhere to write", "-o DIR is missing");
  return run(&opt, &f);
}

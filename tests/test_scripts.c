/* Conversations: every case of every file in tests/scripts/ leads to the log that stands beside it.
 * S15: and does so at first sequence numbers that put the wrap everywhere (ISNS in script_run.c);
 * the rows of the overlap table are in test_overlap_policies.c. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "script.h"

static const char *const FILES[] = {"handshake", "stream",  "teardown", "capture",
                                    "fragments", "evasion", "found"};
enum { FILE_COUNT = sizeof FILES / sizeof FILES[0] };

static void run_file(const char *name) {
  struct script_file file;
  char path[200];
  size_t failed = 0;
  size_t i;

  snprintf(path, sizeof path, "tests/scripts/%s.txt", name);
  script_load(&file, path);
  cr_assert_gt(file.count, 0, "%s has no case", path);
  for (i = 0; i < file.count; i++) {
    cr_expect_gt(file.cases[i].packets.count, 0, "%s: no packets", file.cases[i].name);
    failed += script_run(path, &file.cases[i]) != 0;
  }
  cr_expect_eq(failed, 0, "%s: %zu of %zu cases failed", path, failed, file.count);
  script_unload(&file);
}

Test(scripts, handshake) {
  run_file("handshake");
}

Test(scripts, stream) {
  run_file("stream");
}

Test(scripts, teardown) {
  run_file("teardown");
}

Test(scripts, capture) {
  run_file("capture");
}

Test(scripts, fragments) {
  run_file("fragments");
}

Test(scripts, evasion) {
  run_file("evasion");
}

Test(scripts, found) {
  run_file("found");
}

Test(scripts, every_file_is_run) {
  DIR *dir = opendir("tests/scripts");
  struct dirent *entry;

  cr_assert_not_null(dir);
  while ((entry = readdir(dir)) != NULL) {
    size_t len = strlen(entry->d_name);
    int known = len < 4 || strcmp(entry->d_name + len - 4, ".txt") != 0;
    size_t i;

    for (i = 0; i < FILE_COUNT; i++)
      known |= strlen(FILES[i]) + 4 == len && strncmp(entry->d_name, FILES[i], len - 4) == 0;
    cr_expect(known, "tests/scripts/%s is run by no test", entry->d_name);
  }
  closedir(dir);
}

/*
 * Runs a script of the event language for real and prints what the kernel answered, one JSON object a line.
 *
 *     linux-truth [SCRIPT|-]
 *
 * Exit status: 0 all events ran, 2 the script or the command is wrong or asks for what cannot be done for real,
 * 3 a process of the script hung or died, or the runner itself failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

struct shared *shared;
struct script script;
int file_fds[MAX_FILES];

void futex_wait(_Atomic uint32_t *word, uint32_t value, long milliseconds) {
  struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  syscall(SYS_futex, word, FUTEX_WAIT, value, milliseconds > 0 ? &timeout : NULL, NULL, 0);
}

void futex_wake(_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The same addresses in every run: the kernel's choices and the runner's own memory included. */
static void without_randomization(char **arguments) {
  int now = personality(0xffffffff);
  if (now == -1 || (now & ADDR_NO_RANDOMIZE) != 0 || personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1) return;
  execv("/proc/self/exe", arguments);
}

/*
 * All processes on one CPU: at a time only one of them runs anyway, and the kernel's per-CPU batches of pages hold
 * nothing back from the next call.
 */
static void stay_on_one_cpu(void) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(sched_getcpu(), &cpus);
  sched_setaffinity(0, sizeof cpus, &cpus);
}

static char *read_all(FILE *file, const char *name) {
  size_t length = 0, space = 1 << 16;
  char *text = malloc(space + 1);
  for (size_t got; (got = fread(text + length, 1, space - length, file)) > 0;) {
    length += got;
    if (length == space) text = realloc(text, (space *= 2) + 1);
  }
  if (ferror(file)) {
    fprintf(stderr, "linux-truth: %s: %s\n", name, strerror(errno));
    exit(2);
  }
  text[length] = '\0';
  return text;
}

static void make_files(void) {
  for (int i = 0; i < script.file_count; i++) {
    file_fds[i] = memfd_create(script.files[i], MFD_CLOEXEC);
    if (file_fds[i] >= 0) continue;
    perror("linux-truth: memfd_create");
    exit(3);
  }
}

int main(int count, char **arguments) {
  if (count > 2) {
    fprintf(stderr, "usage: linux-truth [SCRIPT|-]\n");
    return 2;
  }
  without_randomization(arguments);
  bool standard_input = count < 2 || strcmp(arguments[1], "-") == 0;
  const char *name = standard_input ? "<stdin>" : arguments[1];
  FILE *file = standard_input ? stdin : fopen(name, "re");
  if (file == NULL) {
    fprintf(stderr, "linux-truth: %s: %s\n", name, strerror(errno));
    return 2;
  }
  char *text = read_all(file, name);
  parse_script(&script, name, text);
  free(text);
  shared = shared_alloc(sizeof *shared);
  shared->driver = getpid();
  make_files();
  stay_on_one_cpu();
  return run_script();
}

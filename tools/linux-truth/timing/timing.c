/*
 * What one operation costs on this kernel: `timing OPERATION` makes it once, on many pages, and prints one JSON object
 *
 *     {"operation":"munmap","ns":231.4}            nanoseconds of CPU time for each page, call or registration
 *     {"operation":"kvm-fault","skipped":"..."}    it cannot be made here
 *
 * One process makes one measurement, so that its caller can take turns with another system and no operation finds
 * the page tables of the one before it. Transparent huge pages are kept out: every page is a page of 4 KiB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timing.h"

enum { PAGES = 16384, SPLITS = 2000 };
static const size_t GIB = 1ul << 30;

static double started;

static double cpu_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void begin(void) { started = cpu_time(); }
double end(size_t count) { return (cpu_time() - started) / (double)count; }

void die(const char *what) {
  fprintf(stderr, "timing: %s: %s\n", what, strerror(errno));
  exit(3);
}

char *reserve(size_t bytes) {
  char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) die("mmap");
  return area;
}

void write_pages(volatile char *area, size_t pages) {
  for (size_t i = 0; i < pages; i++) area[i * PAGE] = 1;
}

static void read_pages(volatile char *area, size_t pages) {
  for (size_t i = 0; i < pages; i++) (void)area[i * PAGE];
}

/* An area of PAGES pages whose place fits whole page tables. */
static char *aligned(void) {
  char *area = reserve((PAGES + 512) * PAGE);
  return area + (TABLE - (size_t)area % TABLE);
}

static char *written(void) {
  char *area = aligned();
  write_pages(area, PAGES);
  return area;
}

static double write_fault(void) {
  char *area = aligned();
  begin();
  write_pages(area, PAGES);
  return end(PAGES);
}

static double zero_fault(void) {
  char *area = aligned();
  begin();
  read_pages(area, PAGES);
  return end(PAGES);
}

/* A child keeps the pages shared for as long as the parent writes. */
static double cow_fault(void) {
  char *area = written();
  int pipes[2];
  char byte;
  if (pipe(pipes) != 0) die("pipe");
  pid_t child = fork();
  if (child == 0) {
    close(pipes[1]);
    _exit(read(pipes[0], &byte, 1) == 0 ? 0 : 1);
  }
  begin();
  write_pages(area, PAGES);
  double ns = end(PAGES);
  close(pipes[1]);
  waitpid(child, NULL, 0);
  return ns;
}

static char *mapped_file(void) {
  char name[] = "/tmp/mmu-notifier-timing-XXXXXX";
  int file = mkstemp(name);
  if (file < 0) die(name);
  unlink(name);
  char page[PAGE];
  memset(page, 1, sizeof page);
  for (size_t i = 0; i < PAGES; i++)
    if (write(file, page, sizeof page) != (ssize_t)sizeof page) die("write");
  char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (area == MAP_FAILED) die("mmap of a file");
  return area;
}

static double file_read_fault(void) {
  char *area = mapped_file();
  begin();
  read_pages(area, PAGES);
  return end(PAGES);
}

static double file_write_fault(void) {
  char *area = mapped_file();
  begin();
  write_pages(area, PAGES);
  return end(PAGES);
}

static double unmap(void) {
  char *area = written();
  begin();
  munmap(area, PAGES * PAGE);
  return end(PAGES);
}

double drop(char *area, size_t bytes, size_t count) {
  begin();
  if (madvise(area, bytes, MADV_DONTNEED) != 0) die("madvise");
  return end(count);
}

static double dontneed(void) { return drop(written(), PAGES * PAGE, PAGES); }

static double protect(void) {
  char *area = written();
  begin();
  mprotect(area, PAGES * PAGE, PROT_READ);
  return end(PAGES);
}

/* By a distance that keeps the place inside a page table, and by one that does not. */
static double move(size_t shift) {
  char *area = written(), *target = aligned();
  begin();
  if (mremap(area, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + shift) == MAP_FAILED)
    die("mremap");
  return end(PAGES);
}

static double move_tables(void) { return move(0); }
static double move_entries(void) { return move(PAGE); }

static double fork_pages(void) {
  written();
  begin();
  pid_t child = fork();
  if (child == 0) _exit(0);
  double ns = end(PAGES);
  waitpid(child, NULL, 0);
  return ns;
}

static double sparse(void) {
  char *area = reserve(4 * GIB);
  for (size_t i = 0; i < 16; i++) area[i * (GIB / 4)] = 1;
  return drop(area, 4 * GIB, 1);
}

static double empty(void) { return drop(reserve(64 * GIB), 64 * GIB, 1); }

/* Areas of one page each with a gap behind, so that none merges and each that is touched has its own anon_vma. */
void many_areas(size_t count, int touched) {
  char *area = reserve(2 * count * PAGE);
  for (size_t i = 0; i < count; i++) {
    char *page = area + 2 * i * PAGE;
    if (munmap(page + PAGE, PAGE) != 0) die("munmap");
    if (touched) *page = 1;
  }
}

static double split_merge(size_t others) {
  if (others > 10) many_areas(others - 10, 0);
  char *area = reserve(3 * PAGE);
  begin();
  for (size_t i = 0; i < SPLITS; i++) {
    mprotect(area + PAGE, PAGE, PROT_READ);
    mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE);
  }
  return end(SPLITS);
}

static double split_merge_10(void) { return split_merge(10); }
static double split_merge_1000(void) { return split_merge(1000); }
static double split_merge_60000(void) { return split_merge(60000); }

static const struct { const char *name; double (*measure)(void); int kvm; } OPERATIONS[] = {
  {"write-fault", write_fault, 0},
  {"zero-fault", zero_fault, 0},
  {"cow-fault", cow_fault, 0},
  {"file-read-fault", file_read_fault, 0},
  {"file-write-fault", file_write_fault, 0},
  {"munmap", unmap, 0},
  {"dontneed", dontneed, 0},
  {"mprotect", protect, 0},
  {"mremap-tables", move_tables, 0},
  {"mremap-entries", move_entries, 0},
  {"fork", fork_pages, 0},
  {"sparse-4g", sparse, 0},
  {"empty-64g", empty, 0},
  {"split-merge-10", split_merge_10, 0},
  {"split-merge-1000", split_merge_1000, 0},
  {"split-merge-60000", split_merge_60000, 0},
  {"kvm-fault-present", kvm_fault_present, 1},
  {"kvm-fault-missing", kvm_fault_missing, 1},
  {"kvm-drop-extra", kvm_drop_extra, 1},
  {"register-1000", kvm_register_1000, 1},
  {"register-10000", kvm_register_10000, 1},
  {"register-60000", kvm_register_60000, 1},
};

int main(int argc, char **argv) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  for (size_t i = 0; argc == 2 && i < sizeof OPERATIONS / sizeof *OPERATIONS; i++) {
    if (strcmp(argv[1], OPERATIONS[i].name) != 0) continue;
    if (OPERATIONS[i].kvm && access("/dev/kvm", R_OK | W_OK) != 0)
      printf("{\"operation\":\"%s\",\"skipped\":\"no /dev/kvm here\"}\n", argv[1]);
    else
      printf("{\"operation\":\"%s\",\"ns\":%.1f}\n", argv[1], OPERATIONS[i].measure());
    return 0;
  }
  fprintf(stderr, "timing: found %s, expected one of", argc > 1 ? argv[1] : "no operation");
  for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++) fprintf(stderr, " %s", OPERATIONS[i].name);
  fprintf(stderr, "\n");
  return 2;
}

/*
 * How the driver, which reads the script, and the workers, which are its processes, work together.
 *
 *     driver ── one event ──> worker of p1, p2, ...      (one at a time; everybody else waits)
 *            <── its answer ──
 *
 * Both live in memory that all processes share, with one futex word per worker. The driver is the parent of all
 * workers, also of those that another worker forked (CLONE_PARENT), so that it can wait for each of them.
 */
#ifndef LINUX_TRUTH_RUN_H
#define LINUX_TRUTH_RUN_H

#include <stdatomic.h>
#include <sys/types.h>

#include "script.h"

enum { MAX_PROCESSES = 1024, MAX_GUESTS = 16, TIMEOUT_SECONDS = 10 };

static const uintptr_t ARENA = 0x100000000;
/* What a device can reach: the arena and what follows, at guest-physical addresses that equal the process's own. */
static const size_t GUEST_MEMORY = 16 << 20;
/* Where the heap of each process begins. */
static const uintptr_t HEAP = 0x1000000;

struct request {
  const struct event *event;
  uint64_t address, target; /* operands, resolved */
  int child;                /* fork: index of the new process */
  int guest;                /* device events: index of the guest */
};

enum outcome { OUTCOME_OK, OUTCOME_REFUSED /* the run ends; text says why */ };

struct answer {
  enum outcome outcome;
  bool has_value;           /* an address or another number that `-> NAME` binds */
  uint64_t value;
  int pid;                  /* fork */
  size_t length;
  char text[2 * MAX_ACCESS + 4096]; /* members of the line's JSON object */
};

enum turn { TURN_DRIVER, TURN_WORKER };

struct shared {
  struct request request;
  struct answer answer;
  pid_t driver;
  _Atomic uint32_t turn[MAX_PROCESSES];
};

extern struct shared *shared;
extern struct script script;
extern int file_fds[MAX_FILES];

/* Appends to the answer. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
void say_errno(int number);
/* The answer 0x..., which `-> NAME` can bind. */
void say_number(uint64_t value);
void say_bytes(const uint8_t *bytes, size_t count);
/* Ends the whole run: the script asks for something that cannot be done for real. */
__attribute__((format(printf, 1, 2))) void refuse(const char *format, ...);

/* Waits while *word is `value`, at most `milliseconds` (0: for ever). */
void futex_wait(_Atomic uint32_t *word, uint32_t value, long milliseconds);
void futex_wake(_Atomic uint32_t *word);

/* Byte `i` of what a store without bytes writes. */
static inline uint8_t pattern_byte(int line, size_t i) {
  return (uint8_t)((size_t)line * 131 + i * 7 + 17);
}

/* The bytes that a store writes. */
static inline uint8_t store_byte(const struct event *event, size_t i) {
  return event->data != NULL ? event->data[i] : pattern_byte(event->line, i);
}

/* driver.c: runs all events and prints their answers; returns the exit status. */
int run_script(void);

/* worker.c: runs the events of one process; never returns. */
_Noreturn void work(int index);

/* access.c */
void catch_faults(void);
void access_memory(const struct event *event, uint64_t address);

/* maps.c */
void note_own_memory(void);
/* Ends the run where [start, start + length) reaches the runner's own memory. */
bool own_memory(uint64_t start, uint64_t length);
void say_maps(void);
/* Prot bits of the mapping at `address`, -1 for none. */
int mapping_prot(uint64_t address);

/* guest.c */
void guest_attach(int guest);
void guest_detach(int guest);
void guest_access(int guest, const struct event *event, uint64_t address);
/* In a new child: what it inherited of the parent's guests goes. */
void guest_forget_all(void);

#endif

/* A script of the event language as data. See script.c for what is accepted. */
#ifndef LINUX_TRUTH_SCRIPT_H
#define LINUX_TRUTH_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_WORD = 64, MAX_FILES = 64, MAX_ACCESS = 1 << 20 };

enum actor { ACTOR_PROCESS, ACTOR_DEVICE, ACTOR_MACHINE };

enum verb {
  /* What a process does; the worker runs these. */
  V_LOAD, V_STORE, V_MODIFY, V_FETCH, V_MMAP, V_MUNMAP, V_MPROTECT, V_MREMAP, V_MADVISE, V_BRK, V_MLOCK, V_MUNLOCK,
  V_MSYNC, V_MINCORE, V_FORK, V_EXIT, V_EXEC, V_SIGNAL, V_MAPS,
  /* What the machine does. */
  V_FILE, V_TRUNCATE, V_WRITE, V_SYNC, V_ATTACH, V_DETACH, V_RECLAIM, V_CHECK,
  /* What a device does. */
  V_DEVICE_LOAD, V_DEVICE_STORE,
};

/* An address: a number, or `$name+offset`. */
struct operand {
  bool present, named;
  char name[MAX_WORD];
  int64_t offset;
  uint64_t value;
};

struct event {
  int line;
  enum actor actor;
  char who[MAX_WORD];     /* the actor; for attach, the process that it names */
  enum verb verb;
  struct operand address, target;
  uint64_t length, new_length, offset;
  int prot, flags;        /* as the system call takes them */
  int file;               /* index into script.files, -1 for none */
  char device[MAX_WORD];  /* attach, detach */
  const uint8_t *data;    /* NULL where the pattern of the line is stored; `length` bytes */
  char binding[MAX_WORD]; /* empty for none */
};

struct script {
  const char *name;
  struct event *events;
  size_t count;
  char files[MAX_FILES][MAX_WORD];
  int file_count;
};

/* Memory that every process of the run shares; never freed. */
void *shared_alloc(size_t size);

/* Parses all of `text`, or prints one line about what is wrong and ends the program with status 2. */
void parse_script(struct script *script, const char *name, const char *text);

#endif

/* One process of the script: performs events as real calls and answers what the kernel answered. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"
#include "words.h"

static struct answer *answer;

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t space = sizeof answer->text - answer->length;
  int length = vsnprintf(answer->text + answer->length, space, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= space) _exit(98);
  answer->length += (size_t)length;
}

void refuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(answer->text, sizeof answer->text, format, arguments);
  va_end(arguments);
  answer->outcome = OUTCOME_REFUSED;
}

void say_errno(int number) {
  say("\"errno\":\"%s\"", errno_name(number));
}

void say_number(uint64_t value) {
  answer->has_value = true;
  answer->value = value;
  say("\"result\":\"0x%lx\"", value);
}

void say_bytes(const uint8_t *bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  say("\"result\":\"");
  char *text = answer->text + answer->length;
  for (size_t i = 0; i < count; i++) {
    *text++ = digits[bytes[i] >> 4];
    *text++ = digits[bytes[i] & 15];
  }
  answer->length += 2 * count;
  say("\"");
}

static const uint64_t TASK_SIZE = 0x7ffffffff000;

/* Whether a call about [start, start + length) would hit the runner; one that reaches beyond user space just fails. */
static bool would_hit(uint64_t start, uint64_t length) {
  return length <= TASK_SIZE && start <= TASK_SIZE - length && own_memory(start, length);
}

/* The same for a call that stops at the first hole: there are some within 4 GiB. */
static bool would_reach(uint64_t start, uint64_t length) {
  return own_memory(start, length < 4ull << 30 ? length : 4ull << 30);
}

/* System calls are made directly: libc checks or changes some arguments first. */
static void say_call(long result) {
  if (result == -1) say_errno(errno);
  else say_number((uint64_t)result);
}

static void do_mmap(const struct event *e, uint64_t address) {
  bool forced = (e->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == MAP_FIXED;
  if (forced && would_hit(address, e->length)) return;
  int fd = e->file < 0 ? -1 : file_fds[e->file];
  say_call(syscall(SYS_mmap, address, e->length, e->prot, e->flags, fd, e->offset));
}

static void do_mremap(const struct event *e, uint64_t address, uint64_t target) {
  if (would_hit(address, e->length)) return;
  if ((e->flags & MREMAP_FIXED) != 0 && would_hit(target, e->new_length)) return;
  say_call(syscall(SYS_mremap, address, e->length, e->new_length, e->flags, target));
}

static void do_mincore(const struct event *e, uint64_t address) {
  static unsigned char pages[1 << 16];
  size_t count = (e->length + 0xfff) >> 12;
  if (count > sizeof pages) {
    refuse("mincore of more than 65536 pages");
    return;
  }
  if (syscall(SYS_mincore, address, e->length, pages) != 0) {
    say_errno(errno);
    return;
  }
  say("\"result\":\"");
  for (size_t i = 0; i < count; i++) say("%d", pages[i] & 1);
  say("\"");
}

/*
 * The script's heap begins at HEAP in every run: the runner's own one ends there, with a guard that nothing merges
 * with.
 * Linux answers a break below the start of the heap with the one that there is.
 */
static bool set_heap_aside(void) {
  const size_t guard = 1 << 16;
  return syscall(SYS_brk, HEAP) == (long)HEAP && mprotect((void *)(HEAP - guard), guard, PROT_NONE) == 0;
}

static void do_brk(uint64_t address) {
  if (address > HEAP && would_hit(HEAP, address - HEAP)) return;
  say_number((uint64_t)syscall(SYS_brk, address < HEAP ? 0 : address));
}

static void start_process(int index);

/* A child of the driver, not of this process; its memory is this one's, copied on write. */
static void do_fork(int child) {
  long pid = syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), 0, 0, 0, 0);
  if (pid == 0) {
    guest_forget_all();
    start_process(child);
  }
  answer->pid = (int)pid;
  if (pid < 0) say_errno(errno);
  else say("\"result\":\"p%d\"", child + 1);
}

/* The whole arena; what cannot be paged out stays. */
static void do_reclaim(void) {
  madvise((void *)ARENA, GUEST_MEMORY, MADV_PAGEOUT);
  say("\"result\":null");
}

static void perform(const struct request *r) {
  const struct event *e = r->event;
  uint64_t address = r->address;
  switch (e->verb) {
    case V_LOAD: case V_STORE: case V_MODIFY: case V_FETCH: return access_memory(e, address);
    case V_DEVICE_LOAD: case V_DEVICE_STORE: return guest_access(r->guest, e, address);
    case V_MMAP: return do_mmap(e, address);
    case V_MREMAP: return do_mremap(e, address, r->target);
    case V_BRK: return do_brk(address);
    case V_MAPS: return say_maps();
    case V_FORK: return do_fork(r->child);
    case V_RECLAIM: return do_reclaim();
    case V_ATTACH: return guest_attach(r->guest);
    case V_DETACH: return guest_detach(r->guest);
    case V_SIGNAL: return say("\"result\":null");
    default: break;
  }
  switch (e->verb) {
    case V_MUNMAP:
      if (!would_hit(address, e->length)) say_call(syscall(SYS_munmap, address, e->length));
      break;
    case V_MPROTECT:
      if (!would_reach(address, e->length)) say_call(syscall(SYS_mprotect, address, e->length, e->prot));
      break;
    case V_MLOCK:
      if (!would_reach(address, e->length)) say_call(syscall(SYS_mlock, address, e->length));
      break;
    case V_MUNLOCK:
      if (!would_reach(address, e->length)) say_call(syscall(SYS_munlock, address, e->length));
      break;
    case V_MADVISE:
      if (!own_memory(address, e->length)) say_call(syscall(SYS_madvise, address, e->length, e->flags));
      break;
    case V_MSYNC:
      if (!own_memory(address, e->length)) say_call(syscall(SYS_msync, address, e->length, e->flags));
      break;
    case V_MINCORE:
      if (!own_memory(address, e->length)) do_mincore(e, address);
      break;
    default:
      refuse("no way to do this for real");
  }
}

/* Execute-only memory is readable without protection keys; with them all in use, it is everywhere. */
static void use_up_protection_keys(void) {
#ifdef SYS_pkey_alloc
  while (syscall(SYS_pkey_alloc, 0, 0) > 0) continue;
#endif
}

_Noreturn static void start_process(int index) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shared->driver) _exit(0);
  _Atomic uint32_t *turn = &shared->turn[index];
  for (;;) {
    while (atomic_load(turn) == TURN_DRIVER) futex_wait(turn, TURN_DRIVER, 0);
    answer->outcome = OUTCOME_OK;
    answer->has_value = false;
    answer->length = 0;
    perform(&shared->request);
    atomic_store(turn, TURN_DRIVER);
    futex_wake(turn);
  }
}

void work(int index) {
  answer = &shared->answer;
  if (!set_heap_aside()) _exit(97);
  use_up_protection_keys();
  catch_faults();
  note_own_memory();
  start_process(index);
}

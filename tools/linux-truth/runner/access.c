/*
 * CPU accesses, byte by byte, under handlers of SIGSEGV and SIGBUS: what comes before the byte that faults has
 * happened.
 *
 * A fetch would have to execute whatever bytes are there. Instead the mapping is asked whether it may be executed, and
 * the bytes are read.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run.h"
#include "words.h"

static sigjmp_buf escape;
static volatile sig_atomic_t expected;
static siginfo_t fault;
static uint8_t handler_stack[64 << 10];
static uint8_t bytes[MAX_ACCESS];

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  if (!expected) _exit(99); /* A bug of the runner: the driver reports it. */
  fault = *info;
  siglongjmp(escape, 1);
}

void catch_faults(void) {
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

static void say_fault(int number, int code, uint64_t address) {
  say("\"signal\":\"%s\",\"code\":\"%s\",\"address\":\"0x%lx\"", signal_name(number),
      signal_code_name(number, code), address);
}

static void say_caught_fault(void) {
  say_fault(fault.si_signo, fault.si_code, (uint64_t)fault.si_addr);
}

static bool load_bytes(uint64_t address, size_t count) {
  if (sigsetjmp(escape, 0) != 0) {
    expected = 0;
    return false;
  }
  expected = 1;
  const volatile uint8_t *memory = (const volatile uint8_t *)address;
  for (size_t i = 0; i < count; i++) bytes[i] = memory[i];
  expected = 0;
  return true;
}

static bool store_bytes(const struct event *event, uint64_t address) {
  if (sigsetjmp(escape, 0) != 0) {
    expected = 0;
    return false;
  }
  expected = 1;
  volatile uint8_t *memory = (volatile uint8_t *)address;
  for (size_t i = 0; i < event->length; i++) memory[i] = store_byte(event, i);
  expected = 0;
  return true;
}

/* Whether all pages may be executed; otherwise the answer is given. */
static bool executable(uint64_t address, size_t count) {
  for (uint64_t at = address; at < address + count; at = (at | 0xfff) + 1) {
    int prot = mapping_prot(at);
    if (prot >= 0 && (prot & PROT_EXEC) != 0) continue;
    /* What comes before this page comes first: it may be beyond the end of its file. */
    bool reached = at == address || load_bytes(address, at - address);
    /* A stack above may grow down to here, whatever the access is; then its permission counts. */
    if (reached && prot < 0) {
      reached = load_bytes(at, 1);
      prot = mapping_prot(at);
      if (reached && (prot & PROT_EXEC) != 0) continue;
    }
    if (!reached) say_caught_fault();
    else say_fault(SIGSEGV, SEGV_ACCERR, at);
    return false;
  }
  return true;
}

void access_memory(const struct event *event, uint64_t address) {
  if (own_memory(address, event->length)) return;
  if (event->verb == V_FETCH && !executable(address, event->length)) return;
  bool done = event->verb == V_STORE || load_bytes(address, event->length);
  if (done && (event->verb == V_STORE || event->verb == V_MODIFY)) done = store_bytes(event, address);
  if (!done) say_caught_fault();
  else if (event->verb == V_STORE) say("\"result\":null");
  else say_bytes(bytes, event->length);
}

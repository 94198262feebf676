/* Walks through the script: resolves names, hands each event to the process that it is about, prints the answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "words.h"

struct binding {
  char name[MAX_WORD];
  bool known; /* the event that should have bound it succeeded */
  uint64_t value;
};

struct device {
  char name[MAX_WORD]; /* empty: free */
  int process;
  bool gone; /* its process has exited or dropped its address space */
};

static pid_t pids[MAX_PROCESSES]; /* 0: has exited */
static int process_count;
static struct device devices[MAX_GUESTS];
static struct binding *bindings;
static size_t binding_count;
static bool file_exists[MAX_FILES];

static struct binding *find_binding(const char *name) {
  for (size_t i = 0; i < binding_count; i++) {
    if (strcmp(bindings[i].name, name) == 0) return &bindings[i];
  }
  return NULL;
}

static void bind(const char *name, bool known, uint64_t value) {
  if (*name == '\0') return;
  struct binding *binding = find_binding(name);
  if (binding == NULL) binding = &bindings[binding_count++];
  strcpy(binding->name, name);
  binding->known = known;
  binding->value = value;
}

/* An address that a failed call should have answered is MAP_FAILED, as in a real program. */
static uint64_t resolve(const struct operand *operand) {
  if (!operand->named) return operand->value;
  const struct binding *binding = find_binding(operand->name);
  return binding != NULL && binding->known ? binding->value + (uint64_t)operand->offset : UINT64_MAX;
}

/* Index of a living process, -1 for none. */
static int find_process(const char *name) {
  const struct binding *binding = find_binding(name);
  int index = binding != NULL && binding->known ? (int)binding->value : name[0] == 'p' ? atoi(name + 1) - 1 : -1;
  return index >= 0 && index < process_count && pids[index] != 0 ? index : -1;
}

static struct device *find_device(const char *name) {
  for (int i = 0; i < MAX_GUESTS; i++) {
    if (strcmp(devices[i].name, name) == 0) return &devices[i];
  }
  return NULL;
}

static void print(const struct event *event, const char *members) {
  printf("{\"line\":%d,%s}\n", event->line, members);
  fflush(stdout);
}

static void print_errno(const struct event *event, int number) {
  char members[64];
  snprintf(members, sizeof members, "\"errno\":\"%s\"", errno_name(number));
  print(event, members);
}

_Noreturn static void stop(const struct event *event, int status, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", script.name, event->line, what);
  for (int i = 0; i < process_count; i++) {
    if (pids[i] != 0) kill(pids[i], SIGKILL);
  }
  while (waitpid(-1, NULL, 0) > 0) continue;
  exit(status);
}

static void start_worker(int index) {
  shared->turn[index] = TURN_DRIVER;
  pid_t pid = fork();
  if (pid == 0) work(index);
  if (pid < 0) {
    perror("linux-truth: fork");
    exit(3);
  }
  pids[index] = pid;
}

static void end_process(int index) {
  kill(pids[index], SIGKILL);
  waitpid(pids[index], NULL, 0);
  pids[index] = 0;
  for (int i = 0; i < MAX_GUESTS; i++) {
    if (devices[i].process == index) devices[i].gone = true;
  }
}

/* Lets a process perform the event, and waits for its answer. */
static struct answer *ask(int process, const struct event *event) {
  const int slice = 100;
  _Atomic uint32_t *turn = &shared->turn[process];
  shared->request.event = event;
  shared->request.address = resolve(&event->address);
  shared->request.target = resolve(&event->target);
  atomic_store(turn, TURN_WORKER);
  futex_wake(turn);
  for (int waited = 0; atomic_load(turn) == TURN_WORKER; waited += slice) {
    int status;
    futex_wait(turn, TURN_WORKER, slice);
    if (atomic_load(turn) == TURN_DRIVER) break;
    if (waitpid(pids[process], &status, WNOHANG) > 0) {
      char what[64];
      snprintf(what, sizeof what, "p%d died (wait status 0x%x)", process + 1, (unsigned)status);
      pids[process] = 0;
      stop(event, 3, what);
    }
    if (waited >= TIMEOUT_SECONDS * 1000) stop(event, 3, "the process hung and was killed");
  }
  if (shared->answer.outcome == OUTCOME_REFUSED) stop(event, 2, shared->answer.text);
  return &shared->answer;
}

/* Asks, prints and binds. */
static struct answer *relay(int process, const struct event *event) {
  struct answer *answer = ask(process, event);
  print(event, answer->text);
  return answer;
}

static void run_process_event(const struct event *event) {
  int process = find_process(event->who);
  if (process < 0) {
    bind(event->binding, false, 0);
    return print_errno(event, ESRCH);
  }
  if (event->file >= 0 && !file_exists[event->file]) {
    bind(event->binding, false, 0);
    return print_errno(event, ENOENT);
  }
  if (event->verb == V_EXIT || event->verb == V_EXEC) {
    end_process(process);
    if (event->verb == V_EXEC) start_worker(process);
    return print(event, "\"result\":null");
  }
  if (event->verb == V_FORK) {
    if (process_count == MAX_PROCESSES) stop(event, 2, "more than 1024 processes");
    shared->request.child = process_count;
    shared->turn[process_count] = TURN_DRIVER;
    struct answer *answer = relay(process, event);
    bool forked = answer->pid > 0;
    bind(event->binding, forked, (uint64_t)process_count);
    if (forked) pids[process_count++] = answer->pid;
    return;
  }
  struct answer *answer = relay(process, event);
  bind(event->binding, answer->has_value, answer->value);
}

static void run_device_event(const struct event *event) {
  struct device *device = find_device(event->who);
  if (device == NULL) print_errno(event, ENODEV);
  else if (device->gone) print_errno(event, EIO);
  else {
    shared->request.guest = (int)(device - devices);
    relay(device->process, event);
  }
}

static void attach(const struct event *event) {
  int process = find_process(event->who);
  if (process < 0) return print_errno(event, ESRCH);
  if (find_device(event->device) != NULL) return print_errno(event, EEXIST);
  struct device *device = find_device("");
  if (device == NULL) stop(event, 2, "more than 16 devices");
  strcpy(device->name, event->device);
  device->process = process;
  device->gone = false;
  shared->request.guest = (int)(device - devices);
  relay(process, event);
}

static void detach(const struct event *event) {
  struct device *device = find_device(event->device);
  if (device == NULL) return print_errno(event, ENODEV);
  shared->request.guest = (int)(device - devices);
  if (device->gone) print(event, "\"result\":null");
  else relay(device->process, event);
  device->name[0] = '\0';
}

static void reclaim(const struct event *event) {
  for (int i = 0; i < process_count; i++) {
    if (pids[i] != 0) ask(i, event);
  }
  print(event, "\"result\":null");
}

/* A file is there from the start, as a descriptor that all processes inherit; the script sees it once it made it. */
static void run_file_event(const struct event *event) {
  int fd = file_fds[event->file];
  if (event->verb == V_FILE && file_exists[event->file]) return print_errno(event, EEXIST);
  if (event->verb != V_FILE && !file_exists[event->file]) return print_errno(event, ENOENT);
  file_exists[event->file] = true;
  if (event->verb == V_FILE && ftruncate(fd, (off_t)event->offset) != 0) return print_errno(event, errno);
  if (event->verb == V_TRUNCATE && ftruncate(fd, (off_t)event->length) != 0) return print_errno(event, errno);
  if (event->verb == V_SYNC && fsync(fd) != 0) return print_errno(event, errno);
  if (event->data != NULL) {
    off_t at = event->verb == V_FILE ? 0 : (off_t)event->offset;
    if (pwrite(fd, event->data, event->length, at) != (ssize_t)event->length) return print_errno(event, errno);
  }
  print(event, "\"result\":null");
}

static void run_machine_event(const struct event *event) {
  switch (event->verb) {
    case V_ATTACH: return attach(event);
    case V_DETACH: return detach(event);
    case V_RECLAIM: return reclaim(event);
    case V_CHECK: return print(event, "\"result\":[]");
    default: return run_file_event(event);
  }
}

int run_script(void) {
  bindings = calloc(script.count + 1, sizeof *bindings);
  process_count = 1;
  start_worker(0);
  for (size_t i = 0; i < script.count; i++) {
    const struct event *event = &script.events[i];
    if (event->actor == ACTOR_PROCESS) run_process_event(event);
    else if (event->actor == ACTOR_DEVICE) run_device_event(event);
    else run_machine_event(event);
  }
  for (int i = 0; i < process_count; i++) {
    if (pids[i] != 0) end_process(i);
  }
  return 0;
}

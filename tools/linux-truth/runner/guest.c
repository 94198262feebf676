/*
 * The device `kvm`: a one-vCPU guest in long mode whose memory is the process's own.
 *
 *     guest virtual = guest physical = address in the process, for [ARENA, ARENA + GUEST_MEMORY)
 *
 *     slot 0, private to the guest:
 *       0x1000 top-level table       0x4000 2 MiB entries of the arena       0x3000   code
 *       0x2000 its only next one     0x5000 2 MiB entries of the first GiB   0x100000 bytes in and out
 *     slot 1: the process's memory
 *
 * Each access is one entry into the guest: `rep movsb`, then `out`. What comes before the byte that faults has been
 * copied. The guest's code runs in ring 3 with I/O privilege 3, since some hosts emulate ring 0 and would report a
 * fault there as an access to a device. An access that cannot be served leaves the vCPU usable: every entry sets all
 * registers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run.h"

static const uintptr_t PRIVATE_PLACE = 0x7e0000000000;
static const size_t PRIVATE_STRIDE = 4 << 20, PRIVATE_SIZE = 2 << 20, RUN_OFFSET = 3 << 20;
enum { CODE = 0x3000, BUFFER = 0x100000, PAGE_2M = 0x200000, ENTRY_TABLE = 0x07, ENTRY_2M = 0xe7 };

struct guest {
  int kvm, vm, vcpu; /* kvm is 0 where there is no guest */
  struct kvm_run *run;
  size_t run_size;
  uint8_t *memory;
};

static struct guest guests[MAX_GUESTS];

static bool failed(const char *what) {
  refuse("%s: %s", what, strerror(errno));
  return false;
}

static bool add_slot(struct guest *g, uint32_t slot, uint64_t gpa, uint64_t size, uintptr_t address) {
  struct kvm_userspace_memory_region region = {
    .slot = slot, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = address};
  return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 || failed("KVM_SET_USER_MEMORY_REGION");
}

static void write_guest(struct guest *g) {
  static const uint8_t code[] = {0xf3, 0xa4, 0xe6, 0x10}; /* rep movsb; out 0x10,al */
  uint64_t *level4 = (uint64_t *)(g->memory + 0x1000), *level3 = (uint64_t *)(g->memory + 0x2000);
  uint64_t *arena = (uint64_t *)(g->memory + 0x4000), *first = (uint64_t *)(g->memory + 0x5000);
  level4[0] = 0x2000 | ENTRY_TABLE;
  level3[0] = 0x5000 | ENTRY_TABLE;
  level3[ARENA >> 30] = 0x4000 | ENTRY_TABLE;
  for (size_t i = 0; i < GUEST_MEMORY / PAGE_2M; i++) arena[i] = (ARENA + i * PAGE_2M) | ENTRY_2M;
  first[0] = ENTRY_2M;
  memcpy(g->memory + CODE, code, sizeof code);
}

static bool enter_long_mode(struct guest *g) {
  struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[128]; } cpuid = {.head = {.nent = 128}};
  if (ioctl(g->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) != 0) return failed("KVM_GET_SUPPORTED_CPUID");
  if (ioctl(g->vcpu, KVM_SET_CPUID2, &cpuid) != 0) return failed("KVM_SET_CPUID2");
  struct kvm_sregs s;
  if (ioctl(g->vcpu, KVM_GET_SREGS, &s) != 0) return failed("KVM_GET_SREGS");
  struct kvm_segment data = {
    .limit = 0xffffffff, .selector = 0x13, .type = 3, .present = 1, .dpl = 3, .s = 1, .db = 1, .g = 1};
  s.cs = (struct kvm_segment){
    .limit = 0xffffffff, .selector = 0x0b, .type = 11, .present = 1, .dpl = 3, .s = 1, .l = 1, .g = 1};
  s.ds = s.es = s.fs = s.gs = s.ss = data;
  s.cr0 = 0x80010033; /* PG WP NE ET MP PE */
  s.cr3 = 0x1000;
  s.cr4 = 0x20;   /* PAE */
  s.efer = 0xd00; /* NXE LMA LME */
  return ioctl(g->vcpu, KVM_SET_SREGS, &s) == 0 || failed("KVM_SET_SREGS");
}

static bool create(struct guest *g, uintptr_t place) {
  if ((g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0)) < 0) return failed("KVM_CREATE_VM");
  g->memory = mmap((void *)place, PRIVATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (g->memory == MAP_FAILED) return failed("mmap");
  if (!add_slot(g, 0, 0, PRIVATE_SIZE, place) || !add_slot(g, 1, ARENA, GUEST_MEMORY, ARENA)) return false;
  if ((g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0)) < 0) return failed("KVM_CREATE_VCPU");
  g->run_size = (size_t)ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  g->run = mmap((void *)(place + RUN_OFFSET), g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, g->vcpu, 0);
  if (g->run == MAP_FAILED) return failed("mmap of the vCPU");
  madvise(g->memory, PRIVATE_SIZE, MADV_DONTFORK);
  madvise(g->run, g->run_size, MADV_DONTFORK);
  write_guest(g);
  return enter_long_mode(g);
}

void guest_attach(int guest) {
  struct guest *g = &guests[guest];
  g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (g->kvm < 0) {
    g->kvm = 0;
    failed("/dev/kvm");
    return;
  }
  if (create(g, PRIVATE_PLACE + (uintptr_t)guest * PRIVATE_STRIDE)) say("\"result\":null");
}

static void close_guest(struct guest *g) {
  close(g->vcpu);
  close(g->vm);
  close(g->kvm);
}

void guest_detach(int guest) {
  struct guest *g = &guests[guest];
  munmap(g->run, g->run_size);
  munmap(g->memory, PRIVATE_SIZE);
  close_guest(g);
  g->kvm = 0;
  say("\"result\":null");
}

void guest_forget_all(void) {
  for (int i = 0; i < MAX_GUESTS; i++) {
    if (guests[i].kvm != 0) close_guest(&guests[i]);
    guests[i].kvm = 0;
  }
}

/* Lets KVM finish an access that it handed over as one to a device, without running the guest. */
static void abandon(struct guest *g) {
  g->run->immediate_exit = 1;
  ioctl(g->vcpu, KVM_RUN, 0);
  g->run->immediate_exit = 0;
}

/* Copies inside the guest. Returns an errno, 0 when it was served, -1 when the run ends. */
static int copy(struct guest *g, uint64_t to, uint64_t from, uint64_t count) {
  struct kvm_regs regs = {.rflags = 0x3002, .rip = CODE, .rdi = to, .rsi = from, .rcx = count, .rsp = CODE};
  if (ioctl(g->vcpu, KVM_SET_REGS, &regs) != 0) return failed("KVM_SET_REGS"), -1;
  if (ioctl(g->vcpu, KVM_RUN, 0) != 0) return errno == EFAULT ? EFAULT : (failed("KVM_RUN"), -1);
  if (g->run->exit_reason == KVM_EXIT_MMIO) {
    abandon(g);
    return EFAULT;
  }
  if (g->run->exit_reason == KVM_EXIT_IO) return 0;
  return refuse("KVM_RUN stopped with exit reason %u", g->run->exit_reason), -1;
}

void guest_access(int guest, const struct event *event, uint64_t address) {
  struct guest *g = &guests[guest];
  bool store = event->verb == V_DEVICE_STORE;
  uint8_t *buffer = g->memory + BUFFER;
  uint64_t end = ARENA + GUEST_MEMORY, count = event->length;
  if (store) for (size_t i = 0; i < count; i++) buffer[i] = store_byte(event, i);
  int number = EFAULT;
  if (address >= ARENA && address < end) {
    uint64_t inside = count < end - address ? count : end - address;
    number = store ? copy(g, address, BUFFER, inside) : copy(g, BUFFER, address, inside);
    if (number == 0 && inside < count) number = EFAULT;
  }
  if (number > 0) say_errno(number);
  else if (number == 0 && store) say("\"result\":null");
  else if (number == 0) say_bytes(buffer, count);
}

/*
 * The secondary MMU of this kernel: a guest with one vCPU in long mode, whose memory is ours at the same addresses.
 * It stores one byte to each page of a range and says by `out` that it is done.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "timing.h"

enum { CODE = 0x3000, PRIVATE = 2 << 20, PAGES = 8192, ENTRY_TABLE = 0x07, ENTRY_2M = 0xe7 };
static const uintptr_t AREA = 1ul << 30, PRIVATE_PLACE = 2ul << 30;

static int kvm, vm, vcpu;
static struct kvm_run *run;

static void *place(uintptr_t at, size_t bytes) {
  void *area = mmap((void *)at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (area == MAP_FAILED) die("mmap");
  return area;
}

static void add_slot(uint32_t slot, uint64_t gpa, uint64_t size, uintptr_t address) {
  struct kvm_userspace_memory_region region = {
    .slot = slot, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = address};
  if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0) die("KVM_SET_USER_MEMORY_REGION");
}

static void write_tables(uint8_t *memory) {
  /* next: mov [rdi],al; add rdi,4096; dec rcx; jnz next; out 0x10,al */
  static const uint8_t code[] = {0x88, 0x07, 0x48, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,
                                 0x48, 0xff, 0xc9, 0x75, 0xf2, 0xe6, 0x10};
  uint64_t *level4 = (uint64_t *)(memory + 0x1000), *level3 = (uint64_t *)(memory + 0x2000);
  uint64_t *area = (uint64_t *)(memory + 0x4000), *first = (uint64_t *)(memory + 0x5000);
  level4[0] = 0x2000 | ENTRY_TABLE;
  level3[0] = 0x5000 | ENTRY_TABLE;
  level3[AREA >> 30] = 0x4000 | ENTRY_TABLE;
  for (size_t i = 0; i < PAGES * (size_t)PAGE / TABLE; i++) area[i] = (AREA + i * TABLE) | ENTRY_2M;
  first[0] = ENTRY_2M;
  memcpy(memory + CODE, code, sizeof code);
}

static void enter_long_mode(void) {
  struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[128]; } cpuid = {.head = {.nent = 128}};
  struct kvm_sregs s;
  if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) != 0) die("KVM_GET_SUPPORTED_CPUID");
  if (ioctl(vcpu, KVM_SET_CPUID2, &cpuid) != 0) die("KVM_SET_CPUID2");
  if (ioctl(vcpu, KVM_GET_SREGS, &s) != 0) die("KVM_GET_SREGS");
  struct kvm_segment data = {
    .limit = 0xffffffff, .selector = 0x13, .type = 3, .present = 1, .dpl = 3, .s = 1, .db = 1, .g = 1};
  s.cs = (struct kvm_segment){
    .limit = 0xffffffff, .selector = 0x0b, .type = 11, .present = 1, .dpl = 3, .s = 1, .l = 1, .g = 1};
  s.ds = s.es = s.fs = s.gs = s.ss = data;
  s.cr0 = 0x80010033; /* PG WP NE ET MP PE */
  s.cr3 = 0x1000;
  s.cr4 = 0x20;   /* PAE */
  s.efer = 0xd00; /* NXE LMA LME */
  if (ioctl(vcpu, KVM_SET_SREGS, &s) != 0) die("KVM_SET_SREGS");
}

static void create(void) {
  if ((kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0) die("/dev/kvm");
  if ((vm = ioctl(kvm, KVM_CREATE_VM, 0)) < 0) die("KVM_CREATE_VM");
  uint8_t *memory = place(PRIVATE_PLACE, PRIVATE);
  place(AREA, PAGES * (size_t)PAGE);
  add_slot(0, 0, PRIVATE, PRIVATE_PLACE);
  add_slot(1, AREA, PAGES * (size_t)PAGE, AREA);
  if ((vcpu = ioctl(vm, KVM_CREATE_VCPU, 0)) < 0) die("KVM_CREATE_VCPU");
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (run == MAP_FAILED) die("mmap of the vCPU");
  write_tables(memory);
  enter_long_mode();
}

static void guest_writes(size_t pages) {
  struct kvm_regs regs = {.rflags = 0x3002, .rip = CODE, .rdi = AREA, .rcx = pages, .rsp = CODE};
  if (ioctl(vcpu, KVM_SET_REGS, &regs) != 0) die("KVM_SET_REGS");
  if (ioctl(vcpu, KVM_RUN, 0) != 0 || run->exit_reason != KVM_EXIT_IO) die("KVM_RUN");
}

static double guest_fault(int present) {
  create();
  guest_writes(1); /* what the vCPU needs for itself is there from now on */
  if (present) write_pages((char *)AREA, PAGES);
  begin();
  guest_writes(PAGES);
  return end(PAGES);
}

double kvm_fault_present(void) { return guest_fault(1); }
double kvm_fault_missing(void) { return guest_fault(0); }

/* What the guest's mappings add to dropping the pages. */
double kvm_drop_extra(void) {
  create();
  write_pages((char *)AREA, PAGES);
  double alone = drop((char *)AREA, PAGES * (size_t)PAGE, PAGES);
  guest_writes(PAGES);
  double mapped = drop((char *)AREA, PAGES * (size_t)PAGE, PAGES);
  return mapped - alone;
}

/* Creating a VM registers its notifier, which takes the locks of every area and of its anon_vma. */
static double registration(size_t areas) {
  many_areas(areas, 1);
  if ((kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0) die("/dev/kvm");
  begin();
  if ((vm = ioctl(kvm, KVM_CREATE_VM, 0)) < 0) die("KVM_CREATE_VM");
  return end(1);
}

double kvm_register_1000(void) { return registration(1000); }
double kvm_register_10000(void) { return registration(10000); }
double kvm_register_60000(void) { return registration(60000); }

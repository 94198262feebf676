# The OOM killer takes a process while tasks of it are inside a fault and inside calls.
p1 mmap 0x100010000 32K rw private,anonymous,fixed
p1 store 0x100010000 aa
machine attach kvm0 kvm p1
@oom machine oom p1
@fault p1 store 0x100015000 0x4 -> r0
@populate p1 mmap 0x100020000 16K rw private,anonymous,fixed,populate -> m0
@move p1 mremap 0x100010000 16K 64K maymove -> m1
@guest kvm0 load 0x100010000 1
forbid $r0 == SIGSEGV or $r0 == SIGBUS

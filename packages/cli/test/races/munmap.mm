# A guest's fault races with munmap of the page that it looks up, and with the mapping that comes after.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 store 0x100001000 aa
machine attach kvm0 kvm p1
@guest kvm0 load 0x100000000 1 -> r0
@guest kvm0 store 0x100001000 bb
@guest kvm0 load 0x100001000 1
@host p1 munmap 0x100000000 8K
@host p1 mmap 0x100000000 4K rw private,anonymous,fixed
@host p1 store 0x100000000 cc
machine check
require $r0 == aa or $r0 == cc or $r0 == 00 or $r0 == EFAULT

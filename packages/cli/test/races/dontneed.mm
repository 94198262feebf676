# A guest's fault races with MADV_DONTNEED: it sees the old page or zeros, never a page that is free.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 store 0x100001000 aa
machine attach kvm0 kvm p1
@guest kvm0 load 0x100000000 1 -> r0
@guest kvm0 load 0x100001000 1 -> r1
@guest kvm0 store 0x100000000 bb
@host p1 madvise 0x100000000 8K dontneed
@host p1 store 0x100001000 cc
@host p1 madvise 0x100001000 4K dontneed
machine check
require $r0 == aa or $r0 == 00
require $r1 == aa or $r1 == 00 or $r1 == cc

# MADV_DONTNEED under a guest that reads: the old bytes or zeros, and afterwards zeros.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest load 0x100000000 1
@guest guest load 0x100000000 1 -> r
@host p1 madvise 0x100000000 4K dontneed
guest load 0x100000000 1 -> end
machine check
require $r == aa or $r == 00 or $r == ENOMEM
require $end == 00
exists  $r == aa
exists  $r == 00

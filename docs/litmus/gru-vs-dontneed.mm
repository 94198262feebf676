# MADV_DONTNEED while GRU has the page in its TLB.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach gru gru p1
gru load 0x100000000 1
@gru  gru load 0x100000000 1 -> r
@host p1 madvise 0x100000000 4K dontneed
gru load 0x100000000 1 -> end
machine check
require $r == aa or $r == 00 or $r == ENOMEM
require $end == 00
exists  $r == aa
exists  $r == 00

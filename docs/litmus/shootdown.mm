# Two CPUs and no device: a CPU that still has the page in its TLB is told before the page is free.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
@reader p1 load 0x100000000 1 -> r
@host p1 madvise 0x100000000 4K dontneed
p1 load 0x100000000 1 -> end
machine check
require $r == aa or $r == 00
require $end == 00
exists  $r == aa
exists  $r == 00

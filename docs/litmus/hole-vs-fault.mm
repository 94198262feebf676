# A hole is punched into a file while a page of it is brought in again.
machine file f 4K 11
p1 mmap 0x100000000 4K rw shared,fixed f 0
p1 load 0x100000000 1
@remove p1 madvise 0x100000000 4K remove
@load   p1 load 0x100000000 1 -> r
p1 load 0x100000000 1 -> end
machine check
require $r == 11 or $r == 00
require $end == 00

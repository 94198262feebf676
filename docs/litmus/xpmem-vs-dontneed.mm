# XPMEM shows the page elsewhere: MADV_DONTNEED recalls it.
p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a
p1 store $a aa
machine attach xp xpmem p1
xp make $a 4K -> segment
xp get $segment rw -> permit
xp attach $permit 0 4K 0x200000000
@there p1 load 0x200000000 1 -> r
@host  p1 madvise $a 4K dontneed
p1 load 0x200000000 1 -> end
machine check
require $r == aa or $r == 00
require $end == 00
exists  $r == aa
exists  $r == 00

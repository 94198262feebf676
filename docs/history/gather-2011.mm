# The gather is the task's own: it may be open while a driver sleeps, and two may be open at once. See gather.md
#! run --seeds 300
p1 mmap 0x100000000 32K rw private,anonymous,fixed -> a
p1 store $a 32K
machine attach xp xpmem p1
machine attach guest kvm p1
xp make $a 32K -> segment
xp get $segment rw -> permit
xp attach $permit 0 32K 0x200000000
p1 load 0x200000000 32K
guest load $a 32K
@one p1 madvise $a 16K dontneed
@two p1 madvise $a+8K 16K dontneed
@cpu p1 load $a+12K 1 -> cpu
@dma p1 load 0x200003000 1 -> dma
guest load $a+12K 1 -> end
p1 load 0x200003000 1 -> far
machine check
require $end == 00
require $far == 00

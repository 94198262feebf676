# Since 3.7 drivers are told outside of every spinlock, under SRCU: the same driver, the same events. See sleeping.md
#! run --seeds 300
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a 07
machine attach xp xpmem p1
xp make $a 16K -> segment
xp get $segment rw -> permit
xp attach $permit 0 16K 0x200000000
p1 load 0x200000000 1
@consumer p1 store 0x200000000 08
@consumer p1 load 0x200000000 1 -> r0
@reclaim machine reclaim 16
@reclaim machine reclaim 16
p1 load $a 1 -> end
machine check
require $r0 == 08
require $end == 08

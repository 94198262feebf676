# The world of 2.6.27: reclaim tells drivers under the page-table lock. One that has to sleep, and says that it does not. See sleeping.md
#! run --kconfig MMU_NOTIFIER_SLEEPABLE=n
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a 16K
machine attach xp xpmem p1 {"force":true}
xp make $a 16K -> segment
xp get $segment rw -> permit
xp attach $permit 0 16K 0x200000000
p1 load 0x200000000 1
machine reclaim 16
machine reclaim 16
expect sleep-in-atomic

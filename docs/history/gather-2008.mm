# munmap begins its tlb_gather, which belongs to the CPU, before it tells the drivers. See gather.md
#! run --kconfig MMU_NOTIFIER_SLEEPABLE=n
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a 16K
machine attach xp xpmem p1 {"force":true}
p1 munmap $a 8K
expect sleep-in-atomic

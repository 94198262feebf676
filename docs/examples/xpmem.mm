# One process shares its memory: with a child on the same machine, and with another node over a link that may lose and delay.
#! run --seeds 300
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a 0102
p1 fork -> child
child munmap $a 16K
machine attach home xpmem p1 {"listen":"home"}
machine attach home xpmem $child
machine attach away xpmem $child
home make $a 16K 666 -> segment
# Attached on this machine: a window whose ptes show the pages of the other process.
home get $segment rw as=child -> permit
home attach $permit 0 16K 0x200000000 as=child
# From the other node: every access is a message, every translation a lease.
away get $segment rw home -> remote
@near child store 0x200000000 07
@near child load 0x200000000 1 -> near
@far away poke $remote 1 09
@far away peek $remote 1 1 -> far
@owner p1 madvise $a 4K dontneed
away peek $remote 0 2 -> end
p1 load $a 2 -> own
machine check
require $near == 07 or $near == 00
require $far == 09 or $far == 00
require $end == $own
exists  $end == 0709
exists  $end == 0000

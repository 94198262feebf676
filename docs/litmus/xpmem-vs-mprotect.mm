# The source takes the right to write from under XPMEM.
p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a
p1 store $a aa
machine attach xp xpmem p1
xp make $a 4K -> segment
xp get $segment rw -> permit
xp attach $permit 0 4K 0x200000000
p1 store 0x200000000 ab
@there p1 store 0x200000000 bb -> r
@host  p1 mprotect $a 4K r
p1 load $a 1 -> end
machine check
require $end == ab or $end == bb

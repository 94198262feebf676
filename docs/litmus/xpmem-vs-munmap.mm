# The source unmaps what XPMEM shows elsewhere.
p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a
p1 store $a aa
machine attach xp xpmem p1
xp make $a 4K -> segment
xp get $segment rw -> permit
xp attach $permit 0 4K 0x200000000
p1 load 0x200000000 1
@there p1 load 0x200000000 1 -> r
@host  p1 munmap $a 4K
machine check
require $r == aa or $r == SIGBUS
exists  $r == aa
exists  $r == SIGBUS

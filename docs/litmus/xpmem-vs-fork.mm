# A process forks while what it shares is being shown elsewhere: fork takes everything back first.
p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a
p1 store $a aa
machine attach xp xpmem p1
xp make $a 4K -> segment
xp get $segment rw -> permit
xp attach $permit 0 4K 0x200000000
@there p1 store 0x200000000 bb -> r
@host  p1 fork -> child
p1 load $a 1 -> parent
$child load $a 1 -> copy
machine check
require $parent == bb
require $copy == aa or $copy == bb
exists  $copy == aa
exists  $copy == bb

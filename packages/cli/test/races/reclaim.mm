# Guest and process use pages while reclaim takes them away: nothing is lost on the way to swap and back.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 store 0x100000000 a0
p1 store 0x100001000 a1
p1 store 0x100002000 a2
machine attach kvm0 kvm p1
kvm0 store 0x100000000 b0
@guest kvm0 store 0x100000000 c0
@guest kvm0 load 0x100001000 1 -> r1
@guest kvm0 store 0x100002000 c2
@cpu p1 load 0x100002000 1 -> r2
@cpu p1 store 0x100001000 d1
@kswapd machine reclaim 3
@kswapd machine reclaim 3
p1 load 0x100000000 1 -> r0
machine check
require $r0 == c0
require $r1 == a1 or $r1 == d1
require $r2 == a2 or $r2 == c2

# A guest writes while its process forks: what it writes after the fork is not for the child.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 store 0x100001000 aa
machine attach kvm0 kvm p1
kvm0 store 0x100000000 ab
@guest kvm0 store 0x100000000 bb
@guest kvm0 store 0x100001000 bb
@guest kvm0 load 0x100000000 1 -> r0
@host p1 fork -> c
@host c load 0x100000000 1 -> r1
@host p1 store 0x100001000 cc
@host c load 0x100001000 1 -> r2
machine check
require $r0 == bb
require $r1 == ab or $r1 == bb
require $r2 == aa or $r2 == bb

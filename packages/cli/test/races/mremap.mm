# A guest's fault races with the move of its page to another address.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 store 0x100001000 ab
machine attach kvm0 kvm p1
@guest kvm0 store 0x100000000 bb
@guest kvm0 load 0x100008000 1
@guest kvm0 load 0x100001000 1
@host p1 mremap 0x100000000 8K 8K maymove,fixed 0x100008000
@host p1 store 0x100008000 cc
@host p1 load 0x100008000 1 -> r0
machine check
require $r0 == cc

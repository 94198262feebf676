# A slot moves, goes and comes back under a running vCPU: the guest sees the memory or an exit, never anything else.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 store 0x100000000 a0
p1 store 0x100001000 a1
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 4K 0x100003000
kvm0 memslot 1 0x10000 8K 0x100000000
@vcpu0 kvm0 guest load gpa 0x10000 1 -> r0
@vcpu0 kvm0 guest load gpa 0x11000 1 -> r1
@vcpu0 kvm0 guest load gpa 0x20000 1 -> r2
@vcpu1 kvm0 guest store gpa@1 0x11000 b1
@vcpu1 kvm0 guest load gpa@1 0x11000 1 -> r3
@host kvm0 memslot 1 0x20000 8K 0x100000000
@host kvm0 memslot 1 0x20000 0 0x100000000
@host kvm0 memslot 1 0x10000 8K 0x100000000
@cpu p1 madvise 0x100000000 4K dontneed
kvm0 memslot 2 0x10000 4K 0x100002000 -> overlap
kvm0 memslot 32764 0x40000 4K 0x100002000 -> tooMany
kvm0 memslot 1 0x10000 4K 0x100000000 -> resized
kvm0 guest load gpa 0x11000 1 -> last
machine check
require $r0 == a0 or $r0 == 00 or $r0 == "mmio"
require $r1 == a1 or $r1 == b1 or $r1 == "mmio"
require $r2 == a0 or $r2 == 00 or $r2 == "mmio"
require $r3 == a1 or $r3 == b1 or $r3 == "mmio"
require $overlap == EEXIST and $tooMany == EINVAL and $resized == EINVAL
require $last == a1 or $last == b1

# A memslot appears where the guest found a device: the access ends there or in memory, and afterwards in memory.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 a0
machine attach kvm0 kvm p1
kvm0 memslot 0 0x0 0 0x0
kvm0 guest load gpa 0x0 1
@vcpu kvm0 guest load gpa 0x0 1 -> r0
@cpu kvm0 memslot 1 0x0 4K 0x100000000
kvm0 guest load gpa 0x0 1 -> r1
machine check
require $r0 == "mmio" or $r0 == a0 or $r0 == ENOMEM
require $r1 == a0
exists  $r0 == "mmio"
exists  $r0 == a0

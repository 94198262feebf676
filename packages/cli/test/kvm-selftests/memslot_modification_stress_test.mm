# A slot that nobody uses comes and goes while vCPUs fault on their memory, and the host takes pages of it.
p1 mmap 0x100000000 32K rw private,anonymous,fixed
p1 store 0x100000000 a0
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 16K 0x100000000
@vcpu0 kvm0 guest store gpa 0x0 b0
@vcpu0 kvm0 guest store gpa 0x1000 b1
@vcpu0 kvm0 guest load gpa 0x2000 1 -> r0
@vcpu1 kvm0 guest load gpa@1 0x0 1 -> r1
@vcpu1 kvm0 guest store gpa@1 0x2000 b2
@host kvm0 memslot 5 0x100000 16K 0x100004000
@host kvm0 memslot 5 0x100000 0 0x100004000
@host kvm0 memslot 5 0x100000 16K 0x100004000
@cpu machine reclaim 4
p1 load 0x100000000 1 -> p0
p1 load 0x100001000 1 -> p1
p1 load 0x100002000 1 -> p2
machine check
require $r0 == 00 or $r0 == b2
require $r1 == a0 or $r1 == b0
require $p0 == b0 and $p1 == b1 and $p2 == b2

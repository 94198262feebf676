# vCPUs create the same mappings at once, have them write-protected and updated by a dirty log, and adjusted when it ends.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 16K 0x100000000
@vcpu0 kvm0 guest store gpa 0x0 a0
@vcpu0 kvm0 guest load gpa 0x1000 1 -> read
@vcpu0 kvm0 guest store gpa 0x2000 a2
@vcpu0 kvm0 guest store gpa 0x1001 b1
@vcpu1 kvm0 guest load gpa@1 0x0 1 -> same
@vcpu1 kvm0 guest store gpa@1 0x1000 a1
@vcpu1 kvm0 guest store gpa@1 0x2001 b2
@vcpu1 kvm0 guest store gpa@1 0x0001 b0
@host kvm0 memslot 0 0x0 16K 0x100000000 log
@host kvm0 dirty_log 0
@host kvm0 memslot 0 0x0 16K 0x100000000
kvm0 guest load gpa 0x0 2 -> p0
kvm0 guest load gpa 0x1000 2 -> p1
kvm0 guest load gpa 0x2000 2 -> p2
kvm0 dirty_log 0 -> none
machine check
require $read == 00 or $read == a1
require $same == 00 or $same == a0
require $p0 == a0b0 and $p1 == a1b1 and $p2 == a2b2
require $none == ENOENT

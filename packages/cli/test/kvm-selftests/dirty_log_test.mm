# Guests write while the log is read and the host takes pages: what is written is reported now or in the next round.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 16K 0x100000000
kvm0 guest store gpa 0x0 a0
kvm0 guest load gpa 0x3000 1
kvm0 memslot 0 0x0 16K 0x100000000 log
kvm0 guest store gpa 0x1000 a1
kvm0 dirty_log 0 -> before
@vcpu0 kvm0 guest store gpa 0x0 b0
@vcpu0 kvm0 guest store gpa 0x0 c0
@vcpu0 kvm0 dirty_log 0
@vcpu0 kvm0 guest store gpa 0x2000 b2
@vcpu1 kvm0 guest store gpa@1 0x1000 b1
@vcpu1 kvm0 guest load gpa@1 0x3000 1
@host machine reclaim 2
@host kvm0 dirty_log 0
kvm0 dirty_log 0
kvm0 guest store gpa 0x2000 d2
kvm0 guest load gpa 0x0 1 -> r0
kvm0 dirty_log 0 -> after
p1 load 0x100002000 1 -> p2
machine check
require $r0 == c0 and $p2 == d2

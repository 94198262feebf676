# As dirty_log_test, with a ring for each vCPU.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2,"dirtyLog":"ring"}
kvm0 memslot 0 0x0 16K 0x100000000 log
@vcpu0 kvm0 guest store gva 0x0 b0
@vcpu0 kvm0 guest store gva 0x2000 b2
@vcpu0 kvm0 guest store gva 0x0 c0
@vcpu1 kvm0 guest store gva@1 0x1000 b1
@vcpu1 kvm0 guest load gva@1 0x3000 1
@user kvm0 dirty_ring
@user kvm0 reset_dirty_rings
@user kvm0 dirty_ring vcpu=1
@host machine reclaim 2
kvm0 dirty_ring
kvm0 dirty_ring vcpu=1
kvm0 reset_dirty_rings
kvm0 guest load gva 0x0 1 -> r0
kvm0 guest load gva 0x2000 1
kvm0 dirty_ring -> none
kvm0 guest store gva 0x2000 d2
kvm0 guest store gva@1 0x1000 d1
kvm0 dirty_ring -> ring0
kvm0 dirty_ring vcpu=1 -> ring1
machine check
require $r0 == c0 and $none == ""
require $ring0 == "0:2" and $ring1 == "0:1"

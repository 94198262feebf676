# Reclaim takes the guest's pages and its tables while two vCPUs use them under shadow paging: nothing is lost.
p1 mmap 0x100000000 64K rw private,anonymous,fixed
p1 store 0x100000000 2710000001000000
p1 store 0x100001000 2720000001000000
p1 store 0x100002000 2730000001000000
p1 store 0x100003000 6740000001000000
p1 store 0x100003008 2750000001000000
p1 store 0x100004000 a0
p1 store 0x100005000 a1
machine attach kvm0 kvm p1 {"mode":"shadow","vcpus":2}
kvm0 registers paging=on write_protect=on cr3=0x100000000
kvm0 registers paging=on write_protect=on cr3=0x100000000 vcpu=1
kvm0 guest store gva 0x0 b0
@vcpu0 kvm0 guest store gva 0x0 c0
@vcpu0 kvm0 guest load gva 0x1000 1 -> r0
@vcpu1 kvm0 guest store gva@1 0x1000 c1
@vcpu1 kvm0 registers cr3=0x100000000 vcpu=1
@vcpu1 kvm0 guest load gva@1 0x0 1 -> r1
@kswapd machine reclaim 8
@kswapd machine reclaim 8
kvm0 guest load gva 0x1000 1 -> r2
p1 load 0x100004000 1 -> r3
machine check
require $r0 == a1 or $r0 == c1
require $r1 == b0 or $r1 == c0
require $r2 == c1
require $r3 == c0

# All of the guest's memory is missing, lies in a file or in swap when two vCPUs touch it: every page arrives.
machine file disk 8K d0d1
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mmap 0x100004000 8K rw shared,fixed disk 0
p1 mmap 0x100006000 8K rw private,fixed disk 0
p1 store 0x100000000 a0
p1 store 0x100001000 a1
machine reclaim 16
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 32K 0x100000000
@vcpu0 kvm0 guest load gpa 0x0 1 -> r0
@vcpu0 kvm0 guest load gpa 0x4000 2 -> r4
@vcpu0 kvm0 guest store gpa 0x6000 e6
@vcpu0 kvm0 guest store gpa 0x2000 a2
@vcpu1 kvm0 guest load gpa@1 0x1000 1 -> r1
@vcpu1 kvm0 guest load gpa@1 0x6000 2 -> r6
@vcpu1 kvm0 guest store gpa@1 0x4001 e5
@vcpu1 kvm0 guest load gpa@1 0x3000 1 -> r3
@cpu machine reclaim 2
p1 load 0x100004000 2 -> shared
p1 load 0x100006000 2 -> own
p1 load 0x100002000 1 -> fresh
machine check
require $r0 == a0 and $r1 == a1 and $r3 == 00
require $r4 == d0d1 or $r4 == d0e5
require $r6 == d0d1 or $r6 == e6d1 or $r6 == d0e5 or $r6 == e6e5
require $shared == d0e5 and $fresh == a2
require $own == e6d1 or $own == e6e5

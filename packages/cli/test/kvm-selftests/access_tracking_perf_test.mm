# What the guest touches stays, and what it left alone goes: reclaim hears of both through the notifier.
p1 mmap 0x100000000 32K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 32K 0x100000000
kvm0 guest store gpa 0x0 a0
kvm0 guest store gpa 0x1000 a1
kvm0 guest store gpa 0x2000 a2
kvm0 guest store gpa 0x3000 a3
kvm0 guest store gpa 0x4000 a4
kvm0 guest store gpa 0x5000 a5
kvm0 guest store gpa 0x6000 a6
kvm0 guest store gpa 0x7000 a7
machine reclaim 1
p1 mincore 0x100000000 32K -> first
kvm0 guest load gpa 0x4000 1
kvm0 guest load gpa 0x5000 1
kvm0 guest load gpa 0x6000 1
kvm0 guest load gpa 0x7000 1
machine reclaim 3
p1 mincore 0x100000000 32K -> second
machine check
require $first == 01111111
require $second == 00001111

# A guest that takes asynchronous faults goes on while its pages are read in, and hears of each of them once.
machine file disk 4K d0d1
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mmap 0x100004000 4K rw private,fixed disk 0
p1 store 0x100000000 a0
p1 store 0x100001000 a1
machine reclaim 16
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 20K 0x100000000
kvm0 async_pf on
@vcpu0 kvm0 guest load gva 0x0 1 -> r0
@vcpu0 kvm0 guest store gva 0x4000 d4 -> r4
@vcpu0 kvm0 guest load gva 0x0 1 -> again
@vcpu0 kvm0 guest store gva 0x2000 a2 -> fresh
@vcpu1 kvm0 guest load gva@1 0x1000 1 -> r1
@host machine reclaim 2
@host p1 madvise 0x100004000 4K dontneed
kvm0 async_pf ready -> heard
kvm0 async_pf off
kvm0 guest load gva 0x4000 2 -> last
kvm0 async_pf ready -> nothing
machine check
p1 exit
machine check
require $r0 == "page-not-present 1"
# Its page has come, or it waited for it; or reclaim took the page again, and another token stands for it.
require $again == a0 or $again == "page-not-present 3"
require $r1 == a1
require $last == d0d1 or $last == d4d1
# What needs no disk is not put off.
forbid $fresh == "page-not-present 3" or $fresh == "page-not-present 4"

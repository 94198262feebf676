# Two vCPUs under shadow paging write through the guest's tables (level 4 at 0x100000000, then 1000, 2000, 3000) and change
# them, while the process loses pages of the guest and a table.
p1 mmap 0x100000000 64K rw private,anonymous,fixed
p1 store 0x100000000 2710000001000000
p1 store 0x100001000 2720000001000000
p1 store 0x100002000 2730000001000000
p1 store 0x100003000 6740000001000000
p1 store 0x100003008 6750000001000000
p1 store 0x100003010 2760000001000000
p1 store 0x100004000 a0
p1 store 0x100005000 a1
machine attach kvm0 kvm p1 {"mode":"shadow","vcpus":2}
kvm0 registers paging=on write_protect=on cr3=0x100000000
kvm0 registers paging=on write_protect=on cr3=0x100000000 vcpu=1
@vcpu0 kvm0 guest store gva 0x0 b0
@vcpu0 kvm0 guest load gva 0x1000 1 -> r0
@vcpu0 kvm0 guest store gva 0x2000 b2
@vcpu1 kvm0 guest load gva@1 0x0 1 -> r1
@vcpu1 kvm0 guest store gpa 0x100003000 6770000001000000
@vcpu1 kvm0 invlpg 0x0 vcpu=1
@vcpu1 kvm0 guest load gva@1 0x0 1 -> r2
@vcpu1 kvm0 guest store gpa 0x100002008 2730000001000000
@vcpu1 kvm0 guest load gva@1 0x201000 1
@host p1 madvise 0x100004000 8K dontneed
@host p1 store 0x100005000 c1
@host p1 madvise 0x100003000 4K dontneed
@host p1 mprotect 0x100006000 4K r
machine check
forbid $r1 == c1

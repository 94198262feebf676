# vCPUs write all of the guest's memory; the host takes the write permission away, so that each write is refused, and gives it
# back; memslots and mappings go; the process exits with everything mapped.
p1 mmap 0x100000000 64K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 32K 0x100000000
kvm0 memslot 1 0x8000 32K 0x100008000
kvm0 guest store gpa 0x0 a0
kvm0 guest store gpa 0x8000 a8
p1 mprotect 0x100000000 64K r
kvm0 guest store gpa 0x0 b0 -> refused0
kvm0 guest store gpa@1 0x8000 b8 -> refused1
kvm0 guest load gpa@1 0x8000 1 -> kept
@vcpu0 kvm0 guest store gpa 0x0 c0 -> w0
@vcpu0 kvm0 guest store gpa 0x1000 c1
@vcpu0 kvm0 guest load gpa 0x0 1 -> r0
@vcpu1 kvm0 guest store gpa@1 0x8000 c8 -> w1
@vcpu1 kvm0 guest load gpa@1 0x8000 1 -> r1
@vcpu1 kvm0 guest store gpa@1 0x9000 c9
@host p1 mprotect 0x100000000 64K rw
@host kvm0 memslot 1 0x8000 0 0x100008000
@host p1 munmap 0x100004000 16K
kvm0 guest load gpa 0x8000 1 -> deleted
kvm0 guest load gpa 0x4000 1 -> unmapped
kvm0 guest store gpa 0x0 d0
p1 load 0x100000000 1 -> last
machine check
p1 exit
machine check
require $refused0 == EFAULT and $refused1 == EFAULT
require $kept == a8
require $r0 == a0 or $r0 == c0
require $deleted == "mmio" and $unmapped == EFAULT
require $last == d0

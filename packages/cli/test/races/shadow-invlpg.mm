# One vCPU faults on an address while the other puts another page behind it. INVLPG is the guest's word that it wants to see
# what it wrote, so what the first one found before must not come back.
p1 mmap 0x100000000 64K rw private,anonymous,fixed
p1 store 0x100000000 2710000001000000
p1 store 0x100001000 2720000001000000
p1 store 0x100002000 2730000001000000
p1 store 0x100003000 6740000001000000
p1 store 0x100004000 a0
p1 store 0x100005000 b0
machine attach kvm0 kvm p1 {"mode":"shadow","vcpus":2}
kvm0 registers paging=on write_protect=on cr3=0x100000000
kvm0 registers paging=on write_protect=on cr3=0x100000000 vcpu=1
@vcpu0 kvm0 guest load gva 0x0 1 -> r0
@vcpu1 kvm0 guest store gpa 0x100003000 6750000001000000
@vcpu1 kvm0 invlpg 0x0 vcpu=1
@vcpu1 kvm0 guest load gva@1 0x0 1 -> r1
machine check
require $r0 == a0 or $r0 == b0
require $r1 == b0

# Read and write, unmap as a whole and in chunks, move a slot that is in use and one that is not: the guest finds its bytes,
# zeros where they were dropped, or no memory, and nothing else.
p1 mmap 0x100000000 48K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2}
kvm0 memslot 0 0x0 16K 0x100000000
kvm0 memslot 1 0x100000 16K 0x100004000
kvm0 memslot 2 0x200000 16K 0x100008000
kvm0 guest store gpa 0x0 a0
kvm0 guest store gpa 0x100000 a4
kvm0 guest store gpa 0x200000 a8
@vcpu0 kvm0 guest store gpa 0x0 b0
@vcpu0 kvm0 guest load gpa 0x0 1 -> rw
@vcpu0 kvm0 guest load gpa 0x100000 1 -> active
@vcpu0 kvm0 guest load gpa 0x180000 1 -> moved
@vcpu1 kvm0 guest load gpa@1 0x200000 1 -> dropped
@vcpu1 kvm0 guest store gpa@1 0x201000 b9
@vcpu1 kvm0 guest load gpa@1 0x201000 1 -> chunk
@host kvm0 memslot 1 0x180000 16K 0x100004000
@host p1 madvise 0x100008000 16K dontneed
@chunks p1 madvise 0x100008000 4K dontneed
@chunks p1 madvise 0x100009000 4K dontneed
@chunks p1 madvise 0x10000a000 8K dontneed
kvm0 memslot 0 0x80000 16K 0x100000000
kvm0 guest load gpa 0x80000 1 -> inactive
kvm0 guest load gpa 0x0 1 -> left
kvm0 guest load gpa 0x180000 1 -> last
machine check
require $rw == b0 and $inactive == b0 and $last == a4
require $left == "mmio"
require $active == a4 or $active == "mmio"
require $moved == a4 or $moved == "mmio"
require $dropped == a8 or $dropped == 00
require $chunk == b9 or $chunk == 00

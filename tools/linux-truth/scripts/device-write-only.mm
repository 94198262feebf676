# A device's load from memory that the process may write but not read.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
machine attach kvm0 kvm p1
p1 store 0x100000000 11
kvm0 load 0x100000000 1
p1 mprotect 0x100000000 8K w
kvm0 load 0x100000000 1
kvm0 store 0x100000000 22
kvm0 load 0x100000000 1
p1 store 0x100001000 33
kvm0 load 0x100001000 1
p1 load 0x100001000 1
p1 mmap 0x100004000 4K w private,anonymous,fixed
kvm0 load 0x100004000 1
kvm0 store 0x100004000 44
kvm0 load 0x100004000 1
p1 mmap 0x100006000 4K wx private,anonymous,fixed
kvm0 load 0x100006000 1
p1 store 0x100006000 44
kvm0 load 0x100006000 1
p1 mmap 0x100008000 4K x private,anonymous,fixed
p1 load 0x100008000 1
kvm0 load 0x100008000 1

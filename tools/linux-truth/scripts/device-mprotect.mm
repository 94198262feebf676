# mprotect gives write permission back where a store would have nothing to copy (6.2): a device, which reads write-only
# memory only where it could write at once, sees it.
machine attach kvm0 kvm p1
p1 mmap 0x100000000 0x4000 rw private,anonymous,fixed
p1 store 0x100000000 01
p1 mprotect 0x100000000 0x1000 r
p1 mprotect 0x100000000 0x1000 w
kvm0 load 0x100000000 0x1
p1 store 0x100001000 02
p1 mprotect 0x100001000 0x1000 -
p1 mprotect 0x100001000 0x1000 w
kvm0 load 0x100001000 0x1
# The zero page has to be copied.
p1 load 0x100002000 0x1
p1 mprotect 0x100002000 0x1000 r
p1 mprotect 0x100002000 0x1000 w
kvm0 load 0x100002000 0x1
# So has what is shared since fork.
p1 store 0x100003000 03
p1 mprotect 0x100003000 0x1000 r
p1 fork
p1 mprotect 0x100003000 0x1000 w
kvm0 load 0x100003000 0x1
p1 mmap 0x100010000 0x1000 rw shared,anonymous,fixed
p1 load 0x100010000 0x1
p1 mprotect 0x100010000 0x1000 r
p1 mprotect 0x100010000 0x1000 w
kvm0 load 0x100010000 0x1

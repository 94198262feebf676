# A guest whose memory is the process's.
machine file f 8K 616263
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mmap 0x100008000 16K rw shared,fixed f 0
machine attach kvm0 kvm p1
kvm0 load 0x100000000 2
p1 store 0x100000000 1122
kvm0 load 0x100000000 2
kvm0 store 0x100000001 33
p1 load 0x100000000 2
# a border in the middle
kvm0 store 0x100000ffe 01020304
p1 load 0x100000ffe 4
# copy on write by a device, before and after fork
p1 fork -> p2
kvm0 store 0x100000000 44
p1 load 0x100000000 2
p2 load 0x100000000 2
p2 store 0x100000000 55
kvm0 load 0x100000000 2
# a file
kvm0 load 0x100008000 3
kvm0 store 0x100008000 41
p2 load 0x100008000 3
kvm0 load 0x10000a000 1
kvm0 store 0x10000a000 1
machine truncate f 4K
kvm0 load 0x100009000 1
machine truncate f 8K
kvm0 load 0x100009000 1
# protection
p1 mprotect 0x100001000 4K r
kvm0 load 0x100001000 2
kvm0 store 0x100001000 1
kvm0 store 0x100000ffe 61626364
p1 load 0x100000ffe 4
p1 mprotect 0x100001000 4K -
kvm0 load 0x100001000 2
kvm0 store 0x100001000 1
p1 mprotect 0x100001000 4K rw
kvm0 load 0x100001000 2
p1 mprotect 0x100001000 4K w
kvm0 load 0x100001000 2
p1 mprotect 0x100001000 4K x
kvm0 load 0x100001000 2
# gone, back, moved
p1 munmap 0x100002000 4K
kvm0 load 0x100002000 1
p1 mmap 0x100002000 4K rw private,anonymous,fixed
kvm0 load 0x100002000 1
kvm0 store 0x100002000 77
p1 mremap 0x100002000 4K 4K maymove,fixed 0x100010000
kvm0 load 0x100002000 1
kvm0 load 0x100010000 1
p1 madvise 0x100010000 4K dontneed
kvm0 load 0x100010000 1
kvm0 load 0x100020000 1
machine detach kvm0
kvm0 load 0x100000000 1

# What a device may write is dirty as soon as it is mapped (6.13): without swap it stays, where a clean page goes.
machine attach kvm0 kvm p1
p1 mmap 0x100000000 0x20000 rw shared,anonymous,fixed
p1 load 0x100000000 0x1
kvm0 load 0x100010000 0x1
p1 madvise 0x100000000 0x20000 pageout
p1 mincore 0x100000000 0x20000

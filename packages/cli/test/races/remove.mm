# A hole is punched into a file while its pages are brought in again, from the store below it.
machine file f 16K 11
machine write f 0x1000 22
machine sync f
p1 mmap 0x100010000 16K rw shared,fixed f 0
p1 mmap 0x100020000 16K r private,fixed f 0
p1 load 0x100010000 1
machine attach kvm0 kvm p1
@remove p1 madvise 0x100010000 8K remove
@load p1 load 0x100010000 1
@load p1 load 0x100011000 1
@other p1 load 0x100020000 1
@other p1 load 0x100021000 1
@guest kvm0 load 0x100010000 1
@guest kvm0 load 0x100011000 1

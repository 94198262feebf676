# A guest is attached in the middle of a truncate: registration waits until no window of the address space is open.
machine file f 16K 61626364
p1 mmap 0x100000000 16K rw shared,fixed f 0
p1 store 0x100000000 aa
p1 store 0x100001000 aa
machine attach first kvm p1
@truncate machine truncate f 4K
@attach machine attach kvm0 kvm p1
@attach kvm0 load 0x100000000 1 -> r0
machine check
require $r0 == aa

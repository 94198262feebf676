# A guest's fault on a shared file mapping races with truncation of the file.
machine file f 8K 61626364
p1 mmap 0x100000000 8K rw shared,fixed f 0
p1 mmap 0x100004000 8K rw private,fixed f 0
p1 store 0x100004000 aa
machine attach kvm0 kvm p1
@guest kvm0 load 0x100000000 1 -> r0
@guest kvm0 store 0x100001000 bb
@guest kvm0 store 0x100004000 bc
@guest kvm0 load 0x100005000 1
@host machine truncate f 0
@host machine truncate f 8K
machine check
require $r0 == 61 or $r0 == 00 or $r0 == EFAULT

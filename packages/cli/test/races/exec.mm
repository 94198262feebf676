# A process executes another program while other tasks of it are inside a fault and inside calls: those are killed first,
# so that nothing of the old program happens to the new one.
p1 mmap 0x100010000 32K rw private,anonymous,fixed
p1 store 0x100010000 aa
machine attach kvm0 kvm p1
@exec p1 exec
@exec p1 mmap 0x100030000 4K rw private,anonymous,fixed
@exec p1 store 0x100030000 bb
@exec p1 load 0x100030000 1 -> r0
@fault p1 store 0x100015000 0x4 -> r1
@populate p1 mmap 0x100020000 16K rw private,anonymous,fixed,populate -> m0
@move p1 mremap 0x100010000 16K 64K maymove -> m1
@guest kvm0 load 0x100010000 1
require $r0 == bb

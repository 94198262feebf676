# A store breaks copy-on-write under a guest that reads: never the old page once the store is done.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 fork
machine attach guest kvm p1
guest load 0x100000000 1
@guest guest load 0x100000000 1 -> r
@host p1 store 0x100000000 bb
guest load 0x100000000 1 -> end
machine check
require $r == aa or $r == bb or $r == ENOMEM
require $end == bb
exists  $r == aa
exists  $r == bb

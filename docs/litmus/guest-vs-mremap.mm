# mremap moves the page away under a guest, and another one is mapped in its place.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest load 0x100000000 1
@guest guest load 0x100000000 1 -> r
@host p1 mremap 0x100000000 4K 4K maymove,fixed 0x100100000
guest load 0x100000000 1 -> end
p1 load 0x100100000 1 -> moved
machine check
require $r == aa or $r == EFAULT or $r == ENOMEM
require $end == EFAULT
require $moved == aa
exists  $r == aa
exists  $r == EFAULT

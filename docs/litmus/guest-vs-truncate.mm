# A file is cut under a guest that reads it.
machine file f 4K 61
p1 mmap 0x100000000 4K rw shared,fixed f 0
p1 load 0x100000000 1
machine attach guest kvm p1
guest load 0x100000000 1
@guest guest load 0x100000000 1 -> r
@host machine truncate f 0
guest load 0x100000000 1 -> end
machine check
require $r == 61 or $r == EFAULT or $r == ENOMEM
require $end == EFAULT
exists  $r == 61
exists  $r == EFAULT

# A process exits under its guest: the driver is released before the pages go.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest load 0x100000000 1
@guest guest load 0x100000000 1 -> r
@exit p1 exit
require $r == aa or $r == EFAULT or $r == EIO or $r == ENOMEM
exists  $r == aa
exists  $r == EFAULT or $r == EIO

# mprotect takes the right to write from under a guest.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest store 0x100000000 ab
@guest guest store 0x100000000 bb -> r
@host p1 mprotect 0x100000000 4K r
guest store 0x100000000 cc -> late
p1 load 0x100000000 1 -> end
machine check
require $late == EFAULT
require $end == bb or ($end == ab and ($r == EFAULT or $r == ENOMEM))
exists  $end == ab
exists  $end == bb

# Two windows are open at once: the end of one says nothing of the other.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
@guest guest load 0x100000000 1 -> r
@one   p1 madvise 0x100000000 4K dontneed
@two   p1 mprotect 0x100001000 4K r
machine check
require $r == aa or $r == 00 or $r == ENOMEM
exists  $r == aa
exists  $r == 00

# A driver registers while a fault under the lock of its VMA has a window open: it is told of neither end.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 fork
machine attach first kvm p1
first load 0x100000000 1
@register machine attach second kvm p1
@register second load 0x100000000 1 -> r
@fault    p1 store 0x100000000 bb
second load 0x100000000 1 -> end
machine check
require $r == aa or $r == bb or $r == ENOMEM
require $end == bb
exists  $r == aa
exists  $r == bb

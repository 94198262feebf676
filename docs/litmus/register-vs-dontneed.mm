# A driver registers while a window is open that it was not told of: it keeps nothing of what goes.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach first kvm p1
first load 0x100000000 1
@register machine attach second kvm p1
@register second load 0x100000000 1 -> r
@host p1 madvise 0x100000000 4K dontneed
second load 0x100000000 1 -> end
machine check
require $r == aa or $r == 00 or $r == ENOMEM
require $end == 00
exists  $r == aa
exists  $r == 00

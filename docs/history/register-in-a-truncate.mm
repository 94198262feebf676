# A driver registers while a file that the process maps is truncated. See registration.md
#! run --seeds 300
machine file f 16K 61626364
p1 mmap 0x100000000 16K rw shared,fixed f 0
p1 store 0x100000000 aa
p1 store 0x100001000 bb
# Somebody listens already: truncation opens a window for each mapping, and tells him.
machine attach first kvm p1
first load 0x100001000 1
@truncate machine truncate f 4K
@register machine attach second kvm p1
@register second load 0x100001000 1 -> r0
second load 0x100001000 1 -> end
second load 0x100000000 1 -> kept
machine check
# Whatever the order: who joined in the middle of the window never keeps the page that went.
require $end == EFAULT
require $kept == aa
exists  $r0 == bb
exists  $r0 == EFAULT

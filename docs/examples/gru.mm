# The copy engine of a GRU: a TLB without tables. mmu-notifier run docs/examples/gru.mm --seeds 1000
p1 mmap 0x100000000 32K rw private,anonymous,fixed -> a
p1 store $a 01020304
machine attach gru0 gru p1 {"tlbEntries":16}
gru0 bcopy $a $a+16K 4K
p1 load $a+16K 4
gru0 amo add $a+8K 8 40
gru0 amo fetch $a+8K 8
gru0 translations
# A context that is unloaded keeps its data, and gives its ASID up when a range goes.
gru0 unload
@engine  gru0 load $a 1 -> r0
@engine  gru0 store $a+4K 07
@process p1 madvise $a 8K dontneed
@thief   gru0 steal
gru0 load $a 1 -> end
p1 load $a 1 -> cpu
gru0 exception
machine check
require $r0 == 01 or $r0 == 00
require $end == 00 and $cpu == 00
exists  $r0 == 00

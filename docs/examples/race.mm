# A device fault races with a process that gives the page up. Whoever comes first, nobody reaches the old page afterwards.
p1 mmap 0x100000000 8K rw private,anonymous,fixed -> a
p1 store $a 01
machine attach dev docs/examples/my-driver.ts p1

@device dev load $a 1
@drop p1 madvise $a 4K dontneed

dev load $a 1 -> end
machine check
require $end == 00

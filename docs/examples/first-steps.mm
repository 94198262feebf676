# The CPU and a device share a page; the process gives the page up; the device faults and finds a new one.
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a cafe
machine attach dev docs/examples/my-driver.ts p1
dev load $a 2
dev store $a beef
p1 load $a 2
dev translations
p1 madvise $a 4K dontneed
dev translations
dev load $a 2
p1 munmap $a 16K
dev load $a 2
machine check

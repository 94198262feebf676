# Which pages of files are in memory, without those that a memfd and a file on a disk differ in (src/mincore.ts).
machine file f 64K
p1 mmap 0x100000000 64K rw private,fixed f 0
p1 mmap 0x100010000 64K rw shared,fixed f 0
p1 maps
p1 mincore 0x100000000 64K
# A store to a private mapping brings the file's page in, too: it stays when the copy goes.
p1 store 0x100002000 1
p1 load 0x100005000 1
p1 store 0x100017000 1
p1 mincore 0x100000000 64K
p1 mincore 0x100010000 64K
p1 madvise 0x100000000 64K dontneed
p1 mincore 0x100000000 64K
p1 msync 0x100010000 64K sync
p1 madvise 0x100010000 64K dontneed
p1 mincore 0x100010000 64K
p1 munmap 0x100010000 64K
p1 mincore 0x100000000 64K
# A hole takes pages out, of every mapping; a private copy stays.
p1 store 0x100005000 1
p1 mmap 0x100010000 64K rw shared,fixed f 0
p1 madvise 0x100014000 16K remove
p1 mincore 0x100000000 64K
p1 mincore 0x100010000 64K
# Beyond the end there is nothing, and nothing comes back when it grows.
machine truncate f 0x2800
machine truncate f 64K
p1 mincore 0x100010000 64K
# Written pages are there, populated ones too, and in the child.
machine write f 0xa000 aa
p1 madvise 0x10001c000 8K populate_read
p1 fork
p2 mincore 0x100010000 64K
p2 mlock 0x100010000 64K
p1 mincore 0x100010000 64K

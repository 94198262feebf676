# Private mappings of a file: what is seen of it before and after the copy.
machine file f 8K 616263
p1 mmap 0x100000000 8K rw private,fixed f 0
p1 mmap 0x100004000 8K rw shared,fixed f 0
p1 load 0x100000000 3
p1 store 0x100004000 41
p1 load 0x100000000 3
p1 store 0x100000001 42
p1 store 0x100004002 43
p1 load 0x100000000 3
p1 load 0x100004000 3
machine write f 0 78797a
p1 load 0x100000000 3
p1 load 0x100004000 3
p1 madvise 0x100000000 4K dontneed
p1 load 0x100000000 3
p1 fork -> p2
p2 store 0x100000000 31
p2 store 0x100004001 32
p1 load 0x100000000 3
p1 load 0x100004000 3
p2 load 0x100000000 3

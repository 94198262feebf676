# An old length of 0 makes a second mapping of the same shared memory.
machine file f 16K 616263
p1 mmap 0x100000000 8K rw shared,fixed f 4K
p1 mmap 0x100004000 8K rw shared,anonymous,fixed
p1 mmap 0x100008000 8K rw private,anonymous,fixed
p1 mmap 0x10000c000 8K rw private,fixed f 0
p1 store 0x100000000 77
p1 store 0x100004000 88
p1 mremap 0x100000000 0 8K maymove,fixed 0x100010000
p1 load 0x100010000 1
p1 mremap 0x100004000 0 4K maymove,fixed 0x100014000
p1 load 0x100014000 1
p1 store 0x100014000 99
p1 load 0x100004000 1
p1 mremap 0x100008000 0 8K maymove,fixed 0x100018000
p1 mremap 0x10000c000 0 8K maymove,fixed 0x10001c000
p1 mremap 0x100000000 0 8K -
p1 mremap 0x100001000 0 12K maymove,fixed 0x100020000
p1 mremap 0x100000000 0 8K fixed 0x100030000
p1 mremap 0x100000000 0 8K maymove,fixed 0x100000000
p1 mremap 0x100000000 0 8K maymove,fixed 0x100001000
p1 maps

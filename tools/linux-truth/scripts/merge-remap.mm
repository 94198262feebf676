# Memory that was moved away and comes back.
p1 mmap 0x100000000 12K rw private,anonymous,fixed
p1 mremap 0x100001000 4K 4K maymove,fixed 0x100010000
p1 maps
p1 mremap 0x100010000 4K 4K maymove,fixed 0x100001000
p1 maps
# touched: the page remembers where it was
p1 store 0x100000000 11
p1 store 0x100001000 22
p1 store 0x100002000 33
p1 mremap 0x100001000 4K 4K maymove,fixed 0x100010000
p1 mmap 0x100011000 4K rw private,anonymous,fixed
p1 maps
p1 mremap 0x100010000 4K 4K maymove,fixed 0x100001000
p1 maps
# untouched memory that moves is like new at its new place
p1 mmap 0x100020000 4K rw private,anonymous,fixed
p1 mmap 0x100028000 4K rw private,anonymous,fixed
p1 mremap 0x100028000 4K 4K maymove,fixed 0x100021000
p1 maps
# touched memory that moves next to untouched and to touched memory
p1 mmap 0x100028000 4K rw private,anonymous,fixed
p1 store 0x100028000 44
p1 mremap 0x100028000 4K 4K maymove,fixed 0x100022000
p1 maps
p1 mmap 0x100023000 4K rw private,anonymous,fixed
p1 maps
# growing in place merges with nothing, for it stops before the next mapping; filling up merges
p1 mmap 0x100030000 4K rw private,anonymous,fixed
p1 mmap 0x100032000 4K rw private,anonymous,fixed
p1 mremap 0x100030000 4K 8K -
p1 maps

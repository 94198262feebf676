# mremap: what it refuses.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mmap 0x100004000 16K r private,anonymous,fixed
p1 mmap 0x100008000 4K rw private,anonymous,fixed
p1 mremap 0x100000800 4K 8K -
p1 mremap 0x100000000 4K 0 -
p1 mremap 0x100000000 0 4K -
p1 mremap 0x100000000 0 4K maymove
p1 mremap 0x100010000 4K 8K -
p1 mremap 0x100010000 4K 4K -
p1 mremap 0x100010000 8K 4K -
# growing: blocked by the next mapping, or not at the end of its own
p1 mremap 0x100000000 16K 20K -
p1 mremap 0x100000000 4K 8K -
p1 mremap 0x100008000 4K 12K -
p1 maps
# the old range crosses a border
p1 mremap 0x100002000 16K 20K -
p1 mremap 0x100002000 16K 20K maymove
p1 mremap 0x100002000 16K 16K -
# the same length
p1 mremap 0x100000000 16K 16K -
p1 mremap 0x100001000 4K 4K -
# lengths are rounded up
p1 mremap 0x100008000 0x2001 0x2001 -
p1 mremap 0x100008000 12K 0x1001 -
p1 maps
# flags
p1 mremap 0x100008000 8K 8K fixed 0x100020000
p1 mremap 0x100008000 8K 8K maymove,fixed 0x100020800
p1 mremap 0x100008000 8K 8K maymove,fixed 0x100009000
p1 mremap 0x100008000 8K 4K maymove,fixed 0x100009000
p1 mremap 0x100008000 8K 8K maymove,fixed 0x100007000
p1 mremap 0x100008000 8K 8K maymove,fixed 0x100008000
p1 mremap 0x100008000 8K 8K maymove,fixed 0x7ffffffff000
p1 mremap 0x100008000 4K 0x7ffffffff000 maymove,fixed 0x100020000
p1 mremap 0x100008000 4K 0x7ffffffff000 -
p1 mremap 0x100008000 8K 8K dontunmap
p1 mremap 0x100008000 8K 4K maymove,dontunmap
p1 mremap 0x100008000 4K 4K maymove,fixed,dontunmap 0x100030000
p1 maps
# the same length over a hole
p1 munmap 0x100001000 4K
p1 mremap 0x100000000 16K 16K -
p1 mremap 0x100001000 4K 4K -

# mremap to a given address unmaps what is there, and may cut or grow on the way.
machine file f 32K 616263
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 store 0x100000000 11
p1 store 0x100001000 22
p1 mmap 0x100010000 16K r private,anonymous,fixed
p1 mremap 0x100000000 8K 8K maymove,fixed 0x100011000
p1 maps
p1 load 0x100011000 1
p1 load 0x100012000 1
p1 load 0x100000000 1
# growing and shrinking on the way
p1 mremap 0x100011000 4K 12K maymove,fixed 0x100020000
p1 maps
p1 load 0x100020000 1
p1 load 0x100021000 1
p1 mremap 0x100020000 12K 4K maymove,fixed 0x100030000
p1 maps
p1 load 0x100030000 1
# the old range crosses a border, the same length: each part moves (new in 6.17)
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 mmap 0x100002000 8K r private,anonymous,fixed
p1 mremap 0x100000000 16K 16K maymove,fixed 0x100020000
p1 maps
p1 mremap 0x100020000 16K 20K maymove,fixed 0x100000000
p1 maps
p1 mremap 0x100020000 16K 8K maymove,fixed 0x100000000
p1 maps
# what a failing move to a fixed address has unmapped
p1 mmap 0x100010000 16K rw private,anonymous,fixed
p1 mremap 0x100038000 4K 4K maymove,fixed 0x100011000
p1 maps
p1 mremap 0x100010000 32K 16K maymove,fixed 0x100020000
p1 maps
# files keep their offset
p1 mmap 0x100000000 16K rw shared,fixed f 4K
p1 mremap 0x100001000 4K 8K maymove,fixed 0x100008000
p1 maps

# A mapping that grows down when the page below it is touched.
p1 mmap 0x100020000 8K rw private,anonymous,fixed,growsdown
p1 maps
p1 store 0x10001fff8 8
p1 maps
p1 load 0x100010000 1
p1 maps
# protection can be refused below: a read-only neighbour stops it, with a gap of 256 pages
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 load 0x10000f000 1
p1 maps
p1 munmap 0x100000000 4K
p1 load 0x10000f000 1
p1 maps
# PROT_NONE neighbours do not keep their distance
p1 mmap 0x10000d000 4K - private,anonymous,fixed
p1 load 0x10000e000 1
p1 load 0x10000d000 1
p1 maps
p1 munmap 0x10000d000 4K
p1 mprotect 0x10000e000 4K r
p1 load 0x10000d000 1
p1 store 0x10000c000 1
p1 maps
p1 mmap 0x100030000 8K rw shared,anonymous,fixed,growsdown
machine file f 8K
p1 mmap 0x100030000 8K rw private,fixed,growsdown f 0
p1 load 0x10002f000 1
p1 maps

# Two CPUs and munmap: no page is freed while a TLB reaches it.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 store 0x100001000 aa
@reader p1 load 0x100000000 1
@reader p1 load 0x100001000 1
@writer p1 store 0x100001000 bb
@unmapper p1 munmap 0x100000000 8K
machine check

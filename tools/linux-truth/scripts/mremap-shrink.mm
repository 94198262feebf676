# mremap to a smaller size unmaps the tail, also across borders and holes.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mmap 0x100004000 16K r private,anonymous,fixed
p1 store 0x100000000 8
p1 mremap 0x100000000 32K 8K -
p1 maps
p1 mmap 0x100004000 16K r private,anonymous,fixed
p1 mremap 0x100000000 32K 4K -
p1 maps
p1 mremap 0x100000000 4K 4K -
p1 load 0x100000000 8
p1 load 0x100001000 1

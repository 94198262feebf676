# Memory that nobody wrote moves next to itself and merges there; what is locked no more is then all of it.
p1 mmap 0x100000000 0xa000 r private,anonymous,fixed,locked
p1 mremap 0x100006000 0x1000 0x1000 maymove,fixed,dontunmap 0x100008000
p1 maps
p1 mmap 0x100010000 0x4000 rw private,anonymous,fixed,locked
p1 store 0x100010000 01
p1 mremap 0x100010000 0x4000 0x4000 maymove,fixed,dontunmap 0x100014000
p1 maps
p1 mmap 0x10000a000 0x1000 r private,anonymous,fixed
p1 maps

# brk: the heap begins at 0x1000000 here.
p1 brk 0
p1 brk 0x1001800
p1 maps
p1 brk 0x1000400
p1 maps
p1 brk 0xfff000
p1 mmap 0x1002000 4K rw private,anonymous,fixed
p1 brk 0x1003000
p1 brk 0x1002000
p1 maps
p1 munmap 0x1001000 4K
p1 brk 0x1000000
p1 maps

p1 brk 0x1002000
p1 munmap 0x1000000 8K
p1 brk 0x1000000
p1 brk 0
p1 maps

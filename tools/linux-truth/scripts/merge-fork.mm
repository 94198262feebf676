# After fork, neighbours that were touched may not be merged with new memory.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 mmap 0x100008000 4K rw private,anonymous,fixed
p1 store 0x100000000 1
p1 fork -> p2
p1 mmap 0x100001000 4K rw private,anonymous,fixed
p1 mmap 0x100009000 4K rw private,anonymous,fixed
p1 maps
p2 mmap 0x100001000 4K rw private,anonymous,fixed
p2 mmap 0x100009000 4K rw private,anonymous,fixed
p2 maps
# splits of one mapping, before and after fork
p1 mmap 0x100010000 12K rw private,anonymous,fixed
p1 store 0x100010000 1
p1 mprotect 0x100011000 4K r
p1 fork -> p3
p1 mprotect 0x100011000 4K rw
p3 mprotect 0x100011000 4K rw
p1 maps
p3 maps
p1 mprotect 0x100011000 4K r
p3 mprotect 0x100011000 4K r
p1 mprotect 0x100011000 4K rw
p3 mprotect 0x100011000 4K rw
p1 maps
p3 maps
# the child has gone
p2 exit
p3 exit
p1 mmap 0x100001000 4K rw private,anonymous,fixed
p1 mmap 0x100013000 4K rw private,anonymous,fixed
p1 maps

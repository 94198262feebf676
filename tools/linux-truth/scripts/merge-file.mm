# Neighbours that map a file.
machine file f 64K 616263
machine file g 64K 646566
p1 mmap 0x100000000 4K rw shared,fixed f 0
p1 mmap 0x100001000 4K rw shared,fixed f 4K
p1 mmap 0x100002000 4K rw shared,fixed f 4K
p1 mmap 0x100003000 4K rw shared,fixed g 8K
p1 mmap 0x100004000 4K r shared,fixed g 12K
p1 maps
p1 mmap 0x100008000 4K rw private,fixed f 0
p1 mmap 0x100009000 4K rw private,fixed f 4K
p1 maps
p1 store 0x100008000 1
p1 mmap 0x10000a000 4K rw private,fixed f 8K
p1 maps
# private and shared never
p1 mmap 0x10000b000 4K rw shared,fixed f 12K
p1 maps
# a hole that is filled with the right and with the wrong offset
p1 munmap 0x100009000 4K
p1 mmap 0x100009000 4K rw private,fixed f 0
p1 maps
p1 mmap 0x100009000 4K rw private,fixed f 4K
p1 maps
# shared anonymous memory never merges with what another call made, but its own parts do
p1 mmap 0x100010000 8K rw shared,anonymous,fixed
p1 mmap 0x100012000 4K rw shared,anonymous,fixed
p1 maps
p1 mprotect 0x100011000 4K r
p1 maps
p1 mprotect 0x100011000 4K rw
p1 maps

# mprotect there and back again.
p1 mmap 0x100000000 12K rw private,anonymous,fixed
p1 mprotect 0x100001000 4K r
p1 maps
p1 mprotect 0x100001000 4K rw
p1 maps
# touched, then there and back
p1 store 0x100000000 1
p1 store 0x100001000 1
p1 mprotect 0x100001000 4K r
p1 maps
p1 mprotect 0x100001000 4K rw
p1 maps
# split first, touched apart, then back
p1 mmap 0x100008000 12K rw private,anonymous,fixed
p1 mprotect 0x100009000 4K rwx
p1 store 0x100008000 1
p1 store 0x100009000 1
p1 store 0x10000a000 1
p1 mprotect 0x100009000 4K rw
p1 maps
# read-only, made writable, back to read-only: what was writable once is accounted for
p1 mmap 0x100010000 12K r private,anonymous,fixed
p1 mprotect 0x100011000 4K rw
p1 mprotect 0x100011000 4K r
p1 maps
p1 mmap 0x100018000 12K r private,anonymous,fixed
p1 mprotect 0x100019000 4K rw
p1 store 0x100019000 1
p1 mprotect 0x100019000 4K r
p1 maps
# no access, then the same as the neighbour
p1 mmap 0x100020000 12K - private,anonymous,fixed
p1 mprotect 0x100020000 4K rw
p1 mprotect 0x100022000 4K rw
p1 maps
p1 mprotect 0x100021000 4K rw
p1 maps
# across both neighbours at once
p1 mprotect 0x100020000 12K r
p1 maps

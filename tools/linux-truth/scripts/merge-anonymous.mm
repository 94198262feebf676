# When neighbours in private anonymous memory are one mapping.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 mmap 0x100001000 4K rw private,anonymous,fixed
p1 maps
# one was touched before the other came
p1 store 0x100000000 1
p1 mmap 0x100002000 4K rw private,anonymous,fixed
p1 maps
# both were touched before they became neighbours
p1 mmap 0x100008000 4K rw private,anonymous,fixed
p1 store 0x100008000 1
p1 mmap 0x10000a000 4K rw private,anonymous,fixed
p1 store 0x10000a000 1
p1 maps
p1 mmap 0x100009000 4K rw private,anonymous,fixed
p1 maps
# both touched, different protection, then the same: the one that comes last borrows its neighbour's anon_vma
p1 mmap 0x100010000 4K rw private,anonymous,fixed
p1 store 0x100010000 1
p1 mmap 0x100011000 4K r private,anonymous,fixed
p1 mprotect 0x100011000 4K rw
p1 maps
p1 mmap 0x100014000 4K rw private,anonymous,fixed
p1 mmap 0x100015000 4K r private,anonymous,fixed
p1 store 0x100014000 1
p1 load 0x100015000 1
p1 mprotect 0x100015000 4K rw
p1 maps
p1 mmap 0x100018000 4K rw private,anonymous,fixed
p1 mmap 0x100019000 4K rwx private,anonymous,fixed
p1 store 0x100018000 1
p1 store 0x100019000 1
p1 mprotect 0x100019000 4K rw
p1 maps
# a hole that is filled
p1 mmap 0x100020000 12K rw private,anonymous,fixed
p1 store 0x100020000 1
p1 store 0x100022000 1
p1 munmap 0x100021000 4K
p1 mmap 0x100021000 4K rw private,anonymous,fixed
p1 maps

# Which accesses which protections let through; x86 cannot keep reads from memory that may be written or executed.
p1 mmap 0x100000000 4K - private,anonymous,fixed
p1 mmap 0x100001000 4K r private,anonymous,fixed
p1 mmap 0x100002000 4K w private,anonymous,fixed
p1 mmap 0x100003000 4K x private,anonymous,fixed
p1 mmap 0x100004000 4K rx private,anonymous,fixed
p1 mmap 0x100005000 4K wx private,anonymous,fixed
p1 load 0x100000000 1
p1 load 0x100001000 1
p1 load 0x100002000 1
p1 load 0x100003000 1
p1 load 0x100004000 1
p1 load 0x100005000 1
p1 store 0x100000000 1
p1 store 0x100001000 1
p1 store 0x100002000 1
p1 store 0x100003000 1
p1 store 0x100004000 1
p1 store 0x100005000 1
p1 modify 0x100001000 1
p1 modify 0x100002000 1
p1 fetch 0x100000000 1
p1 fetch 0x100001000 1
p1 fetch 0x100002000 1
p1 fetch 0x100003000 1
p1 fetch 0x100005000 1
p1 fetch 0x100006000 1
# the bytes before the one that faults are stored
p1 mmap 0x100008000 4K rw private,anonymous,fixed
p1 store 0x100008ffe 11223344
p1 load 0x100008ffe 2
p1 modify 0x100008ffe 4
p1 load 0x100008ffe 2
p1 maps

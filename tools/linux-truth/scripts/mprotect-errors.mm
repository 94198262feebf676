# mprotect: what it refuses, and what it has changed by then.
machine file f 16K 616263
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 mprotect 0x100000800 4K r
p1 mprotect 0x100000000 0 r
p1 mprotect 0x100008000 0 r
p1 mprotect 0x100000800 0 r
p1 mprotect 0x100008000 4K r
p1 mprotect 0x100000000 0x7ffffffff000 r
p1 maps
p1 mprotect 0x100000000 16K rw
p1 maps
# a hole: what comes before it is changed, what comes after is not
p1 munmap 0x100002000 4K
p1 mprotect 0x100001000 12K r
p1 maps
# a hole at the beginning: nothing is changed
p1 mprotect 0x100002000 8K r
p1 maps
# a hole at the end
p1 mprotect 0x100003000 8K -
p1 maps
# the length is rounded up
p1 mprotect 0x100003000 1 rw
p1 maps
# files
p1 mmap 0x100010000 8K r shared,fixed f 0
p1 mprotect 0x100010000 4K rw
p1 maps
p1 mprotect 0x100010000 8K rwx
p1 maps

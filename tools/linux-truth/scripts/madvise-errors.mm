# madvise: holes are an error at the end, after everything was done.
machine file f 16K 616263
p1 mmap 0x100000000 32K rw private,anonymous,fixed
p1 store 0x100000000 11
p1 store 0x100001000 22
p1 store 0x100003000 33
p1 munmap 0x100002000 4K
p1 madvise 0x100000800 4K dontneed
p1 madvise 0x100000800 0 dontneed
p1 madvise 0x100000000 0 dontneed
p1 madvise 0x100010000 0 dontneed
p1 madvise 0x100010000 4K dontneed
p1 madvise 0x7ffffffff000 4K willneed
p1 madvise 0x800000000000 4K dontneed
p1 load 0x100000000 1
p1 madvise 0x100001000 12K dontneed
p1 load 0x100001000 1
p1 load 0x100003000 1
# the length is rounded up
p1 store 0x100004000 44
p1 store 0x100005000 55
p1 madvise 0x100004000 1 dontneed
p1 load 0x100004000 1
p1 load 0x100005000 1
# dontneed on read-only memory and on memory that may not be touched
p1 store 0x100004000 66
p1 mprotect 0x100004000 4K r
p1 madvise 0x100004000 4K dontneed
p1 load 0x100004000 1
p1 mprotect 0x100005000 4K -
p1 madvise 0x100005000 4K dontneed
p1 mprotect 0x100005000 4K r
p1 load 0x100005000 1
# private and shared files: what the file has comes back
p1 mmap 0x100008000 8K rw private,fixed f 0
p1 mmap 0x10000a000 8K rw shared,fixed f 0
p1 store 0x100008000 7a
p1 store 0x10000a001 79
p1 load 0x100008000 3
p1 madvise 0x100008000 16K dontneed
p1 load 0x100008000 3
p1 load 0x10000a000 3
# free is for private anonymous memory
p1 madvise 0x100008000 4K free
p1 madvise 0x10000a000 4K free
p1 madvise 0x100000000 4K free
p1 madvise 0x100002000 8K free
# willneed, and what fork is told
p1 madvise 0x100000000 4K willneed
p1 madvise 0x10000a000 4K willneed
p1 madvise 0x100002000 8K willneed
p1 madvise 0x100000000 4K wipeonfork
p1 madvise 0x10000a000 4K wipeonfork
p1 madvise 0x100008000 4K wipeonfork
p1 maps

# madvise with advices that the model does not have yet.
machine file f 16K 616263
p1 mmap 0x100000000 32K rw private,anonymous,fixed
p1 munmap 0x100002000 4K
p1 mprotect 0x100004000 8K r
p1 mmap 0x100008000 8K rw private,fixed f 0
p1 mmap 0x10000a000 8K rw shared,fixed f 0
# locked memory stays
p1 mlock 0x100006000 4K
p1 madvise 0x100006000 4K dontneed
# remove is for shared files
p1 madvise 0x100000000 4K remove
p1 madvise 0x100008000 4K remove
p1 madvise 0x10000a000 4K remove
p1 load 0x100008000 3
# populate
p1 madvise 0x100002000 8K populate_read
p1 madvise 0x100004000 4K populate_write
p1 madvise 0x100005000 4K populate_read
p1 madvise 0x100003000 4K populate_write
machine truncate f 4K
p1 madvise 0x100008000 8K populate_read
p1 madvise 0x100002000 8K cold
p1 maps

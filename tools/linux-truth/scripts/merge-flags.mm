# Flags that keep neighbours apart.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 mmap 0x100001000 4K rw private,anonymous,fixed,noreserve
p1 maps
p1 mmap 0x100002000 4K rw private,anonymous,fixed,stack
p1 mmap 0x100003000 4K rw private,anonymous,fixed
p1 maps
p1 mmap 0x100004000 4K rw private,anonymous,fixed,populate
p1 maps
p1 mmap 0x100008000 8K rw private,anonymous,fixed
p1 madvise 0x100009000 4K dontfork
p1 maps
p1 madvise 0x100009000 4K dofork
p1 maps
p1 madvise 0x100009000 4K wipeonfork
p1 maps
p1 madvise 0x100009000 4K keeponfork
p1 maps
p1 mmap 0x100010000 4K - private,anonymous,fixed
p1 mmap 0x100011000 4K - private,anonymous,fixed,noreserve
p1 maps
# accounted for when it becomes writable
p1 mmap 0x100018000 4K rw private,anonymous,fixed,noreserve
p1 mmap 0x100019000 4K r private,anonymous,fixed,noreserve
p1 mprotect 0x100019000 4K rw
p1 maps
p1 mmap 0x100020000 4K rw private,anonymous,fixed
p1 mmap 0x100021000 4K r private,anonymous,fixed
p1 mmap 0x100022000 4K rw private,anonymous,fixed
p1 mprotect 0x100020000 12K r
p1 maps

# What a child gets: wipeonfork memory is empty there, dontfork memory is not there.
machine file f 8K 616263
p1 mmap 0x100000000 16K rw private,anonymous,fixed
p1 store 0x100000000 11
p1 store 0x100001000 22
p1 store 0x100002000 33
p1 madvise 0x100001000 4K wipeonfork
p1 madvise 0x100002000 4K dontfork
p1 mmap 0x100008000 8K rw shared,fixed f 0
p1 madvise 0x100009000 4K dontfork
p1 fork -> p2
p2 maps
p2 load 0x100000000 1
p2 load 0x100001000 1
p2 load 0x100002000 1
p2 load 0x100008000 1
p2 load 0x100009000 1
p1 load 0x100001000 1
# the flags are inherited
p2 store 0x100001000 44
p2 fork -> p3
p3 load 0x100001000 1
p3 maps
# read-only private files too
p1 madvise 0x100001000 8K keeponfork
p1 madvise 0x100001000 8K dofork
p1 maps

# populate: never an error of mmap itself.
machine file f 4K 616263
p1 mmap 0x100000000 8K - private,anonymous,fixed,populate
p1 mmap 0x100002000 8K rw shared,fixed,populate f 0
p1 load 0x100002000 3
p1 load 0x100003000 1
p1 mmap 0x100004000 8K rw private,fixed,populate f 0
p1 store 0x100002000 78
# a populated private writable page was copied already
p1 load 0x100004000 3
p1 mmap 0x100006000 4K r private,fixed,populate f 0
p1 store 0x100002001 79
p1 load 0x100006000 3
p1 maps

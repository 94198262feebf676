p1 fork
p2 mmap 0x100001000 0x1000 rw private,anonymous,fixed,growsdown
p2 fetch 0x100000000 0x1
# The runner asked for the permission before the stack had grown.

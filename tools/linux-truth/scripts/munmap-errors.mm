# munmap: what it refuses, and how it splits.
p1 munmap 0x100000000 0
p1 munmap 0x100000800 4K
p1 munmap 0x100000800 0
p1 munmap 0x100000000 4K
p1 munmap 0x100000000 0x7ffffffff000
p1 munmap 0x800000000000 4K
p1 mmap 0x100000000 64K rw private,anonymous,fixed
# the length is rounded up
p1 munmap 0x100002000 1
p1 munmap 0x100004000 0x1001
p1 maps
# holes are fine
p1 munmap 0x100001000 0xc000
p1 maps
p1 load 0x100001000 1

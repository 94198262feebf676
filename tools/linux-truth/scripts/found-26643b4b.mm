p1 mmap 0x100001000 0x2000 r private,anonymous,fixed,growsdown
p1 store 0x100000000 0x1
p1 mremap 0x100000000 0x1000 0x1000 maymove,fixed 0x100001000
p1 maps
# line 4: p1 maps
#   linux: 0x100001000-0x100002000 r--p  0x100002000-0x100003000 r--p
#   model: 0x100001000-0x100003000 r--p
# found as script 737 of seed 13

machine file g 0x1000 7b7a4f4940
p1 mmap 0x100002000 0x1000 rw shared,fixed g 0x0
p1 fork
p1 fork
p3 mmap 0x100004000 0x1000 rw private,anonymous,fixed,growsdown
p3 mremap 0x100002000 0x1000 0x2000 -
# line 6: p3 mremap 0x100002000 0x1000 0x2000 -
#   linux: 0x100002000
#   model: ENOMEM
# found as script 48 of seed 12

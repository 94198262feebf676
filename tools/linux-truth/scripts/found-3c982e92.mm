p1 mmap 0x100011000 0x3000 rw shared,anonymous,fixed
p1 load 0x100013000 0x1
p1 madvise 0x100011000 0x3000 pageout
p1 mincore 0x100013000 0x1000
# line 4: p1 mincore 0x100013000 0x1000
#   linux: 0
#   model: 1
# found as script 285 of seed 13

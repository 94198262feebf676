# An mprotect that changes no permission changes nothing else either: what DONTUNMAP left without pages stays accounted for.
p1 mmap 0x100002000 0x1000 rw private,anonymous,fixed
p1 store 0x100002000 01
p1 mprotect 0x100002000 0x1000 r
p1 mmap 0x100000000 0x2000 r private,anonymous,fixed
p1 mremap 0x100002000 0x1000 0x1000 maymove,fixed,dontunmap 0x10003e000
p1 mprotect 0x100000000 0x3000 r
p1 maps
p1 mprotect 0x100000000 0x3000 -
p1 mprotect 0x100000000 0x3000 r
p1 maps

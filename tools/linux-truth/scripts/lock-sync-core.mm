# mlock, munlock, msync, mincore.
machine file f 8K 616263
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 mmap 0x100004000 8K rw shared,fixed f 0
p1 maps
p1 mincore 0x100000000 8K
p1 store 0x100001000 1
p1 maps
p1 mincore 0x100000000 8K
p1 mincore 0x100000000 12K
p1 mincore 0x100000800 4K
p1 mincore 0x100000000 0
p1 mincore 0x100000000 1
p1 mincore 0x800000000000 4K
p1 mlock 0x100000000 4K
p1 mlock 0x100001000 8K
p1 mlock 0x100002000 4K
p1 mlock 0x100000000 0
p1 maps
p1 mincore 0x100000000 8K
p1 munlock 0x100000000 8K
p1 munlock 0x100001000 8K
p1 munlock 0x100000800 1
p1 maps
p1 msync 0x100004000 8K sync
p1 msync 0x100004000 8K async
p1 msync 0x100004000 8K async,sync
p1 msync 0x100004000 8K -
p1 msync 0x100004800 4K sync
p1 msync 0x100004000 0 sync
p1 msync 0x100004000 16K sync
p1 msync 0x100008000 4K sync
p1 msync 0x100000000 8K sync
p1 mmap 0x100010000 8K rw private,anonymous,fixed
p1 mlock 0x100011000 4K
p1 maps
p1 munlock 0x100011000 4K
p1 maps

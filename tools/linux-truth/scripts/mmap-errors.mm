# mmap: what it refuses, and with which errno.
machine file f 16K 616263
p1 mmap 0x100000000 0 rw private,anonymous,fixed
p1 mmap 0x100000000 0 rw shared,fixed f 0
p1 mmap 0x100000800 4K rw private,anonymous,fixed
p1 mmap 0x100000800 0 rw private,anonymous,fixed
p1 mmap 0x100000000 0x7ffffffff000 rw private,anonymous,fixed
p1 mmap 0x100000000 0x800000000000 rw private,anonymous,fixed
p1 mmap 0x7ffffffff000 4K rw private,anonymous,fixed
p1 mmap 0x7fffffffe000 8K rw private,anonymous,fixed
p1 mmap 0x800000000000 4K rw private,anonymous,fixed
# the length is rounded up
p1 mmap 0x100000000 1 rw private,anonymous,fixed
p1 maps
p1 mmap 0x100000000 4K rw private,anonymous,fixed_noreplace
p1 mmap 0x100000800 4K rw private,anonymous,fixed_noreplace
p1 mmap 0x100001000 4K rw private,anonymous,fixed_noreplace
# both fixed and fixed_noreplace: noreplace wins
p1 mmap 0x100001000 4K rw private,anonymous,fixed,fixed_noreplace
# files: offset not a multiple of a page, beyond the end, overflowing
p1 mmap 0x100010000 4K rw private,fixed f 1
p1 mmap 0x100010000 4K rw private,fixed f 0x800
p1 mmap 0x100010000 0 rw private,fixed f 1
p1 mmap 0x100010000 4K rw private,fixed f 64K
p1 load 0x100010000 1
p1 mmap 0x100011000 4K rw shared,fixed f 0x1ffffffffff000
p1 maps
# a fixed mapping that fails changes nothing
p1 mmap 0x100010000 4K rw private,fixed f 0x800
p1 mmap 0x100010000 0 rw private,anonymous,fixed
p1 mmap 0x100010000 4K rw private,fixed nofile 0
p1 maps
# replacing the middle
p1 mmap 0x100000000 32K rw private,anonymous,fixed
p1 mmap 0x100002000 8K r private,anonymous,fixed
p1 mmap 0x100005000 4K rw shared,fixed f 4K
p1 maps
p1 mmap 0x100002000 8K rw private,anonymous,fixed
p1 maps

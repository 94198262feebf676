# A file that shrinks and grows under its mappings.
machine file f 16K 616263
p1 mmap 0x100000000 16K rw shared,fixed f 0
p1 mmap 0x100008000 16K rw private,fixed f 0
p1 store 0x100000000 11
p1 store 0x100001000 22
p1 store 0x100002000 33
# private pages that were copied go when their part of the file goes
p1 store 0x100008000 aa
p1 store 0x100009000 bb
p1 store 0x10000a000 cc
machine truncate f 0x1800
p1 load 0x100000000 1
p1 load 0x100001000 1
p1 load 0x100002000 1
p1 load 0x100008000 1
p1 load 0x100009000 1
p1 load 0x10000a000 1
p1 store 0x10000a000 dd
p1 maps
# inside the last page all bytes can be used; what is beyond the end reads 0 at first
p1 load 0x1000017ff 2
p1 store 0x1000017fe 01020304
p1 load 0x1000017fe 4
p1 load 0x1000097fe 4
# growing again: what was stored beyond the end
machine truncate f 16K
p1 load 0x1000017fe 4
p1 load 0x100002000 1
p1 load 0x100009000 1
p1 load 0x10000a000 1
# shrinking into a page clears its end, also for a private page that was copied?
p1 store 0x100009900 ee
p1 store 0x100001900 ff
machine truncate f 0x1800
p1 load 0x100001900 1
p1 load 0x100009900 1
# a private copy in the page of the end stays
p1 load 0x100009000 1
machine truncate f 0
p1 load 0x100000000 1
p1 load 0x100008000 1
machine write f 0x1000 5555
p1 load 0x100000000 1
p1 load 0x100001000 2
p1 load 0x100009000 2
p1 load 0x100002000 1
# protection is judged before the end of the file
p1 mprotect 0x100000000 8K r
p1 mprotect 0x100008000 4K -
machine truncate f 0
p1 store 0x100000000 1
p1 load 0x100000000 1
p1 load 0x100008000 1

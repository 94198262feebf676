# Processes come and go.
p1 mmap 0x100000000 8K rw private,anonymous,fixed
p1 mmap 0x100004000 8K rw shared,anonymous,fixed
p1 store 0x100000000 11
p1 store 0x100004000 22
p1 fork -> kid
kid fork -> grandkid
kid store 0x100000000 33
kid store 0x100004000 44
p1 load 0x100000000 1
p1 load 0x100004000 1
p3 load 0x100000000 1
p3 load 0x100004000 1
p1 exit 3
p1 load 0x100000000 1
p1 maps
p1 fork
p1 exit
p2 load 0x100000000 1
grandkid load 0x100000000 1
p3 store 0x100000000 55
p2 load 0x100000000 1
p2 exec
p2 maps
p2 load 0x100000000 1
p2 mmap 0x100000000 4K rw private,anonymous,fixed
p2 load 0x100000000 1
p3 fork
p4 load 0x100000000 1

# The reaper takes the pages of a process that a task of it is still using.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest load 0x100000000 1
@oom   machine oom p1
@guest guest load 0x100000000 1 -> r
forbid $r == 00

# The reaper takes pages of a process that a device still looks at, while a task of it keeps its exit from beginning.
p1 mmap 0x100010000 32K rw private,anonymous,fixed
p1 store 0x100010000 aa
p1 store 0x100011000 bb
machine attach kvm0 kvm p1
@oom machine oom p1
@populate p1 mmap 0x100020000 16K rw private,anonymous,fixed,populate -> m0
@guest kvm0 load 0x100010000 1
@guest kvm0 load 0x100011000 1
@guest kvm0 load 0x100010000 1

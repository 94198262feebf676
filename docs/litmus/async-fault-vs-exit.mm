# The process exits while a worker reads a page in for its guest.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 a0
machine reclaim 1
machine attach kvm0 kvm p1
kvm0 memslot 0 0x0 4K 0x100000000
kvm0 async_pf on
@vcpu kvm0 guest load gva 0x0 1 -> r0
@cpu p1 exit
machine check
require $r0 == "page-not-present 1" or $r0 == EFAULT or $r0 == EIO or $r0 == ENOMEM or $r0 == ESRCH
exists  $r0 == "page-not-present 1"

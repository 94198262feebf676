# As dirty_log_test, with a log that keeps a page until user space says that it has copied it.
p1 mmap 0x100000000 16K rw private,anonymous,fixed
machine attach kvm0 kvm p1 {"vcpus":2,"dirtyLog":"clear"}
kvm0 memslot 0 0x0 16K 0x100000000 log
kvm0 guest store gva 0x1000 a1
kvm0 dirty_log 0 -> before
@vcpu0 kvm0 guest store gva 0x0 b0
@vcpu0 kvm0 guest store gva 0x2000 b2
@vcpu0 kvm0 guest store gva 0x0 c0
@vcpu1 kvm0 guest store gva@1 0x1000 b1
@vcpu1 kvm0 guest load gva@1 0x3000 1
@user kvm0 clear_dirty_log 0 0 4 0 1 2 3
@user kvm0 dirty_log 0
@host machine reclaim 2
kvm0 dirty_log 0
kvm0 clear_dirty_log 0 0 4 0 1 2 3
kvm0 dirty_log 0 -> cleared
kvm0 guest store gva 0x2000 d2
kvm0 dirty_log 0 -> after
kvm0 dirty_log 0 -> again
machine check
require $before == "1" and $cleared == ""
require $after == "2" and $again == "2"

# fork write-protects what the guest may write: what it writes goes to the parent alone once the child has the page.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
guest store 0x100000000 ab
@guest guest store 0x100000000 bb -> r
@host p1 fork -> child
p1 load 0x100000000 1 -> parent
$child load 0x100000000 1 -> copy
machine check
require $parent == bb or $r == ENOMEM
require $copy == ab or $copy == bb
exists  $copy == ab
exists  $copy == bb

# fork write-protects a page that a guest may write: the guest must come back, and gets a copy. See write-protect.md
p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a
p1 store $a 01
machine attach guest kvm p1
guest store $a 02
guest translations
# The window of fork is PROTECTION_PAGE: the translation goes before the pte becomes read-only.
p1 fork -> child
guest translations
# A read brings it back, read-only: both processes have the one page.
guest load $a 1 -> shared
guest translations
# A write must not reach the child: it takes the fault of the CPU, which copies, and only then maps.
guest store $a 03
guest translations
p1 load $a 1 -> parent
child load $a 1 -> kept
machine check
require $shared == 02
require $parent == 03
require $kept == 02

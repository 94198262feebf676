# Two guests with the same memory: one pins what it maps, as before notifiers, and one pins nothing. See pins.md
p1 mmap 0x100000000 32K rw private,anonymous,fixed
p1 store 0x100000000 32K
machine attach pinned kvm p1 {"pin":true}
pinned load 0x100000000 32K

p1 fork -> p2
p2 munmap 0x100000000 32K
p2 mmap 0x200000000 32K rw private,anonymous,fixed
p2 store 0x200000000 32K
p2 store 0x200000000 59
machine attach free kvm p2
free load 0x200000000 32K

# The mm asks for memory, twice: what was used lately gets a second round.
machine reclaim 64
machine reclaim 64
p1 mincore 0x100000000 32K -> held
p2 mincore 0x200000000 32K -> given
p1 rss
p2 rss
pinned translations
free translations
# The guest that pins nothing faults its pages in again, and finds them as they were.
free load 0x200000000 1 -> back
machine check
require $held == 11111111
require $given == 00000000
require $back == 59

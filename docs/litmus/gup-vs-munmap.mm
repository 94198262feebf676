# A guest's access gets the page (get_user_pages) while the process unmaps it: the page is installed before the window
# opens, and dropped in it, or the fault looks again and finds nothing.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
machine attach guest kvm p1
@guest guest load 0x100000000 1 -> r
@host p1 munmap 0x100000000 4K
machine check
require $r == aa or $r == EFAULT or $r == ENOMEM
exists  $r == aa
exists  $r == EFAULT

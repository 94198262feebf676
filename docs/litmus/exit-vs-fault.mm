# A process exits while another task of it is inside a fault: the address space stays until the fault is over.
p1 mmap 0x100000000 4K rw private,anonymous,fixed
@fault p1 store 0x100000000 aa -> r
@exit  p1 exit
forbid $r == SIGSEGV
exists  $r == SIGKILL

# An address above 2^47 is none for the CPU: a protection fault, which names no address.
p1 load 0x7ffffffff000 8
p1 load 0x7fffffffffff 1
p1 load 0x7fffffffffff 2
p1 load 0x800000000000 8
p1 store 0x800000000000 aa

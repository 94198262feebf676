/** The names that strace prints, as the numbers of the Linux x86-64 call interface. */
import type { Call } from '../lackey/syscall-line.ts';
import { splitArguments } from './strace-line.ts';

const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    NULL: 0,
    PROT_READ: 1,
    PROT_WRITE: 2,
    PROT_EXEC: 4,
    MAP_SHARED: 1,
    MAP_PRIVATE: 2,
    MAP_SHARED_VALIDATE: 3,
    MAP_FIXED: 0x10,
    MAP_ANONYMOUS: 0x20,
    MAP_GROWSDOWN: 0x100,
    MAP_LOCKED: 0x2000,
    MAP_NORESERVE: 0x4000,
    MAP_POPULATE: 0x8000,
    MAP_STACK: 0x20000,
    MAP_HUGETLB: 0x40000,
    MAP_FIXED_NOREPLACE: 0x100000,
    MREMAP_MAYMOVE: 1,
    MREMAP_FIXED: 2,
    MREMAP_DONTUNMAP: 4,
    MS_ASYNC: 1,
    MS_INVALIDATE: 2,
    MS_SYNC: 4,
    MADV_NORMAL: 0,
    MADV_RANDOM: 1,
    MADV_SEQUENTIAL: 2,
    MADV_WILLNEED: 3,
    MADV_DONTNEED: 4,
    MADV_FREE: 8,
    MADV_REMOVE: 9,
    MADV_DONTFORK: 10,
    MADV_DOFORK: 11,
    MADV_MERGEABLE: 12,
    MADV_UNMERGEABLE: 13,
    MADV_HUGEPAGE: 14,
    MADV_NOHUGEPAGE: 15,
    MADV_DONTDUMP: 16,
    MADV_DODUMP: 17,
    MADV_WIPEONFORK: 18,
    MADV_KEEPONFORK: 19,
    MADV_COLD: 20,
    MADV_PAGEOUT: 21,
    MADV_POPULATE_READ: 22,
    MADV_POPULATE_WRITE: 23,
    MADV_COLLAPSE: 25,
  }),
);

/** The call with numbers for names. An advice that nobody knows keeps its name; other unknown flags say nothing about memory. */
export function numberedCall(name: string, args: string): Call {
  return { name, args: splitArguments(args).map(numbered) };
}

function numbered(argument: string): string {
  if (!/^[A-Z][A-Z0-9_]*(\||$)/.test(argument)) return argument;
  if (argument.startsWith('MADV_')) return String(NUMBERS.get(argument) ?? argument);
  return String(argument.split('|').reduce((bits, name) => bits | (NUMBERS.get(name) ?? 0), 0));
}

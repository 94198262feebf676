/** Numbers of the Linux x86-64 call interface, as the words of the event language. */
import type { Advice, MmapFlag, MremapFlag, MsyncFlag, Protection } from '../event.ts';

const MMAP_BITS: readonly (readonly [number, MmapFlag])[] = [
  [0x10, 'fixed'],
  [0x20, 'anonymous'],
  [0x100, 'growsdown'],
  [0x2000, 'locked'],
  [0x4000, 'noreserve'],
  [0x8000, 'populate'],
  [0x20000, 'stack'],
  [0x40000, 'hugetlb'],
  [0x100000, 'fixed_noreplace'],
];

const ADVICE_NUMBERS: ReadonlyMap<number, Advice> = new Map([
  [3, 'willneed'],
  [4, 'dontneed'],
  [8, 'free'],
  [9, 'remove'],
  [10, 'dontfork'],
  [11, 'dofork'],
  [12, 'mergeable'],
  [13, 'unmergeable'],
  [14, 'hugepage'],
  [15, 'nohugepage'],
  [18, 'wipeonfork'],
  [19, 'keeponfork'],
  [20, 'cold'],
  [21, 'pageout'],
  [22, 'populate_read'],
  [23, 'populate_write'],
  [25, 'collapse'],
]);

/** Advice that changes nothing in memory (`normal`, `random`, `sequential`, `dontdump`, `dodump`): left out. */
export const HARMLESS_ADVICE: ReadonlySet<number> = new Set([0, 1, 2, 16, 17]);

/** `PROT_*` bits. */
export function protectionOf(bits: number): Protection {
  const letters = `${bits & 1 ? 'r' : ''}${bits & 2 ? 'w' : ''}${bits & 4 ? 'x' : ''}`;
  return letters === '' ? '-' : (letters as Protection);
}

/** `MAP_*` bits; those that say nothing about memory (`MAP_DENYWRITE`, `MAP_NONBLOCK`, …) are dropped. */
export function mmapFlagsOf(bits: number): MmapFlag[] {
  const flags: MmapFlag[] = [(bits & 0x3) === 2 ? 'private' : 'shared'];
  for (const [bit, flag] of MMAP_BITS) if ((bits & bit) !== 0) flags.push(flag);
  return flags;
}

/** `MREMAP_*` bits. */
export function mremapFlagsOf(bits: number): MremapFlag[] {
  const flags: MremapFlag[] = [];
  if (bits & 1) flags.push('maymove');
  if (bits & 2) flags.push('fixed');
  if (bits & 4) flags.push('dontunmap');
  return flags;
}

/** `MS_*` bits. */
export function msyncFlagsOf(bits: number): MsyncFlag[] {
  const flags: MsyncFlag[] = [];
  if (bits & 1) flags.push('async');
  if (bits & 2) flags.push('invalidate');
  if (bits & 4) flags.push('sync');
  return flags;
}

/** `MADV_*` by number. */
export function adviceOf(number: number): Advice | undefined {
  return ADVICE_NUMBERS.get(number);
}

/** Where a mapping goes when the caller does not care: the highest gap below `mmapBase`. Mirrors `vm_unmapped_area`. */
import type { MmStruct } from './mm-struct.ts';
import { VmFlags } from './vm-flags.ts';

/** A stack that may grow keeps this distance to what lies below: 256 pages. */
export const STACK_GUARD_GAP: number = 256 * 4096;

/** @locks mmapLock held. @returns undefined when no gap is large enough. */
export function unmappedArea(mm: MmStruct, length: number, hint: number): number | undefined {
  if (hint > 0 && hint + length <= mm.mmapBase && isFree(mm, hint, length)) return hint;
  let high = mm.mmapBase;
  while (high >= length) {
    const below = mm.vmas.below(high);
    const floor = Math.max(below?.end ?? 0, 4096);
    if (high - length >= floor) return high - length;
    if (below === undefined) return undefined;
    high = below.has(VmFlags.GrowsDown) ? Math.max(0, below.start - STACK_GUARD_GAP) : below.start;
  }
  return undefined;
}

function isFree(mm: MmStruct, start: number, length: number): boolean {
  const next = mm.vmas.find(start);
  if (next === undefined) return true;
  const gap = next.has(VmFlags.GrowsDown) ? STACK_GUARD_GAP : 0;
  return start + length <= next.start - gap;
}

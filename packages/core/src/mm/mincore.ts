/** mincore: which pages an access would find without waiting for a disk. Mirrors `mm/mincore.c`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { pageAt } from '../page-cache/filemap.ts';
import { isMapped, isSwap } from '../page-table/pte.ts';
import { TASK_SIZE, isPageAligned, pageCeil } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import type { Vma } from './vma.ts';

/**
 * A hole ends it with ENOMEM.
 *
 * @locks Takes mmapLock for reading. @sleeps May.
 * @returns per page 1 or 0: mapped here (the zero page too), or in the page cache or the swap cache.
 */
export function* mincore(kernel: Kernel, mm: MmStruct, start: number, length: number): Routine<Uint8Array | Errno> {
  kernel.stats.mm['mincore']++;
  if (!isPageAligned(start)) return 'EINVAL';
  if (start > TASK_SIZE || length > TASK_SIZE - start) return 'ENOMEM';
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const pages = inCore(kernel, mm, start, start + pageCeil(length));
  mm.mmapLock.releaseRead();
  return pages;
}

/** @locks mmapLock held for reading. */
function inCore(kernel: Kernel, mm: MmStruct, start: number, end: number): Uint8Array | Errno {
  // The hole is looked for first: a range of all user space must not cost its size.
  for (let at = start; at < end;) {
    const vma = mm.vmas.at(at);
    if (vma === undefined) return 'ENOMEM';
    at = vma.end;
  }
  const pages = new Uint8Array((end - start) / 4096);
  for (let i = 0; i < pages.length; i++) {
    const va = start + i * 4096;
    if (isInCore(kernel, mm.vmas.at(va) as Vma, va)) pages[i] = 1;
  }
  return pages;
}

function isInCore(kernel: Kernel, vma: Vma, va: number): boolean {
  const { pageTables, swap } = kernel;
  const slot = pageTables.walk(vma.mm.root, va);
  const flags = slot < 0 ? 0 : pageTables.flags(slot);
  if (isMapped(flags)) return true;
  if (isSwap(flags)) return swap.cached(pageTables.frame(slot)) !== undefined;
  return vma.file !== undefined && pageAt(vma.file, vma.indexOf(va)) !== undefined;
}

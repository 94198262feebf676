/** MADV_WILLNEED: swapped pages and pages of a file are read ahead; nothing is mapped. Mirrors `madvise_willneed`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { readAhead } from '../page-cache/read-ahead.ts';
import { isSwap } from '../page-table/pte.ts';
import { readSwapPage } from '../swap/swap-cache.ts';
import { PMD_SIZE } from '../types.ts';
import type { Vma } from './vma.ts';

/** Most bytes of a file that one call reads: `read_ahead_kb` as it is by default. */
const MAX_READ_AHEAD: number = 128 * 1024;

/** @locks Entered and left with mmapLock held for reading; drops it for the file of a disk. @sleeps May. */
export function* willNeed(kernel: Kernel, vma: Vma, start: number, end: number): Routine<Errno | undefined> {
  const { mm, file } = vma;
  if (file === undefined) {
    yield* readSwap(kernel, vma, start, end);
  } else if (file.kind === 'disk') {
    const from = vma.indexOf(start) * 4096;
    mm.mmapLock.releaseRead();
    // Whatever cannot be read is not: an advice fails silently.
    yield* readAhead(kernel, file, from, from + Math.min(end - start, MAX_READ_AHEAD));
    if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  }
  return undefined;
}

function* readSwap(kernel: Kernel, vma: Vma, start: number, end: number): Routine<void> {
  const { pageTables } = kernel;
  const { root } = vma.mm;
  for (let va = pageTables.nextLeaf(root, start, end); va < end;) {
    const slot = pageTables.walk(root, va);
    if (slot >= 0 && isSwap(pageTables.flags(slot))) {
      const pfn = yield* readSwapPage(kernel, pageTables.frame(slot));
      if (pfn === -1) return;
      if (pfn >= 0) kernel.allocator.put(pfn);
    }
    va += 4096;
    if (va % PMD_SIZE === 0) va = pageTables.nextLeaf(root, va, end);
  }
}

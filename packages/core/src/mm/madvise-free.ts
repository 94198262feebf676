/**
 * MADV_FREE: pages lose their dirty and young bits and may be thrown away instead of swapped, until they are written
 * again. The window takes write permission from secondary MMUs, whose stores would not set the bit.
 * Mirrors `madvise_free_single_vma` (O12).
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { deleteFromSwapCache, freeSwapEntry } from '../swap/swap-cache.ts';
import { PMD_SIZE } from '../types.ts';
import { VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** @locks mmapLock held. @returns EINVAL where the memory is not private and anonymous. @sleeps May. */
export function* lazilyFree(kernel: Kernel, vma: Vma, start: number, end: number): Routine<Errno | undefined> {
  if (vma.file !== undefined || vma.shared || vma.has(VmFlags.Locked)) return 'EINVAL';
  kernel.observer?.contentsChanging(vma.mm, start, end);
  const gather = new MmuGather(vma.mm, kernel.tlbs, kernel.allocator);
  const window = yield* openWindow(kernel, vma.mm, start, end, 'CLEAR');
  const { pageTables } = kernel;
  for (let va = pageTables.nextLeaf(vma.mm.root, start, end); va < end;) {
    const stop = Math.min(end, (Math.floor(va / PMD_SIZE) + 1) * PMD_SIZE);
    yield* freeTable(kernel, gather, vma, va, stop);
    va = pageTables.nextLeaf(vma.mm.root, stop, end);
  }
  yield* closeWindow(kernel, window);
  yield* gather.finish();
  kernel.observer?.lazilyFreed(vma.mm, start, end);
  return undefined;
}

function* freeTable(kernel: Kernel, gather: MmuGather, vma: Vma, start: number, end: number): Routine<void> {
  const { pageTables } = kernel;
  const table = pageTables.leafTable(vma.mm.root, start);
  const lock = kernel.ptLocks.of(table);
  if (!lock.acquireNow()) yield* lock.acquire();
  for (let va = start; va < end; va += 4096) {
    const slot = table * 512 + (Math.floor(va / 4096) % 512);
    const flags = pageTables.flags(slot);
    if (flags === Pte.None) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
    const frame = pageTables.frame(slot);
    if (isSwap(flags)) {
      pageTables.set(slot, Pte.None, 0);
      vma.mm.rss.swap--;
      freeSwapEntry(kernel, frame);
    } else if (isMapped(flags) && frame !== kernel.allocator.zeroPfn && markLazy(kernel, frame)) {
      pageTables.set(slot, flags & ~(Pte.Dirty | Pte.Accessed), frame);
      gather.track(va);
    }
  }
  lock.release();
}

/**
 * What the page holds beyond its ptes counts for all who have it: a page that is dirty, or of which swap has a copy, must be
 * this mm's alone. Otherwise a pte that stays dirty keeps the page for its owner.
 * @returns whether the page was marked. @locks Page-table lock. `folio_mark_lazyfree`
 */
function markLazy(kernel: Kernel, pfn: number): boolean {
  const { frames } = kernel;
  // On no list: somebody has isolated it, and decides about it now.
  if (!frames.has(pfn, FrameFlags.Anon) || !frames.has(pfn, FrameFlags.Lru)) return false;
  if (frames.has(pfn, FrameFlags.SwapCache | FrameFlags.Dirty) && !makeClean(kernel, pfn)) return false;
  frames.clear(pfn, FrameFlags.SwapBacked | FrameFlags.Referenced);
  kernel.lru.deactivate(pfn);
  return true;
}

function makeClean(kernel: Kernel, pfn: number): boolean {
  const { frames, swap } = kernel;
  if (!kernel.folioLocks.tryLock(pfn)) return false;
  const cached = frames.has(pfn, FrameFlags.SwapCache);
  const alone = frames.mapcount[pfn] === 1 && (!cached || swap.entries(frames.private[pfn]) === 0);
  if (alone && cached) deleteFromSwapCache(kernel, pfn);
  if (alone) frames.clear(pfn, FrameFlags.Dirty);
  kernel.folioLocks.unlock(pfn);
  return alone;
}

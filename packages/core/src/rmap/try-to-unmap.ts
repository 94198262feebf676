/**
 * Takes every mapping of a page away, for reclaim: an anonymous page leaves swap entries behind, a file page nothing.
 * One window of one page for each VMA that could map it, opened under the rmap lock and the folio lock, never under a
 * page-table lock, and before anybody looks whether the VMA does. Mirrors `try_to_unmap_one` (O19 of the notifier table);
 * in the world of 2008 drivers are told under the page-table lock (H2).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { removeRmap, rmapWalk, slotMapping } from './rmap.ts';

/**
 * @param locked - What becomes of memory that somebody locked.
 * @locks Folio lock held; an anonymous page is in the swap cache unless it is lazily freed.
 * @returns whether nothing maps the page any more.
 * @sleeps May.
 */
export function* tryToUnmap(kernel: Kernel, pfn: number, locked: 'stays' | 'goes too' = 'stays'): Routine<boolean> {
  yield* rmapWalk(kernel, pfn, function* (vma, va) {
    const unmapped = yield* unmapOne(kernel, pfn, vma, va, locked);
    return unmapped && kernel.frames.mapcount[pfn] > 0 ? 'go on' : 'stop';
  });
  return kernel.frames.mapcount[pfn] === 0;
}

/** @returns false where the mapping stays. */
function unmapOne(kernel: Kernel, pfn: number, vma: Vma, va: number, locked: 'stays' | 'goes too'): Routine<boolean> {
  const unmap = kernel.kconfig.MMU_NOTIFIER_SLEEPABLE ? unmapInWindow : unmapUnderLock;
  return unmap(kernel, pfn, vma, va, locked);
}

/** Since 2012: the page-table lock inside the window. */
function* unmapInWindow(
  kernel: Kernel,
  pfn: number,
  vma: Vma,
  va: number,
  locked: 'stays' | 'goes too',
): Routine<boolean> {
  const window = yield* openWindow(kernel, vma.mm, va, va + 4096, 'CLEAR');
  const slot = slotMapping(kernel, vma, va, pfn);
  let unmapped = true;
  if (slot >= 0) {
    const lock = kernel.ptLocks.ofSlot(slot);
    if (!lock.acquireNow()) yield* lock.acquire();
    if (slotMapping(kernel, vma, va, pfn) === slot) {
      const stays = locked === 'stays' && vma.has(VmFlags.Locked);
      unmapped = !stays && (yield* clearOne(kernel, pfn, vma, va, slot));
    }
    lock.release();
  }
  yield* closeWindow(kernel, window);
  return unmapped;
}

/** Up to 2012: the window inside the page-table lock, so that no callback may sleep. */
function* unmapUnderLock(
  kernel: Kernel,
  pfn: number,
  vma: Vma,
  va: number,
  locked: 'stays' | 'goes too',
): Routine<boolean> {
  const slot = slotMapping(kernel, vma, va, pfn);
  if (slot < 0) return true;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  let unmapped = true;
  if (slotMapping(kernel, vma, va, pfn) === slot) {
    unmapped = locked === 'goes too' || !vma.has(VmFlags.Locked);
    if (unmapped) {
      const window = yield* openWindow(kernel, vma.mm, va, va + 4096, 'CLEAR');
      unmapped = yield* clearOne(kernel, pfn, vma, va, slot);
      yield* closeWindow(kernel, window);
    }
  }
  lock.release();
  return unmapped;
}

/** @locks Page-table lock held. */
function* clearOne(kernel: Kernel, pfn: number, vma: Vma, va: number, slot: number): Routine<boolean> {
  const { frames, pageTables, swap } = kernel;
  if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
  // In one step with the clearing: a CPU may have set the dirty bit up to now.
  const flags = pageTables.flags(slot);
  pageTables.set(slot, Pte.None, 0);
  yield* kernel.tlbs.flushRange(vma.mm, va, va + 4096);
  if ((flags & Pte.Dirty) !== 0) frames.set(pfn, FrameFlags.Dirty);
  if (frames.has(pfn, FrameFlags.Anon)) {
    if (frames.has(pfn, FrameFlags.SwapCache)) {
      const exclusive = frames.has(pfn, FrameFlags.AnonExclusive) ? Pte.SwapExclusive : 0;
      frames.clear(pfn, FrameFlags.AnonExclusive);
      swap.duplicate(frames.private[pfn]);
      pageTables.set(slot, Pte.Swap | exclusive, frames.private[pfn]);
      vma.mm.rss.swap++;
    } else if (frames.has(pfn, FrameFlags.Dirty) || kernel.allocator.references(pfn) !== 1 + frames.mapcount[pfn]) {
      // Lazily freed, but written again or referenced: it must stay.
      frames.set(pfn, FrameFlags.SwapBacked);
      pageTables.set(slot, flags, pfn);
      return false;
    }
    vma.mm.rss.anon--;
  } else {
    vma.mm.rss[frames.has(pfn, FrameFlags.SwapBacked) ? 'shmem' : 'file']--;
  }
  removeRmap(kernel, pfn);
  kernel.allocator.put(pfn);
  return true;
}

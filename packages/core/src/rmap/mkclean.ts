/**
 * Before a page of a shared file mapping is written back, every writable mapping of it becomes read-only and clean: what
 * is stored later faults and dirties the page again. Secondary MMUs lose write permission by the same window.
 * Mirrors `page_vma_mkclean_one` (O18).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { Vma } from '../mm/vma.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { rmapWalk, slotMapping } from './rmap.ts';

/** @locks Folio lock held. @sleeps May. */
export function* folioMkclean(kernel: Kernel, pfn: number): Routine<void> {
  yield* rmapWalk(kernel, pfn, function* (vma, va) {
    if (vma.shared) yield* cleanOne(kernel, pfn, vma, va);
    return 'go on';
  });
}

function* cleanOne(kernel: Kernel, pfn: number, vma: Vma, va: number): Routine<void> {
  const { pageTables } = kernel;
  const slot = slotMapping(kernel, vma, va, pfn);
  if (slot < 0 || (pageTables.flags(slot) & (Pte.Writable | Pte.Dirty)) === 0) return;
  const window = yield* openWindow(kernel, vma.mm, va, va + 4096, 'PROTECTION_PAGE');
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (slotMapping(kernel, vma, va, pfn) === slot) {
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
    // In one step with the clearing: a CPU may have set the dirty bit up to now.
    const flags = pageTables.flags(slot);
    pageTables.set(slot, Pte.None, 0);
    yield* kernel.tlbs.flushRange(vma.mm, va, va + 4096);
    if ((flags & Pte.Dirty) !== 0) kernel.frames.set(pfn, FrameFlags.Dirty);
    pageTables.set(slot, flags & ~(Pte.Writable | Pte.Dirty), pfn);
  }
  lock.release();
  yield* closeWindow(kernel, window);
}

/**
 * Before a page of a shared file mapping is written back, every writable mapping of it becomes read-only and clean: what
 * is stored later faults and dirties the page again. Secondary MMUs lose write permission by the same window. It is opened
 * before anybody looks at the pte: also for a mapping that turns out not to have the page, or to have it clean.
 * Mirrors `folio_mkclean` and `page_vma_mkclean_one` (O18).
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
  if (kernel.frames.mapcount[pfn] === 0) return;
  yield* rmapWalk(kernel, pfn, function* (vma, va) {
    if (vma.shared) yield* cleanOne(kernel, pfn, vma, va);
    return 'go on';
  });
}

function* cleanOne(kernel: Kernel, pfn: number, vma: Vma, va: number): Routine<void> {
  const window = yield* openWindow(kernel, vma.mm, va, va + 4096, 'PROTECTION_PAGE');
  const slot = slotMapping(kernel, vma, va, pfn);
  if (slot >= 0) yield* cleanPte(kernel, pfn, vma, va, slot);
  yield* closeWindow(kernel, window);
}

function* cleanPte(kernel: Kernel, pfn: number, vma: Vma, va: number, slot: number): Routine<void> {
  const { pageTables } = kernel;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  const mapped = slotMapping(kernel, vma, va, pfn) === slot;
  if (mapped && (pageTables.flags(slot) & (Pte.Writable | Pte.Dirty)) !== 0) {
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
    // In one step with the clearing: a CPU may have set the dirty bit up to now.
    const flags = pageTables.flags(slot);
    pageTables.set(slot, Pte.None, 0);
    yield* kernel.tlbs.flushRange(vma.mm, va, va + 4096);
    if ((flags & Pte.Dirty) !== 0) kernel.frames.set(pfn, FrameFlags.Dirty);
    pageTables.set(slot, flags & ~(Pte.Writable | Pte.Dirty), pfn);
  }
  lock.release();
}

/**
 * Clearing the ptes of a range: the work that munmap, DONTNEED, truncate and exit share. Pages go to the gather, which
 * frees them after the flush. Mirrors `zap_pte_range` and `zap_page_range_single` of `mm/memory.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { removeRmap } from '../rmap/rmap.ts';
import { freeSwapEntry } from '../swap/swap-cache.ts';
import { PMD_SIZE } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import type { Vma } from './vma.ts';

/** What becomes of the pages that copy-on-write made: a hole in the file below leaves them. `even_cows` */
export type PrivateCopies = 'zap' | 'keep';

/** One range of one VMA in a CLEAR window of its own. @locks mmapLock, or the file's i_mmap lock. @sleeps May. */
export function* zapVmaRange(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  copies: PrivateCopies = 'zap',
): Routine<void> {
  const gather = beginGather(kernel, vma.mm);
  const window = yield* openWindow(kernel, vma.mm, start, end, 'CLEAR');
  yield* zapPtes(kernel, gather, vma, start, end, copies);
  yield* closeWindow(kernel, window);
  yield* gather.finish();
}

/**
 * The gather of an unmap, begun before its window. In the world of 2008 it is the CPU's, so nothing in the window may sleep;
 * since 3.0 it is the task's own. `tlb_gather_mmu`
 */
export function beginGather(kernel: Kernel, mm: MmStruct): MmuGather {
  const perCpu = kernel.kconfig.MMU_NOTIFIER_SLEEPABLE ? undefined : kernel.scheduler;
  return new MmuGather(mm, kernel.tlbs, kernel.allocator, perCpu);
}

/** Inside a window that the caller has opened. @locks As `zapVmaRange`; takes page-table locks. */
export function* zapPtes(
  kernel: Kernel,
  gather: MmuGather,
  vma: Vma,
  start: number,
  end: number,
  copies: PrivateCopies = 'zap',
): Routine<void> {
  const { pageTables } = kernel;
  const { root } = vma.mm;
  let va = pageTables.nextLeaf(root, start, end);
  while (va < end) {
    const tableEnd = Math.min(end, (Math.floor(va / PMD_SIZE) + 1) * PMD_SIZE);
    va = yield* zapTable(kernel, gather, vma, va, tableEnd, copies);
    va = pageTables.nextLeaf(root, va, end);
  }
}

/** The ptes of one table. @returns where it stopped: earlier than `end` when the batch was full. */
function* zapTable(
  kernel: Kernel,
  gather: MmuGather,
  vma: Vma,
  start: number,
  end: number,
  copies: PrivateCopies,
): Routine<number> {
  const { scheduler, frames, pageTables } = kernel;
  const { memory } = kernel.allocator;
  const table = pageTables.leafTable(vma.mm.root, start);
  const words = memory.words(table);
  const offset = memory.wordOffset(table);
  const lock = kernel.ptLocks.of(table);
  const delayed: number[] = [];
  let full = false;
  let va = start;
  if (!lock.acquireNow()) yield* lock.acquire();
  for (let index = (start / 4096) & 511; va < end && !full; va += 4096, index++) {
    // `private` counts the entries that are not none: the rest of the table costs nothing.
    if (frames.private[table] === 0) {
      va = end;
      break;
    }
    const flags = words[offset + index * 2];
    if (flags === Pte.None || (copies === 'keep' && isCopy(kernel, flags, words[offset + index * 2 + 1]))) continue;
    const slot = table * 512 + index;
    if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
    full = zapPte(kernel, gather, vma, va, slot, delayed);
  }
  if (delayed.length > 0) {
    // Dirty shared pages: no CPU may hold a writable entry once mkclean cannot find the mapping any more.
    yield* gather.flushTlb();
    for (const pfn of delayed) removeRmap(kernel, pfn);
  }
  lock.release();
  if (full) yield* gather.flush();
  return va;
}

/** A page of the process's own, here or in swap. */
function isCopy(kernel: Kernel, flags: number, frame: number): boolean {
  return isSwap(flags) || (isMapped(flags) && kernel.frames.has(frame, FrameFlags.Anon));
}

/** @locks Page-table lock held. @returns whether the gather's batch is full. */
function zapPte(kernel: Kernel, gather: MmuGather, vma: Vma, va: number, slot: number, delayed: number[]): boolean {
  const { pageTables, frames } = kernel;
  const { rss } = vma.mm;
  const flags = pageTables.flags(slot);
  const frame = pageTables.frame(slot);
  pageTables.set(slot, Pte.None, 0);
  if (isSwap(flags)) {
    rss.swap--;
    freeSwapEntry(kernel, frame);
    return false;
  }
  if (!isMapped(flags)) return false;
  if (frame === kernel.allocator.zeroPfn || (flags & Pte.Special) !== 0) {
    gather.track(va);
    return false;
  }
  if (frames.has(frame, FrameFlags.Anon)) rss.anon--;
  else {
    rss[frames.has(frame, FrameFlags.SwapBacked) ? 'shmem' : 'file']--;
    if ((flags & Pte.Accessed) !== 0) kernel.lru.markAccessed(frame);
  }
  if ((flags & Pte.Dirty) !== 0 && !frames.has(frame, FrameFlags.Anon)) {
    frames.set(frame, FrameFlags.Dirty);
    delayed.push(frame);
  } else {
    removeRmap(kernel, frame);
  }
  return gather.queuePage(va, frame);
}

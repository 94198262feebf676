/**
 * MADV_COLD and MADV_PAGEOUT: pages that only this mapping has look unused, or are reclaimed at once. The walk itself
 * tells no secondary MMU (O13, O14); reclaim does, page by page, through the reverse map. Mirrors
 * `madvise_cold_or_pageout_pte_range`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { Pte } from '../page-table/pte.ts';
import { reclaimList } from '../reclaim/shrink-inactive.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { PMD_SIZE } from '../types.ts';
import { VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** @locks mmapLock held for reading. @returns EINVAL for locked memory. @sleeps May. */
export function* ageRange(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  advice: 'cold' | 'pageout',
): Routine<Errno | undefined> {
  if (vma.has(VmFlags.Locked | VmFlags.PfnMap)) return 'EINVAL';
  const { pageTables } = kernel;
  const gather = new MmuGather(vma.mm, kernel.tlbs, kernel.allocator);
  for (let va = pageTables.nextLeaf(vma.mm.root, start, end); va < end;) {
    const stop = Math.min(end, (Math.floor(va / PMD_SIZE) + 1) * PMD_SIZE);
    const pages = yield* ageTable(kernel, gather, vma, va, stop, advice);
    yield* reclaimList(kernel, pages);
    va = pageTables.nextLeaf(vma.mm.root, stop, end);
  }
  yield* gather.finish();
  return undefined;
}

/** @returns the pages to reclaim, each with a reference of ours. */
function* ageTable(
  kernel: Kernel,
  gather: MmuGather,
  vma: Vma,
  start: number,
  end: number,
  advice: 'cold' | 'pageout',
): Routine<number[]> {
  const { pageTables, frames, lru } = kernel;
  const isolated: number[] = [];
  const table = pageTables.leafTable(vma.mm.root, start);
  const lock = kernel.ptLocks.of(table);
  yield* lock.acquire();
  for (let va = start; va < end; va += 4096) {
    const slot = table * 512 + (Math.floor(va / 4096) % 512);
    const flags = pageTables.flags(slot);
    const pfn = pageTables.frame(slot);
    if (kernel.scheduler.preemptive && flags !== Pte.None) yield point(PointKind.PteStore, slot);
    if ((flags & (Pte.Present | Pte.ProtNone)) === 0 || !frames.has(pfn, FrameFlags.Lru) || frames.mapcount[pfn] !== 1)
      continue;
    frames.clear(pfn, FrameFlags.Referenced);
    if (advice === 'pageout') {
      kernel.allocator.get(pfn);
      isolated.push(pfn);
      continue;
    }
    if ((flags & Pte.Accessed) !== 0) {
      pageTables.setBits(slot, 0, Pte.Accessed);
      gather.track(va);
    }
    lru.deactivate(pfn);
  }
  lock.release();
  return isolated;
}

/** The oldest active pages become inactive. Mirrors `shrink_active_list`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { folioReferenced } from '../rmap/referenced.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Lruvec, PageKind } from './lruvec.ts';
import type { ScanControl } from './scan-control.ts';

/**
 * Their accessed bits are taken, so that the next look tells what happened since. Program text that was used stays.
 *
 * @locks As `reclaimPages`. @sleeps May.
 */
export function* shrinkActive(
  kernel: Kernel,
  control: ScanControl,
  lruvec: Lruvec,
  kind: PageKind,
  pages: number,
): Routine<void> {
  const { active } = lruvec[kind];
  let rotated = 0;
  for (let i = 0; i < pages; i++) {
    const pfn = active.last;
    if (pfn < 0) break;
    control.scanned++;
    if (yield* deactivateOne(kernel, pfn)) rotated++;
    if (kernel.scheduler.preemptive) yield point(PointKind.Explicit, 0);
  }
  lruvec.noteCost(kind, 0, rotated);
}

/** @returns whether it stays active. */
function* deactivateOne(kernel: Kernel, pfn: number): Routine<boolean> {
  const { lru, frames, allocator, folioLocks } = kernel;
  lru.remove(pfn);
  allocator.get(pfn);
  let stays = false;
  // Without the lock nobody can be asked: the page's turn comes again on the inactive list.
  if (frames.mapcount[pfn] > 0 && folioLocks.tryLock(pfn)) {
    const { ptes, vmFlags } = yield* folioReferenced(kernel, pfn);
    stays = ptes > 0 && (vmFlags & VmFlags.Exec) !== 0 && lru.kindOf(pfn) === 'file';
    folioLocks.unlock(pfn);
  }
  if (!stays) {
    frames.clear(pfn, FrameFlags.Active);
    frames.set(pfn, FrameFlags.Workingset);
    kernel.stats.reclaim['deactivated']++;
  }
  lru.add(pfn);
  allocator.freeSwapCache(pfn);
  allocator.put(pfn);
  return stays;
}

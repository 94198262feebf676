/**
 * Reclaim: passes over the lists with rising urgency until enough is free. Mirrors `shrink_lruvec` and
 * `do_try_to_free_pages` of `mm/vmscan.c`; the classic lists, not the multi-generational ones.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { type Lruvec, type PageKind, inactiveIsLow } from './lruvec.ts';
import { scanCounts } from './scan-balance.ts';
import { FIRST_PRIORITY, type ReclaimReason, SCAN_BATCH, type ScanControl, scanControl } from './scan-control.ts';
import { shrinkActive } from './shrink-active.ts';
import { shrinkInactive } from './shrink-inactive.ts';

/** Rounds without a page before a user who asked is told. `MAX_RECLAIM_RETRIES` */
const VAIN_ROUNDS = 16;

/**
 * @locks None of the rmap locks, no page-table lock. The caller may hold mmapLock and folio locks: others are tried only.
 * @returns how many frames were freed.
 * @sleeps May.
 */
export function* reclaimPages(kernel: Kernel, reason: ReclaimReason, pages: number): Routine<number> {
  const control = scanControl(reason, pages);
  kernel.tracer?.reclaimBegan?.(pages);
  yield* allPriorities(kernel, control);
  if (control.freed === 0 && control.skippedDeactivate) {
    control.forceDeactivate = true;
    yield* allPriorities(kernel, control);
  }
  for (const lruvec of kernel.lru.all) lruvec.seeActivations();
  kernel.tracer?.reclaimEnded?.(control.freed);
  return control.freed;
}

/** For a user who wants pages freed, whatever uses them. @returns how many frames were freed. @sleeps May. */
export function* reclaimProactively(kernel: Kernel, pages: number): Routine<number> {
  let freed = 0;
  kernel.lockdep.enterReclaim();
  for (let vain = 0; freed < pages && vain < VAIN_ROUNDS;) {
    const more = yield* reclaimPages(kernel, 'proactive', pages - freed);
    freed += more;
    if (more === 0) vain++;
  }
  kernel.lockdep.leaveReclaim();
  return freed;
}

function* allPriorities(kernel: Kernel, control: ScanControl): Routine<void> {
  for (control.priority = FIRST_PRIORITY; control.priority >= 0; control.priority--) {
    if (control.freed >= control.target) return;
    yield* shrinkNode(kernel, control);
  }
}

/** One pass at one priority over the lists of the cgroup, or over all that there are. `shrink_node_memcgs` */
export function* shrinkNode(kernel: Kernel, control: ScanControl): Routine<void> {
  const { root, cgroup } = kernel.lru;
  if (control.reason !== 'cgroup') yield* shrinkLists(kernel, control, root);
  if (cgroup !== undefined) yield* shrinkLists(kernel, control, cgroup);
}

/** The lists in turn. `shrink_lruvec` */
function* shrinkLists(kernel: Kernel, control: ScanControl, lruvec: Lruvec): Routine<void> {
  const left = scanCounts(kernel, control, lruvec);
  const batch = (list: keyof typeof left): number => {
    const pages = Math.min(left[list], SCAN_BATCH);
    left[list] -= pages;
    return pages;
  };
  while (left.inactiveAnon + left.activeFile + left.inactiveFile > 0) {
    yield* shrinkInactive(kernel, control, lruvec, 'anon', batch('inactiveAnon'));
    yield* maybeShrinkActive(kernel, control, lruvec, 'anon', batch('activeAnon'));
    yield* shrinkInactive(kernel, control, lruvec, 'file', batch('inactiveFile'));
    yield* maybeShrinkActive(kernel, control, lruvec, 'file', batch('activeFile'));
    if (control.freed >= control.target) break;
  }
  // Anonymous pages age even while only file pages are scanned.
  if (kernel.swap.hasRoom && inactiveIsLow(lruvec.anon))
    yield* shrinkActive(kernel, control, lruvec, 'anon', SCAN_BATCH);
}

function* maybeShrinkActive(
  kernel: Kernel,
  control: ScanControl,
  lruvec: Lruvec,
  kind: PageKind,
  pages: number,
): Routine<void> {
  if (pages === 0) return;
  if (kind === 'anon' ? control.deactivateAnon : control.deactivateFile)
    yield* shrinkActive(kernel, control, lruvec, kind, pages);
  else control.skippedDeactivate = true;
}

/**
 * Moving a mapping: a second VMA over the same pages, the ptes carried over, the old range unmapped. Only the source is
 * notified; the destination is empty. The source is flushed before its page-table lock is dropped: otherwise a page
 * freed through the new address could still be reached through the old one (CVE-2018-18281). (O31)
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { ensureTables } from '../fault/page-tables.ts';
import type { Kernel } from '../kernel.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { PMD_SIZE } from '../types.ts';
import { MAX_MAP_COUNT } from './mm-struct.ts';
import { munmapLocked } from './munmap.ts';
import { VmFlags } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { startVmaWrite } from './vma-lock.ts';
import { linkVma, mergeWithNeighbours, unlinkAnon } from './vma-ops.ts';

export interface Move {
  readonly from: number;
  readonly to: number;
  readonly oldLength: number;
  readonly newLength: number;
  /** `MREMAP_DONTUNMAP` */
  readonly keepOld: boolean;
}

/** @locks mmapLock held for writing. @sleeps May. */
export function* moveVma(kernel: Kernel, vma: Vma, move: Move): Routine<number | Errno> {
  const { mm } = vma;
  const { from, to, oldLength, newLength, keepOld } = move;
  if (mm.vmas.size >= MAX_MAP_COUNT - 3) return 'ENOMEM';
  yield* startVmaWrite(kernel, vma);
  // Untouched anonymous memory takes the offset of its new place, so that it can merge there.
  const fresh = vma.file === undefined && vma.anonVma === undefined;
  const pgoff = fresh ? to / 4096 : vma.pgoff + (from - vma.start) / 4096;
  const copy = new Vma(mm, to, to + newLength, vma.flags, vma.file, pgoff);
  copy.anonVma = vma.anonVma;
  const anonVma = vma.anonVmaChain[0]?.anonVma;
  if (anonVma) {
    if (!anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
    kernel.anonVmas.clone(copy, vma);
    anonVma.lock.releaseWrite();
  }
  yield* linkVma(copy);
  kernel.observer?.contentsChanging(mm, from, from + oldLength);
  kernel.observer?.contentsChanging(mm, to, to + oldLength);
  // What a driver has mapped stays behind: the copy is no window of it, and nobody could take it away there.
  const error = vma.device === undefined ? yield* movePageTables(kernel, vma, copy, from, to, oldLength) : undefined;
  if (error !== undefined) {
    yield* moveBack(kernel, vma, copy, move);
    return error;
  }
  kernel.observer?.moved(mm, from, to, oldLength);
  if (newLength > oldLength) {
    const tail = pgoff + oldLength / 4096;
    kernel.observer?.mapped(mm, to + oldLength, to + newLength, vma.file, tail, vma.shared);
  }
  if (!keepOld && oldLength > 0) yield* munmapLocked(kernel, mm, from, oldLength);
  if (keepOld) kernel.observer?.mapped(mm, from, from + oldLength, vma.file, vma.indexOf(from), vma.shared);
  yield* mergeWithNeighbours(kernel, copy);
  if (keepOld) yield* forgetMoved(kernel, mm.vmas.at(from) as Vma, move);
  return to;
}

/** All of the old VMA, also where it is longer than what moved, or one with the copy by now. `dontunmap_complete` */
function* forgetMoved(kernel: Kernel, old: Vma, { from, oldLength }: Move): Routine<void> {
  old.flags &= ~VmFlags.Locked;
  if (old.start === from && old.end === from + oldLength) yield* unlinkAnon(kernel, old);
}

/** No memory for a table at the destination: what has moved goes back, where its tables still are. */
function* moveBack(kernel: Kernel, vma: Vma, copy: Vma, { from, to, oldLength, newLength }: Move): Routine<void> {
  yield* movePageTables(kernel, copy, vma, to, from, oldLength);
  kernel.observer?.contentsUnchanged(vma.mm, from, from + oldLength);
  yield* munmapLocked(kernel, vma.mm, to, newLength);
}

function* movePageTables(
  kernel: Kernel,
  old: Vma,
  copy: Vma,
  from: number,
  to: number,
  length: number,
): Routine<Errno | undefined> {
  const { pageTables } = kernel;
  const { root } = old.mm;
  if (length === 0) return undefined;
  const window = yield* openWindow(kernel, old.mm, from, from + length, 'UNMAP');
  let error: Errno | undefined;
  for (let va = pageTables.nextLeaf(root, from, from + length); va < from + length;) {
    const target = to + (va - from);
    const untilTable = Math.min(PMD_SIZE - (va % PMD_SIZE), PMD_SIZE - (target % PMD_SIZE));
    const extent = Math.min(untilTable, from + length - va);
    if ((yield* ensureTables(kernel, old.mm, target)) < 0) {
      error = 'ENOMEM';
      break;
    }
    yield* moveTable(kernel, old, copy, va, target, extent);
    va = pageTables.nextLeaf(root, va + extent, from + length);
  }
  yield* closeWindow(kernel, window);
  return error;
}

/** One stretch inside one source and one target table, under the rmap locks: a walk must not miss the page in both. */
function* moveTable(kernel: Kernel, old: Vma, copy: Vma, va: number, target: number, extent: number): Routine<void> {
  const { pageTables } = kernel;
  const anonVma = copy.anonVma;
  if (old.file && !old.file.iMmapLock.acquireWriteNow()) yield* old.file.iMmapLock.acquireWrite();
  if (anonVma && !anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
  const source = pageTables.walk(old.mm.root, va);
  const destination = pageTables.walk(old.mm.root, target);
  const oldLock = kernel.ptLocks.ofSlot(source);
  const newLock = kernel.ptLocks.ofSlot(destination);
  if (!oldLock.acquireNow()) yield* oldLock.acquire();
  if (newLock !== oldLock && !newLock.acquireNow('nested')) yield* newLock.acquire('nested');
  // With nobody who looks in between or at each entry, all go at once.
  const stepwise = kernel.scheduler.preemptive || pageTables.observer !== undefined;
  if (!stepwise) pageTables.move(source, destination, extent / 4096);
  for (let i = 0; stepwise && i < extent / 4096; i++) {
    if (pageTables.flags(source + i) === Pte.None) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, source + i);
    // In one step with the clearing: a CPU may have set accessed or dirty up to now.
    const flags = pageTables.flags(source + i);
    const frame = pageTables.frame(source + i);
    pageTables.set(source + i, Pte.None, 0);
    pageTables.set(destination + i, flags, frame);
  }
  yield* kernel.tlbs.flushRange(old.mm, va, va + extent);
  if (newLock !== oldLock) newLock.release();
  oldLock.release();
  if (anonVma) anonVma.lock.releaseWrite();
  if (old.file) old.file.iMmapLock.releaseWrite();
}

/**
 * A write to a page that is present but read-only: reused where nobody else has it, marked dirty where it is shared by
 * design, copied otherwise. The copy is the one fault that notifies, because the pfn changes; so does replacing the zero
 * page. Mirrors `do_wp_page` and `wp_page_copy` (O5 to O7).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { Pte, isMapped } from '../page-table/pte.ts';
import { addNewAnonRmap, removeRmap } from '../rmap/rmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { deleteFromSwapCache } from '../swap/swap-cache.ts';
import { countFault } from '../tracing/count-fault.ts';
import { prepareAnonVma } from './anon-vma-prepare.ts';
import { pteProt } from './anonymous.ts';
import type { Fault, FaultResult } from './handle-fault.ts';

export function* writeProtectFault(kernel: Kernel, fault: Fault): Routine<FaultResult> {
  const { slot, vma } = fault;
  const { pageTables, allocator } = kernel;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  const flags = pageTables.flags(slot);
  if (!isMapped(flags) || (flags & Pte.Writable) !== 0) {
    lock.release();
    return 'done';
  }
  const pfn = pageTables.frame(slot);
  if (vma.shared) {
    yield* makeWritable(kernel, fault, flags, pfn);
    allocator.get(pfn);
    lock.release();
    yield* dirtyShared(kernel, pfn);
    return 'done';
  }
  if (canReuse(kernel, pfn)) {
    if (fault.access === 'unshare') kernel.frames.set(pfn, FrameFlags.AnonExclusive);
    else yield* makeWritable(kernel, fault, flags, pfn);
    lock.release();
    return 'done';
  }
  if (pfn !== allocator.zeroPfn) allocator.get(pfn);
  lock.release();
  const result = yield* copyPage(kernel, fault, pfn);
  if (pfn !== allocator.zeroPfn) allocator.put(pfn);
  return result;
}

/** Same page, more permission: no notification, a secondary translation is only stricter. @locks Page-table lock. */
function* makeWritable(kernel: Kernel, fault: Fault, flags: number, pfn: number): Routine<void> {
  const { vma, va, slot } = fault;
  if (vma.shared) countFault(kernel, 'sharedWrite');
  else {
    countFault(kernel, 'reuse');
    kernel.frames.set(pfn, FrameFlags.AnonExclusive | FrameFlags.SwapBacked);
  }
  if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
  kernel.pageTables.set(slot, flags | Pte.Writable | Pte.Dirty | Pte.Accessed, pfn);
  kernel.tlbs.flushLocal(kernel.scheduler.current.cpu, vma.mm, va / 4096);
}

/**
 * Under the folio lock: a writeback that did not find the pte writable clears the mark before this sets it, never after.
 * Drops the caller's reference. @sleeps May. `fault_dirty_shared_page`
 */
function* dirtyShared(kernel: Kernel, pfn: number): Routine<void> {
  const { folioLocks, frames, allocator } = kernel;
  if (!folioLocks.tryLock(pfn)) yield* folioLocks.lock(pfn);
  frames.set(pfn, FrameFlags.Dirty);
  folioLocks.unlock(pfn);
  allocator.put(pfn);
}

/** Whether only this pte has the anonymous page. @locks Page-table lock. `wp_can_reuse_anon_folio` */
function canReuse(kernel: Kernel, pfn: number): boolean {
  const { allocator, frames, swap, folioLocks } = kernel;
  if (!frames.has(pfn, FrameFlags.Anon)) return false;
  if (frames.has(pfn, FrameFlags.AnonExclusive)) return true;
  if (allocator.references(pfn) > (frames.has(pfn, FrameFlags.SwapCache) ? 2 : 1)) return false;
  if (!folioLocks.tryLock(pfn)) return false;
  if (frames.has(pfn, FrameFlags.SwapCache) && swap.entries(frames.private[pfn]) === 0)
    deleteFromSwapCache(kernel, pfn);
  const alone = allocator.references(pfn) === 1;
  folioLocks.unlock(pfn);
  return alone;
}

function* copyPage(kernel: Kernel, fault: Fault, old: number): Routine<FaultResult> {
  const { vma, va, slot } = fault;
  const { allocator, pageTables } = kernel;
  if (vma.anonVma === undefined && !(yield* prepareAnonVma(kernel, vma, fault.held))) return 'retry';
  let copy = allocator.allocateNow();
  if (copy < 0) copy = yield* allocator.allocate();
  if (copy < 0) return 'oom';
  allocator.copy(copy, old);
  const window = vma.mm.notifiers === undefined ? undefined : yield* openWindow(kernel, vma.mm, va, va + 4096, 'CLEAR');
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  const flags = pageTables.flags(slot);
  const same = isMapped(flags) && (flags & Pte.Writable) === 0 && pageTables.frame(slot) === old;
  if (same) yield* replacePage(kernel, fault, old, copy);
  lock.release();
  if (window !== undefined) yield* closeWindow(kernel, window);
  // The reference that the old pte had; for a lost race, the copy.
  if (!same) allocator.put(copy);
  else if (old !== allocator.zeroPfn) {
    allocator.freeSwapCache(old);
    allocator.put(old);
  }
  return 'done';
}

/** Through non-present and a flush, so that no two CPUs see two pages; the old rmap goes last. @locks Page-table lock. */
function* replacePage(kernel: Kernel, fault: Fault, old: number, copy: number): Routine<void> {
  const { vma, va, slot } = fault;
  const { pageTables, frames, scheduler } = kernel;
  countFault(kernel, 'copyOnWrite');
  if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
  pageTables.set(slot, Pte.None, 0);
  if (scheduler.preemptive) yield point(PointKind.TlbFlush, vma.mm.asid);
  kernel.tlbs.flushNow(vma.mm, va, va + 4096);
  // Nobody wrote through the old pte after we copied: it was read-only for everyone.
  addNewAnonRmap(kernel, copy, vma, va);
  kernel.lru.add(copy);
  if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
  const writable = fault.access === 'write' && vma.has(VmFlags.Write) ? Pte.Writable | Pte.Dirty : 0;
  pageTables.set(slot, pteProt(vma) | Pte.Accessed | writable, copy);
  kernel.observer?.copied(vma.mm, va, copy);
  if (old === kernel.allocator.zeroPfn) vma.mm.rss.anon++;
  else if (!frames.has(old, FrameFlags.Anon)) {
    vma.mm.rss[frames.has(old, FrameFlags.SwapBacked) ? 'shmem' : 'file']--;
    vma.mm.rss.anon++;
  }
  removeRmap(kernel, old);
}

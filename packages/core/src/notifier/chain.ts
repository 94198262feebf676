/**
 * The chain: before a pte loses its page or a permission, every secondary MMU of the mm is told, and again when the
 * change is done. Between the two a *window* is open. Mirrors `mm/mmu_notifier.c` of Linux 6.x, list part.
 *
 * Protocol of a caller: hold mmapLock, an i_mmap lock, an anon_vma lock or a folio lock that is tied to the mm; open the
 * window before taking a page-table lock; recheck the pte under the lock; close the window after dropping it.
 */
import type { NotifierEvent, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { hex } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { HeldLock } from '../locking/lockdep.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { NotifierWindow, Subscription } from './subscriptions.ts';

/** Lockdep's stand-in for "inside a start or end": ties every lock a callback takes to the locks of its callers. */
const NOTIFIER_MAP: HeldLock = { name: 'mmu_notifier_invalidate_range_start', lockClass: LockClasses.notifierMap };
/** Locks that keep registration out while a window is open. */
const WINDOW_LOCKS = [LockClasses.mmap, LockClasses.iMmap, LockClasses.anonVma, LockClasses.folio];

/**
 * `mmu_notifier_invalidate_range_start`: answers the open window, or `undefined` when nobody listens.
 *
 * @sleeps May.
 */
export function* openWindow(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  event: NotifierEvent,
): Routine<NotifierWindow | undefined> {
  if (mm.notifiers === undefined) return undefined;
  const { scheduler, lockdep } = kernel;
  scheduler.mightSleep('invalidate range start');
  lockdep.check(NOTIFIER_MAP);
  if (!WINDOW_LOCKS.some((lockClass) => lockdep.holdsClass(lockClass))) {
    scheduler.fail(
      'unprotected-window',
      `a window over ${hex(start)} is opened without a lock that holds registration back`,
    );
  }
  const window: NotifierWindow = {
    mm,
    start: start as VirtualAddress,
    end: end as VirtualAddress,
    event,
    blockable: true,
    told: [],
  };
  kernel.stats.notifierEvents[event]++;
  kernel.tracer?.windowOpened?.(mm.id, start, end, event);
  mm.windows.push(window);
  const token = kernel.notifierSrcu.readLock();
  for (const subscription of mm.notifiers.list) {
    if (scheduler.preemptive) yield point(PointKind.CallbackStart, mm.id);
    subscription.openStarts++;
    yield* callStart(kernel, subscription, window);
    window.told.push(subscription);
    kernel.observer?.startReturned(subscription, window);
  }
  kernel.notifierSrcu.readUnlock(token);
  return window;
}

function* callStart(kernel: Kernel, { ops, owner }: Subscription, window: NotifierWindow): Routine<void> {
  if (ops.invalidateRangeStart === undefined) return;
  const { start, end, event, mm } = window;
  kernel.tracer?.invalidationBegan?.(owner, mm.id, start, end, event);
  const task = kernel.scheduler.current;
  const outer = task.invalidating;
  task.invalidating = window;
  kernel.stats.notifier['starts']++;
  const answer = yield* ops.invalidateRangeStart(window);
  task.invalidating = outer;
  kernel.tracer?.invalidationEnded?.(owner);
  if (answer === 'EAGAIN') {
    kernel.scheduler.fail('refused-blockable', `${owner} refuses a blockable invalidation of ${hex(window.start)}`);
  }
}

/** `mmu_notifier_invalidate_range_end`. @sleeps May. */
export function* closeWindow(kernel: Kernel, window: NotifierWindow | undefined): Routine<void> {
  if (window === undefined) return;
  const { mm } = window;
  kernel.lockdep.check(NOTIFIER_MAP);
  mm.windows.splice(mm.windows.indexOf(window), 1);
  const token = kernel.notifierSrcu.readLock();
  for (const subscription of mm.notifiers?.list ?? []) {
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackEnd, mm.id);
    if (!subscription.linked) continue;
    if (--subscription.openStarts < 0) {
      const range = `[${hex(window.start)}, ${hex(window.end)})`;
      kernel.scheduler.fail('notifier-imbalance', `${subscription.owner} gets an end of ${range} without its start`);
    }
    if (subscription.ops.invalidateRangeEnd === undefined) continue;
    kernel.stats.notifier['ends']++;
    yield* subscription.ops.invalidateRangeEnd(window);
  }
  kernel.notifierSrcu.readUnlock(token);
  kernel.tracer?.windowClosed?.(mm.id, window.start, window.end, window.event);
}

/**
 * `mmu_notifier_clear_flush_young`: asks every subscriber, never stops early.
 *
 * @locks Page-table lock held. @sleeps Never.
 */
export function* clearFlushYoung(kernel: Kernel, mm: MmStruct, start: number, end: number): Routine<boolean> {
  if (mm.notifiers === undefined) return false;
  let young = false;
  const token = kernel.notifierSrcu.readLock();
  for (const { ops } of mm.notifiers.list) {
    if (ops.clearFlushYoung === undefined) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackYoung, mm.id);
    kernel.stats.notifier['young']++;
    if (yield* ops.clearFlushYoung(mm, start as VirtualAddress, end as VirtualAddress)) young = true;
  }
  kernel.notifierSrcu.readUnlock(token);
  kernel.tracer?.aged?.(mm.id, start, end, young);
  return young;
}

/** `mmu_notifier_arch_invalidate_secondary_tlbs`: with every flush of the CPU's TLBs. @sleeps Never. */
export function flushSecondaryTlbs(mm: MmStruct, start: number, end: number): void {
  for (const { ops } of mm.notifiers?.list ?? []) {
    ops.archInvalidateSecondaryTlbs?.(mm, start as VirtualAddress, end as VirtualAddress);
  }
}

/**
 * Joining and leaving a chain. The object that a registration makes is the driver's identity on the mm; it holds one
 * `count` of the mm. Mirrors `mmu_notifier_register`, `_unregister`, `_get`, `_put` of `mm/mmu_notifier.c`.
 */
import type { Errno, MmuNotifierOps, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { checkHookLocks } from '../locking/hook-locks.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { TASK_SIZE } from '../types.ts';
import { endIntervals, startIntervals } from './interval-dispatch.ts';
import type { IntervalSubscriptions } from './intervals.ts';
import { NotifierSubscriptions, Subscription } from './subscriptions.ts';

/** @locks Takes mmapLock for writing, then all locks of the mm. @sleeps May. */
export function* register(
  kernel: Kernel,
  mm: MmStruct,
  ops: MmuNotifierOps,
  owner: string,
): Routine<Subscription | Errno> {
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  const result = yield* registerLocked(kernel, mm, ops, owner);
  mm.mmapLock.releaseWrite();
  return result;
}

/** @locks mmapLock held for writing. */
export function* registerLocked(
  kernel: Kernel,
  mm: MmStruct,
  ops: MmuNotifierOps,
  owner: string,
): Routine<Subscription | Errno> {
  if (mm.users <= 0) {
    throw new UsageError('mm-gone', `${owner} registers with an address space that has no users any more`);
  }
  if (ops.archInvalidateSecondaryTlbs && (ops.invalidateRangeStart || ops.invalidateRangeEnd)) return 'EINVAL';
  // Allocated before the locks: nothing may reclaim while they are all held.
  const subscriptions = mm.notifiers ?? new NotifierSubscriptions(kernel.scheduler, mm);
  const subscription = new Subscription(mm, ops, owner);
  const error = yield* kernel.allLocks.take(mm);
  if (error !== undefined) return error;
  mm.notifiers = subscriptions;
  mm.count++;
  subscriptions.link(subscription);
  kernel.stats.notifier['registrations']++;
  kernel.observer?.registered(mm);
  kernel.allLocks.drop(mm);
  return subscription;
}

/** @locks None of core's. @sleeps May: waits for every running callback. */
export function* unregister(kernel: Kernel, subscription: Subscription): Routine<void> {
  const { mm, ops } = subscription;
  checkHookLocks(kernel.scheduler, 'unregister');
  if (mm.notifiers?.isLinked(subscription)) {
    const token = kernel.notifierSrcu.readLock();
    if (kernel.scheduler.preemptive) yield point(PointKind.Release, mm.id);
    if (ops.release) yield* ops.release(mm);
    kernel.notifierSrcu.readUnlock(token);
    mm.notifiers.unlink(subscription);
  }
  yield* kernel.notifierSrcu.synchronize();
  mm.count--;
}

/** One shared subscription per (ops, mm). @sleeps May. */
export function* getNotifier(
  kernel: Kernel,
  mm: MmStruct,
  ops: MmuNotifierOps,
  owner: string,
): Routine<Subscription | Errno> {
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  const existing = mm.notifiers?.list.find((subscription) => subscription.ops === ops);
  let result: Subscription | Errno;
  if (existing) {
    mm.notifiers?.addUsers(existing, 1);
    result = existing;
  } else {
    checkHookLocks(kernel.scheduler, 'allocNotifier');
    result = ops.allocNotifier?.(mm) ?? (yield* registerLocked(kernel, mm, ops, owner));
    if (typeof result === 'string') ops.freeNotifier?.(mm);
  }
  mm.mmapLock.releaseWrite();
  return result;
}

/** The last put unlinks, and frees after a grace period; it neither waits nor calls `release`. */
export function putNotifier(kernel: Kernel, subscription: Subscription): void {
  const { notifiers } = subscription.mm;
  if (notifiers === undefined || notifiers.addUsers(subscription, -1) > 0) return;
  notifiers.unlink(subscription);
  kernel.notifierSrcu.call(() => {
    subscription.ops.freeNotifier?.(subscription.mm);
    subscription.mm.count--;
  });
}

/**
 * `mmu_notifier_release`, the first act of exit: every release runs before anybody is unlinked, so that a truncate or
 * reclaim in between still finds the chain. @sleeps May.
 */
export function* releaseNotifiers(kernel: Kernel, mm: MmStruct): Routine<void> {
  if (mm.notifiers === undefined) return;
  if (mm.notifiers.intervals !== undefined) yield* releaseIntervals(kernel, mm, mm.notifiers.intervals);
  if (mm.notifiers.list.length === 0) return;
  checkHookLocks(kernel.scheduler, 'releaseOnExit');
  const token = kernel.notifierSrcu.readLock();
  const subscribers = mm.notifiers.list;
  for (const { ops } of subscribers) {
    if (ops.release === undefined) continue;
    kernel.stats.notifier['releases']++;
    if (kernel.scheduler.preemptive) yield point(PointKind.Release, mm.id);
    yield* ops.release(mm);
  }
  for (const subscription of subscribers) mm.notifiers.unlink(subscription);
  kernel.notifierSrcu.readUnlock(token);
  yield* kernel.notifierSrcu.synchronize();
}

/** Intervals have no release: they get one window over everything, and stay until their owners remove them. */
function* releaseIntervals(kernel: Kernel, mm: MmStruct, intervals: IntervalSubscriptions): Routine<void> {
  const range = { start: 0 as VirtualAddress, end: TASK_SIZE as VirtualAddress, event: 'RELEASE' } as const;
  kernel.stats.notifierEvents['RELEASE']++;
  yield* startIntervals(kernel, intervals, { mm, ...range, blockable: true, told: [] });
  yield* endIntervals(kernel, intervals);
}

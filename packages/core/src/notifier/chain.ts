/**
 * The chain: before a pte loses its page or a permission, every secondary MMU of the mm is told, and again when the
 * change is done. Between the two a *window* is open. Mirrors `mm/mmu_notifier.c` of Linux 6.x.
 *
 * Protocol of a caller: hold mmapLock, an i_mmap lock, an anon_vma lock or a folio lock that is tied to the mm; open the
 * window before taking a page-table lock; recheck the pte under the lock; close the window after dropping it.
 *
 * Intervals come before the list, at start and at end.
 */
import type { NotifierEvent, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { hex } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { checkHookLocks } from '../locking/hook-locks.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { endIntervals, startIntervals } from './interval-dispatch.ts';
import type { NotifierWindow, Subscription } from './subscriptions.ts';

/** Locks that keep registration out while a window is open. */
const WINDOW_LOCKS = [LockClasses.mmap, LockClasses.vmaRead, LockClasses.iMmap, LockClasses.anonVma, LockClasses.folio];

/**
 * `mmu_notifier_invalidate_range_start`: answers the open window, or `undefined` when nobody listens.
 *
 * @param owner - Who asks for `MIGRATE` or `EXCLUSIVE`: its own device may ignore the window.
 * @sleeps May.
 */
export function* openWindow(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  event: NotifierEvent,
  owner?: unknown,
): Routine<NotifierWindow | undefined> {
  if (mm.notifiers === undefined) return undefined;
  if (kernel.kconfig.MMU_NOTIFIER_SLEEPABLE) kernel.scheduler.mightSleep('invalidate range start');
  const window = makeWindow(kernel, mm, start, end, event, 'blockable', owner);
  // Nobody may refuse: whoever does is reported.
  yield* startAll(kernel, window);
  return window;
}

/**
 * `mmu_notifier_invalidate_range_start_nonblock`: no callback may sleep. On `EAGAIN` somebody could not do without: the
 * caller must change no pte, and does not close.
 *
 * @sleeps Never.
 */
export function* tryOpenWindow(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  event: NotifierEvent,
): Routine<NotifierWindow | undefined | 'EAGAIN'> {
  if (mm.notifiers === undefined) return undefined;
  const window = makeWindow(kernel, mm, start, end, event, 'non-blockable');
  return (yield* startAll(kernel, window)) === 'EAGAIN' ? 'EAGAIN' : window;
}

function makeWindow(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  event: NotifierEvent,
  blocking: 'blockable' | 'non-blockable',
  owner?: unknown,
): NotifierWindow {
  const { scheduler, lockdep } = kernel;
  lockdep.check(kernel.notifierMap);
  if (!WINDOW_LOCKS.some((lockClass) => lockdep.holdsClass(lockClass))) {
    scheduler.fail(
      'unprotected-window',
      `a window over ${hex(start)} is opened without a lock that holds registration back`,
    );
  }
  kernel.stats.notifierEvents[event]++;
  return {
    mm,
    start: start as VirtualAddress,
    end: end as VirtualAddress,
    event,
    blockable: blocking === 'blockable',
    ...(owner === undefined ? {} : { owner }),
    told: [],
  };
}

function* startAll(kernel: Kernel, window: NotifierWindow): Routine<'done' | 'EAGAIN'> {
  const { mm } = window;
  const intervals = mm.notifiers?.intervals;
  mm.windows.push(window);
  kernel.tracer?.windowOpened?.(mm.id, window.start, window.end, window.event);
  enterCallbacks(kernel, window);
  let answer = intervals === undefined ? 'done' : yield* startIntervals(kernel, intervals, window);
  if (answer === 'EAGAIN') {
    forget(window);
  } else {
    answer = yield* startList(kernel, window);
    // Linux, read literally, does not: then whoever waits in `readBegin` waits for ever.
    if (answer === 'EAGAIN') intervals?.unwind();
  }
  leaveCallbacks(kernel, window);
  if (answer === 'EAGAIN') {
    kernel.stats.notifier['refused']++;
    kernel.tracer?.windowClosed?.(mm.id, window.start, window.end, window.event);
  }
  return answer;
}

/**
 * Everybody is called, also behind one that refuses: core cannot tell who has started. Then everybody who implements
 * end gets it; so whoever may refuse must not implement end.
 */
function* startList(kernel: Kernel, window: NotifierWindow): Routine<'done' | 'EAGAIN'> {
  const { mm } = window;
  const list = mm.notifiers?.list ?? [];
  if (list.length === 0) return 'done';
  let answer: 'done' | 'EAGAIN' = 'done';
  const token = kernel.notifierSrcu.readLock();
  for (const subscription of list) {
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackStart, mm.id);
    subscription.openStarts++;
    if ((yield* callStart(kernel, subscription, window)) === 'EAGAIN') {
      answer = 'EAGAIN';
      continue;
    }
    window.told.push({ owner: subscription.owner, start: window.start, end: window.end });
    kernel.observer?.startReturned(subscription, window);
  }
  if (answer === 'EAGAIN') {
    forget(window);
    yield* callEnds(kernel, window);
  }
  kernel.notifierSrcu.readUnlock(token);
  return answer;
}

function forget(window: NotifierWindow): void {
  const { windows } = window.mm;
  windows.splice(windows.indexOf(window), 1);
}

function* callStart(kernel: Kernel, { ops, owner }: Subscription, window: NotifierWindow): Routine<'done' | 'EAGAIN'> {
  if (ops.invalidateRangeStart === undefined) return 'done';
  const task = kernel.scheduler.current;
  const outer = task.invalidating;
  task.invalidating = window;
  kernel.stats.notifier['starts']++;
  kernel.tracer?.invalidationBegan?.(owner, window.mm.id, window.start, window.end, window.event);
  const answer: unknown = yield* ops.invalidateRangeStart(window);
  kernel.tracer?.invalidationEnded?.(owner);
  task.invalidating = outer;
  if (answer === undefined || answer === 'done') return 'done';
  const { scheduler } = kernel;
  const at = hex(window.start);
  if (answer !== 'EAGAIN') {
    scheduler.fail('start-answer', `${owner} answers ${String(answer)} to a start at ${at}, expected done or EAGAIN`);
  }
  if (window.blockable) scheduler.fail('refused-blockable', `${owner} refuses a blockable invalidation of ${at}`);
  if (ops.invalidateRangeEnd !== undefined) {
    scheduler.fail(
      'refused-with-end',
      `${owner} refuses an invalidation of ${at} and implements end, which it gets too`,
    );
  }
  return 'EAGAIN';
}

/** `mmu_notifier_invalidate_range_end`. @sleeps May, if the window is blockable. */
export function* closeWindow(kernel: Kernel, window: NotifierWindow | undefined): Routine<void> {
  if (window === undefined) return;
  const { mm } = window;
  if (window.blockable && kernel.kconfig.MMU_NOTIFIER_SLEEPABLE) kernel.scheduler.mightSleep('invalidate range end');
  kernel.lockdep.check(kernel.notifierMap);
  forget(window);
  enterCallbacks(kernel, window);
  if (mm.notifiers?.intervals !== undefined) yield* endIntervals(kernel, mm.notifiers.intervals);
  if (mm.notifiers !== undefined && mm.notifiers.list.length > 0) {
    const token = kernel.notifierSrcu.readLock();
    mm.closing.push(window);
    yield* callEnds(kernel, window);
    mm.closing.splice(mm.closing.indexOf(window), 1);
    kernel.notifierSrcu.readUnlock(token);
  }
  leaveCallbacks(kernel, window);
  kernel.tracer?.windowClosed?.(mm.id, window.start, window.end, window.event);
}

/** @locks SRCU read side. */
function* callEnds(kernel: Kernel, window: NotifierWindow): Routine<void> {
  const { mm } = window;
  for (const subscription of mm.notifiers?.list ?? []) {
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackEnd, mm.id);
    if (!mm.notifiers?.isLinked(subscription)) continue;
    if (--subscription.openStarts < 0) {
      const range = `[${hex(window.start)}, ${hex(window.end)})`;
      kernel.scheduler.fail('notifier-imbalance', `${subscription.owner} gets an end of ${range} without its start`);
    }
    if (subscription.ops.invalidateRangeEnd === undefined) continue;
    kernel.stats.notifier['ends']++;
    yield* subscription.ops.invalidateRangeEnd(window);
  }
}

/** `lock_map_acquire`, and `non_block_start`: whoever may sleep from here on is reported. */
function enterCallbacks({ scheduler, lockdep, notifierMap, kconfig }: Kernel, { blockable }: NotifierWindow): void {
  checkHookLocks(scheduler, kconfig.MMU_NOTIFIER_SLEEPABLE ? 'invalidateRange' : 'invalidatePage');
  lockdep.acquired(notifierMap);
  if (!blockable) scheduler.current.nonBlockDepth++;
}

function leaveCallbacks({ scheduler, lockdep, notifierMap }: Kernel, { blockable }: NotifierWindow): void {
  if (!blockable) scheduler.current.nonBlockDepth--;
  lockdep.released(notifierMap);
}

/** `mmu_notifier_arch_invalidate_secondary_tlbs`: with every flush of the CPU's TLBs. @sleeps Never. */
export function flushSecondaryTlbs(kernel: Kernel, mm: MmStruct, start: number, end: number): void {
  if (mm.notifiers === undefined || mm.notifiers.list.length === 0) return;
  checkHookLocks(kernel.scheduler, 'flushSecondary');
  for (const { ops } of mm.notifiers.list) {
    ops.archInvalidateSecondaryTlbs?.(mm, start as VirtualAddress, end as VirtualAddress);
  }
}

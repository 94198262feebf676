/** What a driver does with its intervals: insert, remove, and the retry protocol of its faults. */
import type { Errno, IntervalOps, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { checkHookLocks } from '../locking/hook-locks.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { TASK_SIZE } from '../types.ts';
import { IntervalNode, IntervalSubscriptions } from './intervals.ts';
import { NotifierSubscriptions } from './subscriptions.ts';

/**
 * `mmu_interval_notifier_insert`: the first one of an mm registers under all locks, the others do not.
 *
 * @locks Takes mmapLock for writing and all locks of the mm for the first one. @sleeps May.
 */
export function* insertInterval(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  ops: IntervalOps,
  owner: string,
): Routine<IntervalNode | Errno> {
  if (!(length > 0) || start + length > TASK_SIZE) return 'EOVERFLOW';
  if (mm.users <= 0 || !isWhole(ops)) return 'EINVAL';
  const error = mm.notifiers?.intervals === undefined ? yield* makeIntervals(kernel, mm) : undefined;
  if (error !== undefined) return error;
  const intervals = intervalsOf(mm);
  const node = new IntervalNode(mm, start, start + length, ops, owner);
  if (kernel.scheduler.preemptive) yield point(PointKind.Atomic, intervals.changed.id);
  intervals.insert(node);
  mm.count++;
  kernel.stats.notifier['intervalInserts']++;
  return node;
}

/** One way to invalidate: at once, or a start with its finish. */
function isWhole(ops: IntervalOps): boolean {
  if (ops.invalidateStart === undefined) return ops.invalidate !== undefined;
  return ops.invalidateFinish !== undefined;
}

/** `__mmu_notifier_register` without a subscription: no window may be open when the tree comes to be. */
function* makeIntervals(kernel: Kernel, mm: MmStruct): Routine<Errno | undefined> {
  yield* mm.mmapLock.acquireWrite();
  const error = yield* kernel.allLocks.take(mm);
  if (error === undefined) {
    mm.notifiers ??= new NotifierSubscriptions(kernel.scheduler, mm);
    mm.notifiers.intervals ??= new IntervalSubscriptions(kernel.scheduler, mm);
    kernel.observer?.registered(mm);
    kernel.allLocks.drop(mm);
  }
  mm.mmapLock.releaseWrite();
  return error;
}

/**
 * `mmu_interval_notifier_remove`: when it returns, no hook of the node runs or will run.
 *
 * @locks None that a hook takes. @sleeps Until every window that keeps the tree frozen has closed.
 */
export function* removeInterval(kernel: Kernel, node: IntervalNode): Routine<void> {
  const intervals = intervalsOf(node.mm);
  kernel.scheduler.mightSleep('interval remove');
  checkHookLocks(kernel.scheduler, 'unregister');
  if (node.state !== 'live') {
    kernel.scheduler.fail('interval-misuse', `${node.owner} removes an interval that it has removed already`);
  }
  node.state = 'removing';
  if (kernel.scheduler.preemptive) yield point(PointKind.Atomic, intervals.changed.id);
  const { seq } = intervals;
  if (intervals.remove(node) === 'deferred') yield* intervals.changed.waitUntil(() => intervals.seq !== seq);
  node.state = 'gone';
  node.mm.count--;
  kernel.stats.notifier['intervalRemoves']++;
}

/**
 * `mmu_interval_read_begin`: waits while a window that hit the node may be open. It does not look again after the wait:
 * a fresh collision is found by `readRetry`.
 *
 * @sleeps May.
 */
export function* readBegin(kernel: Kernel, node: IntervalNode): Routine<number> {
  const intervals = intervalsOf(node.mm);
  kernel.scheduler.mightSleep('interval readBegin');
  if (kernel.scheduler.preemptive) yield point(PointKind.Atomic, intervals.changed.id);
  const { seq } = node;
  if (seq === intervals.seq) yield* intervals.changed.waitUntil(() => intervals.seq !== seq);
  return seq;
}

/** `mmu_interval_set_seq`. @locks The driver's, the same as for `readRetry`. */
export function setSeq(kernel: Kernel, node: IntervalNode, seq: number): void {
  kernel.observer?.intervalSeqUsed(node, 'setSeq');
  noteSeq(kernel, node, PointKind.Atomic);
  node.seq = seq;
}

/** `mmu_interval_read_retry`: whether the snapshot is stale. @locks The driver's, held until the commit is done. */
export function readRetry(kernel: Kernel, node: IntervalNode, seq: number): boolean {
  kernel.observer?.intervalSeqUsed(node, 'readRetry');
  noteSeq(kernel, node, PointKind.AtomicLoad);
  return node.seq !== seq;
}

/** `mmu_interval_check_retry`: as `readRetry`, without the lock; only true can be relied on. */
export function checkRetry(kernel: Kernel, node: IntervalNode, seq: number): boolean {
  noteSeq(kernel, node, PointKind.AtomicLoad);
  return node.seq !== seq;
}

/** Under the driver's lock, but for `readBegin`, which looks at it without. */
function noteSeq({ scheduler }: Kernel, { mm }: IntervalNode, kind: PointKind): void {
  if (scheduler.preemptive) scheduler.note(kind, intervalsOf(mm).changed.id);
}

function intervalsOf(mm: MmStruct): IntervalSubscriptions {
  return mm.notifiers?.intervals as IntervalSubscriptions;
}

/**
 * The retry protocol of interval notifiers, as far as a driver's calls show it.
 *
 * @invariant interval-seq: a hook that succeeded has stored the number that it was told (I25)
 * @invariant interval-lock: one driver lock is held at every setSeq and every readRetry of an interval (I25)
 */
import { hex } from '../contract.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { HeldLock } from '../locking/lockdep.ts';
import type { IntervalNode } from '../notifier/intervals.ts';
import type { NotifierWindow } from '../notifier/subscriptions.ts';
import type { Scheduler } from '../sched/scheduler.ts';

/** Driver locks that were held at every use of a node's number so far, and who used it. */
interface Uses {
  readonly guards: readonly HeldLock[];
  readonly setSeq: boolean;
  readonly readRetry: boolean;
}

export class IntervalOracle {
  private readonly scheduler: Scheduler;
  private readonly uses = new WeakMap<IntervalNode, Uses>();

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  told(node: IntervalNode, window: NotifierWindow, seq: number): void {
    if (node.seq === seq) return;
    this.scheduler.fail(
      'interval-seq',
      `${node.owner} returns from an invalidation of [${hex(window.start)}, ${hex(window.end)}) without setSeq(${seq})`,
    );
  }

  /** Reported even if this run got away with it: without a common lock, a store can fall between test and commit. */
  seqUsed(node: IntervalNode, by: 'setSeq' | 'readRetry'): void {
    const held = this.scheduler.current.held.filter(({ lockClass }) => lockClass.rank === LockClasses.driver.rank);
    const before = this.uses.get(node);
    const guards = before?.guards.filter((lock) => held.includes(lock)) ?? held;
    const setSeq = by === 'setSeq' || before?.setSeq === true;
    const readRetry = by === 'readRetry' || before?.readRetry === true;
    this.uses.set(node, { guards, setSeq, readRetry });
    if (guards.length > 0 || !setSeq || !readRetry) return;
    this.scheduler.fail(
      'interval-lock',
      `${node.owner} calls setSeq and readRetry of an interval under no common lock`,
    );
  }
}

/**
 * Read-copy-update. Readers of SRCU may sleep; readers of RCU (`sleeps: 'never'`) may not. `synchronize` waits for every
 * reader that began before it, `call` runs a function after such a grace period. Mirrors `kernel/rcu/srcutree.c`.
 *
 * To lockdep a read section is held like a lock, and only `synchronize` acquires: so it reports a grace period that is
 * waited for inside a read section of the same domain, or under a lock that such a section takes.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { LockClass } from './lock-order.ts';
import type { HeldLock, Lockdep } from './lockdep.ts';

interface Deferred {
  readonly after: number;
  readonly run: () => void;
}

export class Srcu implements HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly sleeps: 'may' | 'never';
  private readonly queue: WaitQueue;
  /** Tokens of the readers that are inside; tokens grow, so the first one is the oldest reader. */
  private readonly inside: number[] = [];
  private nextToken = 0;
  private deferred: Deferred[] = [];

  constructor(
    scheduler: Scheduler,
    lockdep: Lockdep,
    lockClass: LockClass,
    name: string,
    sleeps: 'may' | 'never' = 'may',
  ) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.lockClass = lockClass;
    this.name = name;
    this.sleeps = sleeps;
    this.queue = new WaitQueue(scheduler, name);
  }

  /** Nests. @sleeps Never. */
  readLock(): number {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.RcuReadLock, this.queue.id);
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth++;
    this.lockdep.acquired(this);
    const token = this.nextToken++;
    this.inside.push(token);
    return token;
  }

  readUnlock(token: number): void {
    const at = this.inside.lastIndexOf(token);
    if (at < 0) {
      this.scheduler.fail('srcu-misuse', `${this.name}: a read section is left that was not entered`);
    }
    if (at === this.inside.length - 1) this.inside.pop();
    else this.inside.splice(at, 1);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.RcuReadUnlock, this.queue.id);
    this.lockdep.released(this);
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth--;
    if (this.deferred.length > 0) this.runDeferred();
    // Who waits has announced itself: nobody else cares.
    if (this.queue.sleepers > 0) this.queue.wakeAll();
  }

  /** @locks None that a reader takes. @sleeps Until every reader that is inside now has left. */
  *synchronize(): Routine<void> {
    this.checkGracePeriod();
    if (this.scheduler.preemptive) yield point(PointKind.RcuSynchronize, this.queue.id);
    const before = this.nextToken;
    yield* this.queue.waitUntil(() => this.readers(() => this.oldest() >= before));
  }

  /** Runs `run` once every reader that is inside now has left: at once when there is none. */
  call(run: () => void): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.RcuSynchronize, this.queue.id);
    this.deferred.push({ after: this.nextToken, run });
    this.runDeferred();
  }

  /** @locks None that a reader takes. @sleeps Until all functions given to `call` have run. */
  *barrier(): Routine<void> {
    this.checkGracePeriod();
    if (this.scheduler.preemptive) yield point(PointKind.RcuSynchronize, this.queue.id);
    yield* this.queue.waitUntil(() => this.readers(() => this.deferred.length === 0));
  }

  private checkGracePeriod(): void {
    this.scheduler.mightSleep(this.name);
    if (this.lockdep.holds(this)) {
      const { name } = this.scheduler.current;
      this.scheduler.fail('srcu-misuse', `${name} waits inside a read section of ${this.name} for its own end`);
    }
    this.lockdep.check(this);
  }

  /** What readers change, looked at. */
  private readers(condition: () => boolean): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.RcuSynchronize, this.queue.id);
    return condition();
  }

  private oldest(): number {
    return this.inside.length === 0 ? this.nextToken : this.inside[0];
  }

  private runDeferred(): void {
    while (this.deferred.length > 0 && this.deferred[0].after <= this.oldest()) {
      (this.deferred.shift() as Deferred).run();
    }
  }
}

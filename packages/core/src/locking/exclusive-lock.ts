/** What mutex and spinlock share: one owner, and a queue of those who want to be it. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { Task } from '../sched/task.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { LockClass } from './lock-order.ts';
import type { HeldLock, Lockdep } from './lockdep.ts';

export abstract class ExclusiveLock implements HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
  protected readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly queue: WaitQueue;
  private owner: Task | undefined;
  private readonly free = (): boolean => this.owner === undefined;

  constructor(scheduler: Scheduler, lockdep: Lockdep, lockClass: LockClass, name: string) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.lockClass = lockClass;
    this.name = name;
    this.queue = new WaitQueue(scheduler, name);
  }

  *acquire(nesting: 'nested' | 'single' = 'single'): Routine<void> {
    this.mayAcquire();
    this.lockdep.check(this, nesting);
    if (!this.queue.passes(this.free)) yield* this.queue.until(PointKind.LockAcquire, this.free);
    this.take();
  }

  /**
   * `acquire` without a routine, where nobody could see the difference: in direct mode, when nobody holds the lock.
   * @returns whether it is held now; if not, `yield* acquire()`.
   */
  acquireNow(nesting: 'nested' | 'single' = 'single'): boolean {
    if (this.scheduler.preemptive || this.owner !== undefined) return false;
    this.mayAcquire();
    this.lockdep.check(this, nesting);
    this.take();
    return true;
  }

  tryAcquire(): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.TryLock, this.queue.id);
    if (this.owner !== undefined) return false;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockAcquire, this.queue.id);
    this.take();
    return true;
  }

  release(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockRelease, this.queue.id);
    this.lockdep.released(this);
    this.owner = undefined;
    this.leave();
    this.queue.freed();
  }

  /** Whether the current task holds it. */
  get held(): boolean {
    return this.owner === this.scheduler.current;
  }

  /** Reports an acquisition where it is not allowed. */
  protected abstract mayAcquire(): void;
  /** The current task is the owner now. */
  protected abstract enter(task: Task): void;
  protected abstract leave(): void;

  private take(): void {
    const task = this.scheduler.current;
    this.owner = task;
    this.enter(task);
    this.lockdep.acquired(this);
  }
}

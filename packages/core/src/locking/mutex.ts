/** A lock under which its holder may sleep. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { Task } from '../sched/task.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { LockClass } from './lock-order.ts';
import type { HeldLock, Lockdep } from './lockdep.ts';

export class Mutex implements HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly queue: WaitQueue;
  private owner: Task | undefined;

  constructor(scheduler: Scheduler, lockdep: Lockdep, lockClass: LockClass, name: string) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.lockClass = lockClass;
    this.name = name;
    this.queue = new WaitQueue(scheduler, name);
  }

  /** @sleeps May. */
  *acquire(): Routine<void> {
    this.scheduler.mightSleep(this.name);
    if (this.scheduler.preemptive) yield point(PointKind.LockAcquire, this.queue.id);
    this.lockdep.check(this);
    while (this.owner !== undefined) yield* this.queue.block();
    this.take();
  }

  /** `acquire` without a routine, as `SpinLock.acquireNow`. */
  acquireNow(): boolean {
    if (this.scheduler.preemptive || this.owner !== undefined) return false;
    this.scheduler.mightSleep(this.name);
    this.lockdep.check(this);
    this.take();
    return true;
  }

  tryAcquire(): boolean {
    if (this.owner !== undefined) return false;
    this.take();
    return true;
  }

  release(): void {
    this.lockdep.released(this);
    this.owner = undefined;
    this.queue.wakeAll();
  }

  get held(): boolean {
    return this.owner === this.scheduler.current;
  }

  private take(): void {
    this.owner = this.scheduler.current;
    this.lockdep.acquired(this);
  }
}

/**
 * Deferred work: an item is queued once until it begins, and never runs twice at a time. Workers are tasks that are
 * there while there is work. Waiting for an item under a lock that the item takes is a deadlock, and lockdep says so:
 * the item holds a pseudo lock while it runs, and who waits for it acquires that. Mirrors `kernel/workqueue.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { HeldLock, Lockdep } from '../locking/lockdep.ts';
import { PointKind } from './preemption-point.ts';
import type { Scheduler } from './scheduler.ts';
import type { Timer } from './timers.ts';
import { WaitQueue } from './wait-queue.ts';

export class WorkQueue implements HeldLock {
  readonly name: string;
  readonly lockClass: HeldLock['lockClass'];
  readonly scheduler: Scheduler;
  readonly lockdep: Lockdep;
  /** Woken at each end of an item. */
  readonly ended: WaitQueue;
  private readonly pending: WorkItem[] = [];
  private readonly workersAtMost: number;
  private workers = 0;
  private queued = 0;
  /** Numbers of the queued items that have not ended, growing. */
  private readonly unfinished: number[] = [];

  constructor(scheduler: Scheduler, lockdep: Lockdep, name: string, order: 'ordered' | 'unbound') {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.name = name;
    this.lockClass = lockdep.driverClass(`work queue ${name}`);
    this.ended = new WaitQueue(scheduler, `work queue ${name}`);
    this.workersAtMost = order === 'ordered' ? 1 : Infinity;
  }

  item(name: string, body: () => Routine<void>): WorkItem {
    return new WorkItem(this, name, body);
  }

  /** Waits for all that was queued before. @sleeps Until then. */
  *flush(): Routine<void> {
    this.lockdep.check(this);
    const last = this.queued;
    yield* this.ended.waitUntil(() => !(this.unfinished[0] <= last));
  }

  /** For `WorkItem`. */
  add(work: WorkItem): void {
    this.touch();
    this.pending.push(work);
    work.number = ++this.queued;
    this.unfinished.push(work.number);
    if (this.workers >= this.workersAtMost) return;
    this.workers++;
    this.scheduler.spawn(`worker of ${this.name}`, this.worker());
  }

  /** For `WorkItem`: takes it out before it began. */
  remove(work: WorkItem): void {
    this.touch();
    this.pending.splice(this.pending.indexOf(work), 1);
    this.finish(work.number);
  }

  private *worker(): Routine<void> {
    for (let at = this.nextIdle(); at >= 0; at = this.nextIdle()) {
      const work = this.pending[at];
      this.pending.splice(at, 1);
      this.lockdep.acquired(this);
      yield* work.run();
      this.lockdep.released(this);
      this.finish(work.number);
    }
    this.workers--;
  }

  /** The first item that does not run already. */
  private nextIdle(): number {
    this.touch();
    return this.pending.findIndex((work) => !work.running);
  }

  /** Sees or changes what is queued, and who works. */
  private touch(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Atomic, this.ended.id);
  }

  private finish(number: number): void {
    this.unfinished.splice(this.unfinished.indexOf(number), 1);
    this.ended.wakeAll();
  }
}

/** One item of work. */
export class WorkItem implements HeldLock {
  readonly name: string;
  readonly lockClass: HeldLock['lockClass'];
  /** Queued, and has not begun. */
  pending = false;
  running = false;
  number = 0;
  private readonly queueOf: WorkQueue;
  private readonly body: () => Routine<void>;
  private timer: Timer | undefined;

  constructor(queue: WorkQueue, name: string, body: () => Routine<void>) {
    this.queueOf = queue;
    this.name = name;
    this.lockClass = queue.lockdep.driverClass(`work ${name}`);
    this.body = body;
  }

  /** @returns whether it was not pending already. @sleeps Never: interrupts may queue. */
  queue(): boolean {
    if (this.pending) return false;
    this.pending = true;
    this.queueOf.add(this);
    return true;
  }

  /** Queues it in virtual time from now. @returns whether it was not pending already. */
  queueAfter(nanoseconds: number): boolean {
    if (this.pending) return false;
    this.pending = true;
    const { timers, now } = this.queueOf.scheduler;
    this.timer = timers.arm(now + nanoseconds, () => {
      this.timer = undefined;
      this.queueOf.add(this);
    });
    return true;
  }

  /** Waits until it neither is pending nor runs; what waits for its time begins now. @sleeps Until then. */
  *flush(): Routine<void> {
    if (this.timer !== undefined) {
      this.queueOf.scheduler.timers.cancel(this.timer);
      this.timer = undefined;
      this.queueOf.add(this);
    }
    yield* this.settled();
  }

  /** Takes it back if it has not begun. @returns whether it did. @sleeps Never. */
  cancel(): boolean {
    if (!this.pending) return false;
    this.pending = false;
    if (this.timer === undefined) this.queueOf.remove(this);
    else this.queueOf.scheduler.timers.cancel(this.timer);
    this.timer = undefined;
    return true;
  }

  /** `cancel`, then waits until it does not run. @sleeps Until then. */
  *cancelSync(): Routine<boolean> {
    const taken = this.cancel();
    yield* this.settled();
    return taken;
  }

  /** For the worker. */
  *run(): Routine<void> {
    const { lockdep } = this.queueOf;
    this.pending = false;
    this.running = true;
    lockdep.acquired(this);
    yield* this.body();
    lockdep.released(this);
    this.running = false;
  }

  private *settled(): Routine<void> {
    this.queueOf.lockdep.check(this);
    yield* this.queueOf.ended.waitUntil(() => !this.pending && !this.running);
  }
}

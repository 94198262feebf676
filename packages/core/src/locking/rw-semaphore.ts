/**
 * Many readers or one writer. A waiting writer holds back new readers, as in Linux: reading twice in one task can
 * deadlock, and lockdep reports it. `sleeps: 'never'` makes the same thing a rwlock. Mirrors `kernel/locking/rwsem.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { Task } from '../sched/task.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { LockClass } from './lock-order.ts';
import type { HeldLock, Lockdep, Nesting } from './lockdep.ts';

export class RwSemaphore implements HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
  protected readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly queue: WaitQueue;
  private readonly sleeps: 'may' | 'never';
  readonly spins: boolean;
  private writer: Task | undefined;
  private readers = 0;
  private writersWaiting = 0;
  private readonly readable = (): boolean => this.writer === undefined && this.writersWaiting === 0;
  private readonly writable = (): boolean => this.writer === undefined && this.readers === 0;

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
    this.spins = sleeps === 'never';
    this.queue = new WaitQueue(scheduler, name);
  }

  *acquireRead(nesting: Nesting = 'single'): Routine<void> {
    if (this.sleeps === 'may') this.scheduler.mightSleep(this.name);
    this.lockdep.check(this, nesting);
    if (!this.queue.passes(this.readable)) yield* this.queue.until(PointKind.LockShared, this.readable);
    this.takeRead();
  }

  *acquireWrite(nesting: Nesting = 'single'): Routine<void> {
    if (this.sleeps === 'may') this.scheduler.mightSleep(this.name);
    if (this.scheduler.preemptive) yield point(PointKind.TryLock, this.queue.id);
    this.lockdep.check(this, nesting);
    // Under a strategy arrival and acquisition are two steps whoever holds it: what a step touches says the same in any order.
    if (this.scheduler.preemptive || !this.writable()) {
      this.writersWaiting++;
      yield* this.queue.until(PointKind.LockAcquire, this.writable);
      this.writersWaiting--;
    }
    this.takeWrite(nesting);
  }

  /** As `acquireRead`, until SIGKILL is pending. @returns whether it is held. `down_read_killable` */
  *acquireReadKillable(): Routine<boolean> {
    this.scheduler.mightSleep(this.name);
    this.lockdep.check(this);
    if (!(yield* this.queue.untilKillable(PointKind.LockShared, this.readable))) {
      if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockSharedRelease, this.queue.id);
      return false;
    }
    this.takeRead();
    return true;
  }

  /** As `acquireWrite`, until SIGKILL is pending. @returns whether it is held. `down_write_killable` */
  *acquireWriteKillable(): Routine<boolean> {
    this.scheduler.mightSleep(this.name);
    if (this.scheduler.preemptive) yield point(PointKind.TryLock, this.queue.id);
    this.lockdep.check(this);
    if (this.scheduler.preemptive || !this.writable()) {
      this.writersWaiting++;
      const free = yield* this.queue.untilKillable(PointKind.LockAcquire, this.writable);
      this.writersWaiting--;
      if (!free) {
        if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockRelease, this.queue.id);
        this.queue.freed();
        return false;
      }
    }
    this.takeWrite('single');
    return true;
  }

  /** `acquireRead` without a routine, in direct mode and when nobody writes. @returns whether it is held now. */
  acquireReadNow(nesting: Nesting = 'single'): boolean {
    if (this.scheduler.preemptive || this.writer !== undefined || this.writersWaiting > 0) return false;
    if (this.sleeps === 'may') this.scheduler.mightSleep(this.name);
    this.lockdep.check(this, nesting);
    this.takeRead();
    return true;
  }

  /** `acquireWrite` without a routine, in direct mode and when nobody holds it. @returns whether it is held now. */
  acquireWriteNow(nesting: Nesting = 'single'): boolean {
    if (this.scheduler.preemptive || this.writer !== undefined || this.readers > 0) return false;
    if (this.sleeps === 'may') this.scheduler.mightSleep(this.name);
    this.lockdep.check(this, nesting);
    this.takeWrite(nesting);
    return true;
  }

  tryAcquireRead(): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.TryLock, this.queue.id);
    if (!this.readable()) return false;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockShared, this.queue.id);
    this.takeRead();
    return true;
  }

  tryAcquireWrite(): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.TryLock, this.queue.id);
    if (!this.writable()) return false;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockAcquire, this.queue.id);
    this.takeWrite('single');
    return true;
  }

  releaseRead(): void {
    this.leave(PointKind.LockSharedRelease, 'single');
    this.readers--;
    this.queue.freed();
  }

  /** @param nesting - As it was acquired. */
  releaseWrite(nesting: Nesting = 'single'): void {
    if (!this.writeHeld) this.misuse('releases', 'for writing');
    this.leave(PointKind.LockRelease, nesting);
    this.writer = undefined;
    this.queue.freed();
  }

  /** The writer becomes a reader; no other writer gets in between. */
  downgrade(): void {
    if (!this.writeHeld) this.misuse('downgrades', 'for writing');
    if (this.scheduler.preemptive) {
      this.scheduler.note(PointKind.LockRelease, this.queue.id);
      this.scheduler.note(PointKind.LockShared, this.queue.id);
    }
    this.writer = undefined;
    this.readers++;
    this.queue.freed();
  }

  /** Whether the current task holds it for writing. */
  get writeHeld(): boolean {
    return this.writer === this.scheduler.current;
  }

  /** Whether the current task holds it in either way. */
  get held(): boolean {
    return this.writeHeld || this.lockdep.holds(this);
  }

  private takeRead(): void {
    this.readers++;
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth++;
    this.lockdep.acquired(this);
  }

  private takeWrite(nesting: Nesting): void {
    this.writer = this.scheduler.current;
    if (this.sleeps === 'never') this.writer.atomicDepth++;
    this.lockdep.acquired(this, nesting);
  }

  private leave(how: PointKind, nesting: Nesting): void {
    if (this.scheduler.preemptive) this.scheduler.note(how, this.queue.id);
    this.lockdep.released(this, nesting);
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth--;
  }

  private misuse(verb: string, how: string): never {
    const { name } = this.scheduler.current;
    this.scheduler.fail('lock-misuse', `${name} ${verb} ${this.name}, which it does not hold ${how}`);
  }
}

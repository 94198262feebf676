/** Tasks that sleep until a condition holds. A waiter re-tests after each wake, so a wake is never lost. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from './preemption-point.ts';
import type { Scheduler } from './scheduler.ts';
import type { Task } from './task.ts';

export class WaitQueue {
  readonly name: string;
  readonly id: number;
  private readonly scheduler: Scheduler;
  private waiters: Task[] = [];

  constructor(scheduler: Scheduler, name: string) {
    this.scheduler = scheduler;
    this.name = name;
    this.id = scheduler.nextObjectId(name);
  }

  /** @sleeps Until `condition` holds. */
  *waitUntil(condition: () => boolean): Routine<void> {
    this.scheduler.mightSleep(this.name);
    while (!this.holds(condition)) yield* this.block();
  }

  /** @sleeps Until `condition` holds, or a signal is pending for the process of the current task. */
  *waitInterruptible(condition: () => boolean): Routine<'EINTR' | undefined> {
    const { scheduler } = this;
    scheduler.mightSleep(this.name);
    const task = scheduler.current;
    while (!this.holds(condition)) {
      if (scheduler.interrupted()) return 'EINTR';
      task.interruptible = true;
      yield* this.block();
      task.interruptible = false;
    }
    return undefined;
  }

  /** @sleeps Until `condition` holds, or SIGKILL is pending for the current task. */
  *waitKillable(condition: () => boolean): Routine<'EINTR' | undefined> {
    this.scheduler.mightSleep(this.name);
    while (!this.holds(condition)) if (!(yield* this.blockKillable())) return 'EINTR';
    return undefined;
  }

  /** @returns whether `condition` held before the time was over. @sleeps Until then. */
  *waitTimeout(condition: () => boolean, nanoseconds: number): Routine<boolean> {
    const { scheduler } = this;
    scheduler.mightSleep(this.name);
    const task = scheduler.current;
    let expired = false;
    const timer = scheduler.timers.arm(scheduler.now + nanoseconds, () => {
      expired = true;
      scheduler.wake(task);
    });
    while (!this.holds(condition) && !expired) yield* this.block();
    scheduler.timers.cancel(timer);
    return condition();
  }

  /** Parks the current task until somebody wakes the queue. Locks call it; everybody else wants `waitUntil`. */
  *block(): Routine<void> {
    const { scheduler } = this;
    const { current: task, tracer } = scheduler;
    tracer?.waitBegan?.(this.name);
    this.waiters.push(task);
    task.waitsFor = this;
    scheduler.park();
    yield point(PointKind.Wait, this.id);
    task.waitsFor = undefined;
    tracer?.waitEnded?.(this.name);
    // A signal or a timer ended the wait.
    const at = this.waiters.indexOf(task);
    if (at >= 0) this.waiters.splice(at, 1);
  }

  /** As `block`. @returns false where SIGKILL is pending: then it did not wait. */
  *blockKillable(): Routine<boolean> {
    const { current: task } = this.scheduler;
    if (task.killed) return false;
    task.killable = true;
    yield* this.block();
    task.killable = false;
    return true;
  }

  /**
   * Where others run at every point: announces an operation that the current task makes once `condition` holds. Nobody has
   * to wake it, as nobody wakes who spins; so what a lock's release means for those who want it is in the order of steps,
   * and not also in who slept.
   *
   * @param object - What the operation is on: the queue unless given.
   */
  *whenTrue(kind: PointKind, condition: () => boolean, object: number = this.id): Routine<void> {
    const { current: task } = this.scheduler;
    task.waitsFor = this;
    task.until = condition;
    yield point(kind, object);
    task.until = undefined;
    task.waitsFor = undefined;
  }

  /** As `whenTrue`, or until SIGKILL is pending. @returns whether the condition holds. */
  *whenTrueKillable(kind: PointKind, condition: () => boolean): Routine<boolean> {
    const { current: task } = this.scheduler;
    yield* this.whenTrue(kind, () => task.killed || condition());
    return !task.killed;
  }

  /** Sees a condition that those who wake the queue change. */
  private holds(condition: () => boolean): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Wait, this.id);
    return condition();
  }

  wakeAll(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Wake, this.id);
    if (this.waiters.length === 0) return;
    const woken = this.waiters;
    this.waiters = [];
    for (const task of woken) this.scheduler.wake(task);
  }

  wakeOne(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Wake, this.id);
    const task = this.waiters.shift();
    if (task) this.scheduler.wake(task);
  }

  get sleepers(): number {
    return this.waiters.length;
  }
}

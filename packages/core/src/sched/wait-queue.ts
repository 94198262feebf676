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

  /** Parks the current task until somebody wakes the queue. */
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
  private *blockKillable(): Routine<boolean> {
    const { current: task } = this.scheduler;
    if (task.killed) return false;
    task.killable = true;
    yield* this.block();
    task.killable = false;
    return true;
  }

  /**
   * Announces an operation that the current task makes as soon as `condition` holds: taking a lock. Where others run at
   * every point nobody is woken for it, the task is offered again when it can go on, so that the order of the steps says
   * all, and who slept meanwhile says nothing.
   *
   * @param object - What the operation is on: the queue unless given.
   */
  *until(kind: PointKind, condition: () => boolean, object: number = this.id): Routine<void> {
    const { scheduler } = this;
    if (scheduler.preemptive) yield* this.announce(kind, condition, object);
    else while (!condition()) yield* this.block();
  }

  /** Whether `until` would do nothing: a plain test before it costs less than a routine. */
  passes(condition: () => boolean): boolean {
    return !this.scheduler.preemptive && condition();
  }

  /** As `until`, or until SIGKILL is pending. @returns whether the condition holds. */
  *untilKillable(kind: PointKind, condition: () => boolean): Routine<boolean> {
    const { current: task, preemptive } = this.scheduler;
    if (!preemptive) {
      while (!condition()) if (!(yield* this.blockKillable())) return false;
      return true;
    }
    yield* this.announce(kind, () => task.killed || condition(), this.id);
    // Read again in the step that it ends: what the scheduler has asked is none.
    return condition() || !task.killed;
  }

  private *announce(kind: PointKind, condition: () => boolean, object: number): Routine<void> {
    const { current: task, tracer } = this.scheduler;
    const waits = !condition();
    if (waits) tracer?.waitBegan?.(this.name);
    task.waitsFor = this;
    task.until = condition;
    yield point(kind, object);
    task.until = undefined;
    task.waitsFor = undefined;
    if (waits) tracer?.waitEnded?.(this.name);
  }

  /** Sees a condition that those who wake the queue change. */
  private holds(condition: () => boolean): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Wait, this.id);
    return condition();
  }

  /** What `until` waits for may hold now. */
  freed(): void {
    if (!this.scheduler.preemptive) this.wakeAll();
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

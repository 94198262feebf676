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
    while (!condition()) yield* this.block();
  }

  /** Parks the current task until somebody wakes the queue. Locks call it; everybody else wants `waitUntil`. */
  *block(): Routine<void> {
    const { current: task, tracer } = this.scheduler;
    tracer?.waitBegan?.(this.name);
    this.waiters.push(task);
    task.state = 'blocked';
    task.waitsFor = this;
    yield point(PointKind.Wait, this.id);
    task.waitsFor = undefined;
    tracer?.waitEnded?.(this.name);
  }

  wakeAll(): void {
    if (this.waiters.length === 0) return;
    const woken = this.waiters;
    this.waiters = [];
    for (const task of woken) task.state = 'runnable';
  }

  wakeOne(): void {
    const task = this.waiters.shift();
    if (task) task.state = 'runnable';
  }

  get sleepers(): number {
    return this.waiters.length;
  }
}

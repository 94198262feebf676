/** Something that others wait for: each `complete` lets one through, `completeAll` everybody until re-armed. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

export class Completion {
  private readonly queue: WaitQueue;
  private done = 0;

  constructor(scheduler: Scheduler, name: string) {
    this.queue = new WaitQueue(scheduler, name);
  }

  /** @sleeps Until it is its turn. */
  *wait(): Routine<void> {
    yield* this.queue.waitUntil(() => this.done > 0);
    this.done--;
  }

  /** @sleeps As `wait`, or until a signal is pending. */
  *waitInterruptible(): Routine<'EINTR' | undefined> {
    const interrupted = yield* this.queue.waitInterruptible(() => this.done > 0);
    if (interrupted === undefined) this.done--;
    return interrupted;
  }

  /** @returns whether it was in time. @sleeps Until then. */
  *waitTimeout(nanoseconds: number): Routine<boolean> {
    const inTime = yield* this.queue.waitTimeout(() => this.done > 0, nanoseconds);
    if (inTime) this.done--;
    return inTime;
  }

  /** Lets one waiter through, now or later. */
  complete(): void {
    this.done++;
    this.queue.wakeAll();
  }

  completeAll(): void {
    this.done = Infinity;
    this.queue.wakeAll();
  }

  reinit(): void {
    this.done = 0;
  }
}

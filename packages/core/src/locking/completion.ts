/** One event that happens once, until re-armed. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

export class Completion {
  private readonly queue: WaitQueue;
  private complete = false;

  constructor(scheduler: Scheduler, name: string) {
    this.queue = new WaitQueue(scheduler, name);
  }

  /** @sleeps Until `completeAll`. */
  *wait(): Routine<void> {
    yield* this.queue.waitUntil(() => this.complete);
  }

  completeAll(): void {
    this.complete = true;
    this.queue.wakeAll();
  }

  reinit(): void {
    this.complete = false;
  }
}

/** State that tasks use without a lock in common: whoever uses it says so, and two uses that may not be swapped conflict. */
import { PointKind } from './preemption-point.ts';
import type { Scheduler } from './scheduler.ts';

export class SharedState {
  private readonly scheduler: Scheduler;
  private readonly object: number;

  /** @param object - What points call it. */
  constructor(scheduler: Scheduler, object: number) {
    this.scheduler = scheduler;
    this.object = object;
  }

  reads(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.object);
  }

  changes(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Atomic, this.object);
  }

  /** Changes it in a way that commutes with others of its kind. */
  adds(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Add, this.object);
  }
}

/**
 * A lock that is held for short: whoever holds it must not sleep. One that an interrupt takes must be taken with
 * interrupts off by everybody else (`acquireIrq`); lockdep reports who does not.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Task } from '../sched/task.ts';
import { ExclusiveLock } from './exclusive-lock.ts';

export class SpinLock extends ExclusiveLock {
  readonly spins: boolean = true;

  /** `spin_lock_irqsave`. */
  *acquireIrq(): Routine<void> {
    this.scheduler.interrupts.save();
    yield* this.acquire();
  }

  /** `spin_unlock_irqrestore`. */
  releaseIrq(): void {
    this.release();
    this.scheduler.interrupts.restore();
  }

  protected override mayAcquire(): void {}

  protected override enter(task: Task): void {
    task.atomicDepth++;
  }

  protected override leave(): void {
    this.scheduler.current.atomicDepth--;
  }
}

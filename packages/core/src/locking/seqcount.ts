/**
 * A sequence count: readers take no lock, and look again when a writer came between. Odd while somebody writes. Writers
 * keep each other out by a lock of their own. Mirrors `include/linux/seqlock.h`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

export class SeqCount {
  private readonly scheduler: Scheduler;
  private readonly queue: WaitQueue;
  private sequence = 0;

  constructor(scheduler: Scheduler, name: string) {
    this.scheduler = scheduler;
    this.queue = new WaitQueue(scheduler, name);
  }

  /** Waits for a writer that is under way, and answers what `readRetry` wants. @sleeps Never: it spins. */
  *readBegin(): Routine<number> {
    // To wait for the end of a write is to take its lock for a moment.
    yield* this.queue.until(PointKind.LockShared, () => this.sequence % 2 === 0);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockRelease, this.queue.id);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.queue.id);
    return this.sequence;
  }

  /** As `readBegin`, but answers at once: `undefined` while somebody writes (`raw_read_seqcount`). */
  tryReadBegin(): number | undefined {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.queue.id);
    return this.sequence % 2 === 1 ? undefined : this.sequence;
  }

  /** Whether what was read since `readBegin` may be torn. */
  readRetry(sequence: number): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.queue.id);
    return this.sequence !== sequence;
  }

  /** @locks The writers' lock, held until `writeEnd`. */
  writeBegin(): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockAcquire, this.queue.id);
    this.step(0, 'begins to write');
  }

  writeEnd(): void {
    this.step(1, 'ends to write');
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockRelease, this.queue.id);
    this.queue.freed();
  }

  private step(parity: number, what: string): void {
    const { scheduler } = this;
    if (scheduler.preemptive) scheduler.note(PointKind.Atomic, this.queue.id);
    if (this.sequence % 2 !== parity) {
      scheduler.fail('lock-misuse', `${scheduler.current.name} ${what} ${this.queue.name} out of turn`);
    }
    this.sequence++;
  }
}

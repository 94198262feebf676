/**
 * Read-copy-update. Readers of SRCU may sleep; readers of RCU (`sleeps: 'never'`) may not. `synchronize` waits for every
 * reader that began before it, `call` runs a function after such a grace period. Mirrors `kernel/rcu/srcutree.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

interface Deferred {
  readonly after: number;
  readonly run: () => void;
}

export class Srcu {
  private readonly scheduler: Scheduler;
  private readonly sleeps: 'may' | 'never';
  private readonly queue: WaitQueue;
  /** Tokens of the readers that are inside; tokens grow, so the least one is the oldest reader. */
  private readonly inside = new Set<number>();
  private nextToken = 0;
  private deferred: Deferred[] = [];

  constructor(scheduler: Scheduler, name: string, sleeps: 'may' | 'never' = 'may') {
    this.scheduler = scheduler;
    this.sleeps = sleeps;
    this.queue = new WaitQueue(scheduler, name);
  }

  readLock(): number {
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth++;
    const token = this.nextToken++;
    this.inside.add(token);
    return token;
  }

  readUnlock(token: number): void {
    if (!this.inside.delete(token)) {
      this.scheduler.fail('srcu-misuse', `${this.queue.name}: a read section is left that was not entered`);
    }
    if (this.sleeps === 'never') this.scheduler.current.atomicDepth--;
    this.runDeferred();
    this.queue.wakeAll();
  }

  /** @sleeps Until every reader that is inside now has left. */
  *synchronize(): Routine<void> {
    this.scheduler.mightSleep(this.queue.name);
    if (this.scheduler.preemptive) yield point(PointKind.RcuSynchronize, this.queue.id);
    const before = this.nextToken;
    yield* this.queue.waitUntil(() => this.oldest() >= before);
  }

  /** Runs `run` once every reader that is inside now has left: at once when there is none. */
  call(run: () => void): void {
    this.deferred.push({ after: this.nextToken, run });
    this.runDeferred();
  }

  /** @sleeps Until all functions given to `call` have run. */
  *barrier(): Routine<void> {
    yield* this.queue.waitUntil(() => this.deferred.length === 0);
  }

  private oldest(): number {
    for (const token of this.inside) return token;
    return this.nextToken;
  }

  private runDeferred(): void {
    while (this.deferred.length > 0 && this.deferred[0].after <= this.oldest()) {
      (this.deferred.shift() as Deferred).run();
    }
  }
}

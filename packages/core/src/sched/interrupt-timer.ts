/** A timer whose handler runs in interrupt context, on the CPU that armed it. Mirrors `kernel/time/timer.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { HeldLock, Lockdep } from '../locking/lockdep.ts';
import type { Scheduler } from './scheduler.ts';
import type { Timer } from './timers.ts';
import { WaitQueue } from './wait-queue.ts';

export class InterruptTimer implements HeldLock {
  readonly name: string;
  readonly lockClass: HeldLock['lockClass'];
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly handler: () => Routine<void>;
  private readonly ended: WaitQueue;
  private timer: Timer | undefined;
  private running = 0;

  constructor(scheduler: Scheduler, lockdep: Lockdep, name: string, handler: () => Routine<void>) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.name = name;
    this.lockClass = lockdep.driverClass(`timer ${name}`);
    this.handler = handler;
    this.ended = new WaitQueue(scheduler, `timer ${name}`);
  }

  get pending(): boolean {
    return this.timer !== undefined;
  }

  /** Expires that much virtual time from now; one that is armed already is put off. */
  arm(nanoseconds: number): void {
    this.cancel();
    const { scheduler } = this;
    const { cpu } = scheduler.current;
    this.timer = scheduler.timers.arm(scheduler.now + nanoseconds, () => {
      this.timer = undefined;
      this.running++;
      scheduler.interrupts.raise(this.name, cpu, () => this.expire());
    });
  }

  /** @returns whether it was pending. It may be running still. @sleeps Never. */
  cancel(): boolean {
    if (this.timer === undefined) return false;
    this.scheduler.timers.cancel(this.timer);
    this.timer = undefined;
    return true;
  }

  /** `cancel`, then waits until its handler does not run. @locks None that the handler takes. @sleeps Until then. */
  *cancelSync(): Routine<boolean> {
    this.lockdep.check(this);
    let taken = this.cancel();
    yield* this.ended.waitUntil(() => {
      taken = this.cancel() || taken;
      return this.running === 0;
    });
    return taken;
  }

  private *expire(): Routine<void> {
    this.lockdep.acquired(this);
    yield* this.handler();
    this.lockdep.released(this);
    this.running--;
    this.ended.wakeAll();
  }
}

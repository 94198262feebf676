/** Split page-table locks: one spinlock per last-level table, made when it is first needed. */
import { LockClasses } from '../locking/lock-order.ts';
import type { Lockdep } from '../locking/lockdep.ts';
import { SpinLock } from '../locking/spinlock.ts';
import type { Scheduler } from '../sched/scheduler.ts';

export class PageTableLocks {
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly locks: (SpinLock | undefined)[] = [];

  constructor(scheduler: Scheduler, lockdep: Lockdep) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
  }

  /** The lock of the table in frame `table`. */
  of(table: number): SpinLock {
    return (this.locks[table] ??= new SpinLock(
      this.scheduler,
      this.lockdep,
      LockClasses.pageTable,
      `page table lock of table ${table}`,
    ));
  }

  /** The lock that guards a pte slot. */
  ofSlot(slot: number): SpinLock {
    return this.of(Math.floor(slot / 512));
  }
}

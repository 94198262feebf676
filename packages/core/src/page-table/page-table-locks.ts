/** Split page-table locks: one spinlock per last-level table, made when it is first needed. */
import { LockClasses } from '../locking/lock-order.ts';
import type { Lockdep } from '../locking/lockdep.ts';
import { SpinLock } from '../locking/spinlock.ts';
import type { FrameTable } from '../memory/frame-table.ts';
import type { Scheduler } from '../sched/scheduler.ts';

export class PageTableLocks {
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly frames: FrameTable;
  /** By the number that the table's frame keeps. */
  private readonly locks: SpinLock[] = [];

  constructor(scheduler: Scheduler, lockdep: Lockdep, frames: FrameTable) {
    this.frames = frames;
    this.scheduler = scheduler;
    this.lockdep = lockdep;
  }

  /** The lock of the table in frame `table`. */
  of(table: number): SpinLock {
    const number = this.frames.tableLock[table];
    return number > 0 ? this.locks[number - 1] : this.create(table);
  }

  /** The lock that guards a pte slot. */
  ofSlot(slot: number): SpinLock {
    return this.of((slot / 512) | 0);
  }

  private create(table: number): SpinLock {
    const { scheduler, lockdep } = this;
    const lock = new SpinLock(scheduler, lockdep, LockClasses.pageTable, `page table lock of table ${table}`);
    this.frames.tableLock[table] = this.locks.push(lock);
    return lock;
  }
}

/**
 * `mm_take_all_locks`: every lock under which an invalidation window of this mm can be open, so that none is open while
 * a subscription joins the chain. Many VMAs share a lock; a mark on the object makes it taken once. One caller in the
 * whole machine (`mm_all_locks_mutex`), hence no order inside a class. Mirrors `mm/vma.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { HeldLock, Lockdep } from '../locking/lockdep.ts';
import { Mutex } from '../locking/mutex.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Vma } from '../mm/vma.ts';
import { type LockRooms, startVmaWrite, startVmaWriteNow } from '../mm/vma-lock.ts';
import type { Scheduler } from '../sched/scheduler.ts';

export class AllLocks {
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly rooms: LockRooms;
  private readonly mutex: Mutex;
  /** What a task is seen to hold for thousands of locks of one class. */
  private readonly everyFile: HeldLock = { name: 'every i_mmap lock of the mm', lockClass: LockClasses.iMmap };
  private readonly everyAnon: HeldLock = { name: 'every anon_vma lock of the mm', lockClass: LockClasses.anonVma };

  constructor(scheduler: Scheduler, lockdep: Lockdep) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.rooms = { scheduler, lockdep };
    this.mutex = new Mutex(scheduler, lockdep, LockClasses.allLocks, 'mm_all_locks_mutex');
  }

  /**
   * @locks mmapLock held for writing, no other VM lock.
   * @returns `EINTR` when a signal is pending; then no lock is held.
   * @sleeps May.
   */
  *take(mm: MmStruct): Routine<Errno | undefined> {
    assert(mm.mmapLock.writeHeld, 'mm_take_all_locks runs under mmapLock for writing', mm.id);
    yield* this.mutex.acquire();
    for (const vma of mm.vmas) {
      if (this.scheduler.interrupted()) {
        this.mutex.release();
        return 'EINTR';
      }
      // A fault under the VMA's own lock may have a window open. The marks end with mmapLock, not in `drop`.
      if (!this.markNow(vma)) yield* startVmaWrite(this.rooms, vma);
    }
    this.lockdep.acquired(this.everyFile);
    for (const { file } of mm.vmas) {
      if (this.scheduler.interrupted()) return this.giveUp(mm);
      if (file === undefined || file.allLocksMark) continue;
      if (!file.iMmapLock.acquireWriteNow('all')) yield* file.iMmapLock.acquireWrite('all');
      file.allLocksMark = true;
    }
    this.lockdep.acquired(this.everyAnon);
    for (const { anonVmaChain } of mm.vmas) {
      if (this.scheduler.interrupted()) return this.giveUp(mm);
      for (let i = 0; i < anonVmaChain.length; i++) {
        const { root } = anonVmaChain[i].anonVma;
        if (root.allLocksMark) continue;
        if (!root.lock.acquireWriteNow('all')) yield* root.lock.acquireWrite('all');
        root.allLocksMark = true;
      }
    }
    return undefined;
  }

  markNow(vma: Vma): boolean {
    return startVmaWriteNow(this.rooms, vma);
  }

  /** Also undoes a take that was interrupted half-way: it looks at the marks only. */
  drop(mm: MmStruct): void {
    for (const { anonVmaChain, file } of mm.vmas) {
      for (let i = 0; i < anonVmaChain.length; i++) {
        const { root } = anonVmaChain[i].anonVma;
        if (!root.allLocksMark) continue;
        root.allLocksMark = false;
        root.lock.releaseWrite('all');
      }
      if (file?.allLocksMark) {
        file.allLocksMark = false;
        file.iMmapLock.releaseWrite('all');
      }
    }
    if (this.lockdep.holds(this.everyAnon)) this.lockdep.released(this.everyAnon);
    this.lockdep.released(this.everyFile);
    this.mutex.release();
  }

  private giveUp(mm: MmStruct): Errno {
    this.drop(mm);
    return 'EINTR';
  }
}

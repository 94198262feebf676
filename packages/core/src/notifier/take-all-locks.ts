/**
 * `mm_take_all_locks`: every lock under which an invalidation window of this mm can be open, so that none is open while
 * a subscription joins the chain. Many VMAs share a lock; a mark on the object makes it taken once. One caller in the
 * whole machine (`mm_all_locks_mutex`), hence no order inside a class. Mirrors `mm/vma.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { Lockdep } from '../locking/lockdep.ts';
import { Mutex } from '../locking/mutex.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Vma } from '../mm/vma.ts';
import type { Scheduler } from '../sched/scheduler.ts';

export class AllLocks {
  private readonly scheduler: Scheduler;
  private readonly mutex: Mutex;

  constructor(scheduler: Scheduler, lockdep: Lockdep) {
    this.scheduler = scheduler;
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
    this.scheduler.current.takesAllLocks = true;
    for (const takeLocks of [takeFileLock, takeAnonLocks]) {
      for (const vma of mm.vmas) {
        if (this.scheduler.interrupted()) {
          this.drop(mm);
          return 'EINTR';
        }
        yield* takeLocks(vma);
      }
    }
    return undefined;
  }

  /** Also undoes a take that was interrupted half-way: it looks at the marks only. */
  drop(mm: MmStruct): void {
    for (const vma of mm.vmas) {
      for (const { anonVma } of vma.anonVmaChain) {
        if (!anonVma.root.allLocksMark) continue;
        anonVma.root.allLocksMark = false;
        anonVma.lock.releaseWrite();
      }
      if (vma.file?.allLocksMark) {
        vma.file.allLocksMark = false;
        vma.file.iMmapLock.releaseWrite();
      }
    }
    this.scheduler.current.takesAllLocks = false;
    this.mutex.release();
  }
}

function* takeFileLock({ file }: Vma): Routine<void> {
  if (file === undefined || file.allLocksMark) return;
  yield* file.iMmapLock.acquireWrite();
  file.allLocksMark = true;
}

function* takeAnonLocks(vma: Vma): Routine<void> {
  for (const { anonVma } of vma.anonVmaChain) {
    if (anonVma.root.allLocksMark) continue;
    yield* anonVma.lock.acquireWrite();
    anonVma.root.allLocksMark = true;
  }
}

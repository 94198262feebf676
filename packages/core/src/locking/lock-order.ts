/**
 * The one lock tree of Linux mm as data: acquire strictly downwards. Ranks are those of the ordering comments that head
 * `mm/rmap.c` and `mm/filemap.c`; lockdep checks every blocking acquisition against them.
 */

export interface LockClass {
  readonly id: number;
  readonly name: string;
  /** Outer locks have low ranks. */
  readonly rank: number;
}

let classCount = 0;

/** Classes are few and fixed by code, so ids are dense and shared by all machines. */
export function lockClass(name: string, rank: number): LockClass {
  return { id: classCount++, name, rank };
}

/** Every class of core. */
export type LockClassName =
  | 'inode'
  | 'mmap'
  | 'allLocks'
  | 'invalidate'
  | 'folio'
  | 'iMmap'
  | 'anonVma'
  | 'notifierMap'
  | 'driver'
  | 'subscriptions'
  | 'pageTable';

export const LockClasses: Readonly<Record<LockClassName, LockClass>> = {
  inode: lockClass('inode.i_rwsem', 10),
  mmap: lockClass('mm.mmapLock', 20),
  allLocks: lockClass('mm_all_locks_mutex', 22),
  invalidate: lockClass('mapping.invalidate_lock', 25),
  folio: lockClass('folio lock', 30),
  iMmap: lockClass('mapping.i_mmap', 40),
  anonVma: lockClass('anon_vma.root', 45),
  notifierMap: lockClass('mmu_notifier_invalidate_range_start', 48),
  driver: lockClass('driver', 55),
  subscriptions: lockClass('subscriptions.lock', 57),
  pageTable: lockClass('page table lock', 65),
};

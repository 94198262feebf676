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

/** Ids are shared by all machines of a program; each named lock of a driver is a class of its own. */
export function lockClass(name: string, rank: number): LockClass {
  return { id: classCount++, name, rank };
}

/** Every class of core. */
export type LockClassName =
  'inode' | 'mmap' | 'allLocks' | 'invalidate' | 'folio' | 'iMmap' | 'anonVma' | 'notifierMap' | 'driver' | 'pageTable';

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
  pageTable: lockClass('page table lock', 65),
};

/**
 * The one lock tree of Linux mm as data: acquire strictly downwards. Ranks follow the ordering comments that head
 * `mm/rmap.c` and `mm/filemap.c`; lockdep checks every blocking acquisition against them. Classes that this machine does
 * not use yet have their place too, so that who adds one finds it.
 */

export interface LockClass {
  readonly id: number;
  readonly name: string;
  /** Outer locks have low ranks. */
  readonly rank: number;
}

/** Name and rank; what is called a map or an order here is no lock, but is acquired like one. */
const TREE = {
  inode: ['inode.i_rwsem', 10],
  mmap: ['mm.mmapLock', 20],
  /** A fault's hold on one VMA, instead of mmapLock. */
  vmaRead: ['vma lock (read)', 21],
  allLocks: ['mm_all_locks_mutex', 22],
  /**
   * A writer of mmapLock waits for the faults in one VMA, and keeps others out. Linux lists it inside the folio lock (38);
   * but a fault may wait for a folio lock under a VMA's, so here nothing that a fault waits for may be held.
   */
  vmaWrite: ['vma lock (write)', 23],
  invalidate: ['mapping.invalidate_lock', 25],
  hugetlbFault: ['hugetlb fault mutex', 28],
  hugetlbVma: ['hugetlb vma lock', 29],
  folio: ['folio lock', 30],
  /** Entered by reclaim, and checked by every allocation that may reclaim: what reclaim takes stands below. */
  fsReclaim: ['fs_reclaim', 32],
  hugetlbIMmap: ['hugetlb mapping.i_mmap', 35],
  iMmap: ['mapping.i_mmap', 40],
  /** For huge pages of hugetlbfs the order is the other way round. */
  hugetlbFolio: ['hugetlb folio lock', 41],
  anonVma: ['anon_vma.root', 45],
  /** Entered around every start and end: ties each lock that a callback takes to the locks of all callers. */
  notifierMap: ['mmu_notifier_invalidate_range_start', 48],
  notifierSrcu: ['mmu_notifier srcu', 50],
  /** Every lock of a driver; hooks are called outside and inside page-table locks, so cycles alone count. */
  driver: ['driver', 55],
  /** The ptes of a window that a driver backs: taken in callbacks, under whatever their callers hold. */
  deviceWindow: ['device window', 56],
  subscriptions: ['notifier subscriptions', 57],
  writeProtect: ['mm.write_protect_seq', 58],
  tasklist: ['tasklist_lock', 60],
  pageMiddle: ['page middle directory lock', 64],
  pageTable: ['page table lock', 65],
  swap: ['swap lock', 70],
  mmlist: ['mmlist_lock', 71],
  private: ['mapping.private_lock', 72],
  iPages: ['mapping.i_pages', 75],
  lru: ['lruvec.lru_lock', 76],
  iLock: ['inode.i_lock', 77],
  wbList: ['wb.list_lock', 78],
  zone: ['zone.lock', 90],
} as const;

/** Every class of core. */
export type LockClassName = keyof typeof TREE;

export const LockClasses: Readonly<Record<LockClassName, LockClass>> = Object.fromEntries(
  Object.entries(TREE).map(([key, [name, rank]], id) => [key, { id, name, rank }]),
) as Record<LockClassName, LockClass>;

/** Classes of core have the ids below this one. */
export const CORE_CLASSES: number = Object.keys(TREE).length;

/** Holding the first, nobody may wait for the second, although the ranks allow it: the second waits for the first. */
export const CONFLICTS: readonly (readonly [LockClassName, LockClassName])[] = [['vmaRead', 'vmaWrite']];

/**
 * What is known before anything has run: each of these is held by some caller of a start, and reclaim is one of them.
 * So a driver's lock that a callback takes is tied to all of them at once.
 */
export const CALLERS_OF_HOOKS: readonly LockClassName[] = [
  'mmap',
  'vmaRead',
  'invalidate',
  'folio',
  'fsReclaim',
  'hugetlbIMmap',
  'iMmap',
  'hugetlbFolio',
  'anonVma',
];

/**
 * A file and its page cache: the address space of `mm/filemap.c`. `pages` maps a page index to the frame that caches it,
 * or, for swap-backed files (shared anonymous memory, memfd), to the swap slot that holds it. `iMmap` is the tree of
 * VMAs that map it.
 */
import type { Lockdep } from '../locking/lockdep.ts';
import { LockClasses } from '../locking/lock-order.ts';
import { RwSemaphore } from '../locking/rw-semaphore.ts';
import { IntervalTree } from '../rmap/interval-tree.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedMap } from '../sched/shared-map.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { BackingStore } from './backing-store.ts';

/** Where a cached page is. */
export type CachedPage = { readonly pfn: number } | { readonly swapSlot: number };

/**
 * `disk`: pages are written back to a store. `shmem`: pages are swap-backed and have no other home. `device`: it has no
 * pages, a driver answers its faults; there is one for each window.
 */
export type FileKind = 'disk' | 'shmem' | 'device';

/** The id of every file of a device: nobody looks one up. */
export const DEVICE_FILE: number = -1;

export class File<V = unknown> {
  readonly id: number;
  /** `undefined` for shared anonymous memory. */
  readonly name: string | undefined;
  readonly kind: FileKind;
  readonly store: BackingStore;
  readonly pages: Map<number, CachedPage>;
  /** What evicted pages left behind, by index. */
  readonly shadows: Map<number, number> = new Map();
  readonly iMmap: IntervalTree<V> = new IntervalTree();
  readonly iMmapLock: RwSemaphore;
  /** Guards the length against writers and truncation. */
  readonly inodeLock: RwSemaphore;
  /** Held by truncation, read by faults that bring pages in. */
  readonly invalidateLock: RwSemaphore;
  /** Set while `mm_take_all_locks` holds `iMmapLock`. */
  allLocksMark = false;
  /** Its pages and its length, as they are looked at without a lock. */
  private readonly state: SharedState;
  private bytes: number;

  constructor(
    id: number,
    name: string | undefined,
    kind: FileKind,
    length: number,
    store: BackingStore,
    scheduler: Scheduler,
    lockdep: Lockdep,
    iMmapSleeps: 'may' | 'never' = 'may',
  ) {
    this.id = id;
    this.name = name;
    this.kind = kind;
    this.bytes = length;
    this.store = store;
    const label = name ?? `shmem ${id}`;
    this.state = new SharedState(scheduler, scheduler.nextObjectId(`pages of ${label}`));
    this.pages = new SharedMap(this.state);
    this.iMmapLock = new RwSemaphore(scheduler, lockdep, LockClasses.iMmap, `i_mmap ${label}`, iMmapSleeps);
    this.inodeLock = new RwSemaphore(scheduler, lockdep, LockClasses.inode, `i_rwsem ${label}`);
    this.invalidateLock = new RwSemaphore(scheduler, lockdep, LockClasses.invalidate, `invalidate_lock ${label}`);
  }

  /** Bytes; accesses beyond the last page raise SIGBUS. */
  get length(): number {
    this.state.reads();
    return this.bytes;
  }

  set length(length: number) {
    this.state.changes();
    this.bytes = length;
  }

  /** Pages that have bytes of the file. */
  get lengthPages(): number {
    return Math.ceil(this.length / 4096);
  }

  /** Whether pages come from a place that a truncation or a hole takes away: they are read under the invalidate lock. */
  hasStore(): boolean {
    return this.kind === 'disk';
  }
}

/**
 * An address space: VMAs, page tables, and the locks that guard them. Mirrors `struct mm_struct`.
 *
 * `mmapLock` guards the VMAs (write to change, read to use); the page-table locks guard the ptes. `users` counts who
 * uses the address space (at 0 it is torn down), `count` who holds the object.
 */
import type { MmHandle } from '@mmu-notifier/plugin-api';
import type { NotifierSubscriptions } from '../notifier/subscriptions.ts';
import { type GatherOwner, PendingFlushes } from '../page-table/mmu-gather.ts';
import type { NotifierWindow } from '../notifier/subscriptions.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { WaitQueue } from '../sched/wait-queue.ts';
import type { MmapLock } from './vma-lock.ts';
import { VmaTree } from './vma-tree.ts';

/** Most VMAs of one mm: `sysctl_max_map_count`. */
export const MAX_MAP_COUNT = 65530;

export class MmStruct implements MmHandle, GatherOwner {
  readonly id: number;
  readonly mmapLock: MmapLock;
  /** The top-level table. */
  readonly root: number;
  readonly vmas: VmaTree = new VmaTree();
  count = 1;
  cpuMask = 0;
  readonly pendingFlushes: PendingFlushes;
  /** `undefined` until the first registration: a machine without consumers pays one test. */
  notifiers: NotifierSubscriptions | undefined;
  /** Invalidation windows whose start has returned and whose end has not been called. */
  readonly windows: NotifierWindow[] = [];
  /** Windows whose ends are being called. */
  readonly closing: NotifierWindow[] = [];
  /** Resident pages by kind, and swapped ones. */
  readonly rss: { anon: number; file: number; shmem: number; swap: number } = { anon: 0, file: 0, shmem: 0, swap: 0 };
  /** Page-table pages below the root. */
  tablePages = 0;
  startBrk = 0;
  brk = 0;
  /** Top of the area in which mmap chooses addresses, going down. */
  readonly mmapBase: number;
  /** `unmapped`: the reaper must not touch it any more; `done`: nobody waits for its memory. `MMF_OOM_SKIP` */
  oomSkip: 'unmapped' | 'done' | undefined;
  private usersNow = 1;
  /** A process that had it has exited, or execs. */
  orphaned = false;
  private readonly usersState: SharedState;
  /** Which VMA has an `anon_vma`: looked at before the page-table lock is taken. */
  readonly anonVmas: SharedState;
  private unstableNow = false;
  private writeProtectSeqNow = 0;
  private readonly flags: SharedState;

  constructor(scheduler: Scheduler, id: number, mmapLock: MmapLock, root: number, mmapBase: number) {
    this.usersState = new SharedState(scheduler, scheduler.nextObjectId(`users of mm ${id}`));
    this.pendingFlushes = new PendingFlushes(scheduler, id);
    this.anonVmas = new SharedState(scheduler, scheduler.nextObjectId(`anon_vmas of mm ${id}`));
    this.flags = new SharedState(scheduler, scheduler.nextObjectId(`flags of mm ${id}`));
    this.id = id;
    this.mmapLock = mmapLock;
    this.root = root;
    this.mmapBase = mmapBase;
  }

  /**
   * Whether there are any, and one more or less, commute; but not with the last one that goes. Once the process has gone,
   * each may be the last, in some order.
   */
  get users(): number {
    this.usersState.adds();
    return this.usersNow;
  }

  set users(users: number) {
    if (users <= 0 || this.orphaned) this.usersState.changes();
    this.usersNow = users;
  }

  /** Its contents may have been reaped: faults fail. `MMF_UNSTABLE` */
  get unstable(): boolean {
    this.flags.reads();
    return this.unstableNow;
  }

  set unstable(unstable: boolean) {
    this.flags.changes();
    this.unstableNow = unstable;
  }

  /** Raised around fork's write protection: fast GUP fails meanwhile. */
  get writeProtectSeq(): number {
    this.flags.reads();
    return this.writeProtectSeqNow;
  }

  set writeProtectSeq(sequence: number) {
    this.flags.changes();
    this.writeProtectSeqNow = sequence;
  }

  get vmaWriters(): WaitQueue {
    return this.mmapLock.vmaWriters;
  }

  /** The OOM reaper is about to take pages that somebody may still look for. @locks mmapLock held for reading. */
  becomeUnstable(): void {
    this.unstable = true;
  }

  get asid(): number {
    return this.id;
  }
}

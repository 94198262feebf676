/**
 * The callbacks by which core tells a secondary MMU that a translation must go. The contract is the modern one
 * (Linux 5.2 and later: ranges with an event, blockable or not, SRCU read side), because it contains all earlier ones.
 * Mirrors `include/linux/mmu_notifier.h`.
 */
import type { Errno } from './errno.ts';
import type { Routine } from './routine.ts';
import type { VirtualAddress } from './units.ts';
import type { MmHandle } from './services/processes.ts';

/**
 * Why a range is invalidated. An ordinary driver treats every event as a full invalidation; it may ignore `MIGRATE` and
 * `EXCLUSIVE`, and only when `range.owner` is its own token.
 * @public
 */
export type NotifierEvent =
  'UNMAP' | 'CLEAR' | 'PROTECTION_VMA' | 'PROTECTION_PAGE' | 'SOFT_DIRTY' | 'RELEASE' | 'MIGRATE' | 'EXCLUSIVE';

/** One invalidation window: the same object is handed to start and to its end. @public */
export interface NotifierRange {
  readonly mm: MmHandle;
  /** First byte, page aligned. */
  readonly start: VirtualAddress;
  /** First byte behind the range, page aligned. */
  readonly end: VirtualAddress;
  readonly event: NotifierEvent;
  /** Whether the callbacks may sleep. False only for the OOM reaper. */
  readonly blockable: boolean;
  /** Token of the device that asked for `MIGRATE` or `EXCLUSIVE`. */
  readonly owner?: unknown;
}

/**
 * What a secondary MMU owes the address space that it mirrors. Each callback may be run by any task: the owner, another
 * process (truncate, reclaim), a kernel thread. Never assume that the current task belongs to `range.mm`.
 *
 * Forbidden in every callback: register or unregister, take an mmapLock, get user pages of the same mm, wait for a task
 * that may be in a fault, allocate under a lock that a callback takes.
 * @public
 */
export interface MmuNotifierOps {
  /**
   * The address space is going. Drop every translation of it and make faults fail from now on. Tolerates being called
   * twice or concurrently (exit and unregister may race), and start/end arriving during and after it.
   *
   * @locks None of the mm's locks from exit; the caller's driver locks from unregister. SRCU read side.
   * @sleeps May sleep.
   */
  release?(mm: MmHandle): Routine<void>;

  /**
   * Drops every secondary translation of `range` and lets none appear until the paired
   * {@link MmuNotifierOps.invalidateRangeEnd}. Called with the pages still mapped and referenced; once it has returned,
   * core clears the ptes and may free the pages.
   *
   * @locks Entered with mmapLock, a VMA lock, the folio lock, i_mmap or anon_vma locks held; never a page-table lock.
   *   May take the driver's locks, never core's.
   * @sleeps Only when `range.blockable`; otherwise it may answer `'EAGAIN'` and has changed nothing. A driver that
   *   implements `invalidateRangeEnd` must never refuse.
   * @invariant start-is-a-barrier: from return to the pair, no access by this driver reaches `range`.
   */
  invalidateRangeStart?(range: NotifierRange): Routine<'done' | 'EAGAIN'>;

  /**
   * Ends the pair: translations may be made again. Starts and ends of several tasks overlap and do not nest; count them.
   *
   * @locks As for start.
   * @sleeps Only when `range.blockable`.
   */
  invalidateRangeEnd?(range: NotifierRange): Routine<void>;

  /**
   * Whether any translation of `[start, end)` was used since the last call; clears that state and flushes the secondary
   * TLB so that the next use sets it again.
   *
   * @locks Page-table lock, rmap lock and folio lock held. @sleeps Never: it is plain code or a routine that only takes
   *   spinlocks.
   */
  clearFlushYoung?(mm: MmHandle, start: VirtualAddress, end: VirtualAddress): Routine<boolean>;

  /** As {@link MmuNotifierOps.clearFlushYoung} without the flush: staleness is accepted. @sleeps Never. */
  clearYoung?(mm: MmHandle, start: VirtualAddress, end: VirtualAddress): Routine<boolean>;

  /** Looks only. @locks Page-table lock. @sleeps Never. */
  testYoung?(mm: MmHandle, address: VirtualAddress): Routine<boolean>;

  /**
   * The architecture flushed the CPU's TLBs of `[start, end)`: flush a TLB that walks the CPU's tables. Must not be
   * combined with start or end (registration answers `EINVAL`).
   *
   * @locks Usually the page-table lock. @sleeps Never.
   */
  archInvalidateSecondaryTlbs?(mm: MmHandle, start: VirtualAddress, end: VirtualAddress): void;

  /**
   * For `get`/`put`: makes the driver's per-mm object. @locks mmapLock for write. @sleeps May.
   */
  allocNotifier?(mm: MmHandle): Errno | undefined;

  /** For `get`/`put`: a grace period after the last put, frees what `allocNotifier` made. @sleeps Never. */
  freeNotifier?(mm: MmHandle): void;
}

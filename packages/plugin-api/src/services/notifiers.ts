/** Registration with an address space's notifier chain, and interval notifiers. Mirrors `mm/mmu_notifier.c`. */
import type { Errno } from '../errno.ts';
import type { MmuNotifierOps, NotifierRange } from '../notifier.ts';
import type { Routine } from '../routine.ts';
import type { VirtualAddress } from '../units.ts';
import type { MmHandle } from './processes.ts';

/** One registration on one mm's chain. @public */
export interface NotifierSubscription {
  readonly mm: MmHandle;
}

/** The list part of the chain. @public */
export interface NotifierService {
  /**
   * Adds `ops` to the chain of `mm`. Holds back every operation of the mm that could have an invalidation window open
   * (`mm_take_all_locks`), so that no end comes without its start. The mm must have users.
   *
   * @locks Takes mmapLock for write, then every i_mmap and anon_vma lock of the mm. Hold none of core's locks.
   * @sleeps May. Answers `EINTR` when a signal is pending, `ENOMEM`, or `EINVAL` for an impossible set of callbacks.
   */
  register(mm: MmHandle, ops: MmuNotifierOps): Routine<NotifierSubscription | Errno>;

  /**
   * Leaves the chain. Calls `release` if exit has not, then waits for every running callback: after it returned, no
   * callback of this subscription runs or will run. It does not wait for open windows, so an end may never come.
   *
   * @locks Hold no lock that a callback takes. @sleeps May.
   */
  unregister(subscription: NotifierSubscription): Routine<void>;

  /** One shared subscription per (ops, mm): registers on the first call, counts afterwards. @sleeps May. */
  get(mm: MmHandle, ops: MmuNotifierOps): Routine<NotifierSubscription | Errno>;

  /** Drops one `get`. The last one unlinks and calls `freeNotifier` after a grace period. Does not call `release`. */
  put(subscription: NotifierSubscription): void;

  /** Waits until every deferred `freeNotifier` has run. @sleeps May. */
  synchronize(): Routine<void>;
}

/** A range of one mm that a driver watches. @public */
export interface IntervalSubscription {
  readonly mm: MmHandle;
  /** First byte. */
  readonly start: VirtualAddress;
  /** First byte behind the range. */
  readonly end: VirtualAddress;
}

/** What a first pass leaves to the second: an object of the driver's, a new one for each window. @public */
export type IntervalFinish = object;

/**
 * Callbacks of an interval subscription: `invalidate`, or `invalidateStart` with `invalidateFinish`. Any task may run
 * them, several at a time for windows that overlap, and only for windows that intersect the interval. There is no end
 * callback: `readBegin` and `readRetry` know the end. The last window of an interval is that of the event `RELEASE`:
 * the address space is going, and the interval must still be removed.
 * @public
 */
export interface IntervalOps {
  /**
   * Drops the translations of `range` inside the interval. Calls `setSeq(subscription, seq)` under the driver's lock,
   * always: also when nothing is mapped there. Nothing may be mapped there again but by way of `readBegin`.
   *
   * @locks Entered as {@link MmuNotifierOps.invalidateRangeStart}; SRCU is not held.
   * @sleeps Only when `range.blockable`.
   * @returns `false` only when the range is not blockable and it would have to sleep; then it has changed nothing.
   */
  invalidate?(subscription: IntervalSubscription, range: NotifierRange, seq: number): Routine<boolean>;

  /**
   * First of two passes, in place of `invalidate`: asks the hardware and does not wait for it, so that several devices
   * are waited for at once. Calls `setSeq` as `invalidate` does.
   *
   * @sleeps Only when `range.blockable`.
   * @returns what `invalidateFinish` is handed; `true` when nothing is left to do; `false` as for `invalidate`.
   */
  invalidateStart?(
    subscription: IntervalSubscription,
    range: NotifierRange,
    seq: number,
  ): Routine<boolean | IntervalFinish>;

  /**
   * Second pass, after the first passes of all intervals: when it returns, the device reaches nothing of the range. Also
   * called when another interval refused.
   *
   * @sleeps As the pass before it.
   */
  invalidateFinish?(finish: IntervalFinish): Routine<void>;
}

/**
 * `mmu_interval_notifier`: subscriptions to ranges, whose faults find out by a sequence number that an invalidation came
 * in between. Offered where `capabilities` has `interval-notifiers`. A fault goes so:
 *
 *     seq = readBegin(); look the page up, no lock held; lock; if readRetry(seq), unlock and begin again; map; unlock
 * @public
 */
export interface IntervalNotifierService {
  /**
   * Watches `[start, start + length)`. The address space must have users; the subscription holds the `mm_struct`. When
   * invalidations are running, `readBegin` waits for their end.
   *
   * @locks The first one of an mm takes mmapLock for write and all locks of the mm. Hold none of core's locks.
   * @sleeps May. Answers `EINVAL` for an mm without users or an incomplete set of callbacks, `EOVERFLOW` for a range
   *   that is empty or ends behind the address space, `EINTR` when a signal is pending.
   */
  insert(mm: MmHandle, start: VirtualAddress, length: number, ops: IntervalOps): Routine<IntervalSubscription | Errno>;
  /**
   * Ends the watch. After it returned, no callback of this subscription runs or will run.
   *
   * @locks Hold no lock that a callback takes; never call it from a callback.
   * @sleeps Until no window that hit any interval of the mm is open.
   */
  remove(subscription: IntervalSubscription): Routine<void>;
  /**
   * Begins a fault: before the page is looked up. Waits while an invalidation of the interval runs, once; the caller
   * decides how often it tries.
   *
   * @locks Hold no lock that a callback takes. @sleeps May.
   * @returns the sequence for `readRetry`.
   */
  readBegin(subscription: IntervalSubscription): Routine<number>;
  /**
   * Whether what was looked up since `readBegin` is stale: then begin again.
   *
   * @locks The lock under which the callbacks call `setSeq`; it is held until the translation is installed.
   * @sleeps Never.
   */
  readRetry(subscription: IntervalSubscription, seq: number): boolean;
  /** As `readRetry` without a lock, to give up early: true is reliable, false is not. @sleeps Never. */
  checkRetry(subscription: IntervalSubscription, seq: number): boolean;
  /** Stores the number that a callback was handed. @locks The driver's lock, see `readRetry`. @sleeps Never. */
  setSeq(subscription: IntervalSubscription, seq: number): void;
}

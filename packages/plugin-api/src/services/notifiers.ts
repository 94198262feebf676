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
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
}

/** Callback of an interval subscription. @public */
export interface IntervalOps {
  /**
   * Drops the translations of `range` inside the interval. Must call `setSeq` under the driver's lock, always.
   * @returns `false` only when the range is not blockable and it would have to sleep.
   */
  invalidate(subscription: IntervalSubscription, range: NotifierRange, seq: number): Routine<boolean>;
}

/**
 * `mmu_interval_notifier`: range-restricted subscriptions with collision retry.
 * Reserved: offered where `capabilities` has `interval-notifiers`.
 * @public
 */
export interface IntervalNotifierService {
  insert(mm: MmHandle, start: VirtualAddress, length: number, ops: IntervalOps): Routine<IntervalSubscription | Errno>;
  remove(subscription: IntervalSubscription): Routine<void>;
  /** Waits while an invalidation of the interval runs; answers the sequence for `readRetry`. */
  readBegin(subscription: IntervalSubscription): Routine<number>;
  /** Whether the snapshot taken since `readBegin` is stale. @locks The lock that `invalidate` takes. */
  readRetry(subscription: IntervalSubscription, seq: number): boolean;
  /** Unlocked hint: true is reliable, false is not. */
  checkRetry(subscription: IntervalSubscription, seq: number): boolean;
  setSeq(subscription: IntervalSubscription, seq: number): void;
}

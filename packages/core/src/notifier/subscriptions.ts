/** What hangs from an mm that has been registered with: `struct mmu_notifier_subscriptions`. */
import type { MmuNotifierOps, NotifierRange, NotifierSubscription } from '@mmu-notifier/plugin-api';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { IntervalSubscriptions } from './intervals.ts';

/** One registration. */
export class Subscription implements NotifierSubscription {
  readonly mm: MmStruct;
  readonly ops: MmuNotifierOps;
  /** Who registered: a device's name. */
  readonly owner: string;
  linked = false;
  /** Users that came through `get`. */
  users = 1;
  /** Starts that have no end yet, as delivered to this subscription. */
  openStarts = 0;

  constructor(mm: MmStruct, ops: MmuNotifierOps, owner: string) {
    this.mm = mm;
    this.ops = ops;
    this.owner = owner;
  }
}

/** The chain of one mm. Never removed while the mm exists. */
export class NotifierSubscriptions {
  /** Last registered first, as in Linux; a driver must not rely on it. */
  list: readonly Subscription[] = [];
  /** Set by the first interval, never cleared: `has_itree`. */
  intervals: IntervalSubscriptions | undefined;
}

/** Whose start has returned, and for which part of the window: from then on that device reaches nothing of it. */
export interface Told {
  readonly owner: string;
  readonly start: number;
  readonly end: number;
}

/** One invalidation window; the same object goes to start and to its end. */
export interface NotifierWindow extends NotifierRange {
  readonly mm: MmStruct;
  readonly told: Told[];
}

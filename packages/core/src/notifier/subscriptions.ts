/** What hangs from an mm that has been registered with: `struct mmu_notifier_subscriptions`. */
import type { MmuNotifierOps, NotifierRange, NotifierSubscription } from '@mmu-notifier/plugin-api';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { IntervalSubscriptions } from './intervals.ts';

/** One registration. */
export class Subscription implements NotifierSubscription {
  readonly mm: MmStruct;
  readonly ops: MmuNotifierOps;
  /** Who registered: a device's name. */
  readonly owner: string;
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
  /** The list, as it is walked under SRCU alone. */
  private readonly state: SharedState;
  private subscriptions: readonly Subscription[] = [];
  /** Set by the first interval, never cleared: `has_itree`. */
  intervals: IntervalSubscriptions | undefined;

  constructor(scheduler: Scheduler, mm: MmStruct) {
    this.state = new SharedState(scheduler, scheduler.nextObjectId(`notifiers of mm ${mm.id}`));
  }

  /** Last registered first, as in Linux; a driver must not rely on it. */
  get list(): readonly Subscription[] {
    this.state.reads();
    return this.subscriptions;
  }

  link(subscription: Subscription): void {
    this.state.changes();
    this.subscriptions = [subscription, ...this.subscriptions];
  }

  unlink(subscription: Subscription): void {
    this.state.changes();
    this.subscriptions = this.subscriptions.filter((other) => other !== subscription);
  }

  /** @returns how many there are now. */
  addUsers(subscription: Subscription, more: number): number {
    this.state.changes();
    subscription.users += more;
    return subscription.users;
  }

  isLinked(subscription: Subscription): boolean {
    return this.list.includes(subscription);
  }
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

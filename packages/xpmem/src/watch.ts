/**
 * How a segment hears that the source changes, and how its faults find out that they lost a race.
 *
 *     recall             an interval of the segment: translations go in `invalidate`, the core knows the end
 *     recall, 2008       start and end of the chain, and a count of open ranges; only by force, for it would sleep
 *     until-invalidate   end of the chain: a number grows when translations have gone
 */
import type {
  Errno,
  IntervalNotifierService,
  IntervalSubscription,
  MmuNotifierOps,
  NotifierRange,
  Routine,
  SharedState,
  VirtualAddress,
  WaitQueue,
} from '@mmu-notifier/plugin-api';
import { isErrno } from '@mmu-notifier/plugin-api';
import { heldRemotely, recallHolders } from './remote/recall.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';

export interface Watch {
  /** Before the page is looked up; waits out a range that is open, where one is known. */
  readBegin(): Routine<number>;
  /** Whether what was looked up since then is stale. @locks segment.lock. */
  readRetry(seq: number): boolean;
  /** After it no callback comes. @locks None that a callback takes. @sleeps May. */
  end(): Routine<void>;
}

/** @sleeps May. Errors: those of registering. */
export function* watchSegment(shared: XpmemShared, segment: Segment): Routine<Watch | Errno> {
  const { intervals } = shared.host;
  if (shared.config.coherence !== 'recall' || intervals === undefined) return new ChainWatch(shared, segment);
  const { mm } = segment.owner;
  const subscription = yield* intervals.insert(mm, segment.vaddr as VirtualAddress, segment.size, {
    invalidate: (subscribed, range, seq) => invalidate(shared, intervals, segment, subscribed, range, seq),
  });
  return isErrno(subscription) ? subscription : new IntervalWatch(intervals, subscription);
}

class IntervalWatch implements Watch {
  private readonly intervals: IntervalNotifierService;
  private readonly subscription: IntervalSubscription;

  constructor(intervals: IntervalNotifierService, subscription: IntervalSubscription) {
    this.intervals = intervals;
    this.subscription = subscription;
  }

  readBegin(): Routine<number> {
    return this.intervals.readBegin(this.subscription);
  }

  readRetry(seq: number): boolean {
    return this.intervals.readRetry(this.subscription, seq);
  }

  end(): Routine<void> {
    return this.intervals.remove(this.subscription);
  }
}

/** Who may not wait for another node refuses. @sleeps Only when the range is blockable. */
function* invalidate(
  shared: XpmemShared,
  intervals: IntervalNotifierService,
  segment: Segment,
  subscription: IntervalSubscription,
  { start, end, blockable }: NotifierRange,
  seq: number,
): Routine<boolean> {
  shared.stats.invalidations();
  yield* segment.lock.acquire();
  const refuses = !blockable && heldRemotely(segment, start, end);
  if (!refuses) {
    intervals.setSeq(subscription, seq);
    yield* callbacks.recall(segment, start, end);
  }
  segment.lock.release();
  if (!refuses && blockable) yield* recallHolders(shared, segment, start, end);
  return !refuses;
}

/** Ranges of one thread group that the chain has told of. */
export class OpenRanges {
  readonly quiet: WaitQueue;
  private readonly state: SharedState;
  private activeNow = 0;
  private sequenceNow = 0;

  constructor(quiet: WaitQueue, state: SharedState) {
    this.quiet = quiet;
    this.state = state;
  }

  get active(): number {
    this.state.reads();
    return this.activeNow;
  }

  set active(active: number) {
    this.state.changes();
    this.activeNow = active;
  }

  get sequence(): number {
    this.state.reads();
    return this.sequenceNow;
  }

  set sequence(sequence: number) {
    this.state.changes();
    this.sequenceNow = sequence;
  }
}

class ChainWatch implements Watch {
  private readonly ranges: OpenRanges;

  constructor(_: XpmemShared, { owner }: Segment) {
    this.ranges = owner.ranges;
  }

  *readBegin(): Routine<number> {
    const { ranges } = this;
    yield* ranges.quiet.waitUntil(() => ranges.active === 0);
    return ranges.sequence;
  }

  readRetry(seq: number): boolean {
    return this.ranges.active > 0 || this.ranges.sequence !== seq;
  }

  *end(): Routine<void> {}
}

/** What a thread group registers beside `release`: nothing where its segments have intervals. */
export function chainOps(
  shared: XpmemShared,
  ranges: OpenRanges,
  segments: Iterable<Segment>,
): Pick<MmuNotifierOps, 'invalidateRangeStart' | 'invalidateRangeEnd'> {
  const { config, host } = shared;
  function* drop({ start, end }: NotifierRange): Routine<void> {
    shared.stats.invalidations();
    for (const segment of segments) {
      if (start >= segment.end || segment.vaddr >= end) continue;
      yield* segment.lock.acquire();
      yield* callbacks.recall(segment, start, end);
      segment.lock.release();
    }
  }
  if (config.coherence === 'until-invalidate') {
    return {
      *invalidateRangeEnd(range) {
        // First, or a fault that got the old page would establish it behind the drop.
        ranges.sequence++;
        yield* drop(range);
      },
    };
  }
  if (host.intervals !== undefined) return {};
  return {
    *invalidateRangeStart(range) {
      host.sync.mightSleep();
      ranges.active++;
      yield* drop(range);
      return 'done';
    },
    *invalidateRangeEnd() {
      ranges.active--;
      ranges.sequence++;
      ranges.quiet.wakeAll();
    },
  };
}

/** Twins change it. @locks segment.lock. */
export const callbacks: { recall: (segment: Segment, start: number, end: number) => Routine<void> } = {
  recall: ({ table }, start, end) => table.drop(start, end),
};

/**
 * What a kernel without MMU notifiers needed around a fork of the source: every translation of its segments goes before,
 * and faults wait until after, so that none is made of a page that fork is about to share. With notifiers it is only a way
 * to take the whole fork as one invalidation instead of one a range.
 *
 * Two begins need two ends, as threads of one process may fork at the same time. Mirrors `xpmem_fork_begin`.
 */
import type { Errno, Routine, WaitQueue } from '@mmu-notifier/plugin-api';
import { type Segment, unmapSegment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import type { ThreadGroup } from './thread-group.ts';

/** Faults on segments of one process, held off while it forks. */
export class ForkHold {
  /** Forks under way. A fault compares it under segment.lock. */
  forks = 0;
  private readonly over: WaitQueue;

  constructor(over: WaitQueue) {
    this.over = over;
  }

  /** @locks None. @sleeps While a fork is under way, unless the segment goes. */
  *wait(segment: Segment): Routine<void> {
    yield* this.over.waitUntil(() => this.forks === 0 || segment.destroying);
  }

  wake(): void {
    this.over.wakeAll();
  }
}

/** @locks None that a callback takes. @sleeps Until no page of the group's segments is reached, here or elsewhere. */
export function* forkBegin(shared: XpmemShared, { fork, segments }: ThreadGroup): Routine<void> {
  fork.forks++;
  for (const segment of [...segments]) yield* unmapSegment(shared, segment);
}

/** Errors: `EINVAL`, no fork was begun. @sleeps Never. */
export function forkEnd({ fork }: ThreadGroup): Errno | undefined {
  if (fork.forks === 0) return 'EINVAL';
  if (--fork.forks === 0) fork.wake();
  return undefined;
}

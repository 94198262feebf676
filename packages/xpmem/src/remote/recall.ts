/**
 * Recall: nobody on another node reaches a range any more when it has returned. One message to each node that holds pages
 * of it, sent to all before any is waited for.
 *
 * @invariant lease: a node uses a translation while its lease runs, counted from when it *sent* the request that renewed
 *   it; this node counts the same time from when it *answered*, which is later. So when the lease has run out here, it has
 *   there, whatever became of the messages in between. A lease that ran out takes every translation of its node with it,
 *   also when it is renewed later. Clocks may be apart, but must run at one rate.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Segment } from '../segment.ts';
import type { XpmemShared } from '../shared.ts';
import type { Holder } from './home.ts';
import { Type, encode } from './wire.ts';

interface Asked {
  readonly holder: Holder;
  readonly number: number;
  readonly message: Uint8Array;
  readonly deadline: number;
}

/** Whether another node has pages of the range. @sleeps Never. */
export function heldRemotely(segment: Segment, start: number, end: number): boolean {
  return [...segment.holders.values()].some(({ table }) => table.holds(start, end));
}

/** @locks Whatever callers of callbacks hold; none of the driver's. Takes segment.lock. @sleeps May. */
export function* recallHolders(shared: XpmemShared, segment: Segment, start: number, end: number): Routine<void> {
  const asked = [...segment.holders.values()]
    .filter(({ table }) => table.holds(start, end))
    .map((holder) => ask(shared, segment, holder, start, end));
  for (const one of asked) {
    yield* waits.answer(shared, one);
    one.holder.session.recalls.delete(one.number);
    yield* segment.lock.acquire();
    yield* one.holder.table.drop(start, end);
    segment.lock.release();
  }
}

function ask(shared: XpmemShared, segment: Segment, holder: Holder, start: number, end: number): Asked {
  const { session } = holder;
  const number = session.nextRecall();
  const first = Math.max(0, Math.floor((start - segment.vaddr) / PAGE_SIZE));
  const last = Math.min(segment.size, end - segment.vaddr) / PAGE_SIZE;
  const message = encode({ type: Type.recall, number, page: first, count: Math.ceil(last) - first, id: segment.segid });
  session.recalls.add(number);
  session.link.send(message);
  shared.stats.recalls_sent();
  const { trace } = shared.host;
  if (trace.enabled)
    trace.event('xpmem_recall', { peer: session.link.peer, page: first, pages: Math.ceil(last) - first });
  return { holder, number, message, deadline: session.leaseUntil };
}

/** Twins change it. */
export const waits = {
  /** The answer, or the end of the lease. Asks again meanwhile. @sleeps May. */
  *answer(shared: XpmemShared, { holder, number, message, deadline }: Asked): Routine<void> {
    const { session } = holder;
    const { tasks } = shared.host;
    const answered = (): boolean => !session.recalls.has(number) || session.gone;
    const patience = Math.ceil(shared.config.leaseNs / 16);
    while (!answered()) {
      const left = waits.untilEnd(deadline, tasks.now());
      if (left <= 0) {
        if (shared.host.trace.enabled) shared.host.trace.event('xpmem_lease_expired', { peer: session.link.peer });
        return shared.stats.leases_expired();
      }
      if (yield* session.answers.waitTimeout(answered, Math.min(left, patience))) return;
      session.link.send(message);
    }
  },
  untilEnd: (deadline: number, now: number): number => deadline - now,
};

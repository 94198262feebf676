/** What a call or a fault may invalidate on its own account; everything else that happens meanwhile is reclaim. */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { MmEvent, RecordedFault } from '@mmu-notifier/trace';
import type { ProbedRange } from './probe.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Action {
  /** `fault`, `fork`, `munmap`. */
  readonly cause: string;
  /**
   * Whether a range of the machine was reclaim, and not this action.
   *
   * @param reclaiming - Reclaim has begun since the action did.
   */
  isReclaim(range: ProbedRange, reclaiming: boolean): boolean;
  /** Whether a recorded range was reclaim that merely fell into this action. */
  isForeign(range: Span): boolean;
}

export function faultAction({ address }: RecordedFault): Action {
  const page = address - (address % PAGE_SIZE);
  return {
    cause: 'fault',
    isReclaim: (range, reclaiming) => range.start !== page && reclaiming && clearsPage(range),
    isForeign: (range) => isPage(range) && range.start !== page,
  };
}

/** What the machine does between calls and faults. */
export const OUTSIDE: Action = {
  cause: 'outside',
  isReclaim: (range, reclaiming) => reclaiming && clearsPage(range),
  isForeign: () => false,
};

/** `undefined` for events that touch no address space. */
export function callAction(event: MmEvent): Action | undefined {
  if (event.actor.kind !== 'process') return undefined;
  const spans = spansOf(event);
  const inside = (range: Span): boolean =>
    spans === undefined || spans.some(({ start, end }) => range.start < end && range.end > start);
  return {
    cause: event.verb,
    // Reclaim clears one page; calls that clear are given a range, and a fork protects.
    isReclaim: (range) => clearsPage(range) && (event.verb === 'fork' || !inside(range)),
    isForeign: (range) => isPage(range) && !inside(range),
  };
}

/** As reclaim does. */
function clearsPage(range: ProbedRange): boolean {
  return range.event === 'CLEAR' && isPage(range);
}

export function isPage({ start, end }: Span): boolean {
  return end - start === PAGE_SIZE;
}

/** Where a call can invalidate; `undefined` for anywhere. */
function spansOf(event: MmEvent): Span[] | undefined {
  const recorded = event.recorded?.kind === 'number' ? event.recorded.value : undefined;
  if (!('address' in event) || typeof event.address !== 'number') return undefined;
  if (event.verb === 'mremap') {
    const from = { start: event.address, end: event.address + Math.max(event.oldLength, event.newLength) };
    return recorded === undefined ? [from] : [from, { start: recorded, end: recorded + event.newLength }];
  }
  if (!('length' in event)) return undefined;
  const start = event.verb === 'mmap' ? (recorded ?? event.address) : event.address;
  return [{ start, end: start + event.length }];
}

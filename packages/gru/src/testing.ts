/**
 * Twins: the driver, or its hardware, without one of its guards, so that a checker can be shown what the guard is for.
 * Nothing in the driver asks whether it runs as a twin; a twin replaces methods until they are restored.
 * @packageDocumentation
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { AsidAllocator } from './driver/asid.ts';
import { tests } from './driver/fault.ts';
import { Gms } from './driver/gms.ts';
import { callbacks, flushRange, steps } from './driver/invalidate.ts';
import { steps as unloadSteps } from './driver/load.ts';
import { rules } from './driver/look-up.ts';
import type { GruShared } from './driver/shared.ts';
import { Tfh } from './hardware/tfh.ts';

/**
 * Guards of drop-ins, of invalidation and of ASIDs.
 * @public
 */
export type GruGuard =
  /** A range that is open when the page is looked up goes unseen. */
  | 'range-active-check'
  /** The count is raised when the purge is done. */
  | 'count-before-purge'
  /** Hardware takes a drop-in although a purge came since the handle was read. */
  | 'hardware-cancel'
  /** The end wakes first and lowers the count afterwards: whoever it woke sleeps on. */
  | 'wake-after-decrement'
  /** Start raises the count and purges nothing. */
  | 'purge'
  /** An unloaded context keeps its ASID, whoever has it by now. */
  | 'asid-generation'
  /** ASIDs are handed out again while the TLB still holds what they meant before. */
  | 'wrap-purge'
  /** A store is let through to a page that nobody knows to be dirty. */
  | 'dirty-check'
  /** Registers are given to another context while the process still has its window on them. */
  | 'window-zap'
  /** Contexts run on when their address space goes, as in Linux since 5.5. */
  | 'release';

type Twin = Readonly<Record<string, (this: never, ...args: never[]) => unknown>>;

const START_TWIN: Twin = {
  *start(shared: GruShared, gms: Gms, start: number, end: number): Routine<'done'> {
    yield* shared.host.sync.preempt('gru: purge', 'declared');
    yield* flushRange(shared, gms, start, end);
    yield* shared.host.sync.preempt('gru: raise the count', 'declared');
    yield* gms.beginRange();
    return 'done';
  },
};

const PURGE_TWIN: Twin = {
  *start(shared: GruShared, gms: Gms): Routine<'done'> {
    yield* shared.host.sync.preempt('gru: raise the count', 'declared');
    yield* gms.beginRange();
    return 'done';
  },
};

const END_TWIN: Twin = {
  *endRange(this: Gms): Routine<number> {
    this.waitQueue.wakeAll();
    return yield* this.rangeActive.add(-1);
  },
};

const TWINS: Readonly<Record<GruGuard, readonly [subject: object, twin: Twin]>> = {
  'range-active-check': [tests, { rangeActive: () => false }],
  'count-before-purge': [steps, START_TWIN],
  'hardware-cancel': [Tfh.prototype, { unpurged: () => true }],
  'wake-after-decrement': [Gms.prototype, END_TWIN],
  purge: [steps, PURGE_TWIN],
  'asid-generation': [AsidAllocator.prototype, { isStale: () => false }],
  'wrap-purge': [AsidAllocator.prototype, { *purge(): Routine<void> {} }],
  'dirty-check': [
    rules,
    { mayDropIn: (pte: { readonly writable: boolean }, write: boolean) => !write || pte.writable },
  ],
  'window-zap': [unloadSteps, { *hideWindow(): Routine<void> {} }],
  release: [callbacks, { *release(): Routine<void> {} }],
};

/**
 * Takes `guard` out of every device of this package, in this program.
 *
 * @returns Puts it back.
 * @public
 */
export function withoutGuard(guard: GruGuard): () => void {
  const [subject, twin] = TWINS[guard];
  const before = new Map(Object.keys(twin).map((name) => [name, Reflect.get(subject, name) as unknown]));
  Object.assign(subject, twin);
  return () => before.forEach((method, name) => Reflect.set(subject, name, method));
}

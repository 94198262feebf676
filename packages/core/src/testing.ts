/**
 * Twins: the machine without one of its guards, so that a checker can be shown what the guard is for. Nothing in core
 * asks whether it runs as a twin; a twin replaces methods of a prototype until they are restored.
 * @packageDocumentation
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { AllLocks } from './notifier/take-all-locks.ts';
import { MmuGather } from './page-table/mmu-gather.ts';
import { PointKind, point } from './sched/preemption-point.ts';

/**
 * Guards of core.
 * @public
 */
export type CoreGuard =
  /** Registration takes mmapLock alone: it may join a chain in the middle of a window that an rmap walk opened. */
  | 'take-all-locks'
  /** Pages and tables go back to the allocator before the CPUs have flushed. */
  | 'flush-before-free';

type Twin = Readonly<Record<string, (this: never, ...args: never[]) => unknown>>;

const ALL_LOCKS_TWIN: Twin = {
  *take(): Routine<Errno | undefined> {
    yield point(PointKind.Explicit, 0);
    return undefined;
  },
  drop: () => undefined,
};

const GATHER_TWIN: Twin = {
  *flush(this: MmuGather): Routine<void> {
    this.freeBatch();
    yield* this.flushTlb();
  },
};

/**
 * Takes `guard` out of every machine of this package, in this program.
 *
 * @returns Puts it back.
 * @public
 */
export function withoutGuard(guard: CoreGuard): () => void {
  return guard === 'take-all-locks'
    ? replace(AllLocks.prototype, ALL_LOCKS_TWIN)
    : replace(MmuGather.prototype, GATHER_TWIN);
}

function replace(prototype: object, methods: Twin): () => void {
  const before = new Map(Object.keys(methods).map((name) => [name, Reflect.get(prototype, name) as unknown]));
  Object.assign(prototype, methods);
  return () => before.forEach((method, name) => Reflect.set(prototype, name, method));
}

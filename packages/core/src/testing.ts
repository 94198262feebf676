/**
 * Twins: the machine without one of its guards, so that a checker can be shown what the guard is for. Nothing in core
 * asks whether it runs as a twin; a twin replaces methods of a prototype until they are restored.
 * @packageDocumentation
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { DeviceWindow } from './device-vma/device-window.ts';
import { MmStruct } from './mm/mm-struct.ts';
import { type IntervalNode, IntervalSubscriptions } from './notifier/intervals.ts';
import { AllLocks } from './notifier/take-all-locks.ts';
import { File } from './page-cache/file.ts';
import { MmuGather } from './page-table/mmu-gather.ts';
import { InFlight } from './process/in-flight.ts';
import { NOTHING } from './sched/nothing.ts';
import { PointKind, point } from './sched/preemption-point.ts';
import { SharedState } from './sched/shared-state.ts';

/**
 * Guards of core.
 * @public
 */
export type CoreGuard =
  /** Registration takes mmapLock alone: it may join a chain in the middle of a window that an rmap walk opened. */
  | 'take-all-locks'
  /** Registration marks no VMA: it may join in the middle of a window that a fault opened under its VMA's lock. */
  | 'vma-marks'
  /** Pages and tables go back to the allocator before the CPUs have flushed. */
  | 'flush-before-free'
  /** When a start of the list refuses, the intervals that were told before are not told of the end. */
  | 'interval-unwind'
  /** An interval joins the tree while a window that hit another one is open. */
  | 'interval-deferral'
  /** A task inside a call or a fault is no user of its address space. */
  | 'tasks-use-mm'
  /** Page tables below a window are freed while its driver may be clearing ptes in them. */
  | 'window-lock'
  /** A driver unmaps in an address space whose exit has begun. */
  | 'window-exit'
  /** A fault finds an address space that the reaper has been at as good as before: with zeros where data was. `MMF_UNSTABLE` */
  | 'unstable'
  /** A fault reads a page of a file while a hole or a truncation takes the bytes away below it. */
  | 'invalidate-lock'
  /** Changes of plain state that tasks share go unsaid, so that a checker takes them for nothing. */
  | 'declarations';

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

const INSERT_TWIN: Twin = {
  insert(this: IntervalSubscriptions, node: IntervalNode): void {
    this.tree.insert(node, node.start, node.end - 1);
    node.seq = this.seq - 1;
  },
};

const LEAVE_TWIN: Twin = {
  *leave(this: DeviceWindow, start: number, end: number): Routine<void> {
    this.cut(start, end);
  },
};

const TWINS: Readonly<Record<CoreGuard, readonly [prototype: object, twin: Twin]>> = {
  'take-all-locks': [AllLocks.prototype, ALL_LOCKS_TWIN],
  'vma-marks': [AllLocks.prototype, { markNow: () => true }],
  'flush-before-free': [MmuGather.prototype, GATHER_TWIN],
  'interval-unwind': [IntervalSubscriptions.prototype, { unwind: () => undefined }],
  'interval-deferral': [IntervalSubscriptions.prototype, INSERT_TWIN],
  'tasks-use-mm': [InFlight.prototype, { use: () => undefined, drop: () => NOTHING }],
  'window-lock': [DeviceWindow.prototype, LEAVE_TWIN],
  'window-exit': [DeviceWindow.prototype, { exiting: () => false }],
  unstable: [MmStruct.prototype, { becomeUnstable: () => undefined }],
  'invalidate-lock': [File.prototype, { hasStore: () => false }],
  declarations: [SharedState.prototype, { changes: () => undefined }],
};

/**
 * Takes `guard` out of every machine of this package, in this program.
 *
 * @returns Puts it back.
 * @public
 */
export function withoutGuard(guard: CoreGuard): () => void {
  const [prototype, twin] = TWINS[guard];
  return replace(prototype, twin);
}

function replace(prototype: object, methods: Twin): () => void {
  const before = new Map(Object.keys(methods).map((name) => [name, Reflect.get(prototype, name) as unknown]));
  Object.assign(prototype, methods);
  return () => before.forEach((method, name) => Reflect.set(prototype, name, method));
}

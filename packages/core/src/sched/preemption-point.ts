/**
 * A preemption point announces what comes next as one number: `object * 64 + kind`. Partial-order reduction decides by
 * it which steps commute; a schedule prints it. No allocation per point.
 *
 * A point that is *yielded* is a place where others may run. One that is *noted* (`scheduler.note`) is an operation
 * inside the step that is under way: a release, a wake, a free. A step touches what it yielded and all that it noted.
 */
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';

/**
 * What kind of operation it is; the object is of the kind's own number space, as {@link mayConflict} reads it.
 * @public
 */
export const PointKind = {
  TaskStart: 0,
  LockAcquire: 1,
  LockShared: 2,
  /** Writes, or reads and writes. */
  Atomic: 3,
  PteStore: 4,
  TlbFlush: 5,
  FrameFree: 6,
  CallbackStart: 7,
  CallbackEnd: 8,
  CallbackYoung: 9,
  Release: 10,
  Wait: 11,
  Wake: 12,
  /** Uses a translation of a device; the object is the pfn. */
  DeviceAccess: 13,
  CpuAccess: 14,
  Io: 15,
  Timer: 16,
  RcuSynchronize: 17,
  Explicit: 18,
  LockRelease: 19,
  /** Reads the word of a lock, whatever the answer. */
  TryLock: 20,
  AtomicLoad: 21,
  PteLoad: 22,
  Send: 23,
  Receive: 24,
  Ipi: 25,
  RcuReadLock: 26,
  RcuReadUnlock: 27,
  FrameAllocate: 28,
  /** A reader leaves: other readers do not care. */
  LockSharedRelease: 29,
  /** Reads bytes of a frame; the object is its pfn, as of the next one. */
  FrameLoad: 30,
  FrameStore: 31,
  /** What no other task can see. */
  Local: 32,
  /** Changes that commute with each other: a reference more, one more page on a list. */
  Add: 33,
} as const;
/** @public */
export type PointKind = (typeof PointKind)[keyof typeof PointKind];

/** More than there are. */
const KINDS = 64;

type KindName = keyof typeof PointKind;
const KIND_NAMES = Object.keys(PointKind) as KindName[];

export function point(kind: PointKind, object: number): PreemptionPoint {
  return object * KINDS + kind;
}

/** @public */
export function pointKind(p: PreemptionPoint): PointKind {
  return (p % KINDS) as PointKind;
}

/** @public */
export function pointObject(p: PreemptionPoint): number {
  return Math.floor(p / KINDS);
}

/** Where objects that have no name of their own begin: named places of code, what a frame, a swap slot
 * and a task have. */
export const ObjectBase: Readonly<
  Record<'place' | 'folioLock' | 'references' | 'frameFlags' | 'mapcount' | 'mapping' | 'swapSlot' | 'task', number>
> = {
  place: 2 ** 20,
  folioLock: 2 ** 24,
  references: 2 ** 25,
  frameFlags: 2 ** 26,
  mapcount: 2 ** 27,
  mapping: 2 ** 28,
  swapSlot: 2 ** 29,
  task: 2 ** 30,
};

/** Kinds whose objects are locks, queues and the like. */
const OF_NAMED: ReadonlySet<PointKind> = new Set([
  PointKind.LockAcquire,
  PointKind.LockShared,
  PointKind.LockRelease,
  PointKind.LockSharedRelease,
  PointKind.TryLock,
  PointKind.Atomic,
  PointKind.AtomicLoad,
  PointKind.Add,
  PointKind.Wait,
  PointKind.Wake,
  PointKind.RcuReadLock,
  PointKind.RcuReadUnlock,
  PointKind.RcuSynchronize,
  PointKind.Send,
  PointKind.Receive,
  PointKind.Explicit,
  PointKind.Local,
]);

/**
 * `LockAcquire mmapLock of mm 1`, `PteStore 1536`: for schedules.
 *
 * @param names - Of locks, queues and the like, by their ids.
 * @public
 */
export function describePoint(p: PreemptionPoint, names: readonly string[] = []): string {
  const kind = pointKind(p);
  return `${KIND_NAMES[kind] ?? 'Unknown'} ${(OF_NAMED.has(kind) ? nameOf(pointObject(p), names) : undefined) ?? pointObject(p)}`;
}

function nameOf(object: number, names: readonly string[]): string | undefined {
  const { folioLock, references, frameFlags, mapcount, mapping, swapSlot, task } = ObjectBase;
  if (object >= task) return `task ${object - task}`;
  if (object >= swapSlot) return `swap slot ${object - swapSlot}`;
  if (object >= mapping) return `mapping of frame ${object - mapping}`;
  if (object >= mapcount) return `mapcount of frame ${object - mapcount}`;
  if (object >= frameFlags) return `flags of frame ${object - frameFlags}`;
  if (object >= references) return `references of frame ${object - references}`;
  return object >= folioLock ? `folio lock of frame ${object - folioLock}` : names[object];
}

/** Kinds that conflict on one object, each with each of its group. Kinds in no common group commute. */
const ON_ONE_OBJECT: readonly (readonly [readonly KindName[], readonly KindName[]])[] = [
  [['LockAcquire'], ['LockAcquire', 'LockShared', 'LockRelease', 'LockSharedRelease', 'TryLock']],
  [['LockShared', 'TryLock'], ['LockRelease']],
  [['LockSharedRelease'], ['TryLock']],
  [['TryLock'], ['LockShared', 'TryLock']],
  [['Atomic'], ['Atomic', 'AtomicLoad']],
  [['Add'], ['Atomic', 'AtomicLoad']],
  [['PteStore'], ['PteStore', 'PteLoad']],
  // Two wakes do not commute: whoever waits was woken by the first of them.
  [
    ['Wait', 'Wake'],
    ['Wait', 'Wake'],
  ],
  [['RcuSynchronize'], ['RcuReadLock', 'RcuReadUnlock', 'RcuSynchronize']],
  [
    ['Send', 'Receive'],
    ['Send', 'Receive'],
  ],
  [['Ipi'], ['Ipi']],
  [
    ['CallbackStart', 'CallbackEnd', 'CallbackYoung', 'Release', 'TlbFlush'],
    ['CallbackStart', 'CallbackEnd', 'CallbackYoung', 'Release', 'TlbFlush'],
  ],
  [['FrameStore'], ['FrameStore', 'FrameLoad']],
  [
    ['DeviceAccess', 'FrameLoad', 'FrameStore'],
    ['FrameFree', 'FrameAllocate'],
  ],
];

/**
 * Kinds that conflict whatever their objects are: a CPU's access may find or fill a TLB, the free lists are one object, so
 * is the disk, the code behind an explicit point may touch anything.
 */
const ANYWHERE: readonly (readonly [readonly KindName[], readonly KindName[]])[] = [
  [['CpuAccess'], ['TlbFlush', 'Ipi']],
  [['DeviceAccess'], ['CallbackStart', 'CallbackEnd', 'CallbackYoung', 'Release']],
  [
    ['FrameFree', 'FrameAllocate'],
    ['FrameFree', 'FrameAllocate'],
  ],
  [['TlbFlush'], ['Ipi']],
  [['Io'], ['Io', 'FrameLoad', 'FrameStore']],
  [['Timer'], ['Timer']],
  [['Explicit'], KIND_NAMES.filter((name) => name !== 'TaskStart' && name !== 'Local')],
];

const SAME_OBJECT = 1;
const ANY_OBJECT = 2;

/** By the two kinds, one of them times `KINDS`. */
const CONFLICTS = new Uint8Array(KINDS * KINDS);

function enter(pairs: typeof ANYWHERE, where: number): void {
  for (const [some, others] of pairs) {
    for (const one of some) {
      for (const other of others) {
        CONFLICTS[PointKind[one] * KINDS + PointKind[other]] = where;
        CONFLICTS[PointKind[other] * KINDS + PointKind[one]] = where;
      }
    }
  }
}

enter(ON_ONE_OBJECT, SAME_OBJECT);
enter(ANYWHERE, ANY_OBJECT);

/**
 * Whether the order of the two operations may matter, when two tasks make them. Never false where it does; true more
 * often than need be. Two steps commute when no operation of one conflicts with any of the other.
 *
 * @public
 */
export function mayConflict(a: PreemptionPoint, b: PreemptionPoint): boolean {
  const where = CONFLICTS[(a % KINDS) * KINDS + (b % KINDS)];
  return where === ANY_OBJECT || (where === SAME_OBJECT && pointObject(a) === pointObject(b));
}

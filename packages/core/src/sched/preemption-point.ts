/**
 * A preemption point announces what comes next as one number: `object * 32 + kind`. Partial-order reduction decides by
 * it which steps commute; a schedule prints it. No allocation per point.
 */
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';

/** What kind of step comes next; the object is of the kind's own number space. */
export const PointKind = {
  TaskStart: 0,
  LockAcquire: 1,
  LockShared: 2,
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
  DeviceAccess: 13,
  CpuAccess: 14,
  Io: 15,
  Timer: 16,
  RcuSynchronize: 17,
  Explicit: 18,
} as const;
export type PointKind = (typeof PointKind)[keyof typeof PointKind];

const KIND_NAMES = Object.keys(PointKind);

export function point(kind: PointKind, object: number): PreemptionPoint {
  return object * 32 + kind;
}

export function pointKind(p: PreemptionPoint): PointKind {
  return (p % 32) as PointKind;
}

export function pointObject(p: PreemptionPoint): number {
  return Math.floor(p / 32);
}

/** `LockAcquire 17`, for schedules. */
export function describePoint(p: PreemptionPoint): string {
  return `${KIND_NAMES[p % 32] ?? 'Unknown'} ${pointObject(p)}`;
}

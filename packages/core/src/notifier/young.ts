/**
 * Whether a secondary MMU has used a page. Intervals have no such hooks: to reclaim, what only they use looks idle.
 * Mirrors the young part of `mm/mmu_notifier.c`.
 */
import type { Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { checkHookLocks } from '../locking/hook-locks.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';

/** Asks every subscriber, never stops early. @locks Page-table lock held. @sleeps Never. */
export function clearFlushYoung(kernel: Kernel, mm: MmStruct, start: number, end: number): Routine<boolean> {
  return askAll(kernel, mm, 'clearFlushYoung', start, end);
}

/** As `clearFlushYoung`, but devices need not flush. @locks Page-table lock held. @sleeps Never. */
export function clearYoung(kernel: Kernel, mm: MmStruct, start: number, end: number): Routine<boolean> {
  return askAll(kernel, mm, 'clearYoung', start, end);
}

function* askAll(
  kernel: Kernel,
  mm: MmStruct,
  callback: 'clearFlushYoung' | 'clearYoung',
  start: number,
  end: number,
): Routine<boolean> {
  if (mm.notifiers === undefined || mm.notifiers.list.length === 0) return false;
  checkHookLocks(kernel.scheduler, 'young');
  let young = false;
  const token = kernel.notifierSrcu.readLock();
  for (const { ops } of mm.notifiers.list) {
    if (ops[callback] === undefined) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackYoung, mm.id);
    kernel.stats.notifier['young']++;
    if (yield* ops[callback](mm, start as VirtualAddress, end as VirtualAddress)) young = true;
  }
  kernel.notifierSrcu.readUnlock(token);
  kernel.tracer?.aged?.(mm.id, start, end, young);
  return young;
}

/** Changes nothing, and stops at the first that says yes. @locks Page-table lock held. @sleeps Never. */
export function* testYoung(kernel: Kernel, mm: MmStruct, address: number): Routine<boolean> {
  if (mm.notifiers === undefined || mm.notifiers.list.length === 0) return false;
  checkHookLocks(kernel.scheduler, 'young');
  let young = false;
  const token = kernel.notifierSrcu.readLock();
  for (const { ops } of mm.notifiers.list) {
    if (ops.testYoung === undefined) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.CallbackYoung, mm.id);
    kernel.stats.notifier['young']++;
    young = yield* ops.testYoung(mm, address as VirtualAddress);
    if (young) break;
  }
  kernel.notifierSrcu.readUnlock(token);
  return young;
}

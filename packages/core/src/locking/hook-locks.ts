/**
 * Which locks of core may be held where a driver is called: what the contract promises to a callback, checked at each
 * call. Locks of drivers and pseudo locks are judged by order alone.
 */
import type { Scheduler } from '../sched/scheduler.ts';
import { CORE_CLASSES, type LockClassName, LockClasses } from './lock-order.ts';

/** Where a driver is called, or calls. */
export type HookName =
  'invalidateRange' | 'invalidatePage' | 'young' | 'flushSecondary' | 'releaseOnExit' | 'unregister' | 'allocNotifier';

/** Held around any callback, and promised to nobody. */
const EVERYWHERE: readonly LockClassName[] = ['fsReclaim', 'notifierMap', 'notifierSrcu', 'driver'];
const RANGE: readonly LockClassName[] = [
  'inode',
  'mmap',
  'vmaRead',
  'invalidate',
  'hugetlbFault',
  'hugetlbVma',
  'folio',
  'hugetlbIMmap',
  'iMmap',
  'hugetlbFolio',
  'anonVma',
];

const MAY_BE_HELD: Readonly<Record<HookName, readonly LockClassName[]>> = {
  /** Start and end: never a page-table lock. */
  invalidateRange: RANGE,
  /** In the world of 2008, for the pages of an rmap walk. */
  invalidatePage: [...RANGE, 'pageTable'],
  young: [...RANGE, 'pageMiddle', 'pageTable'],
  flushSecondary: [...RANGE, 'deviceWindow', 'pageMiddle', 'pageTable', 'writeProtect'],
  releaseOnExit: [],
  /** Waits for callbacks: nothing that one of them, or its caller, holds. */
  unregister: ['inode'],
  allocNotifier: ['mmap'],
};

const ALLOWED: Readonly<Record<HookName, Uint8Array>> = Object.fromEntries(
  Object.entries(MAY_BE_HELD).map(([hook, names]) => {
    const allowed = new Uint8Array(CORE_CLASSES);
    for (const name of [...EVERYWHERE, ...names]) allowed[LockClasses[name].id] = 1;
    return [hook, allowed];
  }),
) as Record<HookName, Uint8Array>;

/** Reports a lock of core that the current task holds and that `hook` was promised not to meet. */
export function checkHookLocks(scheduler: Scheduler, hook: HookName): void {
  const { held, name } = scheduler.current;
  const allowed = ALLOWED[hook];
  for (let i = 0; i < held.length; i++) {
    const { id } = held[i].lockClass;
    if (id < CORE_CLASSES && allowed[id] === 0) {
      scheduler.fail('hook-locks', `${name} comes to ${hook} while it holds ${held[i].name}`);
    }
  }
}

/** Columns of the frame table that say who uses them, for a machine whose tasks are explored. */
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';

type Column = Int32Array | Uint32Array;

/**
 * The same column, each use of which is noted.
 *
 * @param base - What points call its first element.
 */
export function watchedColumn<C extends Column>(column: C, scheduler: Scheduler, base: number): C {
  const note = (kind: PointKind, key: string | symbol): void => {
    const pfn = typeof key === 'string' ? Number(key) : NaN;
    if (pfn >= 0) scheduler.note(kind, base + pfn);
  };
  return new Proxy(column, {
    get(target, key) {
      note(PointKind.AtomicLoad, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
    set(target, key, value) {
      note(PointKind.Atomic, key);
      return Reflect.set(target, key, value, target);
    },
  });
}

/** What a run announces, and which two operations commute. */
import type { PreemptionPoint, Routine } from '@mmu-notifier/plugin-api';
import { AREA, PAGE, machineOf, map, p1, run, store } from '../../test/machine.ts';
import { type Bench, pause, under } from '../../test/scheduling.ts';
import { attachTo, spy } from '../../test/spy.ts';
import { Mutex } from '../locking/mutex.ts';
import type { Machine } from '../machine.ts';
import { PointKind, describePoint, mayConflict, point } from './preemption-point.ts';
import type { RunnableTask, Strategy } from './strategy.ts';

/** Writes down each step: what it announced, and in brackets what it noted. Numbers are left out. */
class Recorder implements Strategy {
  steps: string[] = [];

  pick(runnable: readonly RunnableTask[]): number {
    this.steps.push(nameOf(runnable[0]?.at ?? 0));
    return 0;
  }

  observe(_: RunnableTask, operation: PreemptionPoint): void {
    this.steps.push(`(${nameOf(operation)})`);
  }

  choose(): number {
    return 0;
  }
}

function nameOf(p: PreemptionPoint): string {
  return describePoint(p).split(' ')[0] ?? '';
}

/** The kinds of the steps of `act`, wakes of empty queues left out. */
function steps(
  act: (machine: Machine) => Routine<unknown>,
  prepare: (machine: Machine) => void = () => undefined,
): string {
  const recorder = new Recorder();
  const machine = machineOf({ strategy: recorder });
  map(machine, 4, { at: AREA });
  prepare(machine);
  recorder.steps = [];
  run(machine, act(machine));
  return recorder.steps.filter((step) => step !== '(Wake)').join(' ');
}

describe('the operations of a run', () => {
  it('are, for a first store: access, locks, the pte before and under its lock', () => {
    const found = steps((machine) => machine.store(p1(machine), AREA, 1, Uint8Array.of(1)));
    const announced = found.split(' ').filter((step) => !step.startsWith('('));
    // The VMA's mark, the pte without a lock, the anon_vma, the pte under its lock, and the store itself.
    expect(announced.join(' ')).toBe(
      'TaskStart CpuAccess Add PteLoad TryLock LockAcquire LockAcquire PteStore CpuAccess',
    );
    expect(found).toMatch(/\(FrameAllocate\).*PteStore \(PteStore\) \(LockRelease\).*CpuAccess .*\(FrameStore\)/);
  });

  it('are, for an munmap with a device: window, callbacks, pte, and behind the end flush and free', () => {
    const found = steps(
      (machine) => machine.syscalls.munmap(p1(machine), AREA, PAGE),
      (machine) => {
        store(machine, AREA, 1);
        attachTo(machine, spy().plugin);
      },
    );
    const order = ['LockAcquire', '(RcuReadLock)', 'CallbackStart', '(RcuReadUnlock)', 'PteStore', 'CallbackEnd'];
    const places = [...order, 'TlbFlush', '(FrameFree)'].map((kind) => found.split(' ').indexOf(kind));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it('are the same for the same run: ids of objects do not depend on the machine', () => {
    const idsOf = (): string => {
      const ids: string[] = [];
      const recorder: Strategy = {
        pick: (runnable) => (ids.push(describePoint(runnable[0]?.at ?? 0)), 0),
        observe: (_, operation) => void ids.push(describePoint(operation)),
        choose: () => 0,
      };
      const machine = machineOf({ strategy: recorder });
      map(machine, 2, { at: AREA });
      store(machine, AREA, 1);
      run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
      return ids.join();
    };
    expect(idsOf()).toBe(idsOf());
  });
});

describe('two operations', () => {
  const kinds = Object.values(PointKind);
  const conflict = (a: PointKind, x: number, b: PointKind, y: number) => mayConflict(point(a, x), point(b, y));

  it('conflict in both directions, or in none', () => {
    for (const a of kinds) {
      for (const b of kinds) {
        for (const [x, y] of [
          [1, 1],
          [1, 2],
        ] as const) {
          expect([a, b, conflict(a, x, b, y)]).toEqual([a, b, conflict(b, y, a, x)]);
        }
      }
    }
  });

  it.each([
    ['two readers of a lock', PointKind.LockShared, 1, PointKind.LockShared, 1],
    ['two loads of a pte', PointKind.PteLoad, 1, PointKind.PteLoad, 1],
    ['stores to two ptes', PointKind.PteStore, 1, PointKind.PteStore, 2],
    ['two locks', PointKind.LockAcquire, 1, PointKind.LockAcquire, 2],
    ['two read sections', PointKind.RcuReadLock, 1, PointKind.RcuReadLock, 1],
    ['device accesses to two frames', PointKind.DeviceAccess, 1, PointKind.DeviceAccess, 2],
    ['flushes of two address spaces', PointKind.TlbFlush, 1, PointKind.TlbFlush, 2],
    ['two that leave as readers', PointKind.LockSharedRelease, 1, PointKind.LockSharedRelease, 1],
    ['a reader that comes and one that leaves', PointKind.LockShared, 1, PointKind.LockSharedRelease, 1],
    ['two references more', PointKind.Add, 1, PointKind.Add, 1],
    ['loads of one frame', PointKind.FrameLoad, 1, PointKind.FrameLoad, 1],
    ['CPU accesses, but for their bytes and walks', PointKind.CpuAccess, 1, PointKind.CpuAccess, 1],
    ['what is local and anything', PointKind.Local, 1, PointKind.Explicit, 1],
    ['a start of a task and anything', PointKind.TaskStart, 0, PointKind.Explicit, 0],
  ])('commute: %s', (_, a, x, b, y) => {
    expect(conflict(a, x, b, y)).toBe(false);
  });

  it.each([
    ['a try and a release', PointKind.TryLock, 1, PointKind.LockRelease, 1],
    ['a load and a store of a pte', PointKind.PteLoad, 1, PointKind.PteStore, 1],
    ['a CPU access and any flush', PointKind.CpuAccess, 1, PointKind.TlbFlush, 2],
    ['a device access and any callback', PointKind.DeviceAccess, 1, PointKind.CallbackStart, 2],
    ['a free and an access through what is left', PointKind.FrameFree, 7, PointKind.DeviceAccess, 7],
    ['frees of two frames: the order of the free list', PointKind.FrameFree, 1, PointKind.FrameFree, 2],
    ['a read section and a grace period', PointKind.RcuReadLock, 1, PointKind.RcuSynchronize, 1],
    ['a reader that leaves and a writer', PointKind.LockSharedRelease, 1, PointKind.LockAcquire, 1],
    ['two wakes: the first is the one that wakes', PointKind.Wake, 1, PointKind.Wake, 1],
    ['one reference more and a look at how many', PointKind.Add, 1, PointKind.AtomicLoad, 1],
    ['a load and a store of a frame', PointKind.FrameLoad, 1, PointKind.FrameStore, 1],
    ['a page that goes to disk and a store', PointKind.Io, 1, PointKind.FrameStore, 2],
    ['a wait and a wake', PointKind.Wait, 1, PointKind.Wake, 1],
  ])('do not commute: %s', (_, a, x, b, y) => {
    expect(conflict(a, x, b, y)).toBe(true);
  });
});

/** Every schedule of the tasks, by depth first search. */
function explore(tasks: (bench: Bench) => Routine<void>[], result: (bench: Bench) => string): Set<string> {
  const results = new Set<string>();
  const open: number[][] = [[]];
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const path = [...prefix];
    let depth = 0;
    const known = prefix.length;
    const bench = under({
      pick(runnable) {
        const choice = depth < known ? (path[depth] ?? 0) : 0;
        if (depth >= known) for (let i = 1; i < runnable.length; i++) open.push([...path.slice(0, depth), i]);
        path[depth++] = choice;
        return choice;
      },
      choose: () => 0,
    });
    for (const [at, routine] of tasks(bench).entries()) bench.scheduler.spawn(`t${at}`, routine);
    bench.scheduler.runAll();
    results.add(result(bench));
  }
  return results;
}

describe('the announcements are enough to explore', () => {
  /** Two increments: with a lock each order gives 2, without one some order loses one. */
  const outcomes = (guarded: boolean): Set<string> => {
    let value = 0;
    return explore(
      (bench) => {
        value = 0;
        const lock = new Mutex(bench.scheduler, bench.lockdep, bench.lockdep.driverClass('lock'), 'lock');
        return [0, 1].map(function* (): Routine<void> {
          if (guarded) yield* lock.acquire();
          const seen = value;
          yield* pause(bench);
          value = seen + 1;
          if (guarded) lock.release();
        });
      },
      () => String(value),
    );
  };

  it('a search over them finds the lost update, and none under a lock', () => {
    expect([...outcomes(false)].sort()).toEqual(['1', '2']);
    expect([...outcomes(true)]).toEqual(['2']);
  });
});

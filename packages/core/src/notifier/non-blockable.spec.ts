/** Windows in which no callback may sleep: who refuses, what the others get, and what is reported. */
import type { MmuNotifierOps, PluginHost, Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../machine.ts';
import { withoutGuard } from '../testing.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  kernelOf,
  load,
  machineOf,
  map,
  mmOf,
  p1,
  run,
  violation,
} from '../../test/machine.ts';
import { type Spy, attachTo, spy, writesDown } from '../../test/spy.ts';
import { type Umem, umem } from '../../test/umem.ts';
import { deviceLoad } from '../../test/device.ts';
import { closeWindow, tryOpenWindow } from './chain.ts';
import type { NotifierWindow } from './subscriptions.ts';

function bench(): Machine {
  const machine = machineOf();
  map(machine, 2, { at: AREA });
  fill(machine, AREA, 2, 1);
  return machine;
}

/** Opens a window of one page as the OOM reaper does, and closes it. @returns what the opening answered. */
function* reap(machine: Machine): Routine<NotifierWindow | undefined | 'EAGAIN'> {
  const kernel = kernelOf(machine);
  const mm = mmOf(machine);
  yield* mm.mmapLock.acquireRead();
  const window = yield* tryOpenWindow(kernel, mm, AREA, AREA + PAGE, 'CLEAR');
  if (window !== 'EAGAIN') yield* closeWindow(kernel, window);
  mm.mmapLock.releaseRead();
  return window;
}

const refuses: MmuNotifierOps = {
  *invalidateRangeStart({ blockable }) {
    return blockable ? 'done' : 'EAGAIN';
  },
};

function listen(machine: Machine, name: string, ops?: (log: string[], host: PluginHost) => MmuNotifierOps): Spy {
  const watcher = spy(ops);
  attachTo(machine, watcher.plugin, name);
  return watcher;
}

describe('a window that must not block', () => {
  it('says so to its callbacks, and pairs like any other', () => {
    const machine = bench();
    const blockable: boolean[] = [];
    const watcher = listen(machine, 'spy', (log) => ({
      ...writesDown(log),
      *invalidateRangeStart(range) {
        blockable.push(range.blockable);
        return yield* writesDown(log).invalidateRangeStart!(range);
      },
    }));
    expect(run(machine, reap(machine))).toMatchObject({ blockable: false });
    expect(blockable).toEqual([false]);
    expect(watcher.take()).toEqual(['start CLEAR 0+1', 'end CLEAR 0+1']);
    expectClean(machine);
  });

  it('calls every start although one refuses, then every end, also of those behind it (T6)', () => {
    const machine = bench();
    const before = listen(machine, 'before');
    listen(machine, 'refuses', () => refuses);
    const behind = listen(machine, 'behind');
    expect(run(machine, reap(machine))).toBe('EAGAIN');
    for (const watcher of [before, behind]) expect(watcher.take()).toEqual(['start CLEAR 0+1', 'end CLEAR 0+1']);
    expect(mmOf(machine).windows).toEqual([]);
    expect(mmOf(machine).notifiers?.list.map(({ openStarts }) => openStarts)).toEqual([0, 0, 0]);
    expect(machine.stats()['notifier']).toMatchObject({ starts: 3, ends: 2, refused: 1 });
    expect(load(machine, AREA)).toBe(1);
    expectClean(machine);
  });

  it('reports a driver that refuses and implements end: it gets an end for a start that it did not make', () => {
    const machine = bench();
    listen(machine, 'both', (log) => ({ ...writesDown(log), ...refuses }));
    expect(violation(() => run(machine, reap(machine)))).toMatchObject({
      oracle: 'refused-with-end',
      message: `both refuses an invalidation of 0x${AREA.toString(16)} and implements end, which it gets too`,
    });
  });

  it('reports any other answer', () => {
    const machine = bench();
    listen(machine, 'odd', () => ({
      *invalidateRangeStart() {
        return 'EBUSY' as 'EAGAIN';
      },
    }));
    expect(violation(() => run(machine, reap(machine))).message).toMatch('odd answers EBUSY to a start');
  });

  it.each(['start', 'end'])('reports a callback that sleeps in %s', (which) => {
    const machine = bench();
    listen(machine, 'sleeper', (log, host) => ({
      *invalidateRangeStart({ blockable }) {
        if (which === 'start' && !blockable) yield* host.tasks.sleep(1);
        return 'done';
      },
      *invalidateRangeEnd({ blockable }) {
        if (which === 'end' && !blockable) yield* host.tasks.sleep(1);
      },
    }));
    expect(violation(() => run(machine, reap(machine)))).toMatchObject({
      oracle: 'sleep-in-atomic',
      message: 'test may sleep (sleep) inside a non-blockable invalidation',
    });
  });

  it('lets the same callbacks sleep in windows that may block', () => {
    const machine = bench();
    listen(machine, 'sleeper', (log, host) => ({
      *invalidateRangeStart() {
        yield* host.tasks.sleep(1);
        return 'done';
      },
    }));
    run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
    expectClean(machine);
  });
});

describe('a window that must not block, with intervals', () => {
  it('is refused by one that cannot get its lock, before the list hears of it; the page stays mapped', () => {
    const machine = bench();
    const listener = listen(machine, 'list');
    const device = attachTo(machine, umem());
    expect(deviceLoad(machine, device, AREA)).toBe(1);
    const lock = (device as Umem).regions.get('p1')?.lock as { acquire(): Routine<void>; release(): void };
    const { scheduler } = kernelOf(machine);
    const answers: unknown[] = [];
    machine.spawn(
      'driver',
      (function* () {
        yield* lock.acquire();
        yield* scheduler.sleep(100);
        lock.release();
      })(),
    );
    machine.spawn(
      'reaper',
      (function* () {
        yield* scheduler.sleep(50);
        answers.push(yield* reap(machine));
      })(),
    );
    machine.runAll();
    expect(answers).toEqual(['EAGAIN']);
    expect(listener.take()).toEqual([]);
    expect(deviceLoad(machine, device, AREA)).toBe(1);
    expectClean(machine);
  });

  it('reports one that waits for its lock', () => {
    const machine = bench();
    attachTo(machine, umem({ flaw: 'sleeps in a non-blockable window' }));
    expect(violation(() => run(machine, reap(machine))).oracle).toBe('sleep-in-atomic');
  });

  /** An interval was told, then a start of the list refuses. @returns whether a fault of the interval gets through. */
  const faultAfterRefusal = (): string => {
    const machine = bench();
    listen(machine, 'refuses', () => refuses);
    const device = attachTo(machine, umem());
    expect(run(machine, reap(machine))).toBe('EAGAIN');
    try {
      return String(deviceLoad(machine, device, AREA));
    } catch (error) {
      return violation(() => {
        throw error;
      }).oracle;
    }
  };

  it('is closed for them when the list refuses', () => {
    expect(faultAfterRefusal()).toBe('1');
  });

  it('left open for them, as Linux read literally does, keeps their faults waiting for ever', () => {
    const restore = withoutGuard('interval-unwind');
    try {
      expect(faultAfterRefusal()).toBe('deadlock');
    } finally {
      restore();
    }
  });
});

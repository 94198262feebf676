/** Interval notifiers: the numbers, the frozen tree, and a driver that follows the protocol; and what each rule is for. */
import type { Device, IntervalOps, IntervalSubscription, PluginHost, Routine } from '@mmu-notifier/plugin-api';
import type { Violation } from '../src/contract.ts';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { closeWindow, openWindow, tryOpenWindow } from '../src/notifier/chain.ts';
import type { IntervalNode, IntervalSubscriptions } from '../src/notifier/intervals.ts';
import { withoutGuard } from '../src/testing.ts';
import { deviceLoad, deviceStore } from './device.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  mmOf,
  p1,
  run,
  store,
  violation,
} from './machine.ts';
import { attachTo, pagesOf, spy } from './spy.ts';
import { type UmemFlaw, type UmemOptions, umem } from './umem.ts';

const SEEDS = Number(process.env['RACE_SEEDS'] ?? 25);
const at = (page: number): number => AREA + page * PAGE;

/** Hooks that write down what they are told, and always store the number. */
function writes(log: string[], intervals: PluginHost['intervals'], name = ''): IntervalOps {
  return {
    *invalidate(interval, { start, end, event }, seq) {
      log.push(`${name}${event} ${pagesOf(start, end)}`);
      intervals?.setSeq(interval, seq);
      return true;
    },
  };
}

function bench(options = {}) {
  const machine = machineOf(options);
  map(machine, 8, { at: at(0) });
  fill(machine, at(0), 8, 1);
  const watcher = spy();
  run(machine, machine.attach('spy', watcher.plugin));
  const host = watcher.host();
  const intervals = host.intervals as NonNullable<PluginHost['intervals']>;
  const log: string[] = [];
  const insert = (page: number, pages: number, ops = writes(log, intervals)): IntervalNode => {
    const made = run(machine, intervals.insert(mmOf(machine), at(page) as never, pages * PAGE, ops));
    if (typeof made === 'string') throw new Error(`insert answered ${made}`);
    return made as IntervalNode;
  };
  const remove = (node: IntervalSubscription): void => run(machine, intervals.remove(node));
  const state = (): IntervalSubscriptions => mmOf(machine).notifiers?.intervals as IntervalSubscriptions;
  return { machine, host, intervals, log, insert, remove, state };
}

/** A window that stays open while `body` runs, under mmapLock. */
function inside<T>(machine: Machine, page: number, pages: number, body: () => Routine<T>): Routine<T> {
  const kernel = kernelOf(machine);
  const mm = mmOf(machine);
  return (function* () {
    yield* mm.mmapLock.acquireRead();
    const window = yield* openWindow(kernel, mm, at(page), at(page + pages), 'CLEAR');
    const result = yield* body();
    yield* closeWindow(kernel, window);
    mm.mmapLock.releaseRead();
    return result;
  })();
}

describe('an interval', () => {
  it('hears of the windows that intersect it, and of no others', () => {
    const { machine, log, insert, remove } = bench();
    const node = insert(2, 2);
    for (const page of [0, 1, 3, 4]) {
      run(machine, machine.syscalls.madvise(p1(machine), at(page), PAGE, 'dontneed'));
    }
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 8 * PAGE));
    expect(log).toEqual(['CLEAR 3+1', 'UNMAP 0+8']);
    remove(node);
    expectClean(machine);
  });

  it('holds the mm by one count, and needs an mm that has users', () => {
    const { machine, insert, remove, intervals } = bench();
    const mm = mmOf(machine);
    const node = insert(0, 1);
    expect(mm.count).toBe(2);
    remove(node);
    expect(mm.count).toBe(1);
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(machine.run('driver', intervals.insert(mm, at(0) as never, PAGE, writes([], intervals)))).toBe('EINVAL');
  });

  it('is refused with EOVERFLOW where it is empty or ends behind the address space, with EINVAL without its hooks', () => {
    const { machine, intervals } = bench();
    const insert = (start: number, length: number, ops: IntervalOps = writes([], intervals)) =>
      run(machine, intervals.insert(mmOf(machine), start as never, length, ops));
    expect(insert(at(0), 0)).toBe('EOVERFLOW');
    expect(insert(2 ** 47 - PAGE, 2 * PAGE)).toBe('EOVERFLOW');
    expect(insert(at(0), PAGE, {})).toBe('EINVAL');
    expect(
      insert(at(0), PAGE, {
        *invalidateStart() {
          return true;
        },
      }),
    ).toBe('EINVAL');
  });

  it('is refused with EINTR when a signal is pending, with nothing left behind (T29)', () => {
    const { machine, intervals } = bench();
    machine.syscalls.signal(p1(machine));
    expect(run(machine, intervals.insert(mmOf(machine), at(0) as never, PAGE, writes([], intervals)))).toBe('EINTR');
    expect(mmOf(machine).notifiers).toBeUndefined();
    expect(kernelOf(machine).anonVmas.get(1)?.allLocksMark).toBe(false);
    expectClean(machine);
  });

  it('comes before the list at start and at end', () => {
    const { machine, log, insert, intervals } = bench();
    const listener = spy(() => ({
      *invalidateRangeStart() {
        log.push('list start');
        return 'done';
      },
      *invalidateRangeEnd() {
        log.push(`list end, seq ${state().seq}`);
      },
    }));
    attachTo(machine, listener.plugin, 'list');
    const node = insert(0, 1);
    const state = () => mmOf(machine).notifiers?.intervals as IntervalSubscriptions;
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(log).toEqual(['UNMAP 0+1', 'list start', 'list end, seq 4']);
    run(machine, intervals.remove(node));
    expectClean(machine);
  });

  it('gets one window of the event RELEASE when the address space goes, and stays until it is removed', () => {
    const { machine, log, insert, intervals } = bench();
    const node = insert(0, 2);
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(log.map((line) => line.split(' ')[0])).toEqual(['RELEASE', 'UNMAP']);
    expect(node.mm.count).toBe(1);
    machine.run('driver', intervals.remove(node));
    expect(node.mm.count).toBe(0);
    expectClean(machine);
  });

  it('that nobody removes is a leak', () => {
    const { machine, insert } = bench();
    insert(0, 1);
    expect(machine.shutdown()).toEqual([{ oracle: 'leak', message: '1 intervals are never removed' }]);
  });

  it('is removed once', () => {
    const { insert, remove } = bench();
    const node = insert(0, 1);
    remove(node);
    expect(violation(() => remove(node)).oracle).toBe('interval-misuse');
  });
});

describe('the sequence number', () => {
  it('is even at rest and while windows miss every node, odd from the first hit until the last window closes', () => {
    const { machine, insert, state } = bench();
    insert(0, 2);
    const seen: [number, number][] = [];
    const look = function* (): Routine<void> {
      seen.push([state().active, state().seq]);
    };
    run(machine, look());
    run(
      machine,
      inside(machine, 4, 1, function* () {
        yield* look();
        const kernel = kernelOf(machine);
        const hit = yield* openWindow(kernel, mmOf(machine), at(1), at(2), 'CLEAR');
        yield* look();
        yield* closeWindow(kernel, hit);
        yield* look();
      }),
    );
    run(machine, look());
    expect(seen).toEqual([
      [0, 2],
      [1, 2],
      [2, 3],
      [1, 3],
      [0, 4],
    ]);
  });

  it('makes readBegin wait while a window that hit the interval is open, and readRetry true afterwards', () => {
    const { machine, insert, intervals, state } = bench();
    const node = insert(0, 1);
    const before = run(machine, intervals.readBegin(node));
    const log: string[] = [];
    const kernel = kernelOf(machine);
    machine.spawn(
      'invalidate',
      inside(machine, 0, 1, function* () {
        log.push('open');
        yield* kernel.scheduler.sleep(100);
        log.push('closes');
      }),
    );
    machine.spawn(
      'fault',
      (function* () {
        yield* kernel.scheduler.sleep(50);
        yield* intervals.readBegin(node);
        log.push('begins');
      })(),
    );
    machine.runAll();
    expect(log).toEqual(['open', 'closes', 'begins']);
    expect(intervals.checkRetry(node, before)).toBe(true);
    expect(state().seq).toBe(4);
  });

  it('of a node that is inserted while a window hits another one keeps it waiting: the insert is deferred (T7)', () => {
    const { machine, insert, intervals, log, state } = bench();
    insert(0, 1);
    const late = run(
      machine,
      inside(machine, 0, 2, function* () {
        const made = yield* intervals.insert(mmOf(machine), at(1) as never, PAGE, writes(log, intervals, 'late '));
        expect([state().tree.size, state().deferred.length]).toEqual([1, 1]);
        expect((made as IntervalNode).seq).toBe(state().seq);
        return made as IntervalNode;
      }),
    );
    expect([state().tree.size, state().deferred.length]).toEqual([2, 0]);
    run(machine, machine.syscalls.munmap(p1(machine), at(1), PAGE));
    expect(log).toEqual(['CLEAR 0+2', 'late UNMAP 1+1']);
    expect(late.seq).toBe(5);
  });

  it('counts a node that is inserted while a window hits nobody as hit', () => {
    const { machine, insert, intervals, state } = bench();
    insert(7, 1);
    run(
      machine,
      inside(machine, 0, 1, function* () {
        expect(state().seq).toBe(2);
        const made = yield* intervals.insert(mmOf(machine), at(3) as never, PAGE, writes([], intervals));
        expect([state().seq, (made as IntervalNode).seq]).toEqual([3, 3]);
      }),
    );
    expect(state().seq).toBe(4);
  });

  it('lets a remove inside a window wait for its end; then no hook comes (T8)', () => {
    const { machine, insert, intervals, log } = bench();
    const node = insert(0, 1);
    const kernel = kernelOf(machine);
    const order: string[] = [];
    machine.spawn(
      'invalidate',
      inside(machine, 0, 1, function* () {
        yield* kernel.scheduler.sleep(100);
        order.push('closes');
      }),
    );
    machine.spawn(
      'remove',
      (function* () {
        yield* kernel.scheduler.sleep(50);
        yield* intervals.remove(node);
        order.push('removed');
      })(),
    );
    machine.runAll();
    expect(order).toEqual(['closes', 'removed']);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(log).toEqual(['CLEAR 0+1']);
    expectClean(machine);
  });

  it('takes a node that was only deferred back without waiting', () => {
    const { machine, insert, remove, intervals, state } = bench();
    const first = insert(0, 1);
    const { scheduler } = kernelOf(machine);
    machine.spawn(
      'window',
      inside(machine, 0, 1, () => scheduler.sleep(100)),
    );
    machine.spawn(
      'driver',
      (function* () {
        yield* scheduler.sleep(50);
        const made = yield* intervals.insert(mmOf(machine), at(1) as never, PAGE, writes([], intervals));
        yield* intervals.remove(made as IntervalNode);
        expect([state().active, state().deferred]).toEqual([1, []]);
      })(),
    );
    machine.runAll();
    remove(first);
    expectClean(machine);
  });
});

describe('two passes', () => {
  it('run every start before any finish, each with the object of its window', () => {
    const { machine, intervals, insert, log } = bench();
    const twoPass = (name: string): IntervalOps => ({
      *invalidateStart(interval, { start, end }, seq) {
        intervals.setSeq(interval, seq);
        log.push(`${name} starts ${pagesOf(start, end)}`);
        return { name };
      },
      *invalidateFinish(finish) {
        log.push(`${(finish as { name: string }).name} finishes`);
      },
    });
    insert(0, 2, twoPass('a'));
    insert(1, 2, twoPass('b'));
    run(machine, machine.syscalls.madvise(p1(machine), at(0), 4 * PAGE, 'dontneed'));
    expect(log).toEqual(['a starts 0+4', 'b starts 0+4', 'a finishes', 'b finishes']);
  });

  it('finish what they began when another interval refuses', () => {
    const { machine, intervals, insert, log, state } = bench();
    insert(0, 1, {
      *invalidateStart(interval, _, seq) {
        intervals.setSeq(interval, seq);
        return { began: true };
      },
      *invalidateFinish() {
        log.push('finished');
      },
    });
    insert(0, 1, {
      *invalidate() {
        return false;
      },
    });
    const answer = run(
      machine,
      (function* () {
        const mm = mmOf(machine);
        yield* mm.mmapLock.acquireRead();
        const window = yield* tryOpenWindow(kernelOf(machine), mm, at(0), at(1), 'CLEAR');
        mm.mmapLock.releaseRead();
        return window;
      })(),
    );
    expect([answer, log, state().active, state().seq]).toEqual(['EAGAIN', ['finished'], 0, 4]);
  });
});

const OPERATIONS: Record<string, (machine: Machine, process: Process) => Routine<unknown>> = {
  munmap: ({ syscalls }, process) => syscalls.munmap(process, at(1), 2 * PAGE),
  dontneed: ({ syscalls }, process) => syscalls.madvise(process, at(0), 3 * PAGE, 'dontneed'),
  mprotect: ({ syscalls }, process) => syscalls.mprotect(process, at(1), PAGE, 'r'),
  mremap: ({ syscalls }, process) => syscalls.mremap(process, at(1), PAGE, PAGE, ['maymove', 'fixed'], at(510)),
  reclaim: (machine) => machine.reclaim(4),
  truncate: ({ files }) => files.truncate('f', 0),
  *fork({ syscalls }, process) {
    const child = yield* syscalls.fork(process);
    if (typeof child !== 'string') yield* syscalls.exit(child);
  },
  exit: ({ syscalls }, process) => syscalls.exit(process),
};

/** A device works on four pages while the process does something to them; twice, so that windows overlap. */
function race(seed: number, options: UmemOptions, operations: readonly string[]): Violation | undefined {
  const machine = machineOf({ seed, frames: 96, cpus: 3 });
  const process = p1(machine);
  map(machine, 3, { at: at(0) });
  map(machine, 1, { at: at(3), file: machine.files.create('f', PAGE), flags: ['shared'] });
  fill(machine, at(0), 4, 10);
  fork(machine);
  const device = attachTo(machine, umem(options));
  operations.forEach((name, i) => machine.spawn(`${name} ${i}`, OPERATIONS[name](machine, process), process));
  for (const [i, kind] of (['load', 'store'] as const).entries())
    machine.spawn(`device ${i}`, uses(device, process, kind));
  try {
    machine.runAll();
    return machine.shutdown()[0];
  } catch (error) {
    return violation(() => {
      throw error;
    });
  }
}

function* uses(device: Device, process: Process, kind: 'load' | 'store'): Routine<void> {
  for (const page of [1, 3, 0, 1, 2]) {
    const data = Uint8Array.of(60 + page);
    yield* device.access({ process: process.handle, space: 'process', address: at(page), kind, data });
  }
}

describe.each([{ passes: 'one' }, { passes: 'two' }] as const)('an interval driver of $passes passes', (options) => {
  it('mirrors what the process maps', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    const device = attachTo(machine, umem(options));
    expect(deviceLoad(machine, device, at(1))).toBe(2);
    expect(deviceStore(machine, device, at(2), 9)).toBe('done');
    expect(load(machine, at(2))).toBe(9);
    store(machine, at(1), 5);
    run(machine, machine.syscalls.madvise(p1(machine), at(1), PAGE, 'dontneed'));
    expect(deviceLoad(machine, device, at(1))).toBe(0);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 4 * PAGE));
    expect(deviceLoad(machine, device, at(1))).toBe('EFAULT');
    expectClean(machine);
  });

  it.each(Object.keys(OPERATIONS))('keeps to the rules beside %s, in any schedule', (operation) => {
    for (let seed = 0; seed < SEEDS; seed++) {
      expect([seed, race(seed, options, [operation, 'dontneed'])]).toEqual([seed, undefined]);
    }
  });
});

/** Every guard of the protocol, and who catches a driver without it. */
const TWINS: [UmemFlaw, readonly string[]][] = [
  ['no setSeq where nothing is mapped', ['interval-seq']],
  ['setSeq outside the lock', ['interval-lock', 'start-is-a-barrier', 'stale-translation']],
  ['readRetry outside the lock', ['interval-lock', 'start-is-a-barrier', 'stale-translation']],
  ['readBegin after the look-up', ['stale-translation', 'use-after-free']],
  ['commits after dropping the lock', ['stale-translation', 'start-is-a-barrier', 'use-after-free']],
  ['refuses blockable windows', ['refused-blockable']],
  ['never removes', ['leak', 'release', 'leaked-translation']],
];

describe.each(TWINS)('an interval driver: %s', (flaw, oracles) => {
  it(`is caught by ${oracles.join(' or ')}`, () => {
    const caught = new Set<string>();
    for (let seed = 0; seed < 300 && caught.size === 0; seed++) {
      const found = race(seed, { flaw }, ['dontneed', 'munmap']);
      if (found !== undefined) caught.add(found.oracle);
    }
    expect(caught.size).toBe(1);
    expect(oracles).toEqual(expect.arrayContaining([...caught]));
  });
});

describe('an interval driver that removes under the lock of its hook', () => {
  it('is a deadlock', () => {
    const deadlocks = new Set<string>();
    for (let seed = 0; seed < 300 && deadlocks.size === 0; seed++) {
      const machine = machineOf({ seed });
      const process = p1(machine);
      map(machine, 2, { at: at(0) });
      fill(machine, at(0), 2, 1);
      const device = attachTo(machine, umem({ flaw: 'removes under its lock' }));
      machine.spawn('dontneed', machine.syscalls.madvise(process, at(0), PAGE, 'dontneed'), process);
      machine.spawn('close', device.close(process.handle));
      try {
        machine.runAll();
      } catch (error) {
        deadlocks.add(
          violation(() => {
            throw error;
          }).oracle,
        );
      }
    }
    expect([...deadlocks]).toEqual(['deadlock']);
  });
});

describe('without the deferral of inserts', () => {
  it('a driver maps a page inside a window that it was not told of', () => {
    const restore = withoutGuard('interval-deferral');
    try {
      const { machine, insert, intervals } = bench();
      insert(0, 1);
      const waited = run(
        machine,
        inside(machine, 0, 2, function* () {
          const made = (yield* intervals.insert(
            mmOf(machine),
            at(1) as never,
            PAGE,
            writes([], intervals),
          )) as IntervalNode;
          const seq = yield* intervals.readBegin(made);
          return intervals.checkRetry(made, seq);
        }),
      );
      // With the guard this would wait for the end of the window that it is inside of.
      expect(waited).toBe(false);
    } finally {
      restore();
    }
  });
});

import type { IntervalSubscription, RangeFault, RangePage, VirtualAddress } from '@mmu-notifier/plugin-api';
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
  pfnAt,
  run,
  store,
} from '../../test/machine.ts';
import { spy } from '../../test/spy.ts';

const at = (page: number) => (AREA + page * PAGE) as VirtualAddress;

function bench(options: Parameters<typeof machineOf>[0] = {}) {
  const machine = machineOf(options);
  map(machine, 4, { at: at(0) });
  const watcher = spy();
  run(machine, machine.attach('spy', watcher.plugin));
  const host = watcher.host();
  const mm = mmOf(machine);
  const fault = (start: number, end: number, want: RangeFault['want'], more = {}) =>
    run(machine, host.pages.rangeFault(mm, { start: at(start), end: at(end), want, ...more }));
  return { machine, host, mm, fault };
}

describe('a range fault', () => {
  it('takes a snapshot, faults nothing in and leaves no page younger', () => {
    const { machine, fault } = bench();
    load(machine, at(0));
    store(machine, at(2), 1);
    const { total } = machine.stats()['faults'];
    expect(fault(0, 6, 'snapshot')).toEqual([
      { pfn: pfnAt(machine, at(0)), writable: false },
      undefined,
      { pfn: pfnAt(machine, at(2)), writable: true },
      undefined,
      undefined,
      undefined,
    ]);
    expect(machine.stats()['faults']['total']).toBe(total);
    expectClean(machine);
  });

  it('makes every page present, or writable, and holds none', () => {
    const { machine, fault } = bench();
    store(machine, at(1), 1);
    run(machine, machine.reclaim(1));
    const read = fault(0, 4, 'read') as RangePage[];
    expect(read.map(({ pfn }) => pfn)).toEqual([0, 1, 2, 3].map((page) => pfnAt(machine, at(page))));
    const written = fault(0, 4, 'write') as RangePage[];
    expect(written.every(({ writable }) => writable)).toBe(true);
    const { refcount } = kernelOf(machine).frames;
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 4 * PAGE));
    expect(written.map(({ pfn }) => refcount[pfn])).toEqual([0, 0, 0, 0]);
    expectClean(machine);
  });

  it('says what it cannot have', () => {
    const { machine, fault } = bench();
    map(machine, 1, { at: at(4), prot: 'r' });
    map(machine, 1, { at: at(6), prot: '-' });
    expect([fault(4, 5, 'write'), fault(3, 6, 'read'), fault(6, 7, 'read')]).toEqual(['EPERM', 'EFAULT', 'EFAULT']);
    expect([fault(1, 1, 'read'), fault(0.5, 1, 'read')]).toEqual(['EINVAL', 'EINVAL']);
    expectClean(machine);
  });

  it('ends in EBUSY when its interval was invalidated since readBegin, be it by the fault itself', () => {
    const { machine, host, mm, fault } = bench();
    load(machine, at(0));
    const { intervals } = host;
    if (intervals === undefined) throw new Error('no intervals');
    const ops = {
      *invalidate(subscription: IntervalSubscription, _: unknown, seq: number) {
        intervals.setSeq(subscription, seq);
        return true;
      },
    };
    const subscription = run(machine, intervals.insert(mm, at(0), 4 * PAGE, ops)) as IntervalSubscription;
    const begin = () => run(machine, intervals.readBegin(subscription));
    const seq = begin();
    // Replacing the zero page opens a window over the interval.
    expect(fault(0, 1, 'write', { interval: { subscription, seq } })).toBe('EBUSY');
    expect(fault(0, 1, 'write', { interval: { subscription, seq: begin() } })).toEqual([
      { pfn: pfnAt(machine, at(0)), writable: true },
    ]);
    run(machine, intervals.remove(subscription));
    expectClean(machine);
  });

  it('beside an unmapping, in any schedule, tells of no page that is free without EBUSY', () => {
    for (let seed = 0; seed < 60; seed++) {
      const { machine, host, mm } = bench({ seed });
      fill(machine, at(0), 4, 1);
      const intervals = host.intervals as NonNullable<typeof host.intervals>;
      const lock = host.sync.mutex('driver');
      const ops = {
        *invalidate(subscription: IntervalSubscription, _: unknown, next: number) {
          yield* lock.acquire();
          intervals.setSeq(subscription, next);
          lock.release();
          return true;
        },
      };
      const subscription = run(machine, intervals.insert(mm, at(0), 4 * PAGE, ops)) as IntervalSubscription;
      const { refcount } = kernelOf(machine).frames;
      let checked = 0;
      machine.spawn(
        'fault',
        (function* () {
          for (;;) {
            const number = yield* intervals.readBegin(subscription);
            const interval = { subscription, seq: number };
            const pages = yield* host.pages.rangeFault(mm, { start: at(0), end: at(4), want: 'read', interval });
            if (pages === 'EBUSY') continue;
            if (typeof pages === 'string') return;
            yield* lock.acquire();
            const stale = intervals.readRetry(subscription, number);
            if (!stale) for (const page of pages) expect(refcount[(page as RangePage).pfn]).toBeGreaterThan(0);
            lock.release();
            if (stale) continue;
            checked++;
            return;
          }
        })(),
      );
      machine.spawn('dontneed', machine.syscalls.madvise(p1(machine), at(1), 2 * PAGE, 'dontneed'), p1(machine));
      machine.runAll();
      expect([seed, checked]).toEqual([seed, 1]);
      run(machine, intervals.remove(subscription));
      expectClean(machine);
    }
  });
});

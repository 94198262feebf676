/**
 * Every order in which a drop-in can meet a window, `consumers.md` §8.9. A drop-in: f1 reads the handle, f2 tests the
 * count, f3 looks the page up, f4 drops in. A window: 1 raises the count, 2 purges, 3 changes the ptes and frees the page,
 * 4 lowers the count and wakes. The machine runs with every oracle on.
 */
import { withoutGuard } from '../src/testing.ts';
import type { GruGuard } from '../src/testing.ts';
import { AREA, GruMachine, violation } from './machine.ts';
import { Planned } from './planned.ts';

type MissMode = 'interrupt' | 'user-polling';

/** The device stores to a page that the process has written to and gives up. */
function play(order: readonly string[], missMode: MissMode, kind: 'load' | 'store' = 'store'): Planned {
  const strategy = new Planned();
  const it = new GruMachine({
    strategy,
    gru: { missMode },
    wrap: (plugin) => strategy.listenTo(plugin),
    before: (plugin) => strategy.gatekeeper(plugin),
  });
  it.map(2);
  it.poke(AREA, [1]);
  it.load(AREA + 4096);
  strategy.arm(order);
  it.spawn('fault', it.access(kind, AREA, Uint8Array.of(2)));
  it.spawn('window', it.machine.syscalls.madvise(it.process, AREA, 4096, 'dontneed'));
  it.machine.runAll();
  strategy.arm([]);
  counters = { cancelled: it.stat('tlb_dropin_cancelled'), active: it.stat('tlb_dropin_fail_range_active') };
  expect(it.broken()).toEqual([]);
  expect(it.load(AREA)).toEqual(it.peek(AREA));
  expect(it.store(AREA, [7])).toBe('done');
  expect(it.peek(AREA)).toEqual([7]);
  it.expectClean();
  return strategy;
}

/** Of the last machine. */
let counters = { cancelled: 0, active: 0 };

function* interleavings(a: readonly string[], b: readonly string[]): Iterable<readonly string[]> {
  if (a.length === 0 || b.length === 0) {
    yield [...a, ...b];
    return;
  }
  for (const rest of interleavings(a.slice(1), b)) yield [a[0] as string, ...rest];
  for (const rest of interleavings(a, b.slice(1))) yield [b[0] as string, ...rest];
}

const ALL = [...interleavings(['f1', 'f2', 'f3', 'f4'], ['1', '2', '3', '4'])];
const MODES: readonly MissMode[] = ['interrupt', 'user-polling'];

/** Runs without a guard. @returns the oracles that spoke, by order. */
function without(guard: GruGuard, orders: readonly (readonly string[])[], missMode: MissMode): string[] {
  const restore = withoutGuard(guard);
  try {
    return orders.map((order) => violation(() => play(order, missMode)).oracle);
  } finally {
    restore();
  }
}

const words = (order: string): readonly string[] => order.split(' ');

describe.each(MODES)('a drop-in and a window, misses by %s', (missMode) => {
  it('keep the page tables in each of their 70 orders', () => {
    expect(ALL).toHaveLength(70);
    const feasible = ALL.filter((order) => play(order, missMode).feasible);
    expect(feasible.length).toBeGreaterThan(20);
  });

  it('f1 f2 f3 1 2 3 4 f4: hardware ignores the drop-in', () => {
    expect(play(words('f1 f2 f3 1 2 3 4 f4'), missMode).feasible).toBe(true);
    expect(counters).toEqual({ cancelled: 1, active: 0 });
    expect(without('hardware-cancel', [words('f1 f2 f3 1 2 3 4 f4')], missMode)).toEqual(['use-after-free']);
  });

  it('f1 f2 1 f3 2 f4 3 4: hardware ignores the drop-in', () => {
    expect(play(words('f1 f2 1 f3 2 f4 3 4'), missMode).feasible).toBe(true);
    expect(counters.cancelled).toBe(1);
    expect(without('hardware-cancel', [words('f1 f2 1 f3 2 f4 3 4')], missMode)).toEqual(['stale-translation']);
  });

  it('f1 f2 f3 1 f4 2 3 4: the purge takes the entry away', () => {
    expect(play(words('f1 f2 f3 1 f4 2 3 4'), missMode).feasible).toBe(true);
    expect(counters).toEqual({ cancelled: 0, active: 0 });
    expect(without('purge', [words('f1 f2 f3 1 f4 3 4')], missMode)).toEqual(['stale-translation']);
  });

  it('f1 1 f2: the test sees the count, and the drop-in waits', () => {
    play(words('f1 1 f2 2 3 4'), missMode);
    expect(counters).toEqual({ cancelled: 0, active: 1 });
  });

  it('2 before 1: a count that is raised behind the purge lets a stale entry in', () => {
    expect(without('count-before-purge', [words('2 f1 f2 f3 1 3 f4 4')], missMode)).toEqual(['stale-translation']);
  });
});

describe('misses by interrupt', () => {
  it('1 2 f1 f2 f3 f4 3 4: without the test the page that is about to go is dropped in', () => {
    play(words('1 2 f1 f2 3 4'), 'interrupt');
    expect(counters.active).toBe(1);
    expect(without('range-active-check', [words('1 2 f1 f2 f3 f4 3 4')], 'interrupt')).toEqual(['stale-translation']);
  });
});

describe('the end of a window', () => {
  it('wakes whoever waits, and does so when it has lowered the count', () => {
    play(words('f1 1 f2 2 3 4'), 'user-polling');
    expect(without('wake-after-decrement', [words('f1 1 f2 2 3 4')], 'user-polling')).toEqual(['deadlock']);
  });
});

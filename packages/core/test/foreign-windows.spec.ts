/** Windows that show pages of another process without a pin: what keeps them true, and who sees it when nothing does. */
import type { DeviceWindow, MmHandle } from '@mmu-notifier/plugin-api';
import { ContractViolation } from '../src/contract.ts';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { type CoreGuard, withoutGuard } from '../src/testing.ts';
import { AREA, PAGE, expectClean, fill, fork, load, machineOf, map, p1, run, store, violation } from './machine.ts';
import { type Flaw, type ForeignDriver, foreignDriver } from './windows.ts';

const PAGES = 4;
const at = (page: number): number => AREA + page * PAGE;

interface Bench {
  readonly machine: Machine;
  readonly source: Process;
  readonly consumer: Process;
  readonly driver: ForeignDriver;
  readonly window: DeviceWindow;
  /** Where page `page` of the window is in the consumer. */
  to(page: number): number;
}

function bench(options: Parameters<typeof machineOf>[0] = {}, flaw?: Flaw): Bench {
  const machine = machineOf(options);
  const source = p1(machine);
  const consumer = fork(machine);
  map(machine, PAGES, { at: at(0) });
  fill(machine, at(0), PAGES, 1);
  const driver = foreignDriver(machine, source, flaw);
  const window = run(machine, driver.attachTo(consumer.handle.mm as MmHandle, at(0), PAGES), consumer);
  if (typeof window === 'string') throw new Error(window);
  return { machine, source, consumer, driver, window, to: (page) => window.start + page * PAGE };
}

describe('a window on another process', () => {
  it('shows its pages both ways', () => {
    const { machine, source, consumer, to } = bench();
    expect([0, 1, 2, 3].map((page) => load(machine, to(page), consumer))).toEqual([1, 2, 3, 4]);
    store(machine, to(1), 50, consumer);
    expect(load(machine, at(1))).toBe(50);
    store(machine, at(2), 60);
    expect(load(machine, to(2), consumer)).toBe(60);
    expect(machine.syscalls.rss(consumer)).toEqual({ anon: 0, file: 0, shmem: 0, swap: 0 });
    expect(machine.syscalls.rss(source)).toMatchObject({ anon: PAGES });
    expectClean(machine);
  });

  it('follows the source through swap, fork and a new mapping', () => {
    const { machine, source, consumer, to } = bench();
    const look = () => [0, 1, 2, 3].map((page) => load(machine, to(page), consumer));
    look();
    run(machine, machine.syscalls.madvise(source, at(0), PAGES * PAGE, 'pageout'));
    expect(machine.syscalls.rss(source)).toMatchObject({ anon: 0, swap: PAGES });
    expect(look()).toEqual([1, 2, 3, 4]);
    const child = fork(machine);
    store(machine, to(0), 70, consumer);
    expect([load(machine, at(0)), load(machine, at(0), child)]).toEqual([70, 1]);
    run(machine, machine.syscalls.madvise(source, at(1), PAGE, 'dontneed'));
    expect(look()).toEqual([70, 0, 3, 4]);
    expectClean(machine);
  });

  it('answers SIGBUS where the source has nothing, or is gone', () => {
    const { machine, source, consumer, to } = bench();
    load(machine, to(0), consumer);
    run(machine, machine.syscalls.exit(source), source);
    expect(load(machine, to(0), consumer)).toMatchObject({ signal: 'SIGBUS' });
    expectClean(machine);
  });

  it('goes with the consumer, and the source does not notice', () => {
    const { machine, consumer, driver, window, to } = bench();
    store(machine, to(0), 9, consumer);
    run(machine, machine.syscalls.munmap(consumer, to(1), PAGE), consumer);
    run(machine, machine.syscalls.exit(consumer), consumer);
    expect(driver.take()).toEqual(['unmapped 1+1', 'unmapped 0+1', 'unmapped 2+2']);
    expect(window.mapped).toBe(false);
    expect(load(machine, at(0))).toBe(9);
    expectClean(machine);
  });
});

describe('a driver that', () => {
  const look = (flaw: Flaw, action: (bench: Bench) => void) =>
    violation(() => {
      const found = bench({}, flaw);
      action(found);
      for (const page of [0, 1]) load(found.machine, found.to(page), found.consumer);
      store(found.machine, found.to(0), 1, found.consumer);
    }).oracle;
  const unmap = ({ machine, source, consumer, to }: Bench): void => {
    load(machine, to(0), consumer);
    run(machine, machine.syscalls.munmap(source, at(0), PAGE));
  };

  it('does not zap is seen when it flushes its translation', () => {
    expect(look('does not zap', unmap)).toBe('device-pte');
  });

  it('ignores the source is seen when start returns', () => {
    expect(look('ignores start', unmap)).toBe('start-is-a-barrier');
  });

  it('shows a page writable that is not, is seen at once', () => {
    const share = ({ machine, to, consumer }: Bench): void => {
      fork(machine);
      load(machine, to(0), consumer);
    };
    expect(look('shows read-only pages writable', share)).toBe('write-through-read-only');
  });
});

const EXIT = 'exit of the consumer';

/** What the source and the consumer do at the same time. */
const OPERATIONS: Record<string, (bench: Bench) => Generator<number, unknown, void>> = {
  'munmap of the source': ({ machine, source }) => machine.syscalls.munmap(source, at(1), 2 * PAGE),
  'dontneed of the source': ({ machine, source }) => machine.syscalls.madvise(source, at(0), 3 * PAGE, 'dontneed'),
  *'fork of the source'({ machine, source }) {
    const child = yield* machine.syscalls.fork(source);
    yield* machine.store(source, at(1), 1, Uint8Array.of(33));
    if (typeof child !== 'string') yield* machine.syscalls.exit(child);
  },
  reclaim: ({ machine }) => machine.reclaim(20),
  'munmap of the window': ({ machine, consumer, to }) => machine.syscalls.munmap(consumer, to(1), 2 * PAGE),
  'mprotect of the window': ({ machine, consumer, to }) => machine.syscalls.mprotect(consumer, to(1), 2 * PAGE, 'r'),
  'a move of the window': ({ machine, consumer, to }) =>
    machine.syscalls.mremap(consumer, to(1), PAGE, PAGE, ['maymove', 'fixed'], at(600)),
  'unmap by the driver': ({ driver, window }) => driver.vmas.unmap(window),
  [EXIT]: ({ machine, consumer }) => machine.syscalls.exit(consumer),
};

function* use({ machine, consumer, to }: Bench): Generator<number, void, void> {
  for (const page of [1, 2, 1, 0]) {
    yield* machine.load(consumer, to(page), 1, new Uint8Array(1));
    yield* machine.store(consumer, to(page) + 1, 1, Uint8Array.of(44));
  }
}

/** Calls of the consumer. */
const OF_CONSUMER = /of the (window|consumer)$/;

/** @throws ContractViolation */
function race(seed: number, names: readonly string[], flaw?: Flaw): void {
  const found = bench({ seed, frames: 96, swapPages: 96, cpus: 3 }, flaw);
  const { machine, source, consumer, to } = found;
  machine.spawn('consumer', use(found), consumer);
  machine.spawn('other consumer', use(found), consumer);
  names.forEach((name) => {
    const who = name.endsWith('source') ? source : OF_CONSUMER.test(name) ? consumer : undefined;
    machine.spawn(name, (OPERATIONS[name] as (bench: Bench) => Generator<number, unknown, void>)(found), who);
  });
  machine.runAll();
  if (!consumer.exited) for (const page of [0, 1, 2, 3]) load(machine, to(page), consumer);
  for (const page of [0, 1, 2, 3]) load(machine, at(page), source);
  const violations = machine.shutdown();
  if (violations.length > 0) throw new ContractViolation(violations[0]);
}

const SEEDS = Number(process.env['RACE_SEEDS'] ?? 6);
const FIRST = Number(process.env['RACE_FIRST'] ?? 0);
const names = Object.keys(OPERATIONS);

describe.each(names)('%s', (name) => {
  it('beside every other, while two tasks of the consumer use the window', () => {
    const found: string[] = [];
    for (const other of names.slice(names.indexOf(name))) {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          race(seed, [name, other]);
        } catch (error) {
          found.push(`${other}, seed ${seed}: ${(error as Error).message}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});

/** What the first schedule that finds anything, or what `oracle` watches for, finds. */
function firstFound(pair: readonly string[], flaw?: Flaw, oracle = ''): string {
  for (let seed = 0; seed < 600; seed++) {
    try {
      race(seed, pair, flaw);
    } catch (error) {
      const { message } = error as Error;
      if (message.startsWith(oracle)) return message;
    }
  }
  return 'nothing found';
}

describe('under schedules, a driver that', () => {
  it('does not look again after it got a page is caught', () => {
    expect(firstFound(['dontneed of the source'], 'does not retry')).toMatch(/^stale-translation/);
    expect(firstFound(['fork of the source'], 'does not retry', 'write-through')).toMatch(/^write-through-read-only/);
  });

  it('installs without the lock that zaps are under is caught', () => {
    const found = firstFound(['dontneed of the source', 'fork of the source'], 'installs without its lock');
    expect(found).toMatch(/^(device-pte|device-vma-misuse|stale-translation|use-after-free)/);
  });
});

describe('without', () => {
  const foundWithout = (guard: CoreGuard, pair: readonly string[]): string => {
    const restore = withoutGuard(guard);
    try {
      return firstFound(pair);
    } finally {
      restore();
    }
  };

  it('the lock of a window, its tables are freed while the driver works in them', () => {
    expect(foundWithout('window-lock', ['dontneed of the source', 'unmap by the driver'])).toMatch(/page tables/);
  });

  it('a look at the exit, the driver unmaps what the exit unmaps', () => {
    expect(foundWithout('window-exit', ['unmap by the driver', EXIT])).not.toBe('nothing found');
  });
});

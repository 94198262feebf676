/**
 * The source and its consumers under seeded schedules on small machines, every oracle on; and the driver without each of
 * its guards. `XPMEM_SEEDS` makes it longer.
 */
import { ContractViolation } from '@mmu-notifier/core';
import type { Coherence } from '../src/options.ts';
import { withoutGuard } from '../src/testing.ts';
import type { XpmemGuard } from '../src/testing.ts';
import { AREA, PAGE, XpmemMachine, violation } from './machine.ts';

const SEEDS = Number(process.env['XPMEM_SEEDS'] ?? 8);
const FIRST = Number(process.env['XPMEM_FIRST'] ?? 0);
const PAGES = 4;

interface Bench {
  readonly it: XpmemMachine;
  readonly segid: string;
  readonly at: number;
}

type Operation = (bench: Bench) => Generator<number, unknown, void>;

/** What happens at the same time; who does it is in the name. */
const OPERATIONS: Record<string, Operation> = {
  'munmap of the source': ({ it }) => it.machine.syscalls.munmap(it.source, AREA + PAGE, 2 * PAGE),
  'dontneed of the source': ({ it }) => it.machine.syscalls.madvise(it.source, AREA, 3 * PAGE, 'dontneed'),
  *'fork of the source'({ it }) {
    const child = yield* it.machine.syscalls.fork(it.source);
    yield* it.machine.store(it.source, AREA + PAGE, 1, Uint8Array.of(33));
    if (typeof child !== 'string') yield* it.machine.syscalls.exit(child);
  },
  /** The first look at a page that nobody may reach while the source forks. */
  *'fork under a hold of the source'({ it }) {
    const check = (): void => {
      const reached = [...it.device.translations()].length;
      if (reached > 0) throw new Error(`${reached} pages are reached while the source forks`);
    };
    yield* it.actionOf(it.source, 'fork_begin');
    yield* it.machine.load(it.source, AREA + 3 * PAGE, 1, new Uint8Array(1));
    check();
    const child = yield* it.machine.syscalls.fork(it.source);
    yield* it.machine.store(it.source, AREA + PAGE, 1, Uint8Array.of(33));
    if (typeof child !== 'string') yield* it.machine.syscalls.exit(child);
    check();
    yield* it.actionOf(it.source, 'fork_end');
  },
  'remove by the source': ({ it, segid }) => it.actionOf(it.source, `remove ${segid}`),
  'exit of the source': ({ it }) => it.machine.syscalls.exit(it.source),
  'close by the source': ({ it }) => it.device.close(it.source.handle),
  reclaim: ({ it }) => it.machine.reclaim(20),
  'detach by the consumer': ({ it, at }) => it.actionOf(it.consumer, `detach ${at}`),
  'munmap of the consumer': ({ it, at }) => it.machine.syscalls.munmap(it.consumer, at + PAGE, 2 * PAGE),
  'close by the consumer': ({ it }) => it.device.close(it.consumer.handle),
  'exit of the consumer': ({ it }) => it.machine.syscalls.exit(it.consumer),
};

function* use({ it, at }: Bench): Generator<number, void, void> {
  for (const page of [1, 2, 1, 0]) {
    yield* it.machine.load(it.consumer, at + page * PAGE, 1, new Uint8Array(1));
    yield* it.machine.store(it.consumer, at + page * PAGE + 1, 1, Uint8Array.of(44));
  }
}

/** @throws ContractViolation */
function race(seed: number, names: readonly string[], coherence: Coherence): void {
  const it = new XpmemMachine({ seed, frames: 96, xpmem: { coherence } });
  it.map(PAGES);
  const segid = it.make(PAGES);
  const bench = { it, segid, at: it.attach(segid, PAGES) };
  it.machine.spawn('consumer', use(bench), it.consumer);
  it.machine.spawn('other consumer', use(bench), it.consumer);
  for (const name of new Set(names)) {
    const who = name.endsWith('source') ? it.source : name.endsWith('consumer') ? it.consumer : undefined;
    it.machine.spawn(name, (OPERATIONS[name] as Operation)(bench), who);
  }
  it.machine.runAll();
  const broken = [...(it.device.invariants?.() ?? [])].map(({ rule, message }) => `${rule}: ${message}`);
  const violations = it.machine.check();
  const pins = it.pinsAtTheEnd();
  violations.push(...it.machine.shutdown());
  it.machine.close();
  if (violations[0] !== undefined) throw new ContractViolation(violations[0]);
  if (broken.length > 0) throw new Error(broken.join('; '));
  if (pins !== 0) throw new Error(`${pins} pages are left pinned`);
}

const names = Object.keys(OPERATIONS);

describe.each(['recall', 'until-invalidate'] as const)('%s', (coherence) => {
  it.each(names)('%s beside every other, while two tasks of the consumer use the window', (name) => {
    const found: string[] = [];
    for (const other of names.slice(names.indexOf(name))) {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          race(seed, [name, other], coherence);
        } catch (error) {
          found.push(`${other}, seed ${seed}: ${(error as Error).message}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});

/** What the first schedule that finds anything finds. */
function firstFound(guard: XpmemGuard, pair: readonly string[], coherence: Coherence): string {
  const restore = withoutGuard(guard);
  try {
    for (let seed = 0; seed < 600; seed++) race(seed, pair, coherence);
    return 'nothing found';
  } catch (error) {
    return (error as Error).message;
  } finally {
    restore();
  }
}

describe('without', () => {
  const pair = ['dontneed of the source', 'fork of the source'];

  it.each([
    ['sequence-check', 'recall', /^(stale-translation|use-after-free)/],
    ['sequence-check', 'until-invalidate', /^stale-translation/],
    ['recall', 'recall', /^start-is-a-barrier/],
    ['recall', 'until-invalidate', /^(stale-translation|write-through-read-only)/],
    ['zap', 'recall', /^device-pte/],
    ['write-permission', 'recall', /^write-through-read-only/],
  ] as const)('%s, %s is caught', (guard, coherence, expected) => {
    expect(firstFound(guard, pair, coherence)).toMatch(expected);
  });

  it.each(['recall', 'until-invalidate'] as const)('fork-hold, %s, a fault under way gets through', (coherence) => {
    expect(firstFound('fork-hold', ['fork under a hold of the source'], coherence)).toMatch(/^\d+ pages are reached/);
  });

  it('zap-before-put, the last reference goes while a pte reaches the page', () => {
    const restore = withoutGuard('zap-before-put');
    try {
      const found = violation(() => {
        const it = new XpmemMachine({ frames: 2048, xpmem: { coherence: 'until-invalidate' } });
        // More than one batch of frees, so that the source's own reference is gone before the end.
        it.map(600);
        it.load(it.attach(it.make(600), 1), it.consumer);
        it.run(it.machine.syscalls.madvise(it.source, AREA, 600 * PAGE, 'dontneed'));
      });
      expect(found.oracle).toBe('use-after-free');
    } finally {
      restore();
    }
  });
});

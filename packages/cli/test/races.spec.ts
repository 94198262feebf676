/**
 * The races of the fault path against everything that takes pages away, each over many seeds with every oracle on. A
 * twin without one guard must be caught by the same script: a guard whose twin survives would prove nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutGuard as withoutCoreGuard } from '@mmu-notifier/core/testing';
import { withoutGuard as withoutKvmGuard } from '@mmu-notifier/kvm/testing';
import { parseScript } from '@mmu-notifier/trace';
import { Interrupt } from '../src/interrupt.ts';
import { loadPlugin } from '../src/plugins.ts';
import type { ProgressDisplay } from '../src/progress.ts';
import { type SeedsSummary, runSeeds } from '../src/run/many-seeds.ts';
import { parseRunFlags } from '../src/run/options.ts';

const SEEDS = 1000;
/** Under another kconfig the races are the same, and only the way to the driver differs. */
const FEWER_SEEDS = 150;
const SILENT: ProgressDisplay = { begin: () => undefined, update: () => undefined, end: () => undefined };

async function runRace(name: string, seeds = SEEDS, kconfig?: string): Promise<SeedsSummary> {
  const file = join(__dirname, 'races', `${name}.mm`);
  const script = parseScript(readFileSync(file, 'utf8'), file);
  const plugins = new Map([['kvm', await loadPlugin('kvm')]]);
  const options = { ...parseRunFlags({ ram: '1M', swap: '1M', ...(kconfig !== undefined && { kconfig }) }), seeds };
  const interrupt = new Interrupt();
  try {
    return await runSeeds(script, options, plugins, interrupt, SILENT);
  } finally {
    interrupt.dispose();
  }
}

const RACES = [
  'munmap',
  'dontneed',
  'fork',
  'mremap',
  'truncate',
  'reclaim',
  'register',
  'shootdown',
  'exit',
  'exec',
  'oom',
  'oom-reaped',
  'remove',
  'shadow-tables',
  'shadow-reclaim',
  'shadow-invlpg',
];

describe.each(RACES)('the race with %s', (name) => {
  it(`holds over ${SEEDS} seeds`, async () => {
    const { seeds, violations } = await runRace(name);
    expect(violations).toEqual([]);
    expect(seeds).toBe(SEEDS);
  });
});

describe.each(RACES)('the race with %s where notifiers may not sleep', (name) => {
  it(`holds over ${FEWER_SEEDS} seeds`, async () => {
    const { seeds, violations } = await runRace(name, FEWER_SEEDS, 'MMU_NOTIFIER_SLEEPABLE=n');
    expect(violations).toEqual([]);
    expect(seeds).toBe(FEWER_SEEDS);
  });
});

describe('a machine without one guard', () => {
  const caught = async (race: string, remove: () => () => void, kconfig?: string): Promise<string | undefined> => {
    const restore = remove();
    try {
      return (await runRace(race, SEEDS, kconfig)).violations[0]?.violation.oracle;
    } finally {
      restore();
    }
  };

  it.each(['munmap', 'dontneed', 'mremap', 'truncate', 'reclaim'])(
    'is caught in the race with %s when a fault does not check the sequence',
    async (race) => {
      expect(await caught(race, () => withoutKvmGuard('sequence-check'))).toBe('stale-translation');
    },
  );

  it.each(['munmap', 'dontneed', 'reclaim'])(
    'is caught in the race with %s when a fault checks before it takes mmuLock',
    async (race) => {
      expect(await caught(race, () => withoutKvmGuard('check-under-lock'))).toBe('stale-translation');
    },
  );

  it.each(['munmap', 'reclaim'])('is caught in the race with %s where notifiers may not sleep', async (race) => {
    const remove = (): (() => void) => withoutKvmGuard('sequence-check');
    expect(await caught(race, remove, 'MMU_NOTIFIER_SLEEPABLE=n')).toBe('stale-translation');
  });

  it('is caught when a fault does not see the windows in progress', async () => {
    expect(await caught('munmap', () => withoutKvmGuard('in-progress-check'))).toBe('stale-translation');
  });

  it('is caught when start leaves the TLB of the vCPU alone', async () => {
    expect(await caught('munmap', () => withoutKvmGuard('flush'))).toBeDefined();
  });

  it.each([
    ['shadow-tables', 'sequence-check', 'stale-translation'],
    ['shadow-reclaim', 'flush', 'start-is-a-barrier'],
    ['shadow-invlpg', 'gpte-check', 'require'],
    ['shadow-tables', 'table-write-protect', 'kvm-write-protect'],
  ] as const)('is caught under shadow paging: %s without %s', async (race, guard, oracle) => {
    expect(await caught(race, () => withoutKvmGuard(guard))).toBe(oracle);
  });

  it('is caught when registration does not take all locks', async () => {
    expect(await caught('register', () => withoutCoreGuard('take-all-locks'))).toBe('registration');
  });

  it.each(['exit', 'oom'])('is caught in the race with %s when a task in a call is no user of the mm', async (race) => {
    expect(await caught(race, () => withoutCoreGuard('tasks-use-mm'))).toBeDefined();
  });

  it('is caught when a fault finds zeros where the OOM reaper has been', async () => {
    expect(await caught('oom-reaped', () => withoutCoreGuard('unstable'))).toBe('data');
  });

  it('is caught when faults read pages of files without the invalidate lock', async () => {
    expect(await caught('remove', () => withoutCoreGuard('invalidate-lock'))).toBe('data');
  });

  it('is caught when a page is freed before the flush', async () => {
    expect(await caught('shootdown', () => withoutCoreGuard('flush-before-free'))).toBe('use-after-free');
  });
});

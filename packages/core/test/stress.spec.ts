/** Random runs under random schedules: the oracles must find nothing. `STRESS_SEEDS` makes it longer. */
import { ContractViolation } from '../src/contract.ts';
import { withoutGuard } from '../src/testing.ts';
import { type Cast, stress } from './stress.ts';

const SEEDS = Number(process.env['STRESS_SEEDS'] ?? 120);
const FIRST = Number(process.env['STRESS_FIRST'] ?? 1);

const CASTS: Record<string, Cast> = {
  'anonymous memory under pressure': {
    tasks: 3,
    steps: 25,
    frames: 40,
    swapPages: 48,
    mix: { store: 8, load: 4, munmap: 2, mmap: 3, dontneed: 2, mprotect: 2, reclaim: 2 },
  },
  'families of processes': {
    tasks: 3,
    steps: 14,
    frames: 64,
    swapPages: 64,
    mix: { store: 6, load: 3, fork: 2, dontneed: 1, reclaim: 2, munmap: 1, mmap: 2 },
  },
  'files that change their length': {
    tasks: 3,
    steps: 20,
    frames: 48,
    swapPages: 48,
    mix: { store: 6, load: 4, truncate: 2, write: 2, sync: 2, reclaim: 2, 'protect a file': 3, 'map a file': 2 },
  },
  'mappings that move': {
    tasks: 3,
    steps: 20,
    frames: 48,
    swapPages: 48,
    mix: { store: 6, load: 4, mremap: 3, mmap: 3, munmap: 1, mprotect: 2, dontneed: 1, reclaim: 2 },
  },
  'lazily freed memory': {
    tasks: 3,
    steps: 20,
    frames: 48,
    swapPages: 48,
    mix: { store: 6, load: 4, free: 4, reclaim: 4, fork: 1, munmap: 1, mmap: 2 },
  },
  'everything, with a device that mirrors it': {
    tasks: 3,
    steps: 20,
    frames: 64,
    swapPages: 64,
    device: true,
    mix: {
      store: 4,
      load: 2,
      'device store': 5,
      'device load': 3,
      mmap: 2,
      munmap: 1,
      mprotect: 2,
      'protect a file': 1,
      'map a file': 1,
      dontneed: 1,
      free: 1,
      mremap: 1,
      fork: 1,
      reclaim: 2,
      truncate: 1,
      write: 1,
      sync: 1,
    },
  },
};

/** What a seed found, in one line that names it. */
function outcome(seed: number, cast: Cast): string | undefined {
  try {
    const found = stress(seed, cast);
    return found.length === 0 ? undefined : `seed ${seed}: ${found.join('; ')}`;
  } catch (error) {
    if (!(error instanceof ContractViolation)) throw new Error(`seed ${seed}`, { cause: error });
    return `seed ${seed}: ${error.message}`;
  }
}

describe('the stress itself', () => {
  it('catches a machine that frees pages before the flush', () => {
    const restore = withoutGuard('flush-before-free');
    try {
      const cast = CASTS['anonymous memory under pressure'] as Cast;
      const found = Array.from({ length: 20 }, (_, seed) => outcome(seed, cast)).find((line) => line !== undefined);
      expect(found).toMatch('use-after-free');
    } finally {
      restore();
    }
  });
});

describe.each(Object.entries(CASTS))('%s', (_, cast) => {
  it('finds nothing, whatever the order', () => {
    const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);
    expect(seeds.map((seed) => outcome(seed, cast)).filter((line) => line !== undefined)).toEqual([]);
  });

  it('gives the same run for the same seed', () => {
    expect(outcome(FIRST, cast)).toBe(outcome(FIRST, cast));
  });
});

/**
 * The gate of every change: of random programs (locks, rwlocks, tries, condition waits, RCU, interrupts, timers, choices;
 * more than a quarter of them can deadlock) each engine finds exactly the traces that all interleavings have.
 * `SOUNDNESS_PROGRAMS=100000` looks longer, `SOUNDNESS_SEED` elsewhere.
 */
import { Dpor } from '../src/dpor.ts';
import type { Engine } from '../src/engine.ts';
import { Exhaustive } from '../src/exhaustive.ts';
import { Sampler } from '../src/sampler.ts';
import type { Stepper } from '../src/stepper.ts';
import { programOf, randomStatements } from './random-program.ts';

const PROGRAMS = Number(process.env['SOUNDNESS_PROGRAMS'] ?? 1500);
const FIRST = Number(process.env['SOUNDNESS_SEED'] ?? 1);
/** A program with more interleavings is passed over. */
const MOST_RUNS = 150;
const MAX_STEPS = 400;

interface Found {
  /** How often each was run. */
  readonly traces: Map<string, number>;
  readonly outcomes: Set<string>;
  givenUp: number;
}

/** @returns `undefined` for a search of more than `most` runs. */
function search(engine: Engine & Stepper, most: number): Found | undefined {
  const found: Found = { traces: new Map(), outcomes: new Set(), givenUp: 0 };
  let runs = 0;
  for (let run = engine.next(); run !== undefined; run = engine.next()) {
    if (++runs > most) return undefined;
    if (run.end === undefined) {
      found.givenUp++;
      continue;
    }
    const trace = engine.execution.canonical();
    found.traces.set(trace, (found.traces.get(trace) ?? 0) + 1);
    found.outcomes.add(run.end.outcome);
  }
  return found;
}

function statementsOf(seed: number): ReturnType<typeof randomStatements> {
  return randomStatements(seed, { tasks: 2 + (seed % 2), steps: 2 });
}

/** What `change` makes of the engine finds less than there is, in some program. */
function lostBy(change: (engine: Dpor) => void): number {
  let lost = 0;
  for (let seed = 1; seed <= 250; seed++) {
    const program = programOf(statementsOf(seed));
    const all = search(new Exhaustive(program, MAX_STEPS), MOST_RUNS);
    if (all === undefined) continue;
    const engine = new Dpor(program, MAX_STEPS);
    change(engine);
    const found = search(engine, 10_000);
    if ([...all.traces.keys()].some((trace) => found?.traces.has(trace) !== true)) lost++;
  }
  return lost;
}

describe('the soundness oracle', () => {
  it(`finds no difference in ${PROGRAMS} programs`, () => {
    const wrong: string[] = [];
    const count = { compared: 0, deadlocks: 0, traces: 0, again: 0, givenUp: 0 };
    for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
      const program = programOf(statementsOf(seed));
      const all = search(new Exhaustive(program, MAX_STEPS), MOST_RUNS);
      if (all === undefined) continue;
      count.compared++;
      if (all.outcomes.has('deadlock')) count.deadlocks++;
      const found = search(new Dpor(program, MAX_STEPS), 10_000);
      const sampled = (['random', 'pct', 'pos'] as const).map((how) =>
        search(new Sampler(program, MAX_STEPS, how, seed, 5), 5),
      );
      const lost = [...all.traces.keys()].filter((trace) => found?.traces.has(trace) !== true).length;
      const invented = [found, ...sampled].flatMap((engine) => [...(engine?.traces.keys() ?? ['none'])]);
      const strange = invented.filter((trace) => !all.traces.has(trace)).length;
      if (lost + strange > 0)
        wrong.push(`seed ${seed}: of ${all.traces.size} traces ${lost} lost, ${strange} invented`);
      count.traces += all.traces.size;
      count.givenUp += found?.givenUp ?? 0;
      for (const times of found?.traces.values() ?? []) count.again += times - 1;
    }
    expect(wrong).toEqual([]);
    expect(count.compared).toBeGreaterThan(PROGRAMS / 3);
    expect(count.deadlocks).toBeGreaterThan(count.compared / 4);
    // What a step touches may depend on what came before, so a few runs are for nothing.
    expect(count.again + count.givenUp).toBeLessThan(count.traces / 100);
  });

  it('misses traces, and would say so, without the races of tasks that wait for a lock at the end', () => {
    expect(lostBy((engine) => Object.assign(engine, { raceBlocked: () => undefined }))).toBeGreaterThan(0);
  });

  it('misses traces, and would say so, if a step that waits for a lock raced with the steps under it', () => {
    const change = (engine: Dpor): void => void Object.assign(engine.execution, { held: () => false });
    expect(lostBy(change)).toBeGreaterThan(0);
  });

  it('misses traces, and would say so, if a sleeping task slept through what it conflicts with', () => {
    const change = (engine: Dpor): void => {
      const { footprints } = engine;
      const conflict = footprints.conflict.bind(footprints);
      const arrive = Reflect.get(engine, 'arrive') as (...args: unknown[]) => unknown;
      const sleepy = (...args: unknown[]): unknown => {
        Object.assign(footprints, { conflict: () => false });
        try {
          return arrive.apply(engine, args);
        } finally {
          Object.assign(footprints, { conflict });
        }
      };
      Object.assign(engine, { arrive: sleepy });
    };
    expect(lostBy(change)).toBeGreaterThan(0);
  });
});

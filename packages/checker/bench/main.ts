/**
 * How fast the checker is, on the programs by which checkers are compared: runs against traces, runs and steps a second.
 * Beside it, in the same run, the same engine without reduction, for as many runs: what the reduction itself costs.
 */
import { Dpor } from '../src/dpor.ts';
import type { Engine } from '../src/engine.ts';
import { Exhaustive } from '../src/exhaustive.ts';
import { type Classic, fileSystem, indexer, lastZero, philosophers, readers } from '../test/classics.ts';

const MAX_STEPS = 4000;
const ROUNDS = 3;
const CLASSICS: readonly Classic[] = [readers(10), lastZero(8), philosophers(8), fileSystem(18), indexer(13)];

interface Measured {
  readonly runs: number;
  readonly steps: number;
  readonly seconds: number;
}

function measure(engine: Engine, most: number): Measured {
  const begin = performance.now();
  let [runs, steps] = [0, 0];
  for (let run = engine.next(); run !== undefined; run = engine.next()) {
    runs++;
    steps += run.steps;
    if (runs === most) break;
  }
  return { runs, steps, seconds: (performance.now() - begin) / 1000 };
}

/** Minimum, median and maximum. */
function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted[sorted.length - 1]]
    .map((value) => Math.round(value).toLocaleString('en'))
    .join(' / ');
}

const rows = CLASSICS.map(({ program, traces }) => {
  const optimal: Measured[] = [];
  const bare: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    optimal.push(measure(new Dpor(program, MAX_STEPS), Infinity));
    bare.push(measure(new Exhaustive(program, MAX_STEPS), traces));
  }
  return {
    program: program.name,
    traces,
    runs: optimal[0].runs,
    'runs a second': spread(optimal.map(({ runs, seconds }) => runs / seconds)),
    'steps a second': spread(optimal.map(({ steps, seconds }) => steps / seconds)),
    'runs a second without reduction': spread(bare.map(({ runs, seconds }) => runs / seconds)),
  };
});
console.table(rows);

/** Exactly one run for each trace, and as many as everybody else has found. */
import { Dpor } from '../src/dpor.ts';
import { type Classic, fileSystem, indexer, lastZero, philosophers, readers } from './classics.ts';

const CLASSICS: Classic[] = [
  ...[2, 4, 8].map(readers),
  ...[3, 4, 5, 8].map(lastZero),
  ...[3, 4, 5, 8].map(philosophers),
  ...[13, 14, 16].map(fileSystem),
  ...[11, 12].map(indexer),
];

it.each(CLASSICS.map((classic) => [classic.program.name, classic] as const))('%s', (_, { program, traces }) => {
  const engine = new Dpor(program, 4000);
  const seen = new Set<string>();
  let runs = 0;
  let givenUp = 0;
  for (let run = engine.next(); run !== undefined; run = engine.next()) {
    runs++;
    if (run.end === undefined) givenUp++;
    else seen.add(engine.execution.canonical());
  }
  expect({ runs, traces: seen.size, givenUp }).toEqual({ runs: traces, traces, givenUp: 0 });
});

/** Every engine finds exactly the traces that all interleavings have, and no other. */
import { Dpor } from '../src/dpor.ts';
import { Exhaustive } from '../src/exhaustive.ts';
import { programOf, randomStatements } from './random-program.ts';

const MOST = Number(process.env['SOUNDNESS_RUNS'] ?? 3000);
const FIRST = Number(process.env['SOUNDNESS_SEED'] ?? 1);
const PROGRAMS = Number(process.env['SOUNDNESS_PROGRAMS'] ?? 300);

interface Found {
  traces: Map<string, number>;
  outcomes: Set<string>;
  cut: number;
  runs: number;
}

function search(engine: Dpor | Exhaustive, most: number): Found | undefined {
  const found: Found = { traces: new Map(), outcomes: new Set(), cut: 0, runs: 0 };
  for (let run = engine.next(); run !== undefined; run = engine.next()) {
    if (++found.runs > most) return undefined;
    if (run.end === undefined) found.cut++;
    else {
      const trace = engine.execution.canonical();
      found.traces.set(trace, (found.traces.get(trace) ?? 0) + 1);
      found.outcomes.add(run.end.outcome);
    }
  }
  return found;
}

it('optimal reduction finds every trace once', () => {
  let compared = 0;
  let deadlocks = 0;
  const tally = { blocked: 0, infeasible: 0, twice: 0, traces: 0 };
  const wrong: string[] = [];
  for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
    const statements = randomStatements(seed, { tasks: 2 + (seed % 2), steps: 3 });
    const program = programOf(statements);
    const all = search(new Exhaustive(program, 500), MOST);
    if (all === undefined) continue;
    compared++;
    const other = [...all.outcomes].find((o) => !o.includes('|') && o !== 'deadlock');
    if (other !== undefined) { wrong.push(`seed ${seed}: ${other}`); continue; }
    if (all.outcomes.has('deadlock')) deadlocks++;
    const engine = new Dpor(program, 500);
    const found = search(engine, 100_000) as Found;
    tally.blocked += found.cut;
    tally.infeasible += engine.infeasible;
    tally.traces += found.traces.size;
    for (const times of found.traces.values()) tally.twice += times - 1;
    const lost = [...all.traces.keys()].filter((trace) => !found.traces.has(trace));
    const invented = [...found.traces.keys()].filter((trace) => !all.traces.has(trace));
    if (lost.length > 0 || invented.length > 0) {
      wrong.push(`seed ${seed}: ${all.traces.size} traces, ${lost.length} lost, ${invented.length} invented`);
    }
  }
  console.log({ compared, deadlocks, ...tally, wrong: wrong.length });
  expect(wrong.slice(0, 5)).toEqual([]);
});

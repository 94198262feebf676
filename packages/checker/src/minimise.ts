/**
 * Makes a counterexample simple: fewest preemptions first, then fewest steps. Where all runs with fewer preemptions can be
 * tried, that there are no fewer is proved; elsewhere blocks of the one that was found are moved together.
 */
import { Exhaustive } from './exhaustive.ts';
import type { Program } from './program.ts';
import { Replay, type ReplayedRun } from './replay.ts';
import { type Steps, blocksOf } from './schedule.ts';

const MOST_PREEMPTIONS = 2;

export interface Minimised {
  readonly run: ReplayedRun;
  /** Whether no run with fewer preemptions breaks the same rule. */
  readonly fewest: 'proved' | 'found';
}

/**
 * @param budget - Runs that may be spent.
 * @yields After each of them.
 */
export function* minimise(
  program: Program,
  found: Steps,
  oracle: string,
  maxSteps: number,
  failures: number,
  budget: number,
): Generator<void, Minimised> {
  const replay = new Replay(program, maxSteps, 'as far as it can');
  let spent = 0;
  let proved = true;
  for (let preemptions = 0; preemptions <= MOST_PREEMPTIONS && spent < budget; preemptions++) {
    const engine = new Exhaustive(program, maxSteps, failures, preemptions);
    let best: Steps | undefined;
    let complete = false;
    while (spent++ < budget) {
      const run = engine.next();
      yield;
      if (run === undefined) {
        complete = true;
        break;
      }
      if (run.end?.violation?.oracle !== oracle) continue;
      if (best === undefined || run.steps < best.tasks.length) best = engine.lastRun();
    }
    if (best !== undefined) return { run: replay.replay(best), fewest: proved ? 'proved' : 'found' };
    proved &&= complete;
  }
  return { run: yield* mergeBlocks(replay, found, oracle, budget), fewest: 'found' };
}

/** Moves each block behind an earlier one of its task, as long as that makes the run simpler. */
function* mergeBlocks(replay: Replay, found: Steps, oracle: string, budget: number): Generator<void, ReplayedRun> {
  let best = replay.replay(found);
  let steps = replay.lastRun();
  let spent = 0;
  for (let simpler = true; simpler && spent < budget;) {
    simpler = false;
    for (const candidate of merges(steps)) {
      if (spent++ >= budget) break;
      const run = replay.replay(candidate);
      yield;
      if (run.end.violation?.oracle !== oracle || !isSimpler(run, replay.lastRun(), best, steps)) continue;
      best = run;
      steps = replay.lastRun();
      simpler = true;
      break;
    }
  }
  return replay.replay(steps);
}

function isSimpler(run: ReplayedRun, steps: Steps, than: ReplayedRun, thanSteps: Steps): boolean {
  if (run.preemptions !== than.preemptions) return run.preemptions < than.preemptions;
  return steps.tasks.length < thanSteps.tasks.length;
}

/** The steps with one block moved to the end of an earlier one of the same task, or left out. */
function* merges({ tasks, choices }: Steps): Generator<Steps> {
  const blocks = blocksOf(tasks);
  let from = 0;
  for (const [at, [task, length]] of blocks.entries()) {
    const without = [...tasks.slice(0, from), ...tasks.slice(from + length)];
    const withoutChoices = [...choices.slice(0, from), ...choices.slice(from + length)];
    let end = 0;
    for (const [other, [owner, steps]] of blocks.slice(0, at).entries()) {
      end += steps;
      if (owner !== task || other === at) continue;
      yield {
        tasks: [...without.slice(0, end), ...tasks.slice(from, from + length), ...without.slice(end)],
        choices: [...withoutChoices.slice(0, end), ...choices.slice(from, from + length), ...withoutChoices.slice(end)],
      };
    }
    yield { tasks: without, choices: withoutChoices };
    from += length;
  }
}

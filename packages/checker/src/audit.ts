/**
 * Whether steps that are said to commute do. A search leaves out one of two orders where neither step touches what the
 * other changes, as far as they say. So runs are made at random, two steps that follow each other and do not conflict are
 * swapped, and the run is made again: each step must touch what it touched before, and the run end as it did. What
 * differs is state that tasks share and that nobody has declared.
 */
import type { Execution } from './execution.ts';
import type { Program, RunEnd } from './program.ts';
import { Diverged, Replay, type TracedStep } from './replay.ts';
import { Sampler } from './sampler.ts';
import type { Steps } from './schedule.ts';

/** @public */
export interface AuditOptions {
  /** Runs at random: 100 unless given. */
  readonly runs?: number;
  /** 1 unless given. */
  readonly seed?: number;
  readonly maxSteps?: number;
  /** Choices of a run that may fall on what goes wrong: none unless given. */
  readonly failures?: number;
}

/** Two steps whose order matters, and that do not say so. @public */
export interface Undeclared {
  readonly first: TracedStep;
  readonly second: TracedStep;
  /** What became of the run in the other order. */
  readonly difference: string;
  /** Names of the objects of operations. */
  readonly objects: readonly string[];
}

/** @public */
export interface AuditResult {
  readonly runs: number;
  /** Pairs of steps that were swapped. */
  readonly swaps: number;
  readonly undeclared: readonly Undeclared[];
}

const MAX_STEPS = 20_000;

/**
 * @yields How many runs have been tried, so that the caller can show it, or leave.
 * @public
 */
export function* audit(program: Program, options: AuditOptions = {}): Generator<number, AuditResult> {
  const { runs = 100, seed = 1, maxSteps = MAX_STEPS, failures = 0 } = options;
  const sampler = new Sampler(program, maxSteps, 'pos', seed, runs, failures);
  const replay = new Replay(program, maxSteps, 'exact');
  const known = new Set<string>();
  const undeclared: Undeclared[] = [];
  let [tried, swaps] = [0, 0];
  for (let run = sampler.next(); run !== undefined; run = sampler.next()) {
    tried++;
    const steps = sampler.lastRun();
    const original = replay.replay(steps);
    const trace = replay.trace();
    const canonical = replay.execution.canonical();
    const pairs = commuting(replay.execution);
    for (const at of pairs) {
      const [first, second] = [trace[at] as TracedStep, trace[at + 1] as TracedStep];
      const name = [first, second].map(({ task, operations }) => `${task}:${operations.join(',')}`).join(' ');
      if (known.has(name)) continue;
      known.add(name);
      swaps++;
      const difference = compare(replay, swapped(steps, at), original.end, canonical);
      if (difference === undefined) continue;
      undeclared.push({ first, second, difference, objects: replay.recorder.objects });
    }
    yield tried;
  }
  return { runs: tried, swaps, undeclared };
}

/** Steps whose successor is of another task and did not have to come after them. */
function commuting(execution: Execution): number[] {
  const found: number[] = [];
  for (let at = 0; at + 1 < execution.length; at++)
    if (execution.task[at] !== execution.task[at + 1] && !execution.before(at, at + 1)) found.push(at);
  return found;
}

function swapped({ tasks, choices }: Steps, at: number): Steps {
  const swap = <T>(items: readonly T[]): T[] => [
    ...items.slice(0, at),
    items[at + 1] as T,
    items[at] as T,
    ...items.slice(at + 2),
  ];
  return { tasks: swap(tasks), choices: swap(choices) };
}

/** @returns how the run differs, `undefined` where it does not. */
function compare(replay: Replay, steps: Steps, original: RunEnd, canonical: string): string | undefined {
  try {
    const { end } = replay.replay(steps);
    if (end.violation?.oracle !== original.violation?.oracle)
      return `the run ends with ${end.violation?.oracle ?? 'no violation'} instead of ${original.violation?.oracle ?? 'none'}`;
    if (end.outcome !== original.outcome) return `the run ends with ${end.outcome} instead of ${original.outcome}`;
  } catch (error) {
    if (error instanceof Diverged) return error.message;
    throw error;
  }
  return replay.execution.canonical() === canonical ? undefined : 'later steps touch something else';
}

/** A whole check: search, and where something is found the simplest run that shows it. */
import type { Violation } from '@mmu-notifier/core';
import { CHECKPOINT_FORMAT, type Checkpoint, type SearchState, type Tally } from './checkpoint.ts';
import { Dpor } from './dpor.ts';
import { type Engine, NonDeterminism, type SearchedRun } from './engine.ts';
import { Exhaustive } from './exhaustive.ts';
import { type Minimised, minimise } from './minimise.ts';
import type { Program } from './program.ts';
import { Diverged, Replay, type TracedStep } from './replay.ts';
import { Sampler, type Sampling } from './sampler.ts';
import { type Schedule, stepsOf } from './schedule.ts';

/** How interleavings are chosen. `optimal` and `all` try every one; the others are bounded. @public */
export type Search = 'optimal' | 'all' | 'bounded' | Sampling;

/** @public */
export interface CheckOptions {
  /** `optimal` unless given. */
  readonly search?: Search;
  /** How many runs at most. */
  readonly maxRuns?: number;
  /** A run that takes more steps is a livelock. */
  readonly maxSteps?: number;
  /** How many choices of a run may fall on what goes wrong: any number unless given. */
  readonly failures?: number;
  /** For `bounded`: 2 unless given. */
  readonly preemptions?: number;
  /** For the random searches: 1 unless given. */
  readonly seed?: number;
  /** Where an `optimal` search of the same program, with the same `maxSteps` and `failures`, was left. */
  readonly resume?: Checkpoint;
  /** Runs that may be spent to make a counterexample simple. */
  readonly minimiseRuns?: number;
}

/**
 * `held`: no interleaving breaks a rule. `held up to`: none of those that were tried. `deadlock` and `livelock` are
 * violations that have a word of their own; `nondeterministic`: the same schedule gave another run, so nothing is known.
 *
 * @public
 */
export type Verdict = 'held' | 'held up to' | 'violated' | 'deadlock' | 'livelock' | 'nondeterministic';

/** What was found, by the simplest run that shows it. @public */
export interface Finding {
  readonly violation: Violation;
  readonly schedule: Schedule;
  readonly preemptions: number;
  /** Whether no run with fewer preemptions finds it. */
  readonly fewest: 'proved' | 'found';
  readonly trace: readonly TracedStep[];
  /** Names of the objects of operations. */
  readonly objects: readonly string[];
}

/** @public */
export interface CheckResult {
  readonly program: string;
  readonly verdict: Verdict;
  /** Of `held up to`: what was not tried. */
  readonly bound?: string;
  /** Runs that came to an end. */
  readonly runs: number;
  /** Runs that were given up because nothing new lay ahead. */
  readonly givenUp: number;
  readonly steps: number;
  readonly longest: number;
  /** How often runs ended how. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of `nondeterministic`: how it showed. */
  readonly reason?: string;
  readonly finding?: Finding;
}

/** How far a check is. @public */
export interface CheckProgress {
  readonly doing: 'searching' | 'making it simple';
  readonly runs: number;
  readonly steps: number;
  /** From 0 to 1, where it can be guessed. */
  readonly done: number | undefined;
  /** Where an `optimal` search stands: `CheckOptions.resume` goes on from there. */
  readonly checkpoint?: () => Checkpoint;
}

const MAX_STEPS = 20_000;
const MINIMISE_RUNS = 2_000;

/**
 * Checks a program.
 *
 * @yields How far it is, after each run, so that the caller can show it, or leave.
 * @public
 */
export function* check(program: Program, options: CheckOptions = {}): Generator<CheckProgress, CheckResult> {
  const { maxRuns = Infinity, maxSteps = MAX_STEPS, minimiseRuns = MINIMISE_RUNS } = options;
  const engine = engineOf(program, maxSteps, options);
  const tally = stateIn(options.resume)?.tally ?? {
    ...{ runs: 0, givenUp: 0, steps: 0, longest: 0, outcomes: {} },
    unseen: [...new Set(program.exists)],
  };
  const checkpoint = engine.state && ((): Checkpoint => checkpointOf(program, engine, maxSteps, options, tally));
  const base = (): Omit<CheckResult, 'verdict'> => {
    const { runs, givenUp, steps, longest, outcomes } = tally;
    return { program: program.name, runs, givenUp, steps, longest, outcomes };
  };
  try {
    for (;;) {
      if (tally.runs >= maxRuns && engine.progress() !== 1)
        return { ...base(), verdict: 'held up to', bound: `${maxRuns} runs` };
      const run = engine.next();
      if (run === undefined) break;
      const { end } = run;
      count(tally, run);
      const { runs, steps } = tally;
      if (end?.violation !== undefined) {
        const found = engine.lastRun();
        yield { doing: 'making it simple', runs, steps, done: undefined };
        const failures = options.failures ?? Infinity;
        const search = minimise(program, found, end.violation.oracle, maxSteps, failures, minimiseRuns);
        const finding = yield* simplest(program, search, end.violation, maxSteps, { runs, steps });
        return { ...base(), verdict: wordOf(finding.violation), finding };
      }
      yield {
        ...{ doing: 'searching', runs, steps, done: engine.progress() },
        ...(checkpoint === undefined ? {} : { checkpoint }),
      };
    }
  } catch (error) {
    if (!(error instanceof NonDeterminism || error instanceof Diverged)) throw error;
    return { ...base(), verdict: 'nondeterministic', reason: error.message };
  }
  const bound = boundOf(options) ?? (engine.spared ? `${options.failures ?? 0} failures` : undefined);
  const [missing] = tally.unseen;
  // What some interleaving must do is missed only when all have been tried.
  if (missing !== undefined && bound === undefined) return { ...base(), verdict: 'violated', reason: missing };
  return bound === undefined ? { ...base(), verdict: 'held' } : { ...base(), verdict: 'held up to', bound };
}

/** Runs a schedule again. @throws Diverged where it is not of this program, or the program is another one now. @public */
export function replaySchedule(
  program: Program,
  schedule: Schedule,
  maxSteps: number = MAX_STEPS,
): Finding | undefined {
  const replay = new Replay(program, maxSteps, 'exact');
  const run = replay.replay(stepsOf(schedule));
  if (run.schedule.fingerprint !== schedule.fingerprint) {
    throw new Diverged(
      `its steps touch something else now (${run.schedule.fingerprint}, then ${schedule.fingerprint})`,
    );
  }
  const { violation } = run.end;
  if (violation === undefined) return undefined;
  return findingOf(replay, run.schedule, violation, run.preemptions, 'found');
}

function* simplest(
  program: Program,
  search: Generator<void, Minimised>,
  { oracle }: Violation,
  maxSteps: number,
  counts: { runs: number; steps: number },
): Generator<CheckProgress, Finding> {
  let step = search.next();
  while (!step.done) {
    yield { doing: 'making it simple', ...counts, done: undefined };
    step = search.next();
  }
  const { run, fewest } = step.value;
  // What is reported can be repeated.
  const again = new Replay(program, maxSteps, 'exact');
  const repeated = again.replay(stepsOf(run.schedule));
  const { violation } = repeated.end;
  if (violation?.oracle !== oracle || repeated.schedule.fingerprint !== run.schedule.fingerprint) {
    throw new NonDeterminism(`the run that breaks ${oracle} is another one when it is repeated`);
  }
  return findingOf(again, repeated.schedule, violation, run.preemptions, fewest);
}

function findingOf(
  replay: Replay,
  schedule: Schedule,
  violation: Violation,
  preemptions: number,
  fewest: Finding['fewest'],
): Finding {
  return { violation, schedule, preemptions, fewest, trace: replay.trace(), objects: replay.recorder.objects };
}

function count(tally: Tally, { end, steps }: SearchedRun): void {
  tally.steps += steps;
  tally.longest = Math.max(tally.longest, steps);
  if (end === undefined) {
    tally.givenUp++;
    return;
  }
  tally.runs++;
  if (end.violation !== undefined) return;
  tally.outcomes[end.outcome] = (tally.outcomes[end.outcome] ?? 0) + 1;
  tally.unseen = tally.unseen.filter((condition) => !(end.seen ?? []).includes(condition));
}

function checkpointOf(
  { name }: Program,
  engine: Engine,
  maxSteps: number,
  { failures = Infinity }: CheckOptions,
  tally: Tally,
): Checkpoint {
  const search = structuredClone({ tally, dpor: engine.state?.() });
  const bound = failures === Infinity ? null : failures;
  return { format: CHECKPOINT_FORMAT, program: name, maxSteps, failures: bound, runs: tally.runs, search };
}

function stateIn(checkpoint: Checkpoint | undefined): SearchState | undefined {
  return structuredClone(checkpoint?.search) as SearchState | undefined;
}

function engineOf(program: Program, maxSteps: number, options: CheckOptions): Engine {
  const { search = 'optimal', failures = Infinity, preemptions = 2, seed = 1, maxRuns = 1000 } = options;
  switch (search) {
    case 'optimal':
      return new Dpor(program, maxSteps, failures, stateIn(options.resume)?.dpor);
    case 'all':
      return new Exhaustive(program, maxSteps, failures);
    case 'bounded':
      return new Exhaustive(program, maxSteps, failures, preemptions);
    default:
      return new Sampler(program, maxSteps, search, seed, maxRuns, failures);
  }
}

/** What a search that has ended has left out; nothing of `optimal` and `all`, but for choices. */
function boundOf({ search = 'optimal', preemptions = 2, maxRuns = 1000 }: CheckOptions): string | undefined {
  if (search === 'bounded') return `${preemptions} preemptions`;
  return search === 'optimal' || search === 'all' ? undefined : `${maxRuns} ${search} runs`;
}

function wordOf({ oracle }: Violation): Verdict {
  return oracle === 'deadlock' || oracle === 'livelock' ? oracle : 'violated';
}

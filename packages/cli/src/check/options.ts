/** What the words behind `mmu-notifier check` mean. */
import { availableParallelism } from 'node:os';
import type { CheckOptions, Search } from '@mmu-notifier/checker';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { parseCount, parseSeed } from '../sizes.ts';

const SEARCHES: readonly Search[] = ['optimal', 'all', 'bounded', 'random', 'pct', 'pos'];

/** As commander hands them over. */
export interface CheckFlags {
  readonly search: string;
  readonly runs?: string;
  readonly steps?: string;
  readonly failures?: string;
  readonly preemptions?: string;
  readonly seed?: string;
  readonly workers?: string;
  readonly audit?: boolean;
  readonly checkpoint?: string;
  readonly resume?: string;
  readonly replay?: string;
  readonly trace?: boolean;
  readonly save?: string;
  readonly junit?: string;
  readonly json?: boolean;
  readonly progress?: boolean;
}

export interface ParsedCheckFlags {
  readonly check: CheckOptions;
  readonly workers: number;
}

export function addCheckOptions(command: Command): Command {
  return command
    .option('--search <how>', `how interleavings are chosen: ${SEARCHES.join(', ')}`, 'optimal')
    .option('--runs <count>', 'make no more runs than that (default: all there are; 1000 at random)')
    .option('--steps <count>', 'a run that takes more steps is a livelock', '20000')
    .option('--failures <count>', 'let at most so many things go wrong in a run: memory, links (default: any number)')
    .option('--preemptions <count>', 'for bounded: at most so many (default: 2)')
    .option('--seed <number>', 'for random, pct, pos: the first one (default: 1)')
    .option('--workers <count>', 'files that are checked at a time (default: one for each CPU)')
    .option('--audit', 'swap steps that are said to commute, in runs at random (default: 100), and see whether they do')
    .option('--checkpoint <file>', 'keep where the search stands there, to go on after a kill or beyond --runs')
    .option('--resume <file>', 'go on from a checkpoint, and keep it')
    .option('--replay <file>', 'run a saved schedule again')
    .option('--trace', 'with a counterexample, show every step with all that it touched')
    .option('--save <folder>', 'save the schedule of each counterexample there')
    .option('--junit <file>', 'write a report for CI')
    .option('--json', 'print one JSON object')
    .option('--progress', 'print progress lines even without a terminal');
}

export function parseCheckFlags(flags: CheckFlags): ParsedCheckFlags {
  const search = SEARCHES.find((known) => known === flags.search);
  if (search === undefined) {
    throw new InputError(`--search: found "${flags.search}", expected one of ${SEARCHES.join(', ')}`);
  }
  if (flags.preemptions !== undefined && search !== 'bounded') {
    throw new InputError(`--preemptions: expected --search bounded with it, found ${search}`);
  }
  if (flags.audit === true && (search !== 'optimal' || flags.replay !== undefined)) {
    throw new InputError('--audit: found --search or --replay with it, expected none: it makes runs of its own');
  }
  if (
    flags.seed !== undefined &&
    flags.audit !== true &&
    (search === 'optimal' || search === 'all' || search === 'bounded')
  ) {
    throw new InputError(`--seed: expected --search random, pct or pos with it, found ${search}`);
  }
  const keeps = flags.resume === undefined ? '--checkpoint' : '--resume';
  if (flags.resume !== undefined && flags.checkpoint !== undefined)
    throw new InputError('--checkpoint: found --resume with it, expected one of them: --resume keeps its file');
  if (flags.resume !== undefined || flags.checkpoint !== undefined) {
    const other = flags.audit === true ? '--audit' : flags.replay === undefined ? undefined : '--replay';
    if (search !== 'optimal') throw new InputError(`${keeps}: expected --search optimal with it, found ${search}`);
    if (other !== undefined) throw new InputError(`${keeps}: found ${other} with it, expected a search`);
  }
  const count = (text: string | undefined, option: string, least: number): number | undefined =>
    text === undefined ? undefined : parseCount(text, option, least);
  const given = {
    maxRuns: count(flags.runs, '--runs', 1),
    maxSteps: count(flags.steps, '--steps', 1),
    failures: count(flags.failures, '--failures', 0),
    preemptions: count(flags.preemptions, '--preemptions', 0),
    seed: flags.seed === undefined ? undefined : parseSeed(flags.seed, '--seed'),
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    check: { search, ...(Object.fromEntries(known) as Omit<CheckOptions, 'search'>) },
    workers: count(flags.workers, '--workers', 1) ?? availableParallelism(),
  };
}

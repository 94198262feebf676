/** Runs a litmus test under many seeds, and says in one line which ones found something and how the others ended. */
import type { Violation } from '@mmu-notifier/core';
import type { Script } from '@mmu-notifier/trace';
import type { Interrupt } from '../interrupt.ts';
import type { LoadedPlugin } from '../plugins.ts';
import type { ProgressDisplay } from '../progress.ts';
import { type RunOptions, makeMachine } from './options.ts';
import { ScriptRun } from './script-run.ts';

/** The last line of `run --seeds N`. */
export interface SeedsSummary {
  /** Seeds that ran: fewer than asked for after a violation without `--keep-going`. */
  seeds: number;
  first: number;
  violations: { seed: number; violation: Violation }[];
  /** How often the names ended with which values. */
  outcomes: Record<string, number>;
  /** For each `exists` line, in how many runs it was seen. */
  exists: { line: number; seen: number }[];
}

export async function runSeeds(
  script: Script,
  options: Omit<RunOptions, 'progress'> & { readonly seeds: number },
  plugins: ReadonlyMap<string, LoadedPlugin>,
  interrupt: Interrupt,
  display: ProgressDisplay,
): Promise<SeedsSummary> {
  const exists = script.verdicts.filter(({ kind }) => kind === 'exists').map(({ line }) => ({ line, seen: 0 }));
  const summary: SeedsSummary = { seeds: 0, first: options.firstSeed, violations: [], outcomes: {}, exists };
  display.begin('running', 'seeds');
  for (let seed = options.firstSeed; seed < options.firstSeed + options.seeds; seed++) {
    await interrupt.breathe();
    display.update({ done: summary.seeds, total: options.seeds, count: summary.seeds });
    const machine = makeMachine(options, 'scheduled', seed);
    try {
      const end = await interrupt.drive(new ScriptRun(script, machine, plugins, () => undefined).run());
      summary.seeds++;
      if (end.violation !== undefined) summary.violations.push({ seed, violation: end.violation });
      else summary.outcomes[end.outcome] = (summary.outcomes[end.outcome] ?? 0) + 1;
      for (const judgement of end.judgements) {
        const entry = exists.find(({ line }) => line === judgement.line);
        if (entry !== undefined && 'seen' in judgement && judgement.seen) entry.seen++;
      }
      if (end.violation !== undefined && !options.keepGoing) break;
    } finally {
      machine.close();
    }
  }
  return summary;
}

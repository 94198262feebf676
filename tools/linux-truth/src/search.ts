/** Looks for a script that the two sides answer differently, and shrinks it. */
import fc from 'fast-check';
import { type Difference, compare, isDifference } from './compare.ts';
import { type ScriptOptions, scripts, toText } from './generate.ts';
import type { Side } from './run-command.ts';

export interface SearchOptions extends ScriptOptions {
  readonly scripts: number;
  readonly seed: number;
  readonly linux: Side;
  readonly model: Side;
  /** Called after each script, also while shrinking. */
  readonly progress?: (ran: number, shrinking: boolean) => void;
}

export interface SearchResult {
  /** Scripts that ran before the first difference. */
  readonly ran: number;
  readonly found?: { readonly script: string; readonly difference: Difference };
}

/** The seed names the scripts: the same seed and options give the same ones. */
export async function search(options: SearchOptions): Promise<SearchResult> {
  let ran = 0;
  let shrinking = false;
  const property = fc.asyncProperty(scripts(options), async (script) => {
    ran++;
    options.progress?.(ran, shrinking);
    const comparison = await compare(toText(script), options);
    if (comparison === 'same') return true;
    if (isDifference(comparison)) {
      shrinking = true;
      return false;
    }
    // While shrinking, scripts lose what makes them meaningful; before that, it is a fault of the generator.
    if (!shrinking) throw new Error(`${comparison.refused}\n${toText(script)}`);
    return true;
  });
  const details = await fc.check(property, { seed: options.seed, numRuns: options.scripts });
  if (!details.failed) return { ran: options.scripts };
  const [counterexample] = details.counterexample ?? [];
  if (!shrinking || counterexample === undefined) throw details.errorInstance ?? new Error('the search failed');
  const script = toText(counterexample);
  const difference = await compare(script, options);
  if (!isDifference(difference)) throw new Error(`a difference that does not come again:\n${script}`);
  return { ran: details.numRuns, found: { script, difference } };
}

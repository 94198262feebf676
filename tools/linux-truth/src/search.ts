/** Looks for a script that the two sides answer differently, and shrinks it. */
import fc from 'fast-check';
import { type Comparison, type Difference, compare, isDifference } from './compare.ts';
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
  /** Scripts that ran up to the first difference. */
  readonly ran: number;
  readonly found?: { readonly script: string; readonly difference: Difference };
}

/** Scripts under way at once: the real processes of one wait for each other most of the time. */
const AT_ONCE = 4;

/** The seed names the scripts: the same seed and options give the same ones. */
export async function search(options: SearchOptions): Promise<SearchResult> {
  const first = await firstFailure(options);
  return first === undefined ? { ran: options.scripts } : { ran: first + 1, found: await shrink(options, first) };
}

/** The number of the first script, from 0, that is answered differently. */
async function firstFailure(options: SearchOptions): Promise<number | undefined> {
  const all = fc.sample(scripts(options), { numRuns: options.scripts, seed: options.seed });
  const underWay: Promise<Comparison>[] = [];
  for (let at = 0; at < all.length; at++) {
    for (let next = underWay.length; next < Math.min(at + AT_ONCE, all.length); next++) {
      const comparison = compare(toText(all[next] ?? []), options);
      // Whoever waits for an earlier script does not look at it yet.
      comparison.catch(() => undefined);
      underWay.push(comparison);
    }
    const comparison = await (underWay[at] as Promise<Comparison>);
    options.progress?.(at + 1, false);
    if (comparison === 'same') continue;
    if (isDifference(comparison)) return at;
    // Before shrinking, what a side refuses is a fault of the generator.
    throw new Error(`${comparison.refused}\n${toText(all[at] ?? [])}`);
  }
  return undefined;
}

/** While shrinking, scripts lose what makes them meaningful: those that a side refuses say nothing. */
async function shrink(options: SearchOptions, number: number): Promise<NonNullable<SearchResult['found']>> {
  let ran = 0;
  const property = fc.asyncProperty(scripts(options), async (script) => {
    options.progress?.(++ran, true);
    return !isDifference(await compare(toText(script), options));
  });
  const details = await fc.check(property, { seed: options.seed, path: String(number), numRuns: 1 });
  const [counterexample] = details.counterexample ?? [];
  if (counterexample === undefined) throw details.errorInstance ?? new Error('a difference that does not come again');
  const script = toText(counterexample);
  const difference = await compare(script, options);
  if (!isDifference(difference)) throw new Error(`a difference that does not come again:\n${script}`);
  return { script, difference };
}

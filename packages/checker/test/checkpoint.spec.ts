/** A search that is left and gone on with makes the runs that were left, and no other. */
import { type Checkpoint, type CheckOptions, type CheckResult, check } from '../src/index.ts';
import type { Program } from '../src/program.ts';
import { programOf, randomStatements } from './random-program.ts';

/** What a search that is never left finds. */
function whole(program: Program, options: CheckOptions = {}): CheckResult {
  const search = check(program, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** Left after every `stride` runs, each time for a search that knows nothing but what a file would hold. */
function inPieces(program: () => Program, stride: number, options: CheckOptions = {}): CheckResult {
  let resume: Checkpoint | undefined;
  for (;;) {
    const search = check(program(), resume === undefined ? options : { ...options, resume });
    for (let runs = 1; ; runs++) {
      const { done, value } = search.next();
      if (done) return value;
      if (runs < stride || value.checkpoint === undefined) continue;
      resume = JSON.parse(JSON.stringify(value.checkpoint())) as Checkpoint;
      break;
    }
  }
}

describe('a search that is left and gone on with', () => {
  it.each([1, 2, 7])('after every %d runs ends as one that is not, in 150 random programs', (stride) => {
    let several = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const program = (): Program => programOf(randomStatements(seed, { tasks: 2 + (seed % 2), steps: 2 }));
      const expected = whole(program(), { minimiseRuns: 50, maxSteps: 400 });
      if (expected.runs > stride) several++;
      expect({ seed, ...inPieces(program, stride, { minimiseRuns: 50, maxSteps: 400 }) }).toEqual({
        seed,
        ...expected,
      });
    }
    expect(several).toBeGreaterThan(10);
  });

  it('stops at the number of runs that it may make in all', () => {
    const program = (): Program => programOf(randomStatements(7, { tasks: 3, steps: 2 }));
    const expected = whole(program(), { maxRuns: 3 });
    expect(inPieces(program, 2, { maxRuns: 3 })).toEqual(expected);
  });

  it('says so where the program is another one by now', () => {
    const one = programOf(randomStatements(3, { tasks: 3, steps: 2 }));
    const other = programOf(randomStatements(4, { tasks: 3, steps: 2 }));
    const search = check(one);
    const left = search.next().value as { checkpoint: () => Checkpoint };
    expect(whole(other, { resume: left.checkpoint() }).verdict).toBe('nondeterministic');
  });
});

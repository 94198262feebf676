/**
 * Every interleaving, without any reduction: for programs so small that it ends, and to judge the other engines. With a
 * bound on preemptions (a task that could go on does not) it ends sooner, and finds the simplest counterexample there is.
 */
import type { Engine, SearchedRun } from './engine.ts';
import type { Program } from './program.ts';
import { Stepper, tasksOf } from './stepper.ts';

/** A decision, and the answers that are left to be tried behind the one that is. */
interface Decision {
  answer: number;
  rest: number[];
}

export class Exhaustive extends Stepper implements Engine {
  private readonly decisions: Decision[] = [];
  spared = false;
  private readonly preemptions: number;
  private readonly failures: number;
  private position = 0;
  private preempted = 0;
  private failed = 0;
  private finished = false;

  /** @param failures - As for `Dpor`. */
  constructor(program: Program, maxSteps: number, failures: number = Infinity, preemptions: number = Infinity) {
    super(program, maxSteps);
    this.failures = failures;
    this.preemptions = preemptions;
  }

  /** @returns the next run, or `undefined` when all have been made. */
  next(): SearchedRun | undefined {
    if (this.finished) return undefined;
    this.position = 0;
    this.preempted = 0;
    this.failed = 0;
    const end = this.runOnce();
    while (this.decisions.at(-1)?.rest.length === 0) this.decisions.pop();
    const last = this.decisions.at(-1);
    if (last === undefined) this.finished = true;
    else last.answer = last.rest.shift() as number;
    return { end, steps: this.execution.length };
  }

  progress(): undefined {
    return undefined;
  }

  protected override select(at: number, enabled: number): number {
    const last = at === 0 ? -1 : this.execution.task[at - 1];
    const goesOn = last >= 0 && (enabled & (1 << last)) !== 0;
    const answer = this.answer(() => {
      if (!goesOn) return tasksOf(enabled);
      return this.preempted < this.preemptions ? [last, ...tasksOf(enabled & ~(1 << last))] : [last];
    });
    if (goesOn && answer !== last) this.preempted++;
    return answer;
  }

  protected override fall(_: number, __: number, count: number): number {
    const possible = this.failed < this.failures ? count : 1;
    this.spared ||= possible < count;
    const answer = this.answer(() => Array.from({ length: possible }, (_, value) => value));
    if (answer > 0) this.failed++;
    return answer;
  }

  protected override stepped(): void {}

  private answer(possible: () => number[]): number {
    let decision = this.decisions[this.position];
    if (decision === undefined) {
      const [answer, ...rest] = possible();
      this.decisions.push((decision = { answer, rest }));
    }
    this.position++;
    return decision.answer;
  }
}

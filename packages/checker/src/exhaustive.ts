/** Every interleaving, without any reduction: for programs so small that it ends, and to judge the other engines. */
import type { SearchedRun } from './dpor.ts';
import { Stepper, tasksOf } from './stepper.ts';

/** A decision, and the answers that are left to be tried behind the one that is. */
interface Decision {
  answer: number;
  rest: number[];
}

export class Exhaustive extends Stepper {
  private readonly decisions: Decision[] = [];
  private position = 0;
  private finished = false;

  /** @returns the next run, or `undefined` when all have been made. */
  next(): SearchedRun | undefined {
    if (this.finished) return undefined;
    this.position = 0;
    const end = this.runOnce();
    while (this.decisions.at(-1)?.rest.length === 0) this.decisions.pop();
    const last = this.decisions.at(-1);
    if (last === undefined) this.finished = true;
    else last.answer = last.rest.shift() as number;
    return { end, steps: this.execution.length };
  }

  protected override select(_: number, enabled: number): number {
    return this.answer(() => tasksOf(enabled));
  }

  protected override fall(_: number, __: number, count: number): number {
    return this.answer(() => Array.from({ length: count }, (_, value) => value));
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

/** Makes given steps again. Behind the last of them whoever ran last goes on, and where that cannot go on the first. */
import type { Program, RunEnd } from './program.ts';
import { SCHEDULE_FORMAT, type Schedule, type Steps, blocksOf } from './schedule.ts';
import { Stepper, lowest } from './stepper.ts';

/** A schedule that does not fit the program: it, or something that it runs, is another one than it was. @public */
export class Diverged extends Error {}

/** What a step did, for a trace. @public */
export interface TracedStep {
  readonly task: string;
  /** Numbers as `describePoint` prints them; the first was announced. */
  readonly operations: readonly number[];
  readonly choices: readonly number[];
  /** What the program said of it. */
  readonly told: readonly string[];
}

export interface ReplayedRun {
  readonly end: RunEnd;
  readonly schedule: Schedule;
  /** Tasks that could go on and did not. */
  readonly preemptions: number;
}

export class Replay extends Stepper {
  private steps: Steps = { tasks: [], choices: [] };
  private readonly mode: 'exact' | 'as far as it can';
  private preempted = 0;
  private next = 0;
  private readonly texts: string[][] = [];

  /** @param mode - `exact`: a step that cannot be made is an error. */
  constructor(program: Program, maxSteps: number, mode: 'exact' | 'as far as it can') {
    super(program, maxSteps);
    this.mode = mode;
  }

  /** @throws Diverged in exact mode. */
  replay(steps: Steps): ReplayedRun {
    this.steps = steps;
    this.next = 0;
    this.preempted = 0;
    this.texts.length = 0;
    const end = this.runOnce();
    if (end === undefined) throw new Error('a replay is never given up');
    const { length, task, choices } = this.execution;
    const made = Array.from(task.subarray(0, length));
    const schedule: Schedule = {
      format: SCHEDULE_FORMAT,
      program: this.program.name,
      tasks: [...this.recorder.names],
      blocks: blocksOf(made),
      choices: choices.slice(0, length).flatMap((given, step) => (given.length > 0 ? [[step, given] as const] : [])),
      fingerprint: this.execution.fingerprint(),
      ...(end.violation === undefined ? {} : { violation: end.violation }),
    };
    return { end, schedule, preemptions: this.preempted };
  }

  /** Of the last run. */
  trace(): TracedStep[] {
    const { length, task, footprint, choices } = this.execution;
    return Array.from({ length }, (_, at) => ({
      task: this.recorder.names[task[at]],
      operations: this.footprints.operations(footprint[at]),
      choices: choices[at],
      told: this.texts[at] ?? [],
    }));
  }

  override told(text: string): void {
    (this.texts[this.execution.length] ??= []).push(text);
  }

  protected override select(at: number, enabled: number): number {
    const last = at === 0 ? -1 : this.execution.task[at - 1];
    const goesOn = last >= 0 && (enabled & (1 << last)) !== 0;
    const chosen = this.wanted(enabled) ?? (goesOn ? last : lowest(enabled));
    if (goesOn && chosen !== last) this.preempted++;
    return chosen;
  }

  protected override fall(_: number, which: number, count: number): number {
    const given = this.steps.choices[this.next - 1]?.[which] ?? 0;
    return given < count ? given : 0;
  }

  protected override stepped(): void {}

  private wanted(enabled: number): number | undefined {
    const { tasks } = this.steps;
    while (this.next < tasks.length) {
      const task = tasks[this.next++];
      if ((enabled & (1 << task)) !== 0) return task;
      if (this.mode === 'exact') {
        const name = this.recorder.names[task] ?? `task ${task}`;
        throw new Diverged(`step ${this.next} is one of ${name}, which cannot make it`);
      }
    }
    this.next = tasks.length + 1;
    return undefined;
  }
}

/**
 * What every engine does with a run: cut it into steps, remember what each touched and how its choices fell, and which of
 * them happened before which. An engine says who steps, and how choices fall.
 */
import { ContractViolation } from '@mmu-notifier/core';
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';
import { Execution, wantedLock } from './execution.ts';
import { Footprints } from './footprints.ts';
import type { Program, RunEnd } from './program.ts';
import { type Decider, Recorder } from './recorder.ts';
import type { Steps } from './schedule.ts';

export abstract class Stepper implements Decider {
  readonly program: Program;
  readonly recorder: Recorder;
  readonly footprints: Footprints = new Footprints();
  readonly execution: Execution;
  private readonly maxSteps: number;
  /** The task whose step is under way: -1 between steps. */
  private stepping = -1;
  private operations = new Float64Array(64);
  private operationCount = 0;
  private made: number[] = [];
  private counts: number[] = [];
  private clockJumped = false;
  private enabledBefore = 0;

  constructor(program: Program, maxSteps: number) {
    this.program = program;
    this.maxSteps = maxSteps;
    this.recorder = new Recorder(this);
    this.execution = new Execution(this.footprints, maxSteps);
  }

  /** Who makes step `at`. @param enabled - Bit set of tasks. @throws Cut to give the run up. */
  protected abstract select(at: number, enabled: number): number;
  /** How choice number `which` of step `at` falls, behind those that were `made` in the step. */
  protected abstract fall(at: number, which: number, count: number, made: readonly number[]): number;
  /** Step `at` is over. @param counts - Of how many each choice was. */
  protected abstract stepped(at: number, choices: readonly number[], counts: readonly number[]): void;

  /** One run. @returns `undefined` where it was given up. */
  protected runOnce(): RunEnd | undefined {
    this.execution.reset();
    this.stepping = -1;
    this.enabledBefore = 0;
    this.clockJumped = false;
    const end = this.recorder.run(this.program);
    this.endStep();
    return end;
  }

  lastRun(): Steps {
    const { length, task, choices } = this.execution;
    return { tasks: Array.from(task.subarray(0, length)), choices: choices.slice(0, length) };
  }

  decide(enabled: number): number {
    this.endStep();
    this.noteEnabled(enabled);
    if (this.execution.length >= this.maxSteps) throw livelock(this.maxSteps);
    return this.select(this.execution.length, enabled);
  }

  began(task: number, operation: PreemptionPoint): void {
    this.stepping = task;
    this.operationCount = 0;
    this.made = [];
    this.counts = [];
    this.noted(operation);
  }

  noted(operation: PreemptionPoint): void {
    if (this.stepping < 0) return;
    if (this.operationCount === this.operations.length) {
      const larger = new Float64Array(this.operationCount * 2);
      larger.set(this.operations);
      this.operations = larger;
    }
    this.operations[this.operationCount++] = operation;
  }

  choose(count: number): number {
    const answer = this.fall(this.execution.length, this.made.length, count, this.made);
    this.made.push(answer);
    this.counts.push(count);
    return answer;
  }

  clockAdvanced(): void {
    this.endStep();
    this.clockJumped = true;
  }

  told(_text: string): void {}

  private endStep(): void {
    if (this.stepping < 0) return;
    const footprint = this.footprints.intern(this.operations, this.operationCount);
    const at = this.execution.append(this.stepping, footprint, wantedLock(this.operations[0]), this.made);
    this.stepping = -1;
    this.stepped(at, this.made, this.counts);
  }

  /** Who can go on now and could not before: it comes after the step that let it. Locks say that themselves. */
  private noteEnabled(enabled: number): void {
    const { execution, recorder } = this;
    if (this.clockJumped) execution.enabled(enabled, 'clock');
    else if (execution.length > 0) {
      let woken = enabled & ~this.enabledBefore & ~(1 << execution.task[execution.length - 1]);
      for (const task of tasksOf(woken)) if (recorder.task(task)?.until !== undefined) woken &= ~(1 << task);
      execution.enabled(woken, 'step');
    }
    this.clockJumped = false;
    this.enabledBefore = enabled;
  }
}

function livelock(steps: number): ContractViolation {
  return new ContractViolation({ oracle: 'livelock', message: `the run has not ended after ${steps} steps` });
}

export function tasksOf(mask: number): number[] {
  const tasks: number[] = [];
  for (let rest = mask; rest !== 0; rest &= rest - 1) tasks.push(lowest(rest));
  return tasks;
}

export function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

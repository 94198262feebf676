/**
 * Stands between a program and an engine: cuts the run into steps, and gives tasks numbers that are the same in every
 * run. Inside `explore` the engine decides; outside tasks run one after the other.
 */
import { ContractViolation, type RunnableTask, type Strategy, UsageError } from '@mmu-notifier/core';
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';
import type { Program, RunEnd } from './program.ts';

/** Tasks are bits of a number. */
export const MAX_TASKS = 31;

/** Thrown through a program to give its run up. */
export class Cut extends Error {}

/** What an engine is asked and told. */
export interface Decider {
  /**
   * Who makes the next step. The step before it, if there is one, is over.
   *
   * @param enabled - Bit set of tasks that can go on.
   * @throws Cut to give the run up.
   */
  decide(enabled: number): number;
  /** The task that was decided for makes its step. @param operation - What it announced. */
  began(task: number, operation: PreemptionPoint): void;
  /** What else the step does. */
  noted(operation: PreemptionPoint): void;
  /** @returns a number below `count`. */
  choose(count: number, what: string): number;
  /** Nobody could go on, and the clock jumped. */
  clockAdvanced(): void;
  /** What the program says of the step under way. */
  told(text: string): void;
}

export class Recorder implements Strategy {
  private readonly decider: Decider;
  private readonly indices = new Map<number, number>();
  /** Names of the tasks, by index. */
  readonly names: string[] = [];
  /** Names of locks, queues and the like, by the number in an operation. */
  readonly objects: string[] = [];
  /** The tasks of the run under way that have been able to run, by index. */
  private handles: (RunnableTask | undefined)[] = [];
  private exploring = false;

  constructor(decider: Decider) {
    this.decider = decider;
  }

  /** @returns `undefined` where the engine gave the run up. */
  run(program: Program): RunEnd | undefined {
    this.handles = [];
    this.exploring = false;
    try {
      return program.run(this, { explore: (body) => this.explore(body), tell: (text) => this.tell(text) });
    } catch (error) {
      if (error instanceof Cut) return undefined;
      if (error instanceof ContractViolation) return { violation: error.violation, outcome: error.violation.oracle };
      throw error;
    } finally {
      this.exploring = false;
    }
  }

  /** Tasks that have ever been able to run, in the order of their bits. */
  known(): [id: number, name: string][] {
    return [...this.indices.keys()].map((id, index) => [id, this.names[index]]);
  }

  /** Gives tasks the bits that they had in an earlier search. */
  know(tasks: readonly (readonly [id: number, name: string])[]): void {
    for (const [id, name] of tasks) this.indices.set(id, this.names.push(name) - 1);
  }

  /** A task that has been able to run, if it has not ended. */
  task(index: number): RunnableTask | undefined {
    const handle = this.handles[index];
    return handle === undefined || handle.done ? undefined : handle;
  }

  get tasks(): number {
    return this.handles.length;
  }

  pick(runnable: readonly RunnableTask[], last: RunnableTask | undefined): number {
    if (!this.exploring) return last === undefined ? 0 : Math.max(0, runnable.indexOf(last));
    let enabled = 0;
    for (const task of runnable) enabled |= 1 << this.indexOf(task);
    const chosen = this.decider.decide(enabled);
    const handle = this.handles[chosen] as RunnableTask;
    this.decider.began(chosen, handle.at);
    return runnable.indexOf(handle);
  }

  choose(count: number, what: string): number {
    return this.exploring ? this.decider.choose(count, what) : 0;
  }

  observe(_: RunnableTask, operation: PreemptionPoint): void {
    if (this.exploring) this.decider.noted(operation);
  }

  clockAdvanced(): void {
    if (this.exploring) this.decider.clockAdvanced();
  }

  objectNamed(object: number, name: string): void {
    this.objects[object] = name;
  }

  private explore(body: () => void): void {
    this.exploring = true;
    body();
    this.exploring = false;
  }

  private tell(text: string): void {
    if (this.exploring) this.decider.told(text);
  }

  private indexOf(task: RunnableTask): number {
    let index = this.indices.get(task.id);
    if (index === undefined) {
      index = this.names.length;
      if (index >= MAX_TASKS)
        throw new UsageError('too-many-tasks', `found more than ${MAX_TASKS} tasks, expected fewer to explore`);
      this.indices.set(task.id, index);
      this.names.push(task.name);
    }
    this.handles[index] = task;
    return index;
  }
}

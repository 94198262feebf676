/**
 * Runs at random, for programs that are too large to be explored.
 *
 *     random  at each step any task that can go on
 *     pct     tasks have priorities; the one that runs loses its own at a few random steps (Burckhardt et al., ASPLOS 2010)
 *     pos     steps have priorities; one that a step conflicts with draws a new one (Yuan, Yang, Gu, CAV 2018)
 */
import { mayConflict, randomSource } from '@mmu-notifier/core';
import type { Engine, SearchedRun } from './engine.ts';
import type { Program } from './program.ts';
import { MAX_TASKS } from './recorder.ts';
import { Stepper, tasksOf } from './stepper.ts';

/** How a sampler picks. @public */
export type Sampling = 'random' | 'pct' | 'pos';

/** Steps of a run at which PCT takes priority from the task that runs. */
const CHANGES = 2;

/** How often a choice falls on what goes wrong. */
const FAILURE_CHANCE = 1 / 8;

export class Sampler extends Stepper implements Engine {
  readonly spared = false;
  private readonly sampling: Sampling;
  private readonly failures: number;
  private readonly firstSeed: number;
  private readonly count: number;
  private seed: number;
  private random: () => number = () => 0;
  private readonly priorities = new Float64Array(MAX_TASKS);
  private changeAt: number[] = [];
  private failed = 0;
  private longest = 1;

  /** @param failures - As for `Dpor`. */
  constructor(
    program: Program,
    maxSteps: number,
    sampling: Sampling,
    firstSeed: number,
    count: number,
    failures: number = Infinity,
  ) {
    super(program, maxSteps);
    this.sampling = sampling;
    this.failures = failures;
    this.firstSeed = firstSeed;
    this.count = count;
    this.seed = firstSeed;
  }

  next(): SearchedRun | undefined {
    if (this.seed >= this.firstSeed + this.count) return undefined;
    this.random = randomSource(this.seed++);
    this.failed = 0;
    for (let task = 0; task < MAX_TASKS; task++) this.priorities[task] = 1 + this.random();
    this.changeAt = Array.from({ length: CHANGES }, () => Math.floor(this.random() * this.longest));
    const end = this.runOnce();
    this.longest = Math.max(this.longest, this.execution.length);
    return { end, steps: this.execution.length };
  }

  progress(): number {
    return (this.seed - this.firstSeed) / this.count;
  }

  protected override select(at: number, enabled: number): number {
    const tasks = tasksOf(enabled);
    if (this.sampling === 'random') return tasks[Math.floor(this.random() * tasks.length)];
    const { priorities } = this;
    const change = this.sampling === 'pct' ? this.changeAt.indexOf(at) : -1;
    const first = (): number => tasks.reduce((best, task) => (priorities[task] > priorities[best] ? task : best));
    // Below all that have their first priority, and the later change below the earlier one.
    if (change >= 0) priorities[first()] = (CHANGES - change) / (CHANGES + 1);
    return first();
  }

  protected override fall(_: number, __: number, count: number): number {
    if (this.failed >= this.failures || this.random() >= FAILURE_CHANCE) return 0;
    this.failed++;
    return 1 + Math.floor(this.random() * (count - 1));
  }

  protected override stepped(at: number): void {
    if (this.sampling !== 'pos') return;
    const made = this.execution.task[at];
    const operations = this.footprints.operations(this.execution.footprint[at]);
    for (let task = 0; task < this.recorder.tasks; task++) {
      const next = this.recorder.task(task)?.at;
      const races = next !== undefined && operations.some((operation) => mayConflict(operation, next));
      if (task === made || races) this.priorities[task] = this.random();
    }
  }
}

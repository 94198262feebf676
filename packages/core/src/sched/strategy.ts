/** Who runs next, and how choices fall. Direct mode has no strategy: nobody is preempted and nothing goes wrong. */
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';

/** A task that could run. @public */
export interface RunnableTask {
  readonly id: number;
  readonly name: string;
  /** What it does next. */
  readonly at: PreemptionPoint;
  /** It can do that only while this holds: it takes a lock. */
  readonly until: (() => boolean) | undefined;
  readonly done: boolean;
}

/** Picks the next task, and answers choices. @public */
export interface Strategy {
  /** Index into `runnable` (never empty; the array is good for this call only). */
  pick(runnable: readonly RunnableTask[], last: RunnableTask | undefined): number;
  /** A number below `count`. */
  choose(count: number, what: string): number;
  /**
   * Told of what a step does besides what it announced: releases, wakes, frees. With the announced points it is all that
   * a partial-order reduction needs to know of a step.
   */
  observe?(task: RunnableTask, operation: PreemptionPoint): void;
  /** Told when nobody could go on, and the clock has jumped to the next timer: who can go on now comes after all steps. */
  clockAdvanced?(now: number): void;
  /** Told of each lock, queue or other object that points name: `pointObject` of an operation is its id. */
  objectNamed?(object: number, name: string): void;
  /** What reproduces this run. */
  readonly seed?: number;
}

/** Mulberry32: small, fast, the same on every machine. @public */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Random walk by seed: at each point the running task goes on or another one is picked. The chance of a switch is drawn
 * once per seed, because races that need long undisturbed stretches and races that need many switches both exist.
 *
 * @public
 */
export class SeededStrategy implements Strategy {
  readonly seed: number;
  private readonly random: () => number;
  private readonly switchChance: number;
  private readonly faultChance: number;

  /** @param faultChance - How often a choice falls on something that goes wrong: never unless given. */
  constructor(seed: number, faultChance = 0) {
    this.seed = seed;
    this.faultChance = faultChance;
    this.random = randomSource(seed);
    this.switchChance = [0.02, 0.08, 0.25, 0.6, 1][Math.floor(this.random() * 5)] ?? 1;
  }

  pick(runnable: readonly RunnableTask[], last: RunnableTask | undefined): number {
    if (runnable.length === 1) return 0;
    const at = last === undefined ? -1 : runnable.indexOf(last);
    if (at >= 0 && this.random() >= this.switchChance) return at;
    return Math.floor(this.random() * runnable.length);
  }

  choose(count: number): number {
    if (count < 2 || this.faultChance === 0 || this.random() >= this.faultChance) return 0;
    return 1 + Math.floor(this.random() * (count - 1));
  }
}

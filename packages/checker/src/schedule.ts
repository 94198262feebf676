/** One interleaving, written down so that it can be run again: who made how many steps, and how choices fell. */
import type { Violation } from '@mmu-notifier/core';

/** The format of a schedule file. @public */
export const SCHEDULE_FORMAT = 1;

/** A schedule, as it is saved. @public */
export interface Schedule {
  readonly format: typeof SCHEDULE_FORMAT;
  /** The program that it is of. */
  readonly program: string;
  /** Names of the tasks. */
  readonly tasks: readonly string[];
  /** Who ran, by its place in `tasks`, and for how many steps. */
  readonly blocks: readonly (readonly [task: number, steps: number])[];
  /** Steps with choices, and how these fell. */
  readonly choices: readonly (readonly [step: number, answers: readonly number[]])[];
  /** What all steps touched, as one number: another run that claims to be this one differs. */
  readonly fingerprint: string;
  readonly violation?: Violation;
}

/** The steps of a run, before they are a schedule. */
export interface Steps {
  readonly tasks: readonly number[];
  readonly choices: readonly (readonly number[])[];
}

export function blocksOf(tasks: readonly number[]): [task: number, steps: number][] {
  const blocks: [number, number][] = [];
  for (const task of tasks) {
    const tail = blocks[blocks.length - 1];
    if (tail?.[0] === task) tail[1]++;
    else blocks.push([task, 1]);
  }
  return blocks;
}

export function stepsOf({ blocks, choices }: Schedule): Steps {
  const tasks = blocks.flatMap(([task, steps]) => new Array<number>(steps).fill(task));
  const answers: (readonly number[])[] = tasks.map(() => []);
  for (const [step, given] of choices) answers[step] = given;
  return { tasks, choices: answers };
}

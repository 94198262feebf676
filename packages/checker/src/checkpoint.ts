/** Where a search stood between two runs, as plain data. Who goes on from it makes the runs that were left, and no other. */
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';
import type { Node } from './node.ts';

/** The format of a checkpoint. @public */
export const CHECKPOINT_FORMAT = 1;

/** What was counted so far. */
export interface Tally {
  runs: number;
  givenUp: number;
  steps: number;
  longest: number;
  readonly outcomes: Record<string, number>;
  /** Conditions that no run has met yet. */
  unseen: string[];
}

/** What optimal reduction remembers from run to run. */
export interface DporState {
  /** Tasks by their numbers in the machine, in the order of their bits. */
  readonly tasks: readonly (readonly [id: number, name: string])[];
  /** What steps touched, in the order of their numbers. */
  readonly footprints: readonly (readonly PreemptionPoint[])[];
  /** The states on the way of the last run that have something left to try. */
  readonly nodes: readonly Node[];
  readonly infeasible: number;
  readonly spared: boolean;
}

/**
 * A search that was left, to be written to a file as it is.
 * @public
 */
export interface Checkpoint {
  readonly format: typeof CHECKPOINT_FORMAT;
  /** The program that it is of. */
  readonly program: string;
  /** How long a run may be, and how much may go wrong in it (`null`: anything). */
  readonly maxSteps: number;
  readonly failures: number | null;
  /** Runs that had come to an end. */
  readonly runs: number;
  /** What only the checker reads. */
  readonly search: unknown;
}

/** What `search` of a checkpoint is. */
export interface SearchState {
  readonly tally: Tally;
  readonly dpor: DporState;
}

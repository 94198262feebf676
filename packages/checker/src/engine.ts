/** What every way to search has in common: one run after the other, until there is none. */
import type { DporState } from './checkpoint.ts';
import type { RunEnd } from './program.ts';
import type { Steps } from './schedule.ts';

/** The same schedule gave another run: the program does not follow from the answers that it gets. */
export class NonDeterminism extends Error {}

/** The end of one run of a search. */
export interface SearchedRun {
  /** Absent where the run was given up because nothing new lay ahead. */
  readonly end: RunEnd | undefined;
  readonly steps: number;
}

export interface Engine {
  /** @returns the next run, or `undefined` when all have been made. */
  next(): SearchedRun | undefined;
  /** The steps of the last run. */
  lastRun(): Steps;
  /** Whether a choice was not tried, because enough had gone wrong. */
  readonly spared: boolean;
  /** What part of the search is done, from 0 to 1, where that can be guessed. */
  progress(): number | undefined;
  /** Where it stands between two runs, if it can be left there. */
  state?(): DporState;
}
